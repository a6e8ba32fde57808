//! Doubts about plans from runs that count a part of a model's parameters only.

use super::Plan;
use super::asked::Asked;
use super::problem::Problem;
use crate::counting::ParamCounting;
use crate::fit::Warning;

/// The code of these doubts.
const CODE: &str = "params_counted";

impl Asked<'_> {
    /// What the problem asks that takes more than the parameters which the fit counts; `None` where it counts all, or asks nothing such.
    pub(super) fn counting_doubt(&self) -> Option<Warning> {
        let counting = self.fit.conventions().params;
        let Problem { demand, limits, rental, .. } = self.problem;
        let answers = demand.as_ref().and_then(|demand| demand.answers);
        let reads_more = match counting {
            // The head is read for every token that is written, the embedding is not.
            ParamCounting::NonEmbedding => answers.is_some() || limits.speed.is_some(),
            // A sequence alone reads the experts of one token; several together read more.
            ParamCounting::Active => answers.is_some_and(|answers| answers.sequences > 1.0),
            ParamCounting::Total | ParamCounting::Matmul => false,
        };
        let computes_more = counting == ParamCounting::NonEmbedding && (rental.is_some() || demand.is_some());
        let takes_more = [
            (limits.memory.is_some(), "the memory of all weights is more than was compared with the limit"),
            (reads_more, "decoding reads more weights than these and is slower"),
            (computes_more, "the head computes too, so training and serving cost more than 6 N D and 2 N"),
        ];
        let takes_more: Vec<&str> =
            takes_more.into_iter().filter_map(|(asked, words)| asked.then_some(words)).collect();
        let is_doubtful = counting != ParamCounting::Total && !takes_more.is_empty();
        is_doubtful.then(|| Warning::new(CODE, format!("the fit counts {counting}: {}", takes_more.join("; "))))
    }
}

impl Plan {
    /// That a shape is of a dense model, where the planned one is a mixture of experts.
    pub(super) fn shape_doubt(&self) -> Option<Warning> {
        (self.param_counting == ParamCounting::Active).then(|| {
            let message = format!(
                "the fit counts {}: the shape is that of a dense model of so many, and a mixture of experts has more",
                self.param_counting
            );
            Warning::new(CODE, message)
        })
    }
}
