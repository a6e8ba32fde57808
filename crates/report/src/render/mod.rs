//! Renderers of figures, one file each: SVG, letters for a terminal, the numbers as CSV; and files of all kinds from these.

mod braille;
mod canvas;
mod csv;
mod document;
#[cfg(feature = "files")]
mod files;
mod layout;
mod svg;

pub use braille::braille;
pub(crate) use braille::panel as braille_panel;
pub use csv::csv;
#[cfg(feature = "files")]
pub use files::{FileError, FileFormat, file};
pub use svg::svg;
