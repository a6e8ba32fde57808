//! One training run on one kind of device: money, hours, days, energy, CO2, and what must fit into memory.

use serde::Serialize;

use super::{Accelerator, Bound, Cost, Decode, Precision, Rental, Site, TrainingState, devices_needed};
use crate::counting::training_flops;
use crate::units::{Flops, Params, Tokens, UnitError};

/// What is to be trained.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Job {
    /// So much compute.
    Compute(Flops),
    /// A model on so many tokens, C = 6 N D with the parameters that a token passes through.
    Model {
        /// Parameters stored.
        params: Params,
        /// Parameters a token passes through; fewer in a mixture of experts.
        active_params: Params,
        /// Training tokens.
        tokens: Tokens,
    },
}

/// What a job comes to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JobCost {
    /// Training compute.
    pub flops: Flops,
    /// Dollars, device-hours, days, energy, CO2.
    pub cost: Cost,
    /// Memory; `None` where only the compute is known.
    pub fitting: Option<Fitting>,
    /// What the numbers rest on.
    pub assumptions: Vec<String>,
}

/// What must fit into memory, and how fast the model can then answer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Fitting {
    /// Weights, gradients and optimizer of mixed-precision Adam, bytes; activations come on top.
    pub training_bytes: f64,
    /// The fewest devices that hold them.
    pub training_devices: f64,
    /// Weights in BF16, bytes; keys and values come on top.
    pub serving_bytes: f64,
    /// The fewest devices that hold them.
    pub serving_devices: f64,
    /// Tokens a second that these devices can decode at most, one sequence at a time.
    pub decode_tokens_per_second: Option<f64>,
    /// What that is bound by.
    pub decode_bound: Option<Bound>,
}

/// Tokens per parameter outside which numbers are taken for a slip: the models of `data/models.csv` have 0.51 to 4,800.
const TOKENS_PER_PARAM: std::ops::Range<f64> = 0.1..1e6;

/// A model and tokens that do not belong together.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error(
    "{params} parameters on {tokens} tokens are {ratio:.2e} tokens per parameter, and the public models we list have 0.5 to 4,800: check the units, and whether params and tokens are swapped"
)]
pub struct Implausible {
    /// The size.
    pub params: Params,
    /// The tokens.
    pub tokens: Tokens,
    /// Tokens per parameter.
    pub ratio: f64,
}

impl Job {
    /// A model of `params` parameters, of which a token passes through `active_params`, on `tokens` tokens.
    ///
    /// # Errors
    /// [`Implausible`] when tokens per parameter are far from any model's, as after a slip of units.
    ///
    /// # Example
    /// ```
    /// use isoflop::hardware::Job;
    /// let swapped = Job::model("1.4T".parse()?, "1.4T".parse()?, "70B".parse()?).unwrap_err();
    /// assert!(swapped.to_string().contains("swapped"));
    /// # Ok::<(), isoflop::UnitError>(())
    /// ```
    pub fn model(params: Params, active_params: Params, tokens: Tokens) -> Result<Self, Implausible> {
        let ratio = tokens.get() / active_params.get();
        if TOKENS_PER_PARAM.contains(&ratio) {
            Ok(Self::Model { params, active_params, tokens })
        } else {
            Err(Implausible { params, tokens, ratio })
        }
    }

    /// Training compute.
    ///
    /// # Errors
    /// [`UnitError::NotPositive`] when the product leaves the range of numbers.
    pub fn flops(&self) -> Result<Flops, UnitError> {
        match *self {
            Self::Compute(flops) => Ok(flops),
            Self::Model { active_params, tokens, .. } => training_flops(active_params, tokens),
        }
    }

    /// What it comes to on rented devices at a site.
    ///
    /// # Errors
    /// [`UnitError::NotPositive`] when the compute leaves the range of numbers.
    ///
    /// # Example
    /// ```
    /// use isoflop::hardware::{Job, Site, accelerator};
    /// use isoflop::hardware::Rental;
    /// let rental = Rental::new(accelerator("h100")?, 2.0, 0.4, 1.0, Some(4096))?;
    /// let job = Job::Compute("7.12368e24".parse()?);
    /// let cost = job.cost(&rental, &Site::default())?;
    /// assert!((cost.cost.usd.unwrap() / 1e7 - 1.0).abs() < 1e-5);
    /// assert!((cost.cost.days.unwrap() - 50.8626).abs() < 1e-3);
    /// assert!((cost.cost.co2_kg.unwrap() / 1.8312e6 - 1.0).abs() < 1e-5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cost(&self, rental: &Rental, site: &Site) -> Result<JobCost, UnitError> {
        let flops = self.flops()?;
        let accelerator = rental.accelerator();
        let cost = rental.cost_at(flops.get(), site);
        let mut assumptions = vec![rental.assumption()];
        if let Some(watts) = accelerator.watts {
            let Site { load, host_watts, power_usage_effectiveness, kg_co2_per_kwh } = site;
            assumptions.push(format!(
                "energy at {load} x {watts} W per device and {host_watts} W of its host, power usage effectiveness \
                 {power_usage_effectiveness}, {kg_co2_per_kwh} kg CO2 per kWh"
            ));
        }
        let fitting = match *self {
            Self::Compute(_) => None,
            Self::Model { params, active_params, .. } => {
                assumptions.push("training compute C = 6 N D, N the parameters a token passes through".to_owned());
                let state = TrainingState::MIXED_ADAM;
                assumptions.push(format!(
                    "{} bytes per parameter in training (mixed-precision Adam), {} in serving; activations, keys and values come \
                     on top",
                    state.bytes_per_param(),
                    Precision::Bf16.bytes()
                ));
                Some(Fitting::new(params.get(), active_params.get(), &state, accelerator))
            }
        };
        Ok(JobCost { flops, cost, fitting, assumptions })
    }
}

impl Fitting {
    fn new(params: f64, active_params: f64, state: &TrainingState, accelerator: &Accelerator) -> Self {
        let training_bytes = state.bytes(params);
        let serving_bytes = params * Precision::Bf16.bytes();
        let serving_devices = devices_needed(serving_bytes, accelerator);
        let decode = Decode {
            active_params,
            bytes_per_weight: Precision::Bf16.bytes(),
            precision: Precision::Bf16,
            key_value_bytes: 0.0,
            sequences: 1.0,
            devices: serving_devices,
        };
        let limit = decode.limit(accelerator);
        Self {
            training_bytes,
            training_devices: devices_needed(training_bytes, accelerator),
            serving_bytes,
            serving_devices,
            decode_tokens_per_second: limit.map(|limit| limit.tokens_per_second),
            decode_bound: limit.map(|limit| limit.bound),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hardware::accelerator;

    fn rental(name: &str) -> Rental {
        Rental::new(accelerator(name).unwrap(), 2.0, 0.4, 1.0, Some(1024)).unwrap()
    }

    /// Experts that rest take memory and no time.
    #[test]
    fn a_mixture_of_experts_is_stored_whole_and_computed_in_part() {
        let [params, active_params] = ["671B", "37B"].map(|text| text.parse::<Params>().unwrap());
        let job = Job::Model { params, active_params, tokens: "14.8T".parse().unwrap() };
        let cost = job.cost(&rental("h100"), &Site::default()).unwrap();
        assert!((cost.flops.get() / (6.0 * 37e9 * 14.8e12) - 1.0).abs() < 1e-12);
        let fitting = cost.fitting.unwrap();
        assert_eq!([fitting.training_devices, fitting.serving_devices], [135.0, 17.0]);
        let expected = 17.0 * 3.35e12 / (2.0 * 37e9);
        assert!((fitting.decode_tokens_per_second.unwrap() / expected - 1.0).abs() < 1e-12);
    }

    #[test]
    fn without_published_power_there_is_a_price_and_no_energy() {
        let cost = Job::Compute(Flops::new(1e24).unwrap()).cost(&rental("tpu-v6e"), &Site::default()).unwrap();
        assert!(cost.cost.usd.is_some() && cost.cost.energy_kwh.is_none() && cost.cost.co2_kg.is_none());
        assert!(cost.fitting.is_none());
    }
}
