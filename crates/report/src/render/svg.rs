//! A figure as a self-contained SVG document.

use crate::escape;
use crate::figure::{
    Beyond, Cell, Color, Direction, Dot, Figure, Inks, Mark, Marker, Page, Place, Plot, Point, Shape, Size, Theme,
    Weight, Whisker, labels,
};

use super::document::{Anchor, Identity, Lettering, Stroke, Svg, text_width};
use super::layout::{
    self, AXIS_NAME, CAPTION, Frame, LABEL, Layout, Lines, NAME_LINE, PANEL_TITLE, SUBTITLE, TICK, TITLE,
};

/// More dots than this in a panel are drawn smaller, so that each is still seen.
const CROWD: usize = 60;
/// Half the height of the bar of an interval: more than a dot, so that a dot on it hides nothing.
const BAR: f64 = 6.5;
/// Pages no wider than this, pixels, are held in a hand.
const HAND: f64 = 480.0;
/// Most characters of a name under a pointer.
const LONGEST_NAME: usize = 160;

/// The figure as a self-contained SVG document, legible without scaling; names and words from outside stay text.
///
/// See [`crate::figure`] for an example.
pub fn svg(figure: &Figure, page: &Page) -> String {
    let layout = Layout::new(figure, page);
    let Layout { width, height, .. } = layout;
    let inks = page.theme.inks();
    let svg = Svg::new(width, height, &figure.title, &layout.words, inks.background);
    let mut drawing = Drawing { svg, theme: page.theme, inks, has_pointer: width > HAND };
    drawing.lines(layout.left, &layout.title, inks.ink, TITLE, true);
    drawing.lines(layout.left, &layout.subtitle, inks.muted, SUBTITLE, false);
    for frame in &layout.frames {
        let plot = &frame.plot;
        drawing.axes(plot);
        drawing.names(frame);
        plot.panel.marks.iter().for_each(|mark| drawing.mark(plot, mark));
        drawing.labels(plot);
    }
    drawing.lines(layout.left, &layout.caption, inks.muted, CAPTION, false);
    drawing.svg.finish()
}

/// The document while it is drawn.
struct Drawing {
    svg: Svg,
    theme: Theme,
    inks: Inks,
    has_pointer: bool,
}

impl Drawing {
    fn lines(&mut self, left: f64, lines: &Lines, color: &str, size: f64, bold: bool) {
        let lettering = Lettering { color, size, anchor: Anchor::Start, bold, halo: None };
        for (y, text) in lines {
            self.svg.text(Point { x: left, y: *y }, text, lettering);
        }
    }

    /// Grid and ticks of both axes.
    fn axes(&mut self, plot: &Plot) {
        let Inks { grid, muted, .. } = self.inks;
        let frame = plot.frame;
        let word = Lettering { color: muted, size: TICK, anchor: Anchor::Middle, bold: false, halo: None };
        for (y, tick) in plot.ticks(Direction::Upwards, &layout::upwards_needs) {
            let Some(label) = tick.label else { continue };
            self.svg.line(&[Point { x: frame.left, y }, Point { x: frame.right, y }], Stroke::solid(grid, 1.0));
            let at = Point { x: frame.left - 9.0, y: y + 4.0 };
            self.svg.text(at, &label, Lettering { anchor: Anchor::End, ..word });
        }
        for (x, tick) in plot.ticks(Direction::Across, &layout::across_needs) {
            let bottom = Point { x, y: frame.bottom };
            let length = if tick.label.is_some() { 6.0 } else { 3.5 };
            if let Some(label) = tick.label {
                self.svg.line(&[Point { x, y: frame.top }, bottom], Stroke::solid(grid, 1.0));
                self.svg.text(Point { x, y: frame.bottom + 20.0 }, &label, word);
            }
            self.svg.line(&[bottom, Point { x, y: bottom.y + length }], Stroke::solid(muted, 1.0));
        }
        if plot.panel.across.is_shown() {
            let ends = [frame.left, frame.right].map(|x| Point { x, y: frame.bottom });
            self.svg.line(&ends, Stroke::solid(muted, 1.0));
        }
    }

    /// The names of both axes, and the panel's title.
    fn names(&mut self, frame: &Frame) {
        let Frame { plot, across, upwards } = frame;
        let rect = plot.frame;
        let color = self.inks.ink;
        let name = Lettering { color, size: AXIS_NAME, anchor: Anchor::Middle, bold: false, halo: None };
        for (line, text) in across.iter().enumerate() {
            let y = rect.bottom + 40.0 + NAME_LINE * line as f64;
            self.svg.text(Point { x: 0.5 * (rect.left + rect.right), y }, text, name);
        }
        // Above its axis rather than turned beside it: legible, and as narrow as the ticks.
        let name = Lettering { anchor: Anchor::Start, ..name };
        let mut at = Point { x: rect.left, y: rect.top - 11.0 };
        for text in upwards.iter().rev() {
            self.svg.text(at, text, name);
            at.y -= NAME_LINE;
        }
        at.y -= if upwards.is_empty() { 0.0 } else { 3.0 };
        self.svg.text(at, &plot.panel.title, Lettering { size: PANEL_TITLE, bold: true, ..name });
    }

    fn mark(&mut self, plot: &Plot, mark: &Mark) {
        let color = self.theme.color(mark.color);
        match &mark.shape {
            Shape::Line { weight, .. } => {
                let width = match weight {
                    Weight::Thin => 1.1,
                    Weight::Normal => 1.9,
                    Weight::Bold => 2.8,
                };
                self.strokes(plot, mark, &color, width);
            }
            Shape::Rule { .. } => self.strokes(plot, mark, &color, 1.2),
            Shape::Band(_) => self.svg.area(&plot.area(&mark.shape), &color, 0.16),
            Shape::Range { .. } => self.svg.area(&plot.area(&mark.shape), &color, 0.07),
            Shape::Region { edged: false, .. } => self.svg.area(&plot.area(&mark.shape), &color, 0.16),
            Shape::Region { edged: true, .. } => {
                let area = plot.area(&mark.shape);
                self.svg.area(&area, &color, 0.06);
                let outline: Vec<Point> = area.iter().chain(area.first()).copied().collect();
                self.svg.line(&outline, Stroke::solid(&color, 1.1));
            }
            Shape::Dots { marker, size, filled, whisker, dots } => {
                let radius = radius_in(plot, *size);
                dots.iter().for_each(|dot| self.whiskers(plot, dot, *whisker, &color));
                if dots.iter().all(|dot| plot.place(dot).is_none()) {
                    return;
                }
                let background = self.inks.background;
                match filled {
                    true => self.svg.open_group(&color, Stroke::solid(background, 1.0)),
                    false => self.svg.open_group(background, Stroke::solid(&color, 1.6)),
                }
                dots.iter().for_each(|dot| self.dot(plot, dot, *marker, radius, &color));
                self.svg.close_group();
            }
            Shape::Cells(cells) => cells.iter().for_each(|cell| self.cell(plot, cell, &color)),
            Shape::Words { .. } => {}
        }
    }

    fn strokes(&mut self, plot: &Plot, mark: &Mark, color: &str, width: f64) {
        let name = self.name(&mark.series);
        for stroke in plot.strokes(&mark.shape) {
            let look = if stroke.solid { Stroke::solid(color, width) } else { Stroke::dashed(color, width) };
            self.svg.named_line(&stroke.points, look, &name);
        }
    }

    /// A dot's intervals.
    fn whiskers(&mut self, plot: &Plot, dot: &Dot, whisker: Whisker, color: &str) {
        for direction in [Direction::Across, Direction::Upwards] {
            let Some((from, to)) = plot.interval(dot, direction) else { continue };
            let (dx, dy) = if direction == Direction::Across { (0.0, 1.0) } else { (1.0, 0.0) };
            let beside = |at: Point, by: f64| Point { x: at.x + by * dx, y: at.y + by * dy };
            match whisker {
                Whisker::Line => self.svg.line(&[from, to], Stroke::solid(color, 1.2)),
                Whisker::Capped => {
                    self.svg.line(&[from, to], Stroke::solid(color, 2.2));
                    for end in [from, to] {
                        self.svg.line(&[beside(end, -6.0), beside(end, 6.0)], Stroke::solid(color, 2.2));
                    }
                }
                Whisker::Bar => {
                    let bar = [beside(from, -BAR), beside(to, -BAR), beside(to, BAR), beside(from, BAR)];
                    self.svg.area(&bar, color, 0.3);
                }
            }
        }
    }

    /// A dot like its group; one beyond the frame is an open triangle on its edge.
    fn dot(&mut self, plot: &Plot, dot: &Dot, marker: Marker, radius: f64, color: &str) {
        // A file stays as it is, whatever its runs are called elsewhere; a page asks about what is under its pointer.
        let run = dot.run.filter(|_| self.theme == Theme::Adaptive);
        let identity = Identity { name: &self.name(&dot.name), run };
        let (at, marker, own) = match plot.place(dot) {
            None => return,
            Some(Place::Inside(at)) => (at, marker, None),
            Some(Place::Edge(at, beyond)) => {
                let (dx, dy, marker) = match beyond {
                    Beyond::Above => (0.0, 7.0, Marker::TriangleUp),
                    Beyond::Below => (0.0, -7.0, Marker::TriangleDown),
                    Beyond::Left => (7.0, 0.0, Marker::TriangleLeft),
                    Beyond::Right => (-7.0, 0.0, Marker::TriangleRight),
                };
                let open = (self.inks.background, Stroke::solid(color, 1.6));
                (Point { x: at.x + dx, y: at.y + dy }, marker, Some(open))
            }
        };
        self.svg.marker(marker, at, radius, own, identity);
    }

    /// What an element says under a pointer; nothing on a page that is held in a hand, where there is none.
    fn name(&self, name: &str) -> String {
        if self.has_pointer { escape::shorten(name, LONGEST_NAME) } else { String::new() }
    }

    fn cell(&mut self, plot: &Plot, cell: &Cell, color: &str) {
        let Some(rect) = plot.rect(cell.across, cell.upwards) else { return };
        let name = self.name(&cell.name);
        // The grid ends at a cell.
        self.svg.area(&rect.corners(), self.inks.background, 1.0);
        self.svg.named_area(&rect.corners(), color, 0.28, Stroke::solid(self.inks.background, 2.0), &name);
        let letters = (0..=cell.text.chars().count()).rev();
        let fits = |text: &String| text_width(text, TICK) <= rect.width() - 6.0;
        if let Some(text) = letters.map(|letters| escape::shorten(&cell.text, letters)).find(fits) {
            let middle = Point { x: 0.5 * (rect.left + rect.right), y: 0.5 * (rect.top + rect.bottom) + 4.0 };
            let word = Lettering { color: self.inks.ink, size: TICK, anchor: Anchor::Middle, bold: false, halo: None };
            self.svg.text(middle, &text, word);
        }
    }

    fn labels(&mut self, plot: &Plot) {
        for label in labels(plot, &layout::lettering()) {
            let color = self.theme.color(label.color);
            // What stands back has labels that do.
            let bold = label.color != Color::Muted;
            let halo = Some(self.inks.background);
            let lettering = Lettering { color: &color, size: LABEL, anchor: Anchor::Start, bold, halo };
            self.svg.text(Point { x: label.place.left, y: label.place.bottom - 3.0 }, &label.text, lettering);
        }
    }
}

/// The radius of dots of `size`, pixels.
fn radius_in(plot: &Plot, size: Size) -> f64 {
    let dots: usize = plot.panel.marks.iter().map(|mark| mark.dots_of().len()).sum();
    let crowded = dots > CROWD && size == Size::Normal;
    layout::radius(size) * if crowded { 0.75 } else { 1.0 }
}
