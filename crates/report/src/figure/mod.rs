//! What a figure is: panels of marks in data coordinates, without a pixel; renderers decide how it looks.
//!
//! ```text
//! library types -> figures::valleys, gain, ... -> Figure -> svg, braille, csv -> png, pdf
//! ```
//!
//! # A new figure
//! One file in `figures/` with one function from library types to a [`Figure`]:
//!
//! 1. Say the finding in the title; in the caption say what the marks are, the conventions, the number of runs and the method.
//! 2. For each panel choose two axes: [`Axis::linear`] or [`Axis::logarithmic`], with a name and its unit, and a [`Quantity`].
//! 3. Push marks in the order in which they are painted. An ordered variable (budget, width) goes through [`Color::class`], and with
//!    it a [`Marker`] of its own. Label lines at their ends ([`Label::after`]) instead of writing a legend.
//! 4. Lines are dashed beyond the data ([`Mark::solid_within`]); runs that were left out are open dots whose name says why.
//!
//! Ranges of axes, ticks, places of labels, room for them, wrapping and a narrow page are not the figure's business. What should not
//! stretch the axes says so ([`Mark::stretching`]); a dot beyond its frame is never lost, it becomes an open triangle on the edge, and
//! the caption counts them.
//!
//! # Example
//! ```
//! use isoflop_report::figure::{Axis, Color, Dot, Figure, Label, Mark, Marker, Page, Panel, Quantity};
//! use isoflop_report::{csv, svg};
//!
//! let mut panel =
//!     Panel::new(Axis::logarithmic("compute C, FLOP", Quantity::Compute), Axis::linear("loss, nats per token", Quantity::Plain));
//! let law = (0..9).map(|step| (1e18 * 10f64.powf(0.5 * f64::from(step)), 3.0 - 0.1 * f64::from(step))).collect();
//! panel.push(Mark::line("law", Color::class(0, 1), law).solid_within(0.0, 1e20).labelled(Label::after("law")));
//! let runs = vec![Dot::at(1e18, 3.02).named("run a"), Dot::at(1e20, 2.58).named("run b")];
//! panel.push(Mark::dots("runs", Color::class(0, 1), Marker::Circle, runs));
//! let figure = Figure { title: "Loss falls with compute".into(), ..Figure::of(panel) };
//! assert!(svg(&figure, &Page::default()).contains("run a"));
//! assert!(csv(&figure).contains(",2.58,"));
//! ```

mod axis;
mod color;
mod geometry;
mod labels;
mod mark;
mod plot;
mod range;
mod scale;
mod ticks;

pub use axis::{Axis, Direction, Quantity};
pub(crate) use color::Inks;
pub use color::{Color, Theme};
pub(crate) use geometry::{Point, Rect};
pub(crate) use labels::{Lettering, labels};
pub use mark::{Cell, Dot, Extent, Label, Mark, Marker, Pattern, Shape, Side, Size, Weight, Whisker};
pub(crate) use plot::{Beyond, Place, Plot};

/// Panels lower than this, pixels, hold a line or two of words beside their marks.
const STRIP: f64 = 120.0;

/// A figure as data. Fields left out come from [`Figure::of`].
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// What it shows, as a finding where there is one.
    pub title: String,
    /// A line below it.
    pub subtitle: String,
    /// What a reader must know: marks, conventions, number of runs, method.
    pub caption: String,
    /// In reading order.
    pub panels: Vec<Panel>,
    /// Panels beside each other on a page that is wide enough.
    pub columns: usize,
    /// The page's width, pixels, unless a [`Page`] asks for another.
    pub width: f64,
}

/// Two axes and what is drawn between them.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// What sets it apart from the other panels; may be empty.
    pub title: String,
    /// The axis from left to right.
    pub across: Axis,
    /// The axis from bottom to top.
    pub upwards: Axis,
    /// In the order in which they are painted.
    pub marks: Vec<Mark>,
    /// Height of its frame on a page of the figure's width, pixels.
    pub height: f64,
}

/// Where a figure is shown.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Page {
    /// Its colours.
    pub theme: Theme,
    /// Its width, pixels; the figure's own when `None`. On a narrow one panels stand below each other.
    pub width: Option<f64>,
}

impl Figure {
    /// A figure of one panel, without words, 760 pixels wide.
    pub fn of(panel: Panel) -> Self {
        Self {
            title: String::new(),
            subtitle: String::new(),
            caption: String::new(),
            panels: vec![panel],
            columns: 1,
            width: 760.0,
        }
    }

    /// The caption, and how many dots lie beyond their frames.
    pub(crate) fn full_caption(&self, beyond: usize) -> String {
        let triangles = match beyond {
            0 => return self.caption.clone(),
            1 => "Open triangle on the edge: one point beyond the frame.".to_owned(),
            count => format!("Open triangles on the edge: {count} points beyond the frame."),
        };
        format!("{} {triangles}", self.caption).trim_start().to_owned()
    }

    /// Gives all panels the same range along `direction`, so that they can be compared by eye.
    pub fn share(&mut self, direction: Direction) {
        let ranges: Vec<(f64, f64)> = self.panels.iter().map(|panel| panel.range(direction)).collect();
        let (low, high) = ranges
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), range| (low.min(range.0), high.max(range.1)));
        for panel in &mut self.panels {
            let axis = match direction {
                Direction::Across => &mut panel.across,
                Direction::Upwards => &mut panel.upwards,
            };
            axis.at_least = Some((low, high));
            axis.at_most = Some((low, high));
        }
    }
}

impl Panel {
    /// An empty panel, 360 pixels high.
    pub fn new(across: Axis, upwards: Axis) -> Self {
        Self { title: String::new(), across, upwards, marks: Vec::new(), height: 360.0 }
    }

    /// Paints `mark` over all before it.
    pub fn push(&mut self, mark: Mark) {
        self.marks.push(mark);
    }

    /// The ends of the axis in `direction`: what the marks reach, within what the axis holds.
    pub fn range(&self, direction: Direction) -> (f64, f64) {
        range::range(self, direction)
    }

    /// Whether it is so low that it has nothing to give where room is short.
    pub(crate) fn is_strip(&self) -> bool {
        self.height < STRIP
    }

    /// What sets it apart: its title, if it has one, and its axes.
    pub fn name(&self) -> String {
        let axes = match (self.upwards.name.as_str(), self.across.name.as_str()) {
            ("", name) | (name, "") => name.to_owned(),
            (upwards, across) => format!("{upwards} over {across}"),
        };
        match self.title.as_str() {
            "" => axes,
            title if axes.is_empty() => title.to_owned(),
            title => format!("{title}: {axes}"),
        }
    }

    pub(crate) fn axis(&self, direction: Direction) -> &Axis {
        match direction {
            Direction::Across => &self.across,
            Direction::Upwards => &self.upwards,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_axes_show_what_every_panel_shows() {
        let panel = |ends: [f64; 2]| {
            let axis = || Axis::linear("x", Quantity::Plain);
            let mut panel = Panel::new(axis(), axis());
            panel.push(Mark::line("line", Color::Ink, ends.map(|end| (end, end)).to_vec()));
            panel
        };
        let panels = vec![panel([0.0, 1.0]), panel([3.0, 5.0])];
        let mut figure = Figure { panels, ..Figure::of(panel([0.0, 0.0])) };
        figure.share(Direction::Upwards);
        let ranges = |direction| [0, 1].map(|panel: usize| figure.panels[panel].range(direction));
        let [one, other] = ranges(Direction::Upwards);
        assert!(one == other && one.0 < 0.0 && one.1 > 5.0, "{one:?} {other:?}");
        assert_ne!(ranges(Direction::Across)[0], ranges(Direction::Across)[1]);
    }
}
