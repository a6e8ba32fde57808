//! The report of recipes compared: which is better and by how much, their laws side by side, and where each one's own story is.

use std::fmt::Write;

use isoflop::recipes::RecipeComparison;
use isoflop::{Fit, Verdict};

use super::{Reproduction, capitalised, reproduction};
use crate::escape;
use crate::numbers::Rounded;
use crate::table::{Align, Table};
use crate::text;
use crate::words;

/// Everything that is told of recipes compared.
#[derive(Debug, Clone)]
pub struct ComparedStory<'a> {
    /// What the text is, in words.
    pub corpus: String,
    /// The comparison.
    pub comparison: &'a RecipeComparison,
    /// Each recipe's own story.
    pub recipes: Vec<ComparedRecipe<'a>>,
    /// Level of the intervals of the fits.
    pub level: f64,
    /// How to get the same numbers again.
    pub reproduction: Reproduction,
}

/// One recipe of a comparison.
#[derive(Debug, Clone)]
pub struct ComparedRecipe<'a> {
    /// Its name.
    pub name: String,
    /// Its law.
    pub fit: &'a Fit,
    /// What came of its claim.
    pub verdict: &'a Verdict,
    /// Path of its report, relative to this one.
    pub report: String,
}

/// The text of the report.
pub fn comparison(story: &ComparedStory) -> String {
    let names: Vec<String> = story.recipes.iter().map(|recipe| escape::markdown(&recipe.name)).collect();
    let answers = text::recipe_answers(story.comparison);
    let mut page = format!(
        "# Which recipe is better: {}?\n\nText: {}\n\n**{}**.\n\n",
        names.join(" or "),
        escape::markdown(&story.corpus),
        capitalised(&escape::markdown(&answers))
    );
    for (title, table) in text::recipe_tables(story.comparison) {
        let _ = write!(page, "## {title}\n\n{}\n", table.to_markdown());
    }
    let _ = write!(page, "## Laws\n\n{}\n## Claims\n\n", laws(story).to_markdown());
    for recipe in &story.recipes {
        let _ = writeln!(
            page,
            "- [{}]({}): {}",
            escape::markdown(&recipe.name),
            escape::link(&recipe.report),
            escape::markdown(&words::verdict_answer(recipe.verdict))
        );
    }
    let list: String =
        story.comparison.warnings.iter().map(|warning| format!("- {}\n", escape::markdown(&warning.message))).collect();
    let doubts = if list.is_empty() { "None of the checks raised one.\n" } else { &list };
    let _ = write!(page, "\n## Doubts\n\n{doubts}\n{}", reproduction(&story.reproduction));
    page
}

/// Exponents and floor of each recipe's own fit, with intervals.
fn laws(story: &ComparedStory) -> Table {
    let mut table = Table::new([
        ("recipe", Align::Left),
        ("alpha", Align::Right),
        ("beta", Align::Right),
        ("best params grow as C^a", Align::Right),
        ("loss falls as C^-gamma", Align::Right),
        ("floor E", Align::Right),
    ]);
    for recipe in &story.recipes {
        let (parameters, derived) = (recipe.fit.parameters(story.level), recipe.fit.derived(story.level));
        let known = |name: &str| {
            let parameter = parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value);
            let value = parameter.or_else(|| derived.iter().find(|(known, _)| *known == name).map(|(_, value)| value));
            value.map_or_else(String::new, |value| Rounded::parameter(value).sentence(story.level))
        };
        table.row([&recipe.name, &known("alpha"), &known("beta"), &known("a"), &known("gamma"), &known("E")]);
    }
    table
}
