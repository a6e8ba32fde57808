//! Runs that stand in the table twice, and runs of one setting whose losses contradict each other.

use isoflop_numerics::elementary::ln;

use super::evidence::Evidence;
use super::finding::Finding;
use super::noise::Shares;
use crate::names::list;
use crate::runs::Run;
use crate::runs::replicates::{setting_columns, settings};

/// Losses this close, in ln, of one setting are the same measurement.
const SAME_LOSS: f64 = 1e-7;
/// Standard deviations between two runs of one setting that chance does not make.
const CONFLICT: f64 = 6.0;
/// Difference in ln loss that no seed makes: pooled seed noise is 0.05 % (datablations), 4 % in the oldest collections.
const LEAST_CONFLICT: f64 = 0.01;

pub(super) fn check(runs: &[Run], evidence: Option<&Evidence>) -> Vec<Finding> {
    let scatter = evidence.map(|evidence| evidence.reading.scale);
    let allowed = LEAST_CONFLICT.max(CONFLICT * 2f64.sqrt() * scatter.unwrap_or(0.0));
    let (mut copies, mut conflicting, mut repeated) = (Vec::new(), Vec::new(), 0);
    let mut widest = 0.0f64;
    let groups = settings(runs, &setting_columns(runs));
    for group in &groups {
        let mut by_loss = group.clone();
        by_loss.sort_by(|i, j| runs[*i].loss.get().total_cmp(&runs[*j].loss.get()));
        let gap = |pair: &[usize]| ln(runs[pair[1]].loss.get() / runs[pair[0]].loss.get());
        let same = by_loss.windows(2).filter(|pair| gap(pair) < SAME_LOSS);
        copies.extend(same.map(|pair| format!("{} = {}", runs[pair[0]].name, runs[pair[1]].name)));
        let (first, last) = (by_loss[0], by_loss[by_loss.len() - 1]);
        let spread = ln(runs[last].loss.get() / runs[first].loss.get());
        widest = widest.max(spread);
        if spread > allowed {
            conflicting.push((spread, format!("{} and {}", runs[first].name, runs[last].name)));
        } else {
            repeated += 1;
        }
    }
    let mut findings = Vec::new();
    if !conflicting.is_empty() {
        conflicting.sort_by(|a, b| b.0.total_cmp(&a.0));
        let names: Vec<String> = conflicting.into_iter().map(|(_, name)| name).collect();
        let message = format!(
            "{} setting{} of size and tokens with losses up to {:.1} % apart, more than chance allows ({:.1} %): {}",
            names.len(),
            if names.len() == 1 { "" } else { "s" },
            100.0 * widest,
            100.0 * allowed,
            list(&names)
        );
        findings.push(
            Finding::problem("conflicting_runs", message)
                .remedy("find what differs (recipe, text, schedule, evaluation), name it in a column, and select with --where")
                .value("count", names.len() as f64)
                .value("largest_ln_ratio", widest)
                .about(names),
        );
    }
    if !copies.is_empty() {
        let message = format!(
            "{} run{} in the table twice, with the same size, tokens and loss ({}): they count double, and intervals come out too narrow",
            copies.len(),
            if copies.len() == 1 { " stands" } else { "s stand" },
            list(&copies)
        );
        findings.push(
            Finding::warning("duplicate_runs", message)
                .remedy("leave one of each out")
                .value("count", copies.len() as f64)
                .about(copies),
        );
    }
    if repeated > 0 && findings.is_empty() {
        let shares = Shares::of(runs, &groups, scatter);
        let message = format!(
            "{repeated} setting{} trained more than once, losses at most {:.2} % apart: {}",
            if repeated == 1 { "" } else { "s" },
            100.0 * widest,
            shares.map_or_else(|| "they show the noise of seeds".to_owned(), |shares| shares.sentence())
        );
        let note =
            Finding::note("replicates", message).value("count", f64::from(repeated)).value("largest_ln_ratio", widest);
        findings.push(match shares {
            Some(shares) if shares.misfit > Some(shares.seeds) => shares.add_to(note).remedy(
                "replicates are no witnesses of their own where the law misses their setting: in plain fits add --weights replicates",
            ),
            Some(shares) => shares.add_to(note),
            None => note,
        });
    }
    findings
}
