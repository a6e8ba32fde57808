//! The figures of the field, one file each: from the library's types to a [`Figure`](crate::figure::Figure).

mod forecast;
mod gain;
mod reliability;
mod residuals;
mod transfer;
mod valleys;

pub use forecast::{ForecastInput, forecast};
pub use gain::gain;
pub use reliability::reliability;
pub use residuals::residuals;
pub use transfer::transfer;
pub use valleys::{ValleysInput, valleys};
