//! Where everything of a figure stands on a page: heading, frames row by row, caption.

use crate::figure::{Axis, Direction, Figure, Lettering, Page, Panel, Plot, Rect, Size};
use crate::wrap;

use super::document::text_width;

/// Narrower pages get what does not fit cut off.
const NARROWEST: f64 = 280.0;
/// Pages are no wider and frames no higher.
const LONGEST: f64 = 4000.0;
/// Panels beside each other have frames at least so wide.
const NARROWEST_FRAME: f64 = 230.0;
const MARGIN: f64 = 20.0;
/// Between panels beside each other.
const GUTTER: f64 = 24.0;
/// Share of its height that a frame keeps however narrow the page is.
const KEPT_HEIGHT: f64 = 0.55;

pub(super) const TITLE: f64 = 16.0;
const TITLE_LINE: f64 = 21.0;
pub(super) const SUBTITLE: f64 = 12.5;
const SUBTITLE_LINE: f64 = 17.0;
pub(super) const PANEL_TITLE: f64 = 12.5;
pub(super) const AXIS_NAME: f64 = 11.5;
pub(super) const NAME_LINE: f64 = 15.0;
pub(super) const TICK: f64 = 11.5;
pub(super) const CAPTION: f64 = 11.5;
const CAPTION_LINE: f64 = 16.0;
pub(super) const LABEL: f64 = 12.0;

/// Lines of words, each with its baseline.
pub(super) type Lines = Vec<(f64, String)>;

/// A figure laid out.
pub(super) struct Layout<'a> {
    pub(super) width: f64,
    pub(super) height: f64,
    /// Left edge of all words.
    pub(super) left: f64,
    pub(super) title: Lines,
    pub(super) subtitle: Lines,
    /// The caption whole, and broken into lines.
    pub(super) words: String,
    pub(super) caption: Lines,
    pub(super) frames: Vec<Frame<'a>>,
}

/// A panel laid out, with the lines of its axes' names.
pub(super) struct Frame<'a> {
    pub(super) plot: Plot<'a>,
    pub(super) across: Vec<String>,
    pub(super) upwards: Vec<String>,
}

/// The letters of labels in an SVG.
pub(super) fn lettering() -> Lettering<'static> {
    Lettering {
        width: &label_width,
        height: LABEL + 2.0,
        gap: (6.0, 3.0),
        margin: 2.0,
        cell: 4.0,
        ink: 3.0,
        step: 2.0,
        tall: 1.0,
        radius,
    }
}

/// Bold letters are a little wider than others.
fn label_width(text: &str) -> f64 {
    1.04 * text_width(text, LABEL)
}

/// The radius of a dot, pixels.
pub(super) fn radius(size: Size) -> f64 {
    match size {
        Size::Small => 2.4,
        Size::Normal => 4.2,
        Size::Large => 9.0,
    }
}

impl<'a> Layout<'a> {
    /// The figure on a page.
    pub(super) fn new(figure: &'a Figure, page: &Page) -> Self {
        let asked = page.width.filter(|width| width.is_finite()).unwrap_or(figure.width);
        let width = asked.clamp(NARROWEST, LONGEST);
        let inside = width - 2.0 * MARGIN;
        let mut below = 8.0;
        let mut lines = |text: &str, size: f64, line: f64| -> Lines {
            let wrapped = wrap::lines(text, |line| text_width(line, size), inside);
            wrapped
                .into_iter()
                .map(|text| {
                    below += line;
                    (below, text)
                })
                .collect()
        };
        let title = lines(&figure.title, TITLE, TITLE_LINE);
        let subtitle = lines(&figure.subtitle, SUBTITLE, SUBTITLE_LINE);
        let mut below = below + 8.0;

        let columns = (1..=figure.columns.max(1))
            .rev()
            .find(|columns| column_width(inside, *columns) - 40.0 >= NARROWEST_FRAME)
            .unwrap_or(1);
        // Frames below each other begin below each other.
        let in_column = |column: usize| figure.panels.iter().skip(column).step_by(columns);
        let scales: Vec<f64> = (0..columns).map(|column| in_column(column).map(beside).fold(6.0, f64::max)).collect();
        let shrunk = (KEPT_HEIGHT + (1.0 - KEPT_HEIGHT) * width / figure.width.max(1.0)).min(1.0);
        let mut frames = Vec::with_capacity(figure.panels.len());
        for row in figure.panels.chunks(columns) {
            let spans: Vec<(f64, f64)> = (0..row.len())
                .map(|column| MARGIN + column as f64 * (column_width(inside, columns) + GUTTER))
                .zip(&scales)
                .map(|(left, scale)| (left + scale, left + column_width(inside, columns)))
                .collect();
            let names = |axis: fn(&Panel) -> &Axis| -> Vec<Vec<String>> {
                let broken = |(panel, (left, right)): (&Panel, &(f64, f64))| {
                    wrap::lines(&axis(panel).name, |line| text_width(line, AXIS_NAME), right - left)
                };
                row.iter().zip(&spans).map(broken).collect()
            };
            let (across, upwards) = (names(|panel| &panel.across), names(|panel| &panel.upwards));
            let titled = row.iter().any(|panel| !panel.title.is_empty());
            let named = upwards.iter().map(Vec::len).max().unwrap_or(0) as f64;
            below += 10.0 + if titled { 18.0 } else { 0.0 } + NAME_LINE * named + if named > 0.0 { 2.0 } else { 0.0 };
            let heights = row.iter().map(|panel| if panel.is_strip() { panel.height } else { panel.height * shrunk });
            let height = heights.fold(20.0, |highest, height| f64::max(highest, height.min(LONGEST)));
            below += height;
            let under_row =
                row.iter().zip(&across).map(|(panel, name)| under(&panel.across, name.len())).fold(6.0, f64::max);
            for (((panel, (left, right)), across), upwards) in row.iter().zip(spans).zip(across).zip(upwards) {
                let frame = Rect { left, top: below - height, right, bottom: below };
                frames.push(Frame { plot: Plot::new(panel, frame, &lettering()), across, upwards });
            }
            below += under_row;
        }
        below += 6.0;
        let words = figure.full_caption(frames.iter().map(|frame| frame.plot.beyond()).sum());
        let caption: Lines = wrap::lines(&words, |line| text_width(line, CAPTION), inside)
            .into_iter()
            .map(|text| {
                below += CAPTION_LINE;
                (below, text)
            })
            .collect();
        Self { width, height: (below + 14.0).round(), left: MARGIN, title, subtitle, words, caption, frames }
    }
}

fn column_width(inside: f64, columns: usize) -> f64 {
    (inside - GUTTER * (columns - 1) as f64) / columns as f64
}

/// The width of the labels beside a panel's frame.
fn beside(panel: &Panel) -> f64 {
    let frame = Rect { left: 0.0, top: 0.0, right: 100.0, bottom: panel.height };
    let ticks = Plot::new(panel, frame, &lettering()).ticks(Direction::Upwards, &upwards_needs);
    let widths = ticks.iter().filter_map(|(_, tick)| tick.label.as_deref()).map(|label| text_width(label, TICK));
    widths.fold(0.0, |widest, width| f64::max(widest, width + 9.0))
}

/// The height of what stands under a frame whose axis has a name of so many lines.
fn under(axis: &Axis, lines: usize) -> f64 {
    if axis.is_shown() { 26.0 + if lines > 0 { 4.0 } else { 0.0 } + NAME_LINE * lines as f64 } else { 6.0 }
}

/// The length that a label takes along an axis upwards.
pub(super) fn upwards_needs(_: &str) -> f64 {
    1.9 * TICK
}

/// The length that a label takes along an axis across.
pub(super) fn across_needs(label: &str) -> f64 {
    text_width(label, TICK) + 12.0
}
