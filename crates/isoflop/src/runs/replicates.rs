//! Settings trained more than once: which runs repeat each other, what their mean is, and how much another seed changes.

use std::collections::BTreeSet;

use isoflop_numerics::elementary::{exp, ln};

use super::Run;
use crate::units::Nats;

/// Sizes and tokens this close, relatively, are those of one setting.
const SAME_SETTING: f64 = 1e-3;
/// Columns that tell repetitions of one setting apart, and so do not make it another setting.
const REPETITION: [&str; 6] = ["seed", "data_seed", "replicate", "attempt", "status", "trunk"];

/// Columns that describe settings: they take few values, and do not number repetitions.
pub(crate) fn setting_columns(runs: &[Run]) -> Vec<String> {
    let columns: BTreeSet<&String> = runs.iter().flat_map(|run| run.covariates.keys()).collect();
    let describes = |column: &String| {
        let values: BTreeSet<Option<&String>> = runs.iter().map(|run| run.covariates.get(column)).collect();
        !REPETITION.contains(&column.to_ascii_lowercase().as_str())
            && values.len() > 1
            && 2 * values.len() <= runs.len()
    };
    columns.into_iter().filter(|column| describes(column)).cloned().collect()
}

/// Groups of positions of runs with the same size, tokens and `columns`; only groups of two and more.
pub(crate) fn settings(runs: &[Run], columns: &[String]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..runs.len()).collect();
    let key =
        |i: usize| -> Vec<Option<&String>> { columns.iter().map(|column| runs[i].covariates.get(column)).collect() };
    order.sort_by(|i, j| {
        let size = |i: usize| (runs[i].params.get(), runs[i].tokens.get());
        let (one, two) = (size(*i), size(*j));
        key(*i).cmp(&key(*j)).then(one.0.total_cmp(&two.0)).then(one.1.total_cmp(&two.1)).then(i.cmp(j))
    });
    let near = |a: f64, b: f64| (a / b - 1.0).abs() < SAME_SETTING;
    let same = |i: usize, j: usize| {
        let (one, two) = (&runs[i], &runs[j]);
        near(one.params.get(), two.params.get()) && near(one.tokens.get(), two.tokens.get()) && key(i) == key(j)
    };
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for i in order {
        // Near sizes may be sorted apart by their last digits: a group is looked for among the last few.
        match groups.iter_mut().rev().take(4).find(|group| same(group[0], i)) {
            Some(group) => group.push(i),
            None => groups.push(vec![i]),
        }
    }
    groups.retain(|group| group.len() > 1);
    groups
}

/// Variance of ln loss between runs of one setting, with the differences it rests on.
///
/// ```text
/// seeds² = Σ (z - mean of its setting)² / Σ (n - 1),   z = ln loss, n the runs of a setting
/// ```
/// `None` where nothing was trained twice.
pub(crate) fn seed_variance(runs: &[Run], settings: &[Vec<usize>]) -> Option<(f64, usize)> {
    let degrees: usize = settings.iter().map(|setting| setting.len() - 1).sum();
    let within = |setting: &Vec<usize>| {
        let mean = mean_ln_loss(runs, setting);
        setting.iter().map(|i| (ln(runs[*i].loss.get()) - mean).powi(2)).sum::<f64>()
    };
    (degrees > 0).then(|| (settings.iter().map(within).sum::<f64>() / degrees as f64, degrees))
}

/// How many witnesses of a law each run is, where seeds make `seed_share` of the variance of its scatter.
///
/// ```text
/// 1/(n (1 - share) + share)   for each of the n runs of a setting
/// ```
/// A law that misses a setting misses all n runs alike, so their mean has the variance σ² ((1 - share) + share/n) instead of σ²/n.
pub(crate) fn witnesses(runs: &[Run], seed_share: f64) -> Vec<f64> {
    let mut witnesses = vec![1.0; runs.len()];
    if seed_share >= 1.0 {
        return witnesses;
    }
    for setting in settings(runs, &setting_columns(runs)) {
        let each = 1.0 / (setting.len() as f64 * (1.0 - seed_share) + seed_share);
        setting.iter().for_each(|run| witnesses[*run] = each);
    }
    witnesses
}

/// One run for each setting, with the geometric mean of its losses, in the order of the table; and how many runs each stands for.
pub(crate) fn averaged(runs: &[Run], settings: &[Vec<usize>]) -> (Vec<Run>, Vec<usize>) {
    let mut group_of: Vec<Option<&Vec<usize>>> = vec![None; runs.len()];
    settings.iter().for_each(|setting| setting.iter().for_each(|i| group_of[*i] = Some(setting)));
    let one = |(i, run): (usize, &Run)| match group_of[i] {
        None => Some((run.clone(), 1)),
        Some(setting) if setting.iter().min() == Some(&i) => {
            let loss = Nats::new(exp(mean_ln_loss(runs, setting))).ok()?;
            Some((Run { loss, loss_se: None, ..run.clone() }, setting.len()))
        }
        Some(_) => None,
    };
    runs.iter().enumerate().filter_map(one).unzip()
}

fn mean_ln_loss(runs: &[Run], setting: &[usize]) -> f64 {
    setting.iter().map(|i| ln(runs[*i].loss.get())).sum::<f64>() / setting.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Runs, TableFormat};

    fn runs() -> Vec<Run> {
        let table = "params,tokens,loss,seed,recipe\n1e9,2e10,2,1,a\n2e9,2e10,2.5,1,a\n1e9,2e10,8,2,a\n1e9,2e10,3,1,b\n1e9,2e10,3,3,a\n2e9,2e10,2.5,1,b\n";
        Runs::read(table.as_bytes(), "t", TableFormat::Csv, false).unwrap().kept
    }

    #[test]
    fn settings_are_told_apart_by_what_describes_them_and_not_by_seeds() {
        let runs = runs();
        assert_eq!(setting_columns(&runs), ["recipe"]);
        assert_eq!(settings(&runs, &setting_columns(&runs)), [vec![0, 2, 4]]);
        assert_eq!(settings(&runs, &[]), [vec![0, 2, 3, 4], vec![1, 5]]);
    }

    #[test]
    fn another_trunk_is_another_seed_of_the_same_setting() {
        let table = "params,tokens,loss,trunk\n1e9,2e10,2,a\n1e9,4e10,1.9,a\n1e9,2e10,2.1,b\n1e9,4e10,1.8,b\n";
        let runs = Runs::read(table.as_bytes(), "t", TableFormat::Csv, false).unwrap().kept;
        assert_eq!(settings(&runs, &setting_columns(&runs)), [vec![0, 2], vec![1, 3]]);
        assert_eq!(runs[2].trunk(), Some("b"));
    }

    #[test]
    fn a_setting_is_averaged_where_it_first_stands() {
        let runs = runs();
        let (means, counts) = averaged(&runs, &[vec![0, 2]]);
        let losses: Vec<f64> = means.iter().map(|run| run.loss.get()).collect();
        assert_eq!(counts, [2, 1, 1, 1, 1]);
        assert!((losses[0] - 4.0).abs() < 1e-12 && losses[1..] == [2.5, 3.0, 3.0, 2.5], "{losses:?}");
        let (variance, degrees) = seed_variance(&runs, &[vec![0, 2]]).unwrap();
        assert!((variance - 2.0 * 2f64.ln().powi(2)).abs() < 1e-12 && degrees == 1);
        assert_eq!(seed_variance(&runs, &[]), None);
    }

    #[test]
    fn a_replicate_witnesses_as_much_as_seeds_explain() {
        let runs = runs();
        let of_three = |share| witnesses(&runs, share);
        assert_eq!(of_three(1.0), [1.0; 6]);
        assert_eq!(of_three(0.0), [1.0 / 3.0, 1.0, 1.0 / 3.0, 1.0, 1.0 / 3.0, 1.0]);
        assert_eq!(of_three(0.5)[0], 0.5);
    }
}
