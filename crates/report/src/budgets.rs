//! Which runs share a training budget: groups of nearly equal compute, or classes where compute is scattered.

use isoflop::counting::training_flops;
use isoflop::{Flops, Run};

/// Compute within this factor of a group's smallest counts as one budget.
const ONE_BUDGET: f64 = 1.25;
/// A valley needs a bottom and two sides.
const VALLEY: usize = 3;
/// More colours than this cannot be told apart.
const MOST: usize = 9;
/// Share of the runs that must stand in groups for the table to count as one of budgets.
const MOSTLY: f64 = 0.7;

/// Runs of one budget, or of one class of compute.
#[derive(Debug, Clone)]
pub(crate) struct Budget<'a> {
    /// Typical compute in the table's own counting, for the label.
    pub(crate) flops: f64,
    /// The same by `6 N D`, which the law's optimum is in.
    pub(crate) six_nd: Flops,
    /// Its runs.
    pub(crate) runs: Vec<&'a Run>,
}

/// Runs by budget.
#[derive(Debug, Clone)]
pub(crate) struct Budgets<'a> {
    /// All runs, in their own order.
    runs: &'a [Run],
    /// By rising compute; at most nine.
    pub(crate) groups: Vec<Budget<'a>>,
    /// Runs of no budget.
    pub(crate) others: Vec<&'a Run>,
    /// Whether the groups are classes of scattered compute instead of budgets.
    pub(crate) scattered: bool,
}

impl Budgets<'_> {
    /// Where `run`, one of the grouped, stands among all of them.
    pub(crate) fn position(&self, run: &Run) -> Option<usize> {
        self.runs.iter().position(|other| std::ptr::eq(other, run))
    }
}

/// The runs grouped by compute.
pub(crate) fn group(runs: &[Run]) -> Budgets<'_> {
    let mut order: Vec<&Run> = runs.iter().collect();
    order.sort_by(|a, b| a.flops.get().total_cmp(&b.flops.get()));
    let mut groups: Vec<Vec<&Run>> = Vec::new();
    for run in &order {
        match groups.last_mut() {
            Some(group) if run.flops.get() <= ONE_BUDGET * group[0].flops.get() => group.push(run),
            _ => groups.push(vec![run]),
        }
    }
    let (valleys, strays): (Vec<_>, Vec<_>) = groups.into_iter().partition(|group| group.len() >= VALLEY);
    let in_valleys: usize = valleys.iter().map(Vec::len).sum();
    if valleys.len() <= MOST && in_valleys as f64 >= MOSTLY * runs.len() as f64 {
        let groups = valleys.into_iter().filter_map(budget).collect();
        return Budgets { runs, groups, others: strays.into_iter().flatten().collect(), scattered: false };
    }
    Budgets { runs, groups: classes(&order), others: Vec::new(), scattered: true }
}

/// Classes of equally many runs, by rising compute.
fn classes<'a>(order: &[&'a Run]) -> Vec<Budget<'a>> {
    let count = (order.len() / VALLEY).clamp(1, MOST);
    (0..count)
        .map(|class| order[class * order.len() / count..(class + 1) * order.len() / count].to_vec())
        .filter_map(budget)
        .collect()
}

/// A budget of `runs`; `None` when there are none or their compute leaves the range of numbers.
fn budget(runs: Vec<&Run>) -> Option<Budget<'_>> {
    let flops = geometric_mean(runs.iter().map(|run| run.flops.get()))?;
    let six_nd = runs.iter().filter_map(|run| training_flops(run.params, run.tokens).ok());
    let six_nd = Flops::new(geometric_mean(six_nd.map(Flops::get))?).ok()?;
    Some(Budget { flops, six_nd, runs })
}

fn geometric_mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value.ln(), count + 1));
    (count > 0).then(|| (sum / f64::from(count)).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop::{Runs, TableFormat};

    fn runs(flops: &[f64]) -> Runs {
        let rows: String = flops.iter().map(|flops| format!("1e6,{flops},2\n")).collect();
        let table = format!("params,flops,loss\n{rows}");
        Runs::read(table.as_bytes(), "t", TableFormat::Csv, false).unwrap()
    }

    #[test]
    fn budgets_are_found_and_strays_left_over() {
        let runs = runs(&[1e18, 1.1e18, 0.95e18, 1e19, 1e19, 1.02e19, 4e19, 1e20, 1e20, 1.01e20]);
        let budgets = group(&runs.kept);
        assert!(!budgets.scattered);
        assert_eq!(budgets.groups.iter().map(|budget| budget.runs.len()).collect::<Vec<_>>(), [3, 3, 3]);
        assert_eq!(budgets.others.len(), 1);
    }

    #[test]
    fn scattered_compute_falls_into_at_most_nine_even_classes() {
        let runs = runs(&(0..100).map(|i| 1e18 * 1.3f64.powi(i)).collect::<Vec<_>>());
        let budgets = group(&runs.kept);
        assert!(budgets.scattered);
        assert_eq!(budgets.groups.len(), 9);
        assert!(budgets.groups.iter().all(|budget| (11..=12).contains(&budget.runs.len())));
        assert!(budgets.groups.windows(2).all(|pair| pair[0].flops < pair[1].flops));
    }

    #[test]
    fn no_run_vanishes() {
        for count in 0..40 {
            let flops: Vec<f64> =
                (0..count).map(|i| 1e18 * [1.0, 1.1, 3.0, 40.0][i % 4] * 1.01f64.powi(i as i32)).collect();
            if count == 0 {
                assert!(group(&[]).groups.is_empty());
                continue;
            }
            let runs = runs(&flops);
            let budgets = group(&runs.kept);
            let grouped: usize = budgets.groups.iter().map(|budget| budget.runs.len()).sum();
            assert_eq!(grouped + budgets.others.len(), count);
            assert!(budgets.groups.len() <= 9);
        }
    }
}
