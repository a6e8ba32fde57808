//! A small SVG writer: lines, bands, markers and text in pixels, everything from outside escaped.

use std::fmt::Write;

use crate::escape;
use crate::figure::{Marker, Point};

/// Generic families last: the file must look right where Inter is not installed.
const FONTS: &str = "Inter, system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif";

/// How a line is drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stroke<'a> {
    pub(crate) color: &'a str,
    pub(crate) width: f64,
    /// Lengths of dash and gap; `None` is solid.
    pub(crate) dash: Option<(f64, f64)>,
}

impl<'a> Stroke<'a> {
    pub(crate) fn solid(color: &'a str, width: f64) -> Self {
        Self { color, width, dash: None }
    }

    pub(crate) fn dashed(color: &'a str, width: f64) -> Self {
        Self { color, width, dash: Some((4.0, 3.5)) }
    }

    fn attributes(&self) -> String {
        let dash = self.dash.map(|(dash, gap)| format!(" stroke-dasharray=\"{dash} {gap}\"")).unwrap_or_default();
        format!("stroke=\"{}\" stroke-width=\"{}\"{dash}", self.color, pixels(self.width))
    }
}

/// Where a text's point lies on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a text is drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lettering<'a> {
    pub(crate) color: &'a str,
    pub(crate) size: f64,
    pub(crate) anchor: Anchor,
    pub(crate) bold: bool,
    /// Colour of an outline that keeps the text legible over lines.
    pub(crate) halo: Option<&'a str>,
}

/// What a marker stands for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Identity<'a> {
    pub(crate) name: &'a str,
    /// Position of its run among the kept ones.
    pub(crate) run: Option<usize>,
}

/// Corners around the origin, for a marker of radius 1; none for a circle. Radii are chosen for equal areas.
fn corners(marker: Marker) -> Vec<Point> {
    let turn = std::f64::consts::TAU;
    let ring = |count: usize, first: f64, radius: &dyn Fn(usize) -> f64| -> Vec<Point> {
        (0..count)
            .map(|corner| {
                let angle = turn * (first + corner as f64 / count as f64);
                Point { x: radius(corner) * angle.cos(), y: radius(corner) * angle.sin() }
            })
            .collect()
    };
    match marker {
        Marker::Circle => Vec::new(),
        Marker::Square => ring(4, 0.125, &|_| 1.25),
        Marker::Diamond => ring(4, 0.0, &|_| 1.32),
        Marker::TriangleUp => ring(3, -0.25, &|_| 1.5),
        Marker::TriangleDown => ring(3, 0.25, &|_| 1.5),
        Marker::TriangleLeft => ring(3, 0.5, &|_| 1.5),
        Marker::TriangleRight => ring(3, 0.0, &|_| 1.5),
        Marker::Hexagon => ring(6, 0.0, &|_| 1.12),
        Marker::Star => ring(10, -0.25, &|corner| if corner % 2 == 0 { 1.0 } else { 0.42 }),
        Marker::Cross => {
            let (arm, half) = (1.3, 0.4);
            // Four arms, each the first one turned by a further right angle.
            let turned = |(x, y): (f64, f64), turns: u8| match turns {
                0 => Point { x, y },
                1 => Point { x: y, y: -x },
                2 => Point { x: -x, y: -y },
                _ => Point { x: -y, y: x },
            };
            let first = [(arm, half), (arm, -half), (half, -half)];
            (0..4).flat_map(|turns| first.map(|corner| turned(corner, turns))).collect()
        }
        Marker::Tick => [(-0.38, -2.2), (0.38, -2.2), (0.38, 2.2), (-0.38, 2.2)].map(|(x, y)| Point { x, y }).to_vec(),
    }
}

/// An SVG document being written.
pub(crate) struct Svg {
    text: String,
}

impl Svg {
    /// A document of `width` by `height`, named and described for those who cannot see it.
    pub(crate) fn new(width: f64, height: f64, title: &str, description: &str, background: &str) -> Self {
        let (title, description) = (escape::xml(title), escape::xml(description));
        let mut svg = Self { text: String::new() };
        svg.push(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
             role=\"img\" aria-label=\"{title}\" font-family=\"{FONTS}\" fill=\"none\" stroke-linecap=\"round\" stroke-linejoin=\"round\">"
        ));
        svg.push(format_args!("<title>{title}</title>"));
        svg.push(format_args!("<desc>{description}</desc>"));
        svg.push(format_args!("<rect width=\"{width}\" height=\"{height}\" fill=\"{background}\"/>"));
        svg
    }

    pub(crate) fn line(&mut self, points: &[Point], stroke: Stroke) {
        if points.len() > 1 {
            self.push(format_args!("<path d=\"{}\" {}/>", outline(points), stroke.attributes()));
        }
    }

    /// A line whose `name` appears when a pointer rests on it.
    pub(crate) fn named_line(&mut self, points: &[Point], stroke: Stroke, name: &str) {
        let opening = format!("<path d=\"{}\" {}", outline(points), stroke.attributes());
        self.close("path", &opening, &title(name));
    }

    pub(crate) fn area(&mut self, points: &[Point], color: &str, opacity: f64) {
        if points.len() > 2 {
            self.push(format_args!("<path d=\"{}Z\" fill=\"{color}\" fill-opacity=\"{opacity}\"/>", outline(points)));
        }
    }

    /// An area with an outline whose `name` appears when a pointer rests on it.
    pub(crate) fn named_area(&mut self, points: &[Point], color: &str, opacity: f64, stroke: Stroke, name: &str) {
        let (outline, stroke) = (outline(points), stroke.attributes());
        let opening = format!("<path d=\"{outline}Z\" fill=\"{color}\" fill-opacity=\"{opacity}\" {stroke}");
        self.close("path", &opening, &title(name));
    }

    /// Begins a group of markers painted alike.
    pub(crate) fn open_group(&mut self, fill: &str, stroke: Stroke) {
        self.push(format_args!("<g fill=\"{fill}\" {}>", stroke.attributes()));
    }

    /// Ends it.
    pub(crate) fn close_group(&mut self) {
        self.push(format_args!("</g>"));
    }

    /// A marker, painted with fill and stroke of its own or else like its group; its name appears when a pointer rests on it, and
    /// `data-run` tells a page which run it is.
    pub(crate) fn marker(
        &mut self,
        marker: Marker,
        at: Point,
        radius: f64,
        own: Option<(&str, Stroke)>,
        Identity { name, run }: Identity,
    ) {
        let run = run.map(|run| format!(" data-run=\"{run}\"")).unwrap_or_default();
        let paint = own.map_or_else(String::new, |(fill, stroke)| format!(" fill=\"{fill}\" {}", stroke.attributes()));
        let title = title(name);
        if marker == Marker::Circle {
            let (x, y, radius) = (pixels(at.x), pixels(at.y), pixels(radius));
            self.close("circle", &format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\"{paint}{run}"), &title);
            return;
        }
        let corners: Vec<Point> =
            corners(marker).into_iter().map(|corner| Point { x: radius * corner.x, y: radius * corner.y }).collect();
        self.close("path", &format!("<path d=\"{}Z\"{paint}{run}", outline_around(at, &corners)), &title);
    }

    fn close(&mut self, element: &str, opening: &str, content: &str) {
        if content.is_empty() {
            self.push(format_args!("{opening}/>"));
        } else {
            self.push(format_args!("{opening}>{content}</{element}>"));
        }
    }

    /// A line of text; nothing where it is empty.
    pub(crate) fn text(&mut self, at: Point, text: &str, lettering: Lettering) {
        if text.is_empty() {
            return;
        }
        let anchor = match lettering.anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let weight = if lettering.bold { " font-weight=\"600\"" } else { "" };
        let (x, y) = (pixels(at.x), pixels(at.y));
        let size = lettering.size;
        let content = raised(text, size);
        let place = format!("<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\"{anchor}{weight}");
        if let Some(halo) = lettering.halo {
            // An element of its own below the text: not every renderer knows `paint-order`.
            self.push(format_args!(
                "{place} fill=\"{halo}\" stroke=\"{halo}\" stroke-width=\"3.5\" aria-hidden=\"true\">{content}</text>"
            ));
        }
        self.push(format_args!("{place} fill=\"{}\">{content}</text>", lettering.color));
    }

    /// The whole document.
    pub(crate) fn finish(mut self) -> String {
        self.text.push_str("</svg>\n");
        self.text
    }

    fn push(&mut self, element: std::fmt::Arguments) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{element}");
    }
}

/// What appears when a pointer rests on an element; nothing without a name.
fn title(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!("<title>{}</title>", escape::xml(name)) }
}

/// The outline through `corners` around a place, in short steps from one to the next.
fn outline_around(at: Point, corners: &[Point]) -> String {
    let mut path = String::new();
    let mut before = Point { x: -at.x, y: -at.y };
    for corner in corners {
        let step = if path.is_empty() { 'M' } else { 'l' };
        let _ = write!(path, "{step}{} {}", pixels(corner.x - before.x), pixels(corner.y - before.y));
        before = *corner;
    }
    path
}

fn outline(points: &[Point]) -> String {
    let mut path = String::new();
    for (index, point) in points.iter().enumerate() {
        path.push(if index == 0 { 'M' } else { 'L' });
        path += &pixels(point.x);
        path.push(' ');
        path += &pixels(point.y);
    }
    path
}

/// A length to a hundredth of a pixel, without trailing zeros.
fn pixels(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// The content of a text element: escaped, the number, name or bracket after a `^` raised, exponents' names as Greek letters.
fn raised(text: &str, size: f64) -> String {
    let (rise, small) = (pixels(0.36 * size), pixels(0.78 * size));
    let mut parts = text.split('^');
    let mut content = escape::xml(parts.next().unwrap_or_default());
    for part in parts {
        let end = exponent_length(part);
        let exponent = part[..end].replace("alpha", "α").replace("beta", "β");
        // The text after the exponent takes the shift back; at the end of a line a full stop is no part of a number.
        let (exponent, stop) = exponent.strip_suffix('.').map_or((exponent.as_str(), ""), |exponent| (exponent, "."));
        let _ = write!(
            content,
            "<tspan dy=\"-{rise}\" font-size=\"{small}\">{}</tspan><tspan dy=\"{rise}\">{stop}{}</tspan>",
            escape::xml(exponent),
            escape::xml(&part[end..])
        );
    }
    content
}

/// Bytes of the exponent `text` begins with: up to the end of its bracket, or of its number or name.
fn exponent_length(text: &str) -> usize {
    match text.strip_prefix('(').and_then(|inside| inside.find(')')) {
        Some(inside) => inside + 2,
        None => text.find(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '-'))).unwrap_or(text.len()),
    }
}

/// Width of `text` at font size `size`, on the wide side of the fonts in use (DejaVu Sans, the widest of them).
pub(crate) fn text_width(text: &str, size: f64) -> f64 {
    let width = |c: char| match c {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | ' ' | '(' | ')' => 0.34,
        'f' | 't' | 'r' | '-' => 0.41,
        'm' | 'w' | 'M' | 'W' | '%' | '→' => 0.92,
        c if c.is_ascii_digit() => 0.62,
        c if c.is_uppercase() => 0.69,
        _ => 0.60,
    };
    size * text.chars().map(width).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_stays_text() {
        let mut svg = Svg::new(10.0, 10.0, "a\"><script>", "</desc>", "#fff");
        let lettering = Lettering { color: "#000", size: 9.0, anchor: Anchor::Start, bold: false, halo: None };
        svg.text(Point { x: 0.0, y: 0.0 }, "</text><script>", lettering);
        let identity = Identity { name: "<script>'", run: Some(7) };
        svg.marker(Marker::Star, Point { x: 1.0, y: 1.0 }, 2.0, None, identity);
        let text = svg.finish();
        assert!(!text.contains("<script"), "{text}");
        assert_eq!(text.matches("</desc>").count(), 1);
        assert_eq!(text.matches("data-run=\"7\"").count(), 1);
    }

    #[test]
    fn lengths_are_short() {
        assert_eq!([pixels(1.0), pixels(-0.001), pixels(12.345_678), pixels(100.0)], ["1", "0", "12.35", "100"]);
    }

    #[test]
    fn exponents_are_raised_and_escaped() {
        let text = raised("L = A/N^alpha + B/D^beta, <b>", 10.0);
        assert!(text.contains(">α</tspan>") && text.contains(">β</tspan>") && text.contains("&lt;b&gt;"), "{text}");
        assert_eq!(text.matches("<tspan").count(), 4);
        let text = raised("(A/N)^(1/k) + B", 10.0);
        assert!(text.contains(">(1/k)</tspan>") && text.ends_with("> + B</tspan>"), "{text}");
        assert!(raised("a^(b", 10.0).contains("></tspan>"), "an open bracket raises nothing");
    }
}
