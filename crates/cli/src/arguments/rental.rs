//! The accelerators that several commands rent.

use anyhow::Result;
use clap::Args;
use isoflop::hardware::{Rental, accelerator};

/// An accelerator, its price, and what training gets out of it.
#[derive(Debug, Args)]
pub(crate) struct RentalArguments {
    /// Accelerator to rent, such as h100
    #[arg(long)]
    pub gpu: Option<String>,
    /// Dollars per accelerator-hour
    #[arg(long, default_value_t = 2.0, requires = "gpu")]
    pub price: f64,
    /// Share of the accelerator's peak that training reaches
    #[arg(long, default_value_t = 0.4, requires = "gpu")]
    pub mfu: f64,
    /// Share of the time that is not lost to failures and restarts
    #[arg(long, default_value_t = 0.9, requires = "gpu")]
    pub goodput: f64,
}

impl RentalArguments {
    /// So many `devices`, where an accelerator was named.
    pub(crate) fn rental(&self, devices: Option<u32>) -> Result<Option<Rental>> {
        let rent = |name: &String| Ok(Rental::new(accelerator(name)?, self.price, self.mfu, self.goodput, devices)?);
        self.gpu.as_ref().map(rent).transpose()
    }
}
