//! What a bootstrap does with the runs at hand: which resamples it makes, and how much wider than these its draws are.

use std::collections::BTreeMap;

use isoflop_numerics::elementary::ln;
use isoflop_numerics::resample;
use serde::{Deserialize, Serialize};

use super::solve::LINEAR_REACH;
use crate::fit::FitOptions;
use crate::runs::Run;

/// Runs to a stratum, when budgets do not say themselves where one ends.
const STRATUM: usize = 8;
/// Compute within this factor counts as one budget.
const ONE_BUDGET: f64 = 1.25;

/// What a bootstrap draws anew.
///
/// What is one run for part of its way always goes together: branches of one `trunk`, checkpoints of one run (the same `trajectory` or
/// the same name). Their errors do, so drawing them one by one would take n of them for n witnesses (Cameron, Gelbach & Miller 2008,
/// doi:10.1162/rest.90.3.414).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resampling {
    /// [`Resampling::Strata`], or [`Resampling::Residuals`] for fewer than 20 runs, where resamples of runs often lack a whole size:
    /// [`Resampling::Signs`] where some of these fewer than 20 have several rows, because residuals of any run would tear them apart.
    #[default]
    Automatic,
    /// Runs with replacement within strata of compute, so that every resample keeps the smallest and the largest budgets. Draws are
    /// widened for few runs, as in linear regression.
    Strata,
    /// Runs with replacement, whatever their compute, and nothing else: what most publications do.
    Cases,
    /// Every run at its place with the residual of any run, its sign by chance (Efron 1979, doi:10.1214/aos/1176344552). The p smallest
    /// residuals of p unknowns are no candidates: a nearly-median fit passes through p runs, and they say nothing about the
    /// noise. Supposes one scatter for all runs. Draws are widened for few runs.
    Residuals,
    /// Every run at its place, its residual turned over or not with equal chance and scaled by √(n/(n - p)) (Wu 1986,
    /// doi:10.1214/aos/1176350142; Liu 1988, doi:10.1214/aos/1176351062); what goes together is turned over together.
    Signs,
}

/// How the draws of a plain fit were made.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Resampled {
    /// What was drawn anew; never [`Resampling::Automatic`].
    pub method: Resampling,
    /// Whether it was chosen by the number of runs, rather than asked for.
    pub automatic: bool,
    /// Training runs that were drawn; branches of one trunk, and checkpoints of one run, are one.
    pub runs: usize,
    /// Those among them that have several rows of the table.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub shared: usize,
    /// Strata of compute; 1 where there are none.
    pub strata: usize,
    /// By how much each draw was moved away from the optimum, because few runs show too little of their scatter.
    pub widening: f64,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Resampled {
    /// Fewest runs that are resampled by run.
    pub const FEW: usize = 20;
}

/// How resamples of some runs are made.
pub(super) struct Scheme {
    pub(super) resampled: Resampled,
    clusters: Vec<usize>,
    strata: Vec<usize>,
    weights: Vec<f64>,
    ln_losses: Vec<f64>,
    /// ln predicted minus ln observed, run by run.
    residuals: Vec<f64>,
    /// Sizes that residuals may have, in units in which every run scatters alike, smallest first.
    pool: Vec<f64>,
    inflation: f64,
    seed: u64,
}

/// One resample.
pub(super) enum Resample {
    /// How often each run is drawn.
    Counts(Vec<f64>),
    /// What ln loss each run ended at.
    LnLosses(Vec<f64>),
}

impl Scheme {
    /// For `runs` that count `weights`, around a fit of `unknowns` parameters that leaves `residuals`.
    pub(super) fn new(
        runs: &[Run],
        weights: &[f64],
        residuals: Vec<f64>,
        unknowns: usize,
        options: &FitOptions,
    ) -> Self {
        let clusters = clusters(runs);
        let count = clusters.iter().max().map_or(0, |last| last + 1);
        let mut rows = vec![0; count];
        clusters.iter().for_each(|cluster| rows[*cluster] += 1);
        let shared = rows.iter().filter(|rows| **rows > 1).count();
        let method = match options.resampling {
            Resampling::Automatic if count < Resampled::FEW && shared > 0 => Resampling::Signs,
            Resampling::Automatic if count < Resampled::FEW => Resampling::Residuals,
            Resampling::Automatic => Resampling::Strata,
            asked => asked,
        };
        let strata = match method {
            Resampling::Strata if count == runs.len() => strata_by_compute(runs),
            Resampling::Strata => strata_by_compute(&largest_of_each(runs, &clusters, count)),
            _ => vec![0; count],
        };
        let freedom = count.saturating_sub(unknowns).max(1) as f64;
        let inflation = (count as f64 / freedom).sqrt();
        let sized = residuals.iter().zip(weights).map(|(residual, weight)| residual.abs() * weight.sqrt());
        let mut pool: Vec<f64> = sized.collect();
        pool.sort_by(f64::total_cmp);
        let pool = pool.split_off(unknowns.min(pool.len().saturating_sub(1)));
        let widening = match method {
            Resampling::Strata => inflation * student_over_normal(freedom),
            Resampling::Residuals => student_over_normal(freedom),
            _ => 1.0,
        };
        let resampled = Resampled {
            method,
            automatic: options.resampling == Resampling::Automatic,
            runs: count,
            shared,
            strata: strata.iter().max().map_or(1, |last| last + 1),
            widening,
        };
        Self {
            resampled,
            clusters,
            strata,
            weights: weights.to_vec(),
            ln_losses: runs.iter().map(|run| ln(run.loss.get())).collect(),
            residuals,
            pool,
            inflation,
            seed: options.seed,
        }
    }

    /// Resample number `number`; the same whatever the order in which they are made.
    pub(super) fn resample(&self, number: usize) -> Resample {
        let mut generator = resample::stream(self.seed, number as u64);
        let runs = self.residuals.iter().zip(&self.ln_losses);
        match self.resampled.method {
            Resampling::Residuals => {
                let observed = runs.zip(&self.weights).map(|((residual, ln_loss), weight)| {
                    let size = self.pool[resample::below(&mut generator, self.pool.len())] / weight.sqrt();
                    // ln observed is ln predicted minus the residual.
                    ln_loss + residual + if resample::below(&mut generator, 2) == 0 { size } else { -size }
                });
                Resample::LnLosses(observed.collect())
            }
            Resampling::Signs => {
                let one = |_| if resample::below(&mut generator, 2) == 0 { self.inflation } else { -self.inflation };
                let signs: Vec<f64> = (0..self.resampled.runs).map(one).collect();
                let observed = runs
                    .zip(&self.clusters)
                    .map(|((residual, ln_loss), cluster)| ln_loss + residual - signs[*cluster] * residual);
                Resample::LnLosses(observed.collect())
            }
            _ => {
                let counts = resample::multiplicities(&mut generator, &self.strata);
                Resample::Counts(self.clusters.iter().map(|cluster| counts[*cluster]).collect())
            }
        }
    }

    /// `entry` of a resample's optimum, moved away from that of the fit as far as few runs ask for.
    pub(super) fn widened(&self, centre: f64, entry: f64) -> f64 {
        centre + self.resampled.widening * (entry - centre)
    }

    /// The same where nothing bounds the search: the factor is that of linear regression, so an entry is moved by no more than one at
    /// [`LINEAR_REACH`] would be. Farther out, where runs leave a direction nearly flat, it would only make the loss run off.
    pub(super) fn widened_in_reach(&self, centre: f64, entry: f64) -> f64 {
        let reached = (entry - centre).clamp(-LINEAR_REACH, LINEAR_REACH);
        entry + (self.resampled.widening - 1.0) * reached
    }
}

/// The 97.5 % point of Student's t over that of the normal (Fisher & Cornish 1960, doi:10.2307/1266546, to the third order: 1e-3 at four
/// degrees).
///
/// With the √(n/(n - p)) of residuals that a fit of p unknowns has shrunk, it makes intervals of few runs as wide as those of
/// linear regression, where a bootstrap alone is too narrow.
fn student_over_normal(freedom: f64) -> f64 {
    let inverse = 1.0 / freedom;
    1.0 + inverse * (1.2103 + inverse * (1.4404 + inverse * 1.3040))
}

/// Which trunk or training run each row belongs to, numbered from zero in the order of the rows.
fn clusters(runs: &[Run]) -> Vec<usize> {
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    runs.iter()
        .map(|run| {
            let trajectory = run.covariates.get("trajectory").map(String::as_str).filter(|text| !text.is_empty());
            let name = run.trunk().or(trajectory).unwrap_or(&run.name);
            let next = numbers.len();
            *numbers.entry(name).or_insert(next)
        })
        .collect()
}

/// The checkpoint with the largest compute of each cluster.
fn largest_of_each(runs: &[Run], clusters: &[usize], count: usize) -> Vec<Run> {
    let mut largest: Vec<Option<&Run>> = vec![None; count];
    for (run, cluster) in runs.iter().zip(clusters) {
        let slot = &mut largest[*cluster];
        if slot.is_none_or(|other| run.flops > other.flops) {
            *slot = Some(run);
        }
    }
    largest.into_iter().flatten().cloned().collect()
}

/// The stratum of each run: runs of one budget together, so that every resample keeps the smallest and the largest budgets.
fn strata_by_compute(runs: &[Run]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..runs.len()).collect();
    order.sort_by(|a, b| runs[*a].flops.get().total_cmp(&runs[*b].flops.get()));
    let mut strata = vec![0; runs.len()];
    let (mut stratum, mut size, mut smallest) = (0, 0, 0.0);
    for run in order {
        let flops = runs[run].flops.get();
        let next_budget = flops > ONE_BUDGET * smallest;
        if size > 0 && ((next_budget && size >= STRATUM / 2) || size >= 2 * STRATUM) {
            stratum += 1;
            size = 0;
        }
        if size == 0 {
            smallest = flops;
        }
        strata[run] = stratum;
        size += 1;
    }
    // A last stratum of one would stand in every resample untouched.
    if size == 1 && stratum > 0 {
        strata.iter_mut().filter(|value| **value == stratum).for_each(|value| *value = stratum - 1);
    }
    strata
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Runs, TableFormat};

    fn strata(flops: &[f64]) -> Vec<usize> {
        let rows: String = flops.iter().map(|flops| format!("1e6,{flops},2\n")).collect();
        let table = format!("params,flops,loss\n{rows}");
        strata_by_compute(&Runs::read(table.as_bytes(), "t", TableFormat::Csv, false).unwrap().kept)
    }

    #[test]
    fn few_degrees_of_freedom_widen_as_in_the_tables() {
        for (freedom, quantile) in [(7.0, 2.364_624), (15.0, 2.131_450), (40.0, 2.021_075), (235.0, 1.970_110)] {
            let ratio: f64 = quantile / 1.959_964;
            assert!((student_over_normal(freedom) / ratio - 1.0).abs() < 5e-4, "{freedom}");
        }
    }

    #[test]
    fn checkpoints_of_one_run_are_one_cluster() {
        let table = "run,params,flops,loss,trajectory\na,1e6,1e18,3,\nb,1e6,1e18,3,t\na,1e6,2e18,2,\nc,1e6,2e18,2,t\n";
        let runs = Runs::read(table.as_bytes(), "t", TableFormat::Csv, false).unwrap().kept;
        assert_eq!(clusters(&runs), [0, 1, 0, 1]);
        let largest = largest_of_each(&runs, &[0, 1, 0, 1], 2);
        assert!(largest.iter().all(|run| run.flops.get() == 2e18));
    }

    #[test]
    fn branches_of_one_trunk_are_one_cluster() {
        let table = "run,params,flops,loss,trunk\na,1e6,1e18,3,x\nb,1e6,2e18,3,\nc,1e6,2e18,2,x\nd,1e6,2e18,2,\n";
        let runs = Runs::read(table.as_bytes(), "t", TableFormat::Csv, false).unwrap().kept;
        assert_eq!(clusters(&runs), [0, 1, 0, 2]);
        let scheme = Scheme::new(&runs, &[1.0; 4], vec![0.01, 0.02, 0.03, 0.04], 1, &FitOptions::default());
        assert_eq!(
            (scheme.resampled.method, scheme.resampled.runs, scheme.resampled.shared),
            (Resampling::Signs, 3, 1)
        );
        for number in 0..20 {
            let Resample::LnLosses(ln_losses) = scheme.resample(number) else { panic!("signs move losses") };
            let moved = |run: usize| (ln_losses[run] - scheme.ln_losses[run]) / scheme.residuals[run];
            assert!((moved(0) - moved(2)).abs() < 1e-12, "{} {}", moved(0), moved(2));
        }
    }

    #[test]
    fn budgets_are_strata() {
        let flops = [1e18, 1.01e18, 0.99e18, 1e18, 1e19, 1e19, 1.02e19, 1e19];
        assert_eq!(strata(&flops), [0, 0, 0, 0, 1, 1, 1, 1]);
    }

    #[test]
    fn scattered_compute_is_cut_into_groups() {
        let flops: Vec<f64> = (0..21).map(|i| 1e18 * 1.3f64.powi(i)).collect();
        let strata = strata(&flops);
        assert_eq!((strata[0], strata[20]), (0, 4));
        for stratum in 0..=4 {
            assert!(strata.iter().filter(|s| **s == stratum).count() >= 4);
        }
    }
}
