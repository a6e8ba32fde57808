//! Text, Markdown and figures from isoflop's types: pure functions to `String`, nothing printed, nothing read.
//!
//! ```text
//! Fit, Prediction, Plan, Claim, Verdict -> text      what the command line prints
//! Story                                 -> Document  Markdown and HTML
//! Runs + Fit + Claim + Verdict          -> figures   a figure, as data
//! TrackRecord, RecipeComparison         -> text, figures
//! Figure                                -> svg, braille, csv; with the feature `files` also png, pdf
//! Fit, Plan                             -> brief     their words and tables in parts, for a page that lays them out
//! Board                                 -> board     runs in training, on a terminal
//! ```
//!
//! Rounding happens here and nowhere else. Names that came from outside (runs, claims, paths) are escaped for each output.

pub mod board;
pub mod brief;
mod budgets;
mod document;
mod escape;
pub mod figure;
pub mod figures;
mod html;
mod hull;
mod numbers;
mod plan_words;
mod profile;
mod render;
mod resampling;
pub mod story;
mod table;
pub mod text;
mod words;
mod wrap;

pub use document::{Document, FigureFile};
pub use figures::{
    ContourInput, ForecastInput, RatiosInput, SweepRun, TrainingCurve, ValleysInput, basins, contour, envelope,
    exponents, figure_of_fit, forecast, gain, panels, pareto, ratios, reliability, residuals, rollout, sweep_board,
    transfer, valleys,
};
pub use html::{Section, page};
#[cfg(feature = "files")]
pub use render::{FileError, FileFormat, file};
pub use render::{braille, csv, svg};
pub use story::{Reproduction, Story, report};
