//! Recipes that stand in tables of their own: one table of all, with a column that names them.

use super::comparison::RecipeError;
use crate::counting::FlopCounting;
use crate::runs::Runs;

/// The column that [`runs_of_tables`] writes.
pub const TABLE_COLUMN: &str = "table";

/// The runs of several tables as those of one, each with the name of its table in the column [`TABLE_COLUMN`]; the first is the
/// reference of a comparison by it.
///
/// # Errors
/// [`RecipeError`]: the same runs twice, or parameters counted in two ways.
pub fn runs_of_tables(tables: Vec<(String, Runs)>) -> Result<Runs, RecipeError> {
    let mut all = Runs::default();
    let mut seen: Vec<(String, String)> = Vec::new();
    for (name, runs) in tables {
        let fingerprint = runs.fingerprint();
        if let Some((first, _)) = seen.iter().find(|(_, other)| *other == fingerprint && !runs.kept.is_empty()) {
            return Err(RecipeError::SameRuns { first: first.clone(), second: name });
        }
        match seen.first() {
            Some((first, _)) if runs.param_counting != all.param_counting => {
                return Err(RecipeError::MixedCounting { first: first.clone(), second: name });
            }
            _ => all.param_counting = runs.param_counting,
        }
        if runs.flop_counting != FlopCounting::SixNd {
            all.flop_counting = runs.flop_counting;
        }
        seen.push((name.clone(), fingerprint));
        all.dropped.extend(runs.dropped);
        all.kept.extend(runs.kept.into_iter().map(|mut run| {
            run.covariates.insert(TABLE_COLUMN.to_owned(), name.clone());
            // A bootstrap takes rows of one name for one run, and tables may count their rows alike.
            run.name = format!("{name}: {}", run.name);
            run
        }));
    }
    Ok(all)
}
