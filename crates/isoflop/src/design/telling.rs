//! Which run would teach most: the joint draws of a fit taken as a linear-normal model of what any run would show.

use isoflop_numerics::elementary::ln;
use isoflop_numerics::quantile::central_interval;

use super::conditioning::Joint;
use crate::counting::TRAINING_FLOPS_PER_PARAM_TOKEN;
use crate::fit::{Fit, Warning};
use crate::units::{Flops, Params, Tokens};

/// A run not yet trained, and what it would do to the doubt about a target's loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TellingRun {
    /// Its size.
    pub params: Params,
    /// Its tokens.
    pub tokens: Tokens,
    /// Share of the target's standard deviation in ln loss that would be left.
    pub remaining: f64,
}

/// Candidates at one compute: sizes in steps of a third of an octave.
const CANDIDATE_STEP: f64 = 1.26;
/// How far beyond the fitted tokens per parameter a candidate may go.
const BEYOND_RATIOS: f64 = 4.0;
/// The band of a target's loss over what it would be with the coupling known, from which the coupling is the doubt to name.
const COUPLING_MATTERS: f64 = 1.5;

impl Fit {
    /// Of the runs that cost `flops`, the one whose loss says most about that of `params` trained on `tokens`; `None` without draws.
    ///
    /// ```text
    /// remaining² = 1 - cov(c, t)² / (var(t) (var(c) + s²)),    c, t: ln loss of the candidate and of the target over the draws
    /// ```
    /// with s² the variance of one run around the law. Candidates reach four times beyond the fitted tokens per parameter.
    ///
    /// # Source
    /// Conditioning of a joint normal; as a design criterion c-optimality (Chaloner & Verdinelli 1995, doi:10.1214/ss/1177009939).
    ///
    /// # Trust
    /// As far as the law's form: a candidate far off the valley also tests the form, which this does not count.
    pub fn most_telling_run(&self, params: Params, tokens: Tokens, flops: Flops) -> Option<TellingRun> {
        if self.draws().is_empty() {
            return None;
        }
        let target = self.ln_losses(params.get(), tokens.get());
        let (lowest, highest) = self.ratio_range()?;
        let product = flops.get() / TRAINING_FLOPS_PER_PARAM_TOKEN;
        // At one compute, size falls as the root of tokens per parameter.
        let (smallest, largest) =
            ((product / (BEYOND_RATIOS * highest)).sqrt(), (product * BEYOND_RATIOS / lowest).sqrt());
        let steps = (ln(largest / smallest) / ln(CANDIDATE_STEP)).floor();
        let sizes: Vec<f64> = (0..=steps as usize)
            .filter_map(|step| Some(smallest * CANDIDATE_STEP.powi(i32::try_from(step).ok()?)))
            .collect();
        let losses = sizes.iter().map(|size| self.ln_losses(*size, product / size));
        let joint = Joint::of_draws(&losses.chain([target]).collect::<Vec<_>>());
        let asked = sizes.len();
        let judged = sizes.iter().enumerate().filter_map(|(seen, size)| {
            let left = joint.variance_given(asked, seen, self.run_variance(*size, product / size));
            let share = left / joint.variance(asked);
            share.is_finite().then(|| (*size, share.max(0.0).sqrt()))
        });
        let (size, remaining) = judged.min_by(|one, other| one.1.total_cmp(&other.1))?;
        Some(TellingRun { params: Params::new(size).ok()?, tokens: Tokens::new(product / size).ok()?, remaining })
    }

    /// A warning where the doubt about the loss of `params` on `tokens` is mostly that about the coupling k, with the run that would tell.
    pub(crate) fn coupling_warning(&self, params: Params, tokens: Tokens) -> Option<Warning> {
        let couplings = self.ln_couplings()?;
        let target = self.ln_losses(params.get(), tokens.get());
        let joint = Joint::of_draws(&[couplings.clone(), target.clone()]);
        let slope = joint.covariance(0, 1) / joint.variance(0);
        let given = target.iter().zip(&couplings).map(|(loss, coupling)| loss - slope * coupling).collect();
        let width = |values: Vec<f64>| {
            let (low, high) = central_interval(values, 0.95);
            high - low
        };
        let (band, known) = (width(target), width(given));
        // Not finite where there are no draws, or where all agree.
        if !(slope.is_finite() && band > COUPLING_MATTERS * known) {
            return None;
        }
        let telling = self.most_telling_run(params, tokens, Flops::new(self.largest_flops()?).ok()?)?;
        let message = format!(
            "the runs cannot tell the coupling k from the floor, and this loss hangs on it: its 95 % band is {:.1} % wide, with k known it would be {:.1} %; one run of {} on {} tokens, no dearer than the largest, would narrow it to {:.1} %",
            100.0 * band,
            100.0 * known,
            telling.params,
            telling.tokens,
            100.0 * band * telling.remaining,
        );
        Some(Warning::new("coupling_or_floor", message))
    }
}

#[cfg(test)]
mod tests {
    use isoflop_numerics::elementary::exp;
    use isoflop_numerics::resample::{standard_normal, stream};

    use super::*;
    use crate::{FitOptions, Runs, TableFormat, fit};

    /// Runs of Besiroglu's law in five budgets, nine sizes each within `reach` of the best, with 0.3 % of scatter.
    fn isoflops(reach: f64, extra: &[(f64, f64)]) -> Fit {
        let mut generator = stream(3, 0);
        let budgets = (0..5).flat_map(|budget| {
            let flops = 1e18 * 10f64.powf(f64::from(budget) / 2.0);
            (0..9).map(move |size| {
                let best = 0.119_63 * (flops / 6.0).powf(0.512_612);
                let params = best * reach.powf(f64::from(size) / 4.0 - 1.0);
                (params, flops / 6.0 / params)
            })
        });
        let rows: String = budgets
            .chain(extra.iter().copied())
            .map(|(params, tokens)| {
                let loss = 1.8172 + 482.01 / params.powf(0.3478) + 2085.43 / tokens.powf(0.3658);
                format!("{params},{tokens},{}\n", loss * exp(0.003 * standard_normal(&mut generator)))
            })
            .collect();
        let runs = Runs::read(format!("params,tokens,loss\n{rows}").as_bytes(), "t", TableFormat::Csv, false).unwrap();
        fit(&runs, &FitOptions::default()).unwrap()
    }

    #[test]
    fn isoflops_that_leave_the_coupling_open_say_so_and_the_run_they_name_helps() {
        let (params, tokens) = (Params::new(3e10).unwrap(), Tokens::new(6e11).unwrap());
        let narrow = isoflops(8.0, &[]);
        let warning = narrow.coupling_warning(params, tokens).unwrap();
        assert!(warning.message.contains("would narrow it to"), "{}", warning.message);

        let telling = narrow.most_telling_run(params, tokens, Flops::new(1e20).unwrap()).unwrap();
        assert!(telling.remaining < 0.97, "{telling:?}");
        let wider = isoflops(8.0, &[(telling.params.get(), telling.tokens.get())]);
        let spread = |fit: &Fit| Joint::of_draws(&[fit.ln_losses(params.get(), tokens.get())]).variance(0).sqrt();
        // What was promised, within what one draw of its loss can change.
        let ratio = spread(&wider) / spread(&narrow);
        assert!((ratio / telling.remaining - 1.0).abs() < 0.2, "{ratio} {telling:?}");
    }
}
