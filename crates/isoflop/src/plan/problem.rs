//! What is asked of a plan: a goal, a budget, limits, and what the model is to serve.

use serde::{Deserialize, Serialize};

use super::error::{GUESSING, PlanError, ProblemError};
use super::limit::Limit;
use crate::hardware::{Accelerator, Decode, Precision, PriceError, Rental};
use crate::units::{Dollars, Flops, Nats, Params, Tokens};

/// A question to the planner. The default asks for nothing: give a budget, a goal, or both.
#[derive(Debug, Clone, Default)]
pub struct Problem {
    /// What the run is for.
    pub goal: Goal,
    /// What training, and serving where there is a demand, may cost together.
    pub budget: Option<Budget>,
    /// What else limits the run.
    pub limits: Limits,
    /// What the model is to serve.
    pub demand: Option<Demand>,
    /// Tokens a step, where what a large batch wastes is to be counted.
    pub batch: Option<Tokens>,
    /// The devices it is trained on; needed for money, hours, days and energy.
    pub rental: Option<Rental>,
    /// Seed of the draws of price, MFU and goodput, where these are ranges.
    pub seed: u64,
}

/// What a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Goal {
    /// The lowest loss that the budget buys.
    #[default]
    LowestLoss,
    /// This loss, as cheaply as can be.
    Loss(Nats),
    /// A loss lower by a share than that of another run, as cheaply as can be.
    Better {
        /// The share, between 0 and 1.
        share: f64,
        /// The other run.
        than: Baseline,
    },
}

/// The run that another is to be better than.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Baseline {
    /// A model of this size on so many tokens.
    Run {
        /// Its size.
        params: Params,
        /// Its tokens.
        tokens: Tokens,
    },
    /// The best model of so much compute.
    Best(Flops),
    /// The best model of the compute of the largest fitted run.
    LargestFitted,
}

/// What may be spent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Budget {
    /// Compute; of training and serving together where there is a demand.
    Flops(Flops),
    /// Money; of training and serving together where there is a demand.
    Dollars(Dollars),
    /// Hours of one device, in training.
    DeviceHours(f64),
    /// Days of all rented devices, in training.
    Days(f64),
    /// Kilowatt-hours, in training.
    Energy(f64),
}

/// What limits a run besides its budget.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Limits {
    /// The largest model.
    pub params: Option<Params>,
    /// What a device that serves the model may use for its weights.
    pub memory: Option<ServingMemory>,
    /// How fast one sequence is to be decoded.
    pub speed: Option<ServingSpeed>,
    /// Distinct tokens there are; what a run needs beyond them it repeats.
    pub unique_tokens: Option<Tokens>,
    /// What is known of repeated text.
    pub repetition: Repetition,
    /// Most passes over the distinct tokens.
    pub epochs: Option<f64>,
    /// Most days of training on the rented devices.
    pub days: Option<f64>,
    /// Largest share of the tokens that the batch may waste.
    pub waste: Option<f64>,
}

/// Memory for the weights of a model that serves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ServingMemory {
    /// Bytes; keys and values come on top.
    pub bytes: f64,
    /// The format of the weights.
    pub precision: Precision,
}

/// How fast a device is to decode one sequence, at the bound that no system exceeds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ServingSpeed {
    /// Tokens a second: no fewer.
    pub tokens_per_second: f64,
    /// Parameters that the device reads and multiplies a second.
    pub params_per_second: f64,
}

impl ServingSpeed {
    /// For weights in a format on one device; `None` where the device does not compute in it.
    ///
    /// Keys and values, and the layers' waiting for each other, come on top: a real system is slower.
    pub fn new(tokens_per_second: f64, accelerator: &Accelerator, precision: Precision) -> Option<Self> {
        let one_parameter = Decode {
            active_params: 1.0,
            bytes_per_weight: precision.bytes(),
            precision,
            key_value_bytes: 0.0,
            sequences: 1.0,
            devices: 1.0,
        };
        let params_per_second = one_parameter.limit(accelerator)?.tokens_per_second;
        Some(Self { tokens_per_second, params_per_second })
    }
}

/// Whose word on repeated text counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repetition {
    /// The fit's own law's.
    #[default]
    Fitted,
    /// That of Muennighoff et al. 2023, for a fit whose law knows single passes only.
    Published,
}

/// Tokens that the model will read and write once it is trained.
#[derive(Debug, Clone, PartialEq)]
pub struct Demand {
    /// All of them, over the model's life; each costs 2 N FLOP.
    pub tokens: Tokens,
    /// Those of them that it writes, where they are told apart from those that it reads.
    pub answers: Option<Answers>,
    /// The devices it serves on; a FLOP of serving costs what a FLOP of training does where neither has a price.
    pub rental: Option<Rental>,
}

/// Tokens that a model writes, one of each sequence at a time, waiting for its weights to be read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answers {
    /// All of them, over the model's life.
    pub tokens: Tokens,
    /// Sequences that one device decodes at once: all of them share one reading of the weights.
    pub sequences: f64,
}

/// Ten years of the world's product (1.1e14 dollars a year in 2024, World Bank): a budget beyond it is a slip of units.
const MOST_DOLLARS: f64 = 1.1e15;

/// A year of the world's energy (6.2e20 J in 2023, Energy Institute 2024) over what erasing one bit takes at 300 K (2.9e-21 J, Landauer
/// 1961, doi:10.1147/rd.53.0183): no computer does more FLOP with it.
const MOST_FLOPS: f64 = 2e41;

/// Tokens a step; runs of a few 1e13 tokens are the largest there are.
const MOST_BATCH: f64 = 1e12;

/// A million tokens a second for eight thousand million people over ten years.
const MOST_SERVED: f64 = 2.5e24;

impl Problem {
    /// The lowest loss that `budget` buys.
    pub fn of_budget(budget: Budget, rental: Option<Rental>) -> Self {
        Self { budget: Some(budget), rental, ..Self::default() }
    }

    /// The cheapest run that reaches `loss`.
    pub fn of_goal(loss: Nats, rental: Option<Rental>) -> Self {
        Self { goal: Goal::Loss(loss), rental, ..Self::default() }
    }

    /// Refuses what makes no sense whatever the law.
    pub(super) fn check(&self) -> Result<(), ProblemError> {
        if self.budget.is_none() && self.goal == Goal::LowestLoss {
            return Err(ProblemError::NothingAsked);
        }
        if let Goal::Better { share, .. } = self.goal
            && !(share > 0.0 && share < 1.0)
        {
            return Err(ProblemError::NotAShare(share));
        }
        if let Goal::Loss(loss) = self.goal
            && loss.get() > GUESSING
        {
            return Err(ProblemError::Guessing(loss));
        }
        match (self.batch, self.demand.as_ref().map(|demand| demand.tokens), self.budget) {
            (Some(batch), ..) if batch.get() > MOST_BATCH => return Err(ProblemError::HugeBatch(batch)),
            (_, Some(served), _) if served.get() > MOST_SERVED => return Err(ProblemError::HugeDemand(served)),
            (.., Some(Budget::Flops(flops))) if flops.get() > MOST_FLOPS => {
                return Err(ProblemError::BeyondPhysics(flops));
            }
            _ => {}
        }
        let Limits { memory, speed, unique_tokens, epochs, days, waste, .. } = self.limits;
        match (waste, self.batch) {
            (Some(waste), _) if !(waste > 0.0 && waste < 1.0) => return Err(ProblemError::NotAShareOfTokens(waste)),
            (Some(_), None) => return Err(ProblemError::WasteOfWhat),
            _ => {}
        }
        let (mut hours, mut energy) = (None, None);
        match self.budget {
            Some(Budget::Dollars(dollars)) if dollars.get() > MOST_DOLLARS => {
                return Err(ProblemError::MoreThanTheWorld(dollars));
            }
            Some(Budget::DeviceHours(given) | Budget::Days(given)) => hours = Some(given),
            Some(Budget::Energy(given)) => energy = Some(given),
            _ => {}
        }
        for (quantity, value) in [
            ("the time, in device-hours or days,", hours),
            ("the energy, in kilowatt-hours,", energy),
            ("the memory, in bytes,", memory.map(|memory| memory.bytes)),
            ("the speed, in tokens a second,", speed.map(|speed| speed.tokens_per_second)),
            ("the number of days", days),
            ("the number of epochs", epochs),
        ] {
            match value {
                Some(value) if !(value > 0.0 && value.is_finite()) => {
                    return Err(ProblemError::NotPositive { quantity, value });
                }
                _ => {}
            }
        }
        match (epochs, unique_tokens) {
            (Some(_), None) => Err(ProblemError::EpochsOfWhat),
            (Some(epochs), _) if epochs < 1.0 => Err(ProblemError::LessThanOnePass(epochs)),
            _ => Ok(()),
        }?;
        self.demand.as_ref().map_or(Ok(()), Demand::check)
    }

    /// The budget in FLOP of training.
    pub(super) fn budget_flops(&self) -> Result<Option<f64>, PlanError> {
        let Some(budget) = self.budget else { return Ok(None) };
        if self.demand.is_some() {
            let expected = if self.rental.is_some() { "dollars" } else { "FLOP" };
            match (budget, &self.rental) {
                (Budget::Dollars(_), _) | (Budget::Flops(_), None) => {}
                _ => return Err(ProblemError::BudgetOfOneSide(expected).into()),
            }
        }
        let rental = |what| self.rental.as_ref().ok_or(ProblemError::NeedsDevices(what));
        Ok(Some(match budget {
            Budget::Flops(flops) => flops.get(),
            Budget::Dollars(dollars) => {
                rental("a budget in dollars")?.affordable(dollars).map_err(PriceError::from)?.get()
            }
            Budget::DeviceHours(hours) => rental("a budget in device-hours")?.flops_in(hours),
            Budget::Days(days) => flops_of_days(rental("a budget in days")?, days)?,
            Budget::Energy(energy) => {
                let rental = rental("a budget of energy")?;
                let hours = rental.hours_of_energy(energy);
                rental.flops_in(hours.ok_or_else(|| ProblemError::NoPower(rental.accelerator().title.clone()))?)
            }
        }))
    }

    /// Compute of training that the days allow.
    pub(super) fn days_flops(&self) -> Result<Option<f64>, ProblemError> {
        let Some(days) = self.limits.days else { return Ok(None) };
        let rental = self.rental.as_ref().ok_or(ProblemError::NeedsDevices("a limit in days"))?;
        flops_of_days(rental, days).map(Some)
    }

    /// Most parameters, and which limit says so.
    pub(super) fn most_params(&self) -> Option<(f64, Limit)> {
        let size = self.limits.params.map(|params| (params.get(), Limit::Params));
        let memory = self.limits.memory.map(|memory| (memory.bytes / memory.precision.bytes(), Limit::Memory));
        let speed = self.limits.speed.map(|speed| (speed.params_per_second / speed.tokens_per_second, Limit::Speed));
        [size, memory, speed].into_iter().flatten().min_by(|one, other| one.0.total_cmp(&other.0))
    }
}

/// Compute of so many days on all devices.
fn flops_of_days(rental: &Rental, days: f64) -> Result<f64, ProblemError> {
    let devices = rental.devices().ok_or(ProblemError::NeedsNumberOfDevices)?;
    Ok(rental.flops_in(24.0 * days * f64::from(devices)))
}
