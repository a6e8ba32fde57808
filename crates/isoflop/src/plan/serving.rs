//! What a model costs after its training: reading prompts, bound by arithmetic, and writing answers, bound by memory.

use isoflop_numerics::quantile::central_interval;
use serde::{Deserialize, Serialize};

use super::asked::Asked;
use super::error::ProblemError;
use super::problem::{Answers, Demand, Problem};
use super::search::Optimum;
use super::world::World;
use crate::counting::SERVING_FLOPS_PER_PARAM_TOKEN;
use crate::hardware::{Cost, Precision, Rental, Site};

/// Serving over a model's life.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Serving {
    /// Tokens served.
    pub tokens: f64,
    /// Compute, 2NS.
    pub flops: f64,
    /// What it costs; `None` entries were not asked for.
    pub cost: Cost,
    /// Reading prompts, where answers are told apart from them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompts: Option<Phase>,
    /// Writing answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<Phase>,
    /// Training and serving together: dollars where devices are rented, else FLOP.
    pub total: f64,
    /// The ends of its interval over the draws of law and devices; `None` where nothing is drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_interval: Option<(f64, f64)>,
}

/// One of the two phases of serving.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// Tokens read, or written.
    pub tokens: f64,
    /// What they cost.
    pub cost: Cost,
    /// Seconds that one device takes for a token of one sequence; those of answers are what a reader waits for.
    pub seconds_per_token: f64,
}

impl Serving {
    pub(super) fn of(asked: &Asked, plan: &Optimum, worlds: &[World], level: f64) -> Option<Self> {
        let demand = asked.problem.demand.as_ref()?;
        let totals: Vec<f64> =
            worlds.iter().map(|world| world.best.map_or(f64::INFINITY, |best| world.problem.total(&best))).collect();
        let phases = demand.rental.as_ref().map(|rental| demand.phases(rental, plan.params));
        let cost = demand.rental.as_ref().zip(phases).map(|(rental, [prompts, answers])| {
            let hours = prompts.hours + answers.hours;
            rental.cost_of_hours(hours, &Site::default())
        });
        let [prompts, answers] = match (&demand.rental, phases, demand.answers) {
            (Some(rental), Some(phases), Some(_)) => phases.map(|phase| Some(phase.told(rental))),
            _ => [None, None],
        };
        Some(Self {
            tokens: demand.tokens.get(),
            flops: SERVING_FLOPS_PER_PARAM_TOKEN * plan.params * demand.tokens.get(),
            cost: cost.unwrap_or_default(),
            prompts,
            answers,
            total: asked.problem.total(plan),
            total_interval: (!totals.is_empty()).then(|| central_interval(totals, level)),
        })
    }
}

/// A phase in device-hours.
#[derive(Debug, Clone, Copy)]
struct Worked {
    tokens: f64,
    hours: f64,
    seconds_per_token: f64,
}

impl Worked {
    fn told(self, rental: &Rental) -> Phase {
        let Self { tokens, hours, seconds_per_token } = self;
        Phase { tokens, cost: rental.cost_of_hours(hours, &Site::default()), seconds_per_token }
    }
}

impl Problem {
    /// Serving one parameter, in FLOP of training.
    ///
    /// ```text
    /// s = 2 P p_prompt + O t_answer $/s / ($ of a FLOP of training)
    /// t_answer = max( 2 / peak, b / (bandwidth B) )
    /// ```
    /// P and O are tokens read and written, p_prompt the price of a FLOP of serving over that of training, t_answer a device's seconds
    /// for each written token and parameter, b bytes of a weight, B sequences at once. Where answers are not told apart, P is all tokens.
    ///
    /// # Source
    /// Sardana et al. 2024, arXiv:2401.00448, for pricing both phases apart.
    pub(super) fn serving_per_param(&self) -> f64 {
        let Some(demand) = &self.demand else { return 0.0 };
        match (&demand.rental, &self.rental) {
            (Some(serving), Some(training)) => {
                let hours: f64 = demand.phases(serving, 1.0).iter().map(|phase| phase.hours).sum();
                hours * serving.dollars_per_hour() / training.dollars_per_flop()
            }
            _ => SERVING_FLOPS_PER_PARAM_TOKEN * demand.tokens.get(),
        }
    }

    /// Training and serving together: dollars where both are rented, else FLOP.
    fn total(&self, run: &Optimum) -> f64 {
        run.cost * self.dollars_per_flop().unwrap_or(1.0)
    }

    /// The price of a FLOP of training, where training and serving are rented both.
    pub(super) fn dollars_per_flop(&self) -> Option<f64> {
        let is_served = self.demand.as_ref().is_some_and(|demand| demand.rental.is_some());
        self.rental.as_ref().filter(|_| is_served).map(Rental::dollars_per_flop)
    }
}

impl Demand {
    /// Refuses what makes no sense whatever the model.
    pub(super) fn check(&self) -> Result<(), ProblemError> {
        let Some(Answers { tokens, sequences }) = self.answers else { return Ok(()) };
        if self.rental.is_none() {
            return Err(ProblemError::NeedsDevices("telling answers from prompts"));
        }
        if !(sequences >= 1.0 && sequences.is_finite()) {
            return Err(ProblemError::NotPositive { quantity: "the number of sequences", value: sequences });
        }
        if tokens.get() > self.tokens.get() {
            return Err(ProblemError::MoreAnswersThanTokens { answers: tokens, all: self.tokens });
        }
        Ok(())
    }

    /// Reading and writing with a model of `params`; where they are not told apart, all of it is reading.
    fn phases(&self, rental: &Rental, params: f64) -> [Worked; 2] {
        let written = self.answers.map_or(0.0, |answers| answers.tokens.get());
        let read = self.tokens.get() - written;
        let flops = SERVING_FLOPS_PER_PARAM_TOKEN * params;
        let prompts = Worked {
            tokens: read,
            hours: rental.hours_of(flops * read),
            seconds_per_token: flops / rental.flops_per_second(),
        };
        let limit = self.answers.and_then(|answers| rental.decoding(params, answers.sequences));
        let (seconds_per_token, per_second) =
            limit.map_or((0.0, f64::INFINITY), |limit| (limit.seconds_per_token, limit.tokens_per_second));
        let answers = Worked { tokens: written, hours: written / per_second / 3600.0, seconds_per_token };
        [prompts, answers]
    }

    /// What it rests on, in words.
    pub(super) fn assumptions(&self) -> Vec<String> {
        let tokens = self.tokens;
        let Some(rental) = &self.rental else {
            return vec![format!("serving {tokens} tokens at 2 N FLOP each, a FLOP at the price of one in training")];
        };
        let mut assumptions = match self.answers {
            None => vec![format!("serving {tokens} tokens at 2 N FLOP each on {}", rental.assumption())],
            Some(answers) => vec![
                format!("prompts cost 2 N FLOP a token, bound by arithmetic, on {}", rental.assumption()),
                format!(
                    "answers are written {} sequences at once on a device, as fast as it can read the {} weights: real systems are \
                     slower, and keys and values come on top",
                    answers.sequences,
                    rental.precision()
                ),
            ],
        };
        if rental.precision() != Precision::Bf16 {
            assumptions
                .push(format!("rounding the trained weights to {} is taken to lose nothing", rental.precision()));
        }
        assumptions
    }
}
