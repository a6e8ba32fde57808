//! The figures of the field, one file each: from the library's types to a [`Figure`](crate::figure::Figure).

mod basin;
mod basins;
mod contour;
mod envelope;
mod exponents;
mod forecast;
mod gain;
mod of_fit;
mod panels;
mod pareto;
mod ratios;
mod reliability;
mod residuals;
mod rollout;
mod shared;
mod sweep_board;
mod transfer;
mod valleys;

pub use basins::basins;
pub use contour::{ContourInput, contour};
pub use envelope::{TrainingCurve, envelope};
pub use exponents::exponents;
pub use forecast::{ForecastInput, forecast};
pub use gain::gain;
pub use of_fit::figure_of_fit;
pub use panels::panels;
pub use pareto::pareto;
pub use ratios::{RatiosInput, ratios};
pub use reliability::reliability;
pub use residuals::residuals;
pub use rollout::rollout;
pub use sweep_board::{SweepRun, sweep_board};
pub use transfer::transfer;
pub use valleys::{ValleysInput, valleys};
