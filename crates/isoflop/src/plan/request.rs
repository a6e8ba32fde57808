//! A question in the words of people: the same names, units and defaults at every door.

use std::fmt::Display;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::Plan;
use super::error::{PlanError, ProblemError};
use super::problem::{
    Answers, Baseline, Budget, Demand, Goal, Limits, Problem, Repetition, ServingMemory, ServingSpeed,
};
use crate::fit::Fit;
use crate::hardware::{HardwareError, Precision, PriceError, Rental, Uncertain, accelerator};
use crate::units::{Dollars, Flops, Nats, Params, Tokens, parse_bytes, parse_count, parse_share};

/// What is asked of a plan, under the names of `isoflop plan`'s options.
///
/// Read from JSON, quantities are numbers, or text as people write it (`"10M"`, `"5%"`, `"0.35..0.45"`, `"80GB"`); empty text is
/// nothing. At most one budget and one goal are given; everything has a default.
///
/// ```
/// use isoflop::{Fit, law::published, plan::Request};
///
/// let request: Request = serde_json::from_str(r#"{ "usd": "10M", "gpu": "h100", "max_params": "8B" }"#)?;
/// let plan = Fit::from_published(published("besiroglu2024").unwrap()).answer(&request, 0.9)?;
/// assert_eq!(plan.params.value, 8e9);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs, reason = "the names are the options', and `isoflop plan --help` says what each is")]
pub struct Request {
    #[serde(deserialize_with = "quantity")]
    pub flops: Option<Flops>,
    #[serde(deserialize_with = "quantity")]
    pub usd: Option<Dollars>,
    #[serde(deserialize_with = "count")]
    pub gpu_hours: Option<f64>,
    #[serde(deserialize_with = "count")]
    pub days: Option<f64>,
    #[serde(deserialize_with = "count")]
    pub kwh: Option<f64>,

    #[serde(deserialize_with = "quantity")]
    pub loss: Option<Nats>,
    #[serde(deserialize_with = "share")]
    pub better: Option<f64>,
    #[serde(deserialize_with = "quantity")]
    pub than_params: Option<Params>,
    #[serde(deserialize_with = "quantity")]
    pub than_tokens: Option<Tokens>,
    #[serde(deserialize_with = "quantity")]
    pub than_flops: Option<Flops>,

    pub gpu: Option<String>,
    pub gpus: Option<u32>,
    #[serde(deserialize_with = "quantity")]
    pub price: Option<Uncertain>,
    #[serde(deserialize_with = "quantity")]
    pub mfu: Option<Uncertain>,
    #[serde(deserialize_with = "quantity")]
    pub goodput: Option<Uncertain>,
    pub seed: u64,

    #[serde(deserialize_with = "quantity")]
    pub max_params: Option<Params>,
    #[serde(deserialize_with = "bytes")]
    pub memory: Option<f64>,
    #[serde(deserialize_with = "count")]
    pub min_tokens_per_second: Option<f64>,
    #[serde(deserialize_with = "quantity")]
    pub precision: Option<Precision>,
    #[serde(deserialize_with = "quantity")]
    pub unique_tokens: Option<Tokens>,
    pub repetition: Repetition,
    #[serde(deserialize_with = "count")]
    pub max_epochs: Option<f64>,
    #[serde(deserialize_with = "count")]
    pub max_days: Option<f64>,

    #[serde(deserialize_with = "quantity")]
    pub serve: Option<Tokens>,
    #[serde(deserialize_with = "quantity")]
    pub serve_output: Option<Tokens>,
    #[serde(deserialize_with = "count")]
    pub serve_sequences: Option<f64>,
    #[serde(deserialize_with = "quantity")]
    pub serve_mfu: Option<Uncertain>,
    #[serde(deserialize_with = "quantity")]
    pub serve_price: Option<Uncertain>,

    #[serde(deserialize_with = "quantity")]
    pub batch: Option<Tokens>,
    #[serde(deserialize_with = "share")]
    pub max_batch_waste: Option<f64>,
}

/// Why a request is no problem, or has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// Several budgets.
    #[error("one budget at a time: {}", .0.join(", "))]
    Budgets(Vec<&'static str>),
    /// Two goals.
    #[error("one goal at a time: a loss, or better than another run")]
    Goals,
    /// An accelerator that is not known.
    #[error(transparent)]
    Accelerator(#[from] HardwareError),
    /// A price or a share of it that makes no sense.
    #[error(transparent)]
    Price(#[from] PriceError),
    /// What makes no sense together.
    #[error(transparent)]
    Problem(#[from] ProblemError),
    /// There is no plan for it.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

/// Share of the peak that serving reaches where prompts and answers are one: much less than in training, for answers wait for memory.
const MIXED_UTILISATION: f64 = 0.1;

impl Request {
    /// Dollars per accelerator-hour, where nothing else is said.
    pub const PRICE: f64 = 2.0;
    /// Share of the peak that training reaches, where nothing else is said.
    pub const MFU: f64 = 0.4;
    /// Share of the time that is not lost to failures and restarts, where nothing else is said.
    pub const GOODPUT: f64 = 0.9;
    /// Sequences that one accelerator decodes at once, where nothing else is said.
    pub const SEQUENCES: f64 = 16.0;

    /// The problem that is meant.
    ///
    /// # Errors
    /// [`RequestError`] where two things are asked at once, or what rents devices makes no sense.
    pub fn problem(&self) -> Result<Problem, RequestError> {
        Ok(Problem {
            goal: self.goal()?,
            budget: self.budget()?,
            limits: Limits {
                params: self.max_params,
                memory: self.memory.map(|bytes| ServingMemory { bytes, precision: self.serving_precision() }),
                speed: self.min_tokens_per_second.map(|speed| self.speed(speed)).transpose()?,
                unique_tokens: self.unique_tokens,
                repetition: self.repetition,
                epochs: self.max_epochs,
                days: self.max_days,
                waste: self.max_batch_waste,
            },
            demand: self.serve.map(|tokens| self.demand(tokens)).transpose()?,
            rental: self.gpu.as_deref().map(|name| self.rental(name)).transpose()?,
            batch: self.batch,
            seed: self.seed,
        })
    }

    fn budget(&self) -> Result<Option<Budget>, RequestError> {
        let budgets = [
            ("flops", self.flops.map(Budget::Flops)),
            ("usd", self.usd.map(Budget::Dollars)),
            ("gpu_hours", self.gpu_hours.map(Budget::DeviceHours)),
            ("days", self.days.map(Budget::Days)),
            ("kwh", self.kwh.map(Budget::Energy)),
        ];
        let given: Vec<_> = budgets.into_iter().filter_map(|(name, budget)| Some((name, budget?))).collect();
        match given.as_slice() {
            [] => Ok(None),
            [(_, budget)] => Ok(Some(*budget)),
            several => Err(RequestError::Budgets(several.iter().map(|(name, _)| *name).collect())),
        }
    }

    fn goal(&self) -> Result<Goal, RequestError> {
        let than = match (self.than_params, self.than_tokens, self.than_flops) {
            (Some(params), Some(tokens), _) => Baseline::Run { params, tokens },
            (_, _, Some(flops)) => Baseline::Best(flops),
            _ => Baseline::LargestFitted,
        };
        match (self.loss, self.better) {
            (Some(_), Some(_)) => Err(RequestError::Goals),
            (Some(loss), None) => Ok(Goal::Loss(loss)),
            (None, Some(share)) => Ok(Goal::Better { share, than }),
            (None, None) => Ok(Goal::LowestLoss),
        }
    }

    fn serving_precision(&self) -> Precision {
        self.precision.unwrap_or_default()
    }

    fn training_price(&self) -> Uncertain {
        self.price.unwrap_or(Self::PRICE.into())
    }

    fn training_utilisation(&self) -> Uncertain {
        self.mfu.unwrap_or(Self::MFU.into())
    }

    fn rental(&self, name: &str) -> Result<Rental, RequestError> {
        let goodput = self.goodput.unwrap_or(Self::GOODPUT.into());
        Ok(Rental::new(accelerator(name)?, self.training_price(), self.training_utilisation(), goodput, self.gpus)?)
    }

    fn speed(&self, tokens_per_second: f64) -> Result<ServingSpeed, RequestError> {
        let Some(name) = &self.gpu else { return Err(ProblemError::NeedsDevices("a speed of serving").into()) };
        let (accelerator, precision) = (accelerator(name)?, self.serving_precision());
        ServingSpeed::new(tokens_per_second, &accelerator, precision)
            .ok_or_else(|| PriceError::NoSuchFormat { accelerator: accelerator.name, precision }.into())
    }

    fn demand(&self, tokens: Tokens) -> Result<Demand, RequestError> {
        let sequences = self.serve_sequences.unwrap_or(Self::SEQUENCES);
        let answers = self.serve_output.map(|tokens| Answers { tokens, sequences });
        let rental = self.gpu.as_deref().map(|name| self.serving_rental(name)).transpose()?;
        Ok(Demand { tokens, answers, rental })
    }

    /// Serving is not a job that fails and starts again: it loses no time.
    fn serving_rental(&self, name: &str) -> Result<Rental, RequestError> {
        let price = self.serve_price.unwrap_or(self.training_price());
        let alike = self.serve_output.is_none();
        let usual = if alike { MIXED_UTILISATION.into() } else { self.training_utilisation() };
        let rental = Rental::new(accelerator(name)?, price, self.serve_mfu.unwrap_or(usual), 1.0, None)?;
        Ok(rental.computing_in(self.serving_precision())?)
    }
}

impl Fit {
    /// The plan that a request asks for, with intervals at `level`.
    ///
    /// # Errors
    /// [`RequestError`] where the request makes no sense, or has no answer.
    pub fn answer(&self, request: &Request, level: f64) -> Result<Plan, RequestError> {
        Ok(self.solve(&request.problem()?, level)?)
    }
}

/// What a field may hold.
#[derive(Deserialize)]
#[serde(untagged)]
enum Said {
    Number(f64),
    Text(String),
    Nothing,
}

/// What a field says, read as people write it; `None` where it says nothing.
fn read<'de, D: Deserializer<'de>, T, E: Display>(
    deserializer: D,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Option<T>, D::Error> {
    let text = match Said::deserialize(deserializer)? {
        Said::Number(number) => number.to_string(),
        Said::Text(text) if !text.trim().is_empty() => text,
        Said::Text(_) | Said::Nothing => return Ok(None),
    };
    parse(&text).map(Some).map_err(D::Error::custom)
}

fn quantity<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(deserializer: D) -> Result<Option<T>, D::Error> {
    read(deserializer, str::parse)
}

fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    read(deserializer, |text| {
        parse_count(text).ok_or_else(|| format!("`{text}` is not a number such as 30, 1.5 or 5M"))
    })
}

fn share<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    read(deserializer, |text| parse_share(text).ok_or_else(|| format!("`{text}` is not a share, such as 5% or 0.05")))
}

fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    read(deserializer, |text| {
        parse_bytes(text).ok_or_else(|| format!("`{text}` is not a number of bytes, such as 80GB"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(json: &str) -> Result<Request, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn quantities_are_read_as_people_write_them() {
        let request = request(
            r#"{ "usd": "$10M", "gpu": "h100", "mfu": "0.35..0.45", "memory": "80GB", "max_batch_waste": "20 %", "batch": 4e6,
                "loss": "", "precision": "fp8" }"#,
        )
        .unwrap();
        assert_eq!(request.usd, Some(Dollars::new(1e7).unwrap()));
        assert_eq!(request.mfu, Some(Uncertain::between(0.35, 0.45).unwrap()));
        assert_eq!((request.memory, request.max_batch_waste, request.loss), (Some(8e10), Some(0.2), None));
        assert_eq!(request.batch, Some(Tokens::new(4e6).unwrap()));
        let problem = request.problem().unwrap();
        assert!(matches!(problem.budget, Some(Budget::Dollars(_))));
        assert_eq!(problem.limits.memory.unwrap().precision, Precision::Fp8);
    }

    #[test]
    fn a_request_reads_back_as_it_was_written() {
        let request = request(
            r#"{ "usd": "$10M", "gpu": "h100", "mfu": "0.35..0.45", "price": 2, "memory": "80GB", "max_batch_waste": "20%",
                "batch": 4e6, "repetition": "published", "precision": "fp8", "seed": 7 }"#,
        )
        .unwrap();
        let written = serde_json::to_string(&request).unwrap();
        assert_eq!(serde_json::from_str::<Request>(&written).unwrap(), request, "{written}");
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_reason() {
        for (json, reason) in [
            (r#"{ "flops": "7b tokens" }"#, "`7b tokens` is not a number of FLOP"),
            (r#"{ "flops": -1 }"#, "must be positive"),
            (r#"{ "dollars": 5 }"#, "unknown field `dollars`"),
            (r#"{ "memory": "lots" }"#, "is not a number of bytes"),
            (r#"{ "flops": true }"#, "did not match"),
        ] {
            let error = request(json).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        for (json, reason) in [
            (r#"{ "flops": 1e21, "usd": 5, "gpu": "h100" }"#, "one budget at a time: flops, usd"),
            (r#"{ "loss": 2, "better": "5%" }"#, "one goal"),
            (r#"{ "usd": 5, "gpu": "h1000" }"#, "did you mean h100"),
            (r#"{ "flops": 1e21, "min_tokens_per_second": 5 }"#, "needs to know the devices"),
        ] {
            let error = request(json).unwrap().problem().unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
