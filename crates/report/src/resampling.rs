//! What a bootstrap drew anew, and why, in words.

use isoflop::fit::{Resampled, Resampling};

use crate::numbers;

/// What each refit of a bootstrap was given, and why.
pub(crate) fn words(resampled: &Resampled) -> String {
    let runs = numbers::whole(resampled.runs);
    let mut text = match resampled.method {
        Resampling::Residuals => {
            "every run at its place with a residual of any run and a random sign (wild)".to_owned()
        }
        Resampling::Signs if resampled.shared > 0 => format!(
            "every run at its place with its own residual, and one random sign for each of {runs} trunks or runs by themselves (wild, by cluster)"
        ),
        Resampling::Signs => "every run at its place with its own residual and a random sign (wild)".to_owned(),
        Resampling::Strata if resampled.strata > 1 => {
            format!("the {runs} runs drawn with replacement within {} strata of compute", resampled.strata)
        }
        _ => format!("the {runs} runs drawn with replacement"),
    };
    if resampled.shared > 0 && resampled.method == Resampling::Residuals {
        text += ", as if branches of one trunk had nothing in common";
    } else if resampled.shared > 0 {
        text += "; branches of a trunk, and checkpoints of a run, go together";
    }
    if resampled.automatic && resampled.method == Resampling::Residuals {
        let few = Resampled::FEW;
        text += &format!(", because draws of {runs} runs, fewer than {few}, would often lack a whole size");
    }
    if resampled.widening > 1.005 {
        text += &format!("; widened {} times, as in regressions of so few", numbers::general(resampled.widening, 3));
    }
    text
}
