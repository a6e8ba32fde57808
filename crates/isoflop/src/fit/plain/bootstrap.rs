//! Bootstrap by run: how the parameters would have moved had other runs of the same kind been trained.

use isoflop_numerics::parallel;

use super::kernel::Sample;
use super::scheme::{Resample, Scheme};
use super::solve::{self, Solution};
use super::surface::Surface;
use crate::fit::FitOptions;

/// Parameters of each resample's optimum; resamples without one are missing.
pub(super) fn draws(surface: &Surface, scheme: &Scheme, solution: &Solution, options: &FitOptions) -> Vec<Vec<f64>> {
    let bounds = surface.bounds();
    let basins: Vec<_> = solution.basins.iter().map(|(_, point)| surface.linear(point)).collect();
    let draw = |number: usize| {
        let (sample, kept) = match scheme.resample(number) {
            Resample::LnLosses(ln_losses) => (surface.with_ln_losses(ln_losses), None),
            Resample::Counts(counts) => {
                let counted = Sample::counted(&counts);
                (surface.sample.reweighted(&counts, &counted), Some(counted))
            }
        };
        let point = solve::refit(surface, &sample, kept.as_deref(), &basins)?;
        let widened =
            std::array::from_fn(|i| scheme.widened(solution.point[i], point[i]).max(bounds[i].0).min(bounds[i].1));
        Some(surface.coefficients(&widened))
    };
    parallel::map(options.draws, options.threads, draw).into_iter().flatten().collect()
}
