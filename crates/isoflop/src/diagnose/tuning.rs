//! Runs held back by their learning rate or another tried setting, and optima on the edge of what was tried.

use std::collections::BTreeMap;

use isoflop_numerics::elementary::{exp, ln};

use super::finding::Finding;
use crate::names::list;
use crate::runs::Run;
use crate::runs::replicates::{setting_columns, settings};
use crate::units::parse_count;

/// Names under which tables write the learning rate.
const LEARNING_RATES: [&str; 6] = ["lr", "learning_rate", "peak_lr", "max_lr", "base_lr", "lr_max"];
/// Columns that are tried out together with it.
const TUNED: [&str; 12] = [
    "batch",
    "batch_size",
    "batch_tokens",
    "batch_size_seqs",
    "global_batch_size_seqs",
    "weight_decay",
    "warmup",
    "warmup_steps",
    // They follow from the batch.
    "step",
    "steps",
    "iterations",
    "max_steps",
];
/// Loss, in ln, that a better learning rate must gain to count: five times the noise of seeds (0.05 %, datablations). The scatter around
/// the law is no measure here, for bad rates are in it.
const GAIN: f64 = 0.0025;

/// The settings of a table and what was tried in each.
struct Trials {
    /// The column of learning rates.
    column: String,
    /// Runs of one size, tokens and everything that was not tuned.
    cells: Vec<Vec<usize>>,
}

impl Trials {
    /// `None` where the table has no learning rates.
    fn new(runs: &[Run]) -> Option<Self> {
        let column = learning_rate_column(runs)?;
        let tried_out = |name: &str| name == column || TUNED.contains(&name.to_ascii_lowercase().as_str());
        let fixed: Vec<String> = setting_columns(runs).into_iter().filter(|name| !tried_out(name)).collect();
        let cells = settings(runs, &fixed);
        Some(Self { column, cells })
    }

    fn rate(&self, run: &Run) -> Option<f64> {
        run.covariates.get(&self.column).and_then(|text| parse_count(text)).filter(|rate| *rate > 0.0)
    }
}

/// The runs without those that another learning rate beats at the same size and tokens: what a law is a law of.
pub(super) fn tuned(runs: &[Run]) -> Vec<Run> {
    let mut beaten = vec![false; runs.len()];
    if let Some(trials) = Trials::new(runs) {
        let setting = setting_columns(runs);
        let batch_varies = setting.iter().any(|name| TUNED.contains(&name.to_ascii_lowercase().as_str()));
        for cell in &trials.cells {
            let best = cell.iter().min_by(|i, j| runs[**i].loss.get().total_cmp(&runs[**j].loss.get()));
            let best_rate = best.and_then(|best| trials.rate(&runs[*best]));
            for i in cell.iter().filter(|i| Some(*i) != best) {
                // Runs at the best rate are repetitions, or differ in the batch; those tell about noise only at the same batch.
                beaten[*i] = trials.rate(&runs[*i]) != best_rate || batch_varies;
            }
        }
    }
    runs.iter().zip(beaten).filter(|(_, beaten)| !beaten).map(|(run, _)| run.clone()).collect()
}

pub(super) fn check(runs: &[Run]) -> Vec<Finding> {
    let Some(trials) = Trials::new(runs) else { return Vec::new() };
    let column = &trials.column;
    let rate = |i: usize| trials.rate(&runs[i]);

    let (mut held_back, mut at_edge, mut cells, mut worst) = (Vec::new(), Vec::new(), 0usize, 0.0f64);
    for cell in &trials.cells {
        // The lowest loss at each learning rate, whatever else was tried with it.
        let mut lowest: BTreeMap<u64, (f64, usize)> = BTreeMap::new();
        for i in cell.iter().copied() {
            let Some(rate) = rate(i) else { continue };
            // Positive numbers sort like their bits.
            let entry = lowest.entry(rate.to_bits()).or_insert((f64::INFINITY, i));
            if runs[i].loss.get() < entry.0 {
                *entry = (runs[i].loss.get(), i);
            }
        }
        if lowest.len() < 2 {
            continue;
        }
        cells += 1;
        let Some((place, best)) = lowest.values().enumerate().min_by(|a, b| a.1.0.total_cmp(&b.1.0)) else { continue };
        if lowest.len() >= 3 && (place == 0 || place + 1 == lowest.len()) {
            at_edge.push(runs[best.1].name.clone());
        }
        for i in cell.iter().copied() {
            let lost = ln(runs[i].loss.get() / best.0);
            if lost > GAIN && rate(i) != rate(best.1) {
                worst = worst.max(lost);
                held_back.push((lost, runs[i].name.clone()));
            }
        }
    }
    let mut findings = Vec::new();
    if !held_back.is_empty() {
        held_back.sort_by(|a, b| b.0.total_cmp(&a.0));
        let names: Vec<String> = held_back.into_iter().map(|(_, name)| name).collect();
        let message = format!(
            "{} of {} runs are held back by their learning rate: in {cells} cells of size and tokens another {column} does better by up to {:.1} % of the loss ({})",
            names.len(),
            runs.len(),
            100.0 * (1.0 - exp(-worst)),
            list(&names)
        );
        findings.push(
            Finding::problem("under_tuned", message)
                .remedy("keep the best run of every cell and leave the others out: the law is one of tuned runs")
                .value("count", names.len() as f64)
                .value("cells", cells as f64)
                .value("largest_ln_loss_lost", worst)
                .about(names),
        );
    }
    if !at_edge.is_empty() {
        let message = format!(
            "in {} of {cells} cells the best {column} is the smallest or the largest that was tried ({}): the optimum may lie beyond",
            at_edge.len(),
            list(&at_edge)
        );
        findings.push(
            Finding::warning("rate_at_edge", message)
                .remedy("try rates on the other side of these, so that worse ones stand on both sides of the best")
                .value("count", at_edge.len() as f64)
                .about(at_edge),
        );
    }
    findings
}

/// The column of learning rates; `None` where the table has none that varies.
fn learning_rate_column(runs: &[Run]) -> Option<String> {
    let columns = || runs.iter().flat_map(|run| run.covariates.keys());
    LEARNING_RATES.iter().find_map(|name| columns().find(|column| column.eq_ignore_ascii_case(name))).cloned()
}
