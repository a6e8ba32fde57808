//! What compute costs: rented accelerators, and the way from dollars to FLOP and back.

use serde::{Deserialize, Serialize};

use super::{Accelerator, Site};
use crate::units::{Dollars, Flops, UnitError};

/// Why there is no price.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PriceError {
    /// A share is not above zero and at most one.
    #[error("{quantity} must be above 0 and at most 1, got {value}")]
    NotAShare {
        /// Which share.
        quantity: &'static str,
        /// The number given.
        value: f64,
    },
    /// A price or a number of devices is not positive.
    #[error(transparent)]
    Unit(#[from] UnitError),
}

/// Devices rented by the hour.
#[derive(Debug, Clone, PartialEq)]
pub struct Rental {
    accelerator: Accelerator,
    dollars_per_hour: Dollars,
    utilisation: f64,
    goodput: f64,
    devices: Option<u32>,
}

/// What a budget of compute comes to.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Cost {
    /// Dollars.
    pub usd: Option<f64>,
    /// Device-hours.
    pub gpu_hours: Option<f64>,
    /// Days of wall time, when the number of devices is known.
    pub days: Option<f64>,
    /// Energy, when the device's power is known.
    pub energy_kwh: Option<f64>,
    /// CO2 of the energy, kg.
    #[serde(default)]
    pub co2_kg: Option<f64>,
}

impl Rental {
    /// `accelerator` at `dollars_per_hour`, doing a share `utilisation` of its peak (MFU) in a share `goodput` of the time.
    ///
    /// # Errors
    /// [`PriceError`] when a share is not in (0, 1] or the price is not positive.
    pub fn new(
        accelerator: Accelerator,
        dollars_per_hour: f64,
        utilisation: f64,
        goodput: f64,
        devices: Option<u32>,
    ) -> Result<Self, PriceError> {
        for (quantity, value) in [("MFU", utilisation), ("goodput", goodput)] {
            if !(value > 0.0 && value <= 1.0) {
                return Err(PriceError::NotAShare { quantity, value });
            }
        }
        Ok(Self { accelerator, dollars_per_hour: Dollars::new(dollars_per_hour)?, utilisation, goodput, devices })
    }

    /// Compute that `budget` buys.
    ///
    /// ```text
    /// C = $ / (price per hour) · 3600 · peak · MFU · goodput
    /// ```
    ///
    /// # Errors
    /// [`UnitError::NotPositive`] when the product leaves the range of numbers.
    pub fn affordable(&self, budget: Dollars) -> Result<Flops, UnitError> {
        Flops::new(budget.get() / self.dollars_per_hour.get() * self.flops_per_hour())
    }

    /// What `flops` costs at a site of the usual kind.
    pub fn cost(&self, flops: Flops) -> Cost {
        self.cost_of(flops.get())
    }

    /// The same of a bare number of FLOP, which may be infinite.
    pub(crate) fn cost_of(&self, flops: f64) -> Cost {
        self.cost_at(flops, &Site::default())
    }

    /// What `flops` FLOP cost at `site`.
    pub(crate) fn cost_at(&self, flops: f64, site: &Site) -> Cost {
        let hours = flops / self.flops_per_hour();
        let energy_kwh = site.energy_kwh(&self.accelerator, hours);
        Cost {
            usd: Some(hours * self.dollars_per_hour.get()),
            gpu_hours: Some(hours),
            days: self.devices.map(|devices| hours / (24.0 * f64::from(devices.max(1)))),
            energy_kwh,
            co2_kg: energy_kwh.map(|energy| site.co2_kg(energy)),
        }
    }

    /// FLOP that one device does in `hours`.
    pub(crate) fn flops_in(&self, hours: f64) -> f64 {
        hours * self.flops_per_hour()
    }

    /// Dollars for each FLOP.
    pub(crate) fn dollars_per_flop(&self) -> f64 {
        self.dollars_per_hour.get() / self.flops_per_hour()
    }

    /// Device-hours that `energy_kwh` lasts at a site of the usual kind; `None` where the device's power is not published.
    pub(crate) fn hours_of_energy(&self, energy_kwh: f64) -> Option<f64> {
        Some(energy_kwh / Site::default().energy_kwh(&self.accelerator, 1.0)?)
    }

    /// The number of devices, where it is known.
    pub fn devices(&self) -> Option<u32> {
        self.devices
    }

    fn flops_per_hour(&self) -> f64 {
        3600.0 * 1e12 * self.accelerator.bf16_tflops * self.utilisation * self.goodput
    }

    /// The device.
    pub fn accelerator(&self) -> &Accelerator {
        &self.accelerator
    }

    /// What the price rests on, in words.
    pub(crate) fn assumption(&self) -> String {
        let Accelerator { title, bf16_tflops, .. } = &self.accelerator;
        format!(
            "{title}: {bf16_tflops} TFLOP/s dense BF16 peak, MFU {}, goodput {}, {} per device-hour",
            self.utilisation, self.goodput, self.dollars_per_hour
        )
    }

    /// The same, and what the energy rests on.
    pub(crate) fn assumptions(&self) -> Vec<String> {
        let energy = self.accelerator.watts.map(|watts| {
            let effectiveness = Site::default().power_usage_effectiveness;
            format!("energy at {watts} W per device, power usage effectiveness {effectiveness}")
        });
        std::iter::once(self.assumption()).chain(energy).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hardware::accelerator;

    #[test]
    fn shares_beyond_one_are_refused() {
        let h100 = || accelerator("h100").unwrap();
        for (mfu, goodput) in [(0.0, 1.0), (1.1, 1.0), (0.4, f64::NAN), (0.4, -1.0)] {
            assert!(matches!(Rental::new(h100(), 2.0, mfu, goodput, None), Err(PriceError::NotAShare { .. })));
        }
        assert!(matches!(Rental::new(h100(), 0.0, 0.4, 1.0, None), Err(PriceError::Unit(_))));
    }

    #[test]
    fn days_follow_from_the_number_of_devices() {
        let h100 = accelerator("h100").unwrap();
        let rental = Rental::new(h100, 2.0, 0.4, 1.0, Some(4096)).unwrap();
        let days = rental.cost(Flops::new(7.12368e24).unwrap()).days.unwrap();
        assert!((days - 50.8626).abs() < 1e-3, "{days}");
    }
}
