//! Figures as self-contained SVG: a small writer, scales, colours, label placement, and one file per figure.

mod color;
mod gain;
mod labels;
mod reliability;
mod scale;
mod svg;
mod transfer;
mod valleys;

pub use color::Theme;
pub use gain::gain;
pub use reliability::reliability;
pub use transfer::transfer;
pub use valleys::{ValleysInput, valleys};
