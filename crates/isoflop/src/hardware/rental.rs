//! What compute costs: rented accelerators, and the way from dollars to FLOP and back.

use serde::{Deserialize, Serialize};

use super::{Accelerator, Decode, DecodeLimit, Precision, Site, Uncertain};
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
    /// A range of a share that ends at one, where the bell of a share has no end.
    #[error("a range of the {quantity} must end below 1, such as 0.85..0.99")]
    EndsAtOne {
        /// Which share.
        quantity: &'static str,
    },
    /// A format that the device does not compute in.
    #[error("{accelerator} does not compute in {precision}: choose another --precision")]
    NoSuchFormat {
        /// The device.
        accelerator: String,
        /// The format.
        precision: Precision,
    },
    /// A price or a number of devices is not positive.
    #[error(transparent)]
    Unit(#[from] UnitError),
}

/// Devices rented by the hour. What is uncertain about them counts at its middle, until a draw says what it turned out to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Rental {
    accelerator: Accelerator,
    dollars_per_hour: Uncertain,
    utilisation: Uncertain,
    goodput: Uncertain,
    devices: Option<u32>,
    precision: Precision,
    /// Dense peak in it, FLOP/s.
    peak: f64,
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
    /// `accelerator` at `dollars_per_hour`, doing a share `utilisation` of its peak (MFU) in a share `goodput` of the time; each a number
    /// or a range.
    ///
    /// # Errors
    /// [`PriceError`] when a share is not in (0, 1], a range of one ends at 1, or the price is not positive.
    pub fn new(
        accelerator: Accelerator,
        dollars_per_hour: impl Into<Uncertain>,
        utilisation: impl Into<Uncertain>,
        goodput: impl Into<Uncertain>,
        devices: Option<u32>,
    ) -> Result<Self, PriceError> {
        let [dollars_per_hour, utilisation, goodput] = [dollars_per_hour.into(), utilisation.into(), goodput.into()];
        for (quantity, share) in [("MFU", utilisation), ("goodput", goodput)] {
            if let Some(value) = share.ends().into_iter().find(|value| !(*value > 0.0 && *value <= 1.0)) {
                return Err(PriceError::NotAShare { quantity, value });
            }
            if !share.is_certain() && share.ends()[1] == 1.0 {
                return Err(PriceError::EndsAtOne { quantity });
            }
        }
        for price in dollars_per_hour.ends() {
            Dollars::new(price)?;
        }
        let precision = Precision::Bf16;
        let peak = 1e12 * accelerator.bf16_tflops;
        Ok(Self { accelerator, dollars_per_hour, utilisation, goodput, devices, precision, peak })
    }

    /// The same devices computing in `precision`; BF16 where nothing is said.
    ///
    /// # Errors
    /// [`PriceError::NoSuchFormat`] where they have no peak in it.
    ///
    /// # Example
    /// ```
    /// use isoflop::hardware::{Precision, Rental, accelerator};
    /// let fp8 = |name| Rental::new(accelerator(name).unwrap(), 2.0, 0.4, 1.0, None).unwrap().computing_in(Precision::Fp8);
    /// assert!(fp8("h100").is_ok() && fp8("a100").is_err());
    /// ```
    pub fn computing_in(self, precision: Precision) -> Result<Self, PriceError> {
        match self.accelerator.peak(precision) {
            Some(peak) => Ok(Self { precision, peak, ..self }),
            None => Err(PriceError::NoSuchFormat { accelerator: self.accelerator.name, precision }),
        }
    }

    /// Whether price, MFU and goodput are numbers, none of them a range.
    pub fn is_certain(&self) -> bool {
        [self.dollars_per_hour, self.utilisation, self.goodput].iter().all(Uncertain::is_certain)
    }

    /// The same devices once price, MFU and goodput are known: each so many standard deviations above its middle.
    pub(crate) fn drawn(&self, [price, utilisation, goodput]: [f64; 3]) -> Self {
        Self {
            dollars_per_hour: self.dollars_per_hour.price(price).into(),
            utilisation: self.utilisation.share(utilisation).into(),
            goodput: self.goodput.share(goodput).into(),
            ..self.clone()
        }
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
        Flops::new(budget.get() / self.dollars_per_hour() * self.flops_per_hour())
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
        self.cost_of_hours(self.hours_of(flops), site)
    }

    /// Device-hours that `flops` FLOP take.
    pub(crate) fn hours_of(&self, flops: f64) -> f64 {
        flops / self.flops_per_hour()
    }

    /// What device-hours cost at `site`.
    pub(crate) fn cost_of_hours(&self, hours: f64, site: &Site) -> Cost {
        let energy_kwh = site.energy_kwh(&self.accelerator, hours);
        Cost {
            usd: Some(hours * self.dollars_per_hour()),
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
        self.dollars_per_hour() / self.flops_per_hour()
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
        3600.0 * self.flops_per_second() * self.goodput.share(0.0)
    }

    /// FLOP that one device does in a second in which nothing fails.
    pub(crate) fn flops_per_second(&self) -> f64 {
        self.peak * self.utilisation.share(0.0)
    }

    /// Dollars for each device-hour.
    pub(crate) fn dollars_per_hour(&self) -> f64 {
        self.dollars_per_hour.price(0.0)
    }

    /// The best that one device can do in decoding `sequences` at once with `params` weights in its precision, keys and values left out.
    pub(crate) fn decoding(&self, params: f64, sequences: f64) -> Option<DecodeLimit> {
        let precision = self.precision;
        let bytes_per_weight = precision.bytes();
        let decode = Decode {
            active_params: params,
            bytes_per_weight,
            precision,
            key_value_bytes: 0.0,
            sequences,
            devices: 1.0,
        };
        decode.limit(&self.accelerator)
    }

    /// The format of its products and weights.
    pub(crate) fn precision(&self) -> Precision {
        self.precision
    }

    /// The device.
    pub fn accelerator(&self) -> &Accelerator {
        &self.accelerator
    }

    /// What the price rests on, in words.
    pub(crate) fn assumption(&self) -> String {
        let (Accelerator { title, .. }, precision, tflops) = (&self.accelerator, self.precision, self.peak / 1e12);
        let ranges = if self.is_certain() { "" } else { "; ranges hold nine times in ten" };
        format!(
            "{title}: {tflops} TFLOP/s dense {precision} peak, MFU {}, goodput {}, ${} per device-hour{ranges}",
            self.utilisation, self.goodput, self.dollars_per_hour
        )
    }

    /// The same, and what the energy rests on.
    pub(crate) fn assumptions(&self) -> Vec<String> {
        let energy = self.accelerator.watts.map(|watts| {
            let effectiveness = Site::default().power_usage_effectiveness;
            format!("energy at {watts} W per device, power usage effectiveness {effectiveness}")
        });
        let known = self.is_certain().then(|| {
            "price, MFU and goodput are taken for known: ranges, such as 0.35..0.45, would widen the intervals"
                .to_owned()
        });
        std::iter::once(self.assumption()).chain(known).chain(energy).collect()
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
        let range = |lo, hi| Uncertain::between(lo, hi).unwrap();
        assert!(matches!(Rental::new(h100(), 2.0, range(0.4, 1.1), 1.0, None), Err(PriceError::NotAShare { .. })));
        assert!(matches!(Rental::new(h100(), 2.0, 0.4, range(0.9, 1.0), None), Err(PriceError::EndsAtOne { .. })));
    }

    /// A tenth of the price and three quarters of the utilisation: what is drawn is paid.
    #[test]
    fn drawn_devices_cost_what_was_drawn() {
        let h100 = accelerator("h100").unwrap();
        let range = |lo, hi| Uncertain::between(lo, hi).unwrap();
        let doubtful = Rental::new(h100.clone(), range(1.0, 4.0), range(0.3, 0.7), 0.9, None).unwrap();
        let middle = Rental::new(h100.clone(), 2.0, 0.5, 0.9, None).unwrap();
        let flops = Flops::new(1e24).unwrap();
        let near = |one: &Rental, other: &Rental| {
            let [one, other] = [one, other].map(|rental| rental.cost(flops).usd.unwrap());
            assert!((one / other - 1.0).abs() < 1e-12, "{one} {other}");
        };
        near(&doubtful, &middle);
        let ends = [1.644_853_626_951_472_2; 3];
        near(&doubtful.drawn(ends), &Rental::new(h100, 4.0, 0.7, 0.9, None).unwrap());
        assert!(!doubtful.is_certain() && doubtful.drawn(ends).is_certain());
    }

    #[test]
    fn days_follow_from_the_number_of_devices() {
        let h100 = accelerator("h100").unwrap();
        let rental = Rental::new(h100, 2.0, 0.4, 1.0, Some(4096)).unwrap();
        let days = rental.cost(Flops::new(7.12368e24).unwrap()).days.unwrap();
        assert!((days - 50.8626).abs() < 1e-3, "{days}");
    }
}
