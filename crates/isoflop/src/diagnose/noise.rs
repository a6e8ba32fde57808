//! What scatter around a law is made of, where settings were trained more than once: seeds, evaluation, and misfit.

use super::finding::Finding;
use crate::runs::Run;
use crate::runs::replicates::seed_variance;

/// Standard deviations in ln loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shares {
    /// Of runs of one setting around their mean: what another seed changes, evaluation included.
    pub(super) seeds: f64,
    /// Of the evaluation alone, from the standard errors of the losses; `None` where a run has none.
    pub(super) evaluation: Option<f64>,
    /// Of settings around the law beyond what seeds make: what the law gets wrong; `None` without a law to judge by.
    pub(super) misfit: Option<f64>,
    /// Differences between runs of one setting that this rests on.
    pub(super) degrees: usize,
}

impl Shares {
    /// From `settings`, the positions of runs of one setting each, and the `scatter` of all runs around the law, where one was fitted.
    ///
    /// misfit² = scatter² - seeds², with the pooled variance of [`seed_variance`].
    pub(super) fn of(runs: &[Run], settings: &[Vec<usize>], scatter: Option<f64>) -> Option<Self> {
        let (variance, degrees) = seed_variance(runs, settings)?;
        let repeated: Vec<&Run> = settings.iter().flatten().map(|i| &runs[*i]).collect();
        let squares: Option<Vec<f64>> =
            repeated.iter().map(|run| run.loss_se.map(|se| (se / run.loss.get()) * (se / run.loss.get()))).collect();
        let evaluation = squares.map(|squares| (squares.iter().sum::<f64>() / squares.len() as f64).sqrt());
        let misfit = scatter.map(|scatter| (scatter * scatter - variance).max(0.0).sqrt());
        Some(Self { seeds: variance.sqrt(), evaluation, misfit, degrees })
    }

    /// In words.
    pub(super) fn sentence(&self) -> String {
        let evaluation = self.evaluation.map_or(String::new(), |evaluation| {
            // Runs judged on the same text share most of their evaluation's error, which then is no part of their differences.
            format!(" (standard error of the evaluation {:.2} %)", 100.0 * evaluation)
        });
        let misfit = match self.misfit {
            Some(misfit) if misfit > 0.0 => {
                format!("; what the law misses scatters by another {:.2} %", 100.0 * misfit)
            }
            Some(_) => "; that explains all scatter around the law".to_owned(),
            None => String::new(),
        };
        format!(
            "seeds scatter by {:.2} %{evaluation}, from {} difference{}{misfit}",
            100.0 * self.seeds,
            self.degrees,
            if self.degrees == 1 { "" } else { "s" },
        )
    }

    /// `finding` with these numbers.
    pub(super) fn add_to(&self, finding: Finding) -> Finding {
        [("misfit", self.misfit), ("evaluation_noise", self.evaluation)]
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .fold(finding.value("seed_noise", self.seeds), |finding, (name, value)| finding.value(name, value))
    }
}
