//! The figures of the field, one file each: from the library's types to a [`Figure`](crate::figure::Figure).

mod contour;
mod exponents;
mod forecast;
mod gain;
mod panels;
mod ratios;
mod reliability;
mod residuals;
mod shared;
mod transfer;
mod valleys;

pub use contour::{ContourInput, contour};
pub use exponents::exponents;
pub use forecast::{ForecastInput, forecast};
pub use gain::gain;
pub use panels::panels;
pub use ratios::{RatiosInput, ratios};
pub use reliability::reliability;
pub use residuals::residuals;
pub use transfer::transfer;
pub use valleys::{ValleysInput, valleys};
