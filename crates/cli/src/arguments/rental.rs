//! The accelerators that several commands rent.

use anyhow::Result;
use clap::Args;
use isoflop::hardware::{Rental, Uncertain, accelerator};
use isoflop::plan::Request;

/// An accelerator, its price, and what training gets out of it.
#[derive(Debug, Args)]
pub(crate) struct RentalArguments {
    /// Accelerator to rent, such as h100
    #[arg(long)]
    pub gpu: Option<String>,
    /// Dollars per accelerator-hour; a plan takes a range as well, such as 1.8..2.6, that holds nine times in ten
    #[arg(long, default_value_t = Request::PRICE.into(), requires = "gpu", allow_hyphen_values = true)]
    pub price: Uncertain,
    /// Share of the accelerator's peak that training reaches; a plan takes a range as well, such as 0.35..0.45
    #[arg(long, default_value_t = Request::MFU.into(), requires = "gpu", allow_hyphen_values = true)]
    pub mfu: Uncertain,
    /// Share of the time that is not lost to failures and restarts; a plan takes a range as well, such as 0.85..0.95
    #[arg(long, default_value_t = Request::GOODPUT.into(), requires = "gpu", allow_hyphen_values = true)]
    pub goodput: Uncertain,
}

impl RentalArguments {
    /// So many `devices`, where an accelerator was named.
    pub(crate) fn rental(&self, devices: Option<u32>) -> Result<Option<Rental>> {
        let rent = |name: &String| Ok(Rental::new(accelerator(name)?, self.price, self.mfu, self.goodput, devices)?);
        self.gpu.as_ref().map(rent).transpose()
    }
}
