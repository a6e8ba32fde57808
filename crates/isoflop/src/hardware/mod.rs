//! Accelerators: what they can do at most, what a run costs on them, and what fits into them.

mod decode;
mod energy;
mod job;
mod memory;
mod rental;
mod uncertain;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::names::UnknownName;
use crate::sources::Trust;

pub use decode::{Bound, Decode, DecodeLimit};
pub use energy::Site;
pub use job::{Fitting, Implausible, Job, JobCost};
pub use memory::{Recomputation, TrainingState, activation_bytes, devices_needed, serving_bytes};
pub use rental::{Cost, PriceError, Rental};
pub use uncertain::{RangeError, Uncertain};

/// The table of accelerators, each row with its source and trust.
pub const ACCELERATORS_TABLE: &str = include_str!("../../../../data/accelerators.csv");

/// One kind of device. Peaks are dense, never with 2:4 sparsity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Accelerator {
    /// Short name, as typed.
    pub name: String,
    /// Name in full.
    pub title: String,
    /// Dense BF16 peak, 1e12 FLOP/s.
    pub bf16_tflops: f64,
    /// Dense FP8 peak, 1e12 FLOP/s.
    pub fp8_tflops: Option<f64>,
    /// Dense FP4 peak, 1e12 FLOP/s.
    pub fp4_tflops: Option<f64>,
    /// Dense INT8 peak, 1e12 operations/s.
    pub int8_tflops: Option<f64>,
    /// Memory, 1e9 bytes.
    pub memory_gb: f64,
    /// Memory bandwidth, 1e12 bytes/s.
    pub bandwidth_tb: f64,
    /// Power of the device, watts.
    pub watts: Option<f64>,
    /// How far the row was checked.
    pub trust: Trust,
    /// Where the row comes from.
    pub source: String,
}

/// The number format that matrix products are computed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Precision {
    /// Sixteen-bit floating point with eight bits of exponent.
    #[default]
    Bf16,
    /// Eight-bit floating point.
    Fp8,
    /// Four-bit floating point.
    Fp4,
    /// Eight-bit integers.
    Int8,
}

impl Precision {
    /// Bytes of one weight.
    ///
    /// ```
    /// use isoflop::hardware::Precision;
    /// assert_eq!([Precision::Bf16.bytes(), Precision::Fp8.bytes(), Precision::Fp4.bytes()], [2.0, 1.0, 0.5]);
    /// ```
    pub const fn bytes(self) -> f64 {
        match self {
            Self::Bf16 => 2.0,
            Self::Fp8 | Self::Int8 => 1.0,
            Self::Fp4 => 0.5,
        }
    }
}

impl FromStr for Precision {
    type Err = UnknownName;

    /// ```
    /// use isoflop::hardware::Precision;
    /// assert_eq!("FP8".parse(), Ok(Precision::Fp8));
    /// ```
    fn from_str(name: &str) -> Result<Self, UnknownName> {
        let all = [Self::Bf16, Self::Fp8, Self::Fp4, Self::Int8];
        let named = all.into_iter().find(|precision| precision.to_string().eq_ignore_ascii_case(name.trim()));
        named.ok_or_else(|| UnknownName::new("number format", name, ["bf16", "fp8", "fp4", "int8"]))
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bf16 => "BF16",
            Self::Fp8 => "FP8",
            Self::Fp4 => "FP4",
            Self::Int8 => "INT8",
        })
    }
}

impl Accelerator {
    /// Dense peak, FLOP/s; `None` where the maker gives none for this precision.
    ///
    /// ```
    /// use isoflop::hardware::{Precision, accelerator};
    /// assert_eq!(accelerator("h100")?.peak(Precision::Bf16), Some(989.4e12));
    /// assert_eq!(accelerator("a100")?.peak(Precision::Fp8), None);
    /// # Ok::<(), isoflop::hardware::HardwareError>(())
    /// ```
    pub fn peak(&self, precision: Precision) -> Option<f64> {
        let tflops = match precision {
            Precision::Bf16 => Some(self.bf16_tflops),
            Precision::Fp8 => self.fp8_tflops,
            Precision::Fp4 => self.fp4_tflops,
            Precision::Int8 => self.int8_tflops,
        };
        tflops.map(|tflops| tflops * 1e12)
    }

    /// Memory, bytes.
    pub fn memory_bytes(&self) -> f64 {
        self.memory_gb * 1e9
    }

    /// Memory bandwidth, bytes/s.
    pub fn bytes_per_second(&self) -> f64 {
        self.bandwidth_tb * 1e12
    }

    /// Operations for each byte from memory at which arithmetic and memory take equally long; decoding stays far below.
    pub fn flops_per_byte(&self) -> f64 {
        self.bf16_tflops / self.bandwidth_tb
    }
}

/// Why a question about hardware has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HardwareError {
    /// No accelerator of that name.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// The built-in table cannot be read; a test keeps this from happening.
    #[error("the table of accelerators cannot be read: {0}")]
    Table(#[from] csv::Error),
}

/// The known accelerators.
///
/// # Errors
/// [`csv::Error`] when the built-in table is malformed, which a test keeps from happening.
pub fn accelerators() -> Result<Vec<Accelerator>, csv::Error> {
    let mut table = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(ACCELERATORS_TABLE.as_bytes());
    table.deserialize().collect()
}

/// The accelerator called `name`, whatever its case.
///
/// # Errors
/// [`HardwareError::Unknown`] with the nearest names.
///
/// # Example
/// ```
/// let error = isoflop::hardware::accelerator("h1000").unwrap_err();
/// assert!(error.to_string().starts_with("no accelerator `h1000`; did you mean h100"));
/// ```
pub fn accelerator(name: &str) -> Result<Accelerator, HardwareError> {
    let known = accelerators()?;
    if let Some(found) = known.iter().find(|accelerator| accelerator.name.eq_ignore_ascii_case(name)) {
        return Ok(found.clone());
    }
    Err(UnknownName::new("accelerator", name, known.iter().map(|accelerator| accelerator.name.as_str())).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_is_readable_and_sourced() {
        let rows = accelerators().unwrap();
        assert!(rows.len() >= 17);
        for row in &rows {
            assert!(row.bf16_tflops > 0.0 && row.memory_gb > 0.0 && row.bandwidth_tb > 0.0, "{row:?}");
            assert!(row.source.len() > 20, "{row:?}");
            assert_eq!(rows.iter().filter(|other| other.name == row.name).count(), 1);
            assert_eq!(accelerator(&row.name.to_uppercase()).unwrap(), *row);
            // A sparse peak would show as more than twice as much at half the bits; consumer cards have four times at FP4.
            for narrow in [row.fp8_tflops, row.int8_tflops].into_iter().flatten() {
                assert!((0.99..2.01).contains(&(narrow / row.bf16_tflops)), "{row:?}");
            }
        }
    }

    /// Peaks, memory, bandwidth and power as the study of hardware found them, typed a second time.
    #[test]
    fn the_table_holds_the_numbers_of_its_study() {
        for (name, bf16, fp8, memory, bandwidth, watts) in [
            ("a100", 312.0, None, 80.0, 2.04, Some(400.0)),
            ("h100", 989.4, Some(1979.0), 80.0, 3.35, Some(700.0)),
            ("h200", 989.4, Some(1979.0), 141.0, 4.8, Some(700.0)),
            ("b200", 2250.0, Some(4500.0), 180.0, 8.0, Some(1000.0)),
            ("gb200", 2500.0, Some(5000.0), 186.0, 8.0, Some(1200.0)),
            ("b300", 2250.0, Some(4500.0), 288.0, 8.0, Some(1400.0)),
            ("mi300x", 1307.0, Some(2615.0), 192.0, 5.3, Some(750.0)),
            ("mi325x", 1307.0, Some(2615.0), 256.0, 6.0, Some(1000.0)),
            ("mi355x", 2500.0, Some(5000.0), 288.0, 8.0, Some(1400.0)),
            // The maker's documents say 1.2 TB/s and at most 192 W.
            ("tpu-v4", 275.0, None, 32.0, 1.2, Some(192.0)),
            ("tpu-v5e", 197.0, None, 16.0, 0.82, None),
            ("tpu-v5p", 459.0, None, 95.0, 2.77, None),
            ("tpu-v6e", 918.0, None, 32.0, 1.64, None),
            ("tpu-v7", 2307.0, Some(4614.0), 192.0, 7.38, None),
            ("trainium2", 667.0, Some(1299.0), 96.0, 2.9, Some(500.0)),
            ("rtx5090", 209.5, Some(419.0), 32.0, 1.79, Some(575.0)),
            ("rtx4090", 165.2, Some(330.0), 24.0, 1.01, Some(450.0)),
        ] {
            let row = accelerator(name).unwrap();
            assert_eq!((row.bf16_tflops, row.fp8_tflops), (bf16, fp8), "{name}");
            assert_eq!((row.memory_gb, row.bandwidth_tb, row.watts), (memory, bandwidth, watts), "{name}");
        }
    }

    #[test]
    fn an_h100_does_295_operations_for_each_byte() {
        assert!((accelerator("h100").unwrap().flops_per_byte() - 295.3).abs() < 0.1);
    }

    #[test]
    fn unknown_names_bring_the_nearest() {
        for (name, nearest) in
            [("h10O", "h100"), ("mi300", "mi300x"), ("v5p", "tpu-v5p"), ("B-200", "b200"), ("4090", "rtx4090")]
        {
            match accelerator(name) {
                Err(HardwareError::Unknown(unknown)) => assert_eq!(unknown.nearest[0], nearest, "{unknown}"),
                other => assert_eq!(other.unwrap().name, nearest),
            }
        }
    }
}
