//! Renderers of figures, one file each: SVG, letters for a terminal, and the numbers as CSV.

mod braille;
mod canvas;
mod csv;
mod document;
mod layout;
mod svg;

pub use braille::braille;
pub(crate) use braille::panel as braille_panel;
pub use csv::csv;
pub use svg::svg;
