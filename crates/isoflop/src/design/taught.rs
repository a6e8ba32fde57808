//! What a whole set of runs, already chosen, would teach about another run.

use isoflop_numerics::convergence::normal_quantile;
use serde::{Deserialize, Serialize};

use super::conditioning::Joint;
use super::next::Change;
use crate::fit::Fit;
use crate::units::{Params, Tokens};

/// The doubt about one run's loss before and after others.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Taught {
    /// Standard deviation of the expected ln loss: doubt about the law's parameters, its form taken as right.
    pub loss_sd: Change,
    /// Standard deviation of one run's ln loss around the law.
    pub run_sd: f64,
}

impl Taught {
    /// Half the width of the central `level` interval of the run's ln loss, scatter included, before and after.
    pub fn half_width(&self, level: f64) -> Change {
        let deviates = normal_quantile(0.5 + 0.5 * level);
        let half = |sd: f64| deviates * (sd * sd + self.run_sd * self.run_sd).sqrt();
        Change { before: half(self.loss_sd.before), after: half(self.loss_sd.after) }
    }
}

impl Fit {
    /// What `runs`, each trained once (a setting as often as it stands there), would teach about the loss of `params` on `tokens`; `None`
    /// without draws.
    ///
    /// # Source
    /// Conditioning of a joint normal over the draws, as in [`Fit::next_runs`].
    ///
    /// # Trust
    /// As there: the law's form is taken as right, so that a forecast's interval will be wider than this.
    ///
    /// # Example
    /// ```
    /// use isoflop::{Fit, Flops, Params, Tokens, law::published};
    /// let belief = Fit::published_in_doubt(published("besiroglu2024").unwrap(), Flops::new(1e19)?)?;
    /// let run = |params, tokens| Ok::<_, isoflop::UnitError>((Params::new(params)?, Tokens::new(tokens)?));
    /// let (params, tokens) = run(2e8, 8e9)?;
    /// let taught = belief.taught_by(&[run(1e7, 1e9)?, run(5e7, 1e9)?, run(1e7, 5e9)?], params, tokens).unwrap();
    /// assert!(taught.loss_sd.after < 0.5 * taught.loss_sd.before);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn taught_by(&self, runs: &[(Params, Tokens)], params: Params, tokens: Tokens) -> Option<Taught> {
        if self.draws().is_empty() {
            return None;
        }
        let settings = || runs.iter().map(|(params, tokens)| (params.get(), tokens.get()));
        let quantities: Vec<Vec<f64>> = settings()
            .chain([(params.get(), tokens.get())])
            .map(|(params, tokens)| self.ln_losses(params, tokens))
            .collect();
        let mut joint = Joint::of_draws(&quantities);
        let asked = runs.len();
        let before = joint.variance(asked);
        for (seen, (params, tokens)) in settings().enumerate() {
            joint.observe(seen, self.run_variance(params, tokens));
        }
        Some(Taught {
            loss_sd: Change { before: before.sqrt(), after: joint.variance(asked).max(0.0).sqrt() },
            run_sd: self.run_variance(params.get(), tokens.get()).sqrt(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::published;
    use crate::units::Flops;

    fn belief() -> Fit {
        Fit::published_in_doubt(published("besiroglu2024").unwrap(), Flops::new(1e19).unwrap()).unwrap()
    }

    fn run(params: f64, tokens: f64) -> (Params, Tokens) {
        (Params::new(params).unwrap(), Tokens::new(tokens).unwrap())
    }

    #[test]
    fn nothing_is_learnt_from_no_runs_and_more_from_more() {
        let (params, tokens) = run(2e8, 8e9);
        let runs: Vec<_> = (0..12).map(|i| run(1e7 * 1.5f64.powi(i % 4), 5e8 * 2f64.powi(i / 4))).collect();
        let after = |count: usize| belief().taught_by(&runs[..count], params, tokens).unwrap().loss_sd;
        assert_eq!(after(0).before, after(0).after);
        assert!((1..=12).all(|count| after(count).after <= after(count - 1).after));
    }

    #[test]
    fn a_run_repeated_so_often_that_its_noise_is_gone_leaves_no_doubt_about_itself() {
        let (params, tokens) = run(1e8, 2e9);
        let taught = belief().taught_by(&[(params, tokens); 64], params, tokens).unwrap();
        // The mean of n runs has a standard error of s / root n, and the belief before was far wider.
        assert!((taught.loss_sd.after / (taught.run_sd / 8.0) - 1.0).abs() < 0.01, "{taught:?}");
        let half = taught.half_width(0.9);
        assert!((half.after / (1.644_854 * taught.run_sd) - 1.0).abs() < 0.02 && half.after < half.before);
    }

    #[test]
    fn a_law_without_draws_cannot_say() {
        let (params, tokens) = run(1e8, 2e9);
        let bare = Fit::from_published(published("besiroglu2024").unwrap());
        assert!(bare.taught_by(&[(params, tokens)], params, tokens).is_none());
    }
}
