//! The exact numbers of a figure as CSV.

use crate::escape;
use crate::figure::{Cell, Direction, Dot, Figure, Mark, Shape};

/// The first line.
const HEADER: &str = "panel,series,kind,x,y,lo,hi,x_lo,x_hi,label\n";

/// The numbers of every mark, one row a point, in the order in which they are painted; numbers that read back to the same bits.
///
/// | column | content |
/// |---|---|
/// | `panel` | the panel's title, if it has one, and its axes: `loss over size` |
/// | `series` | what the mark stands for |
/// | `kind` | `line` or `dashed line`, `band`, `region` (its outline), `range` (shaded), `rule`, `dot` or `open dot`, `cell`, `words` |
/// | `x`, `y` | the point; empty where a kind has none |
/// | `lo`, `hi` | interval of `y`: of a band, a dot, a range or a cell; `inf` where it has no end |
/// | `x_lo`, `x_hi` | interval of `x` |
/// | `label` | the point's name, or else the mark's words |
///
/// Points that are no number are left out: a line is interrupted there. Words from outside cannot become formulas of a spreadsheet: an
/// apostrophe goes before what would.
pub fn csv(figure: &Figure) -> String {
    let mut text = HEADER.to_owned();
    for panel in &figure.panels {
        let name = panel.name();
        for mark in &panel.marks {
            for row in rows(mark) {
                if row.numbers.iter().flatten().any(|number| number.is_nan()) {
                    continue;
                }
                let numbers = row.numbers.map(|value| value.map(number).unwrap_or_default());
                let [name, series, label] = [name.as_str(), &mark.series, row.label].map(field);
                text += &format!("{name},{series},{},{},{label}\n", row.kind, numbers.join(","));
            }
        }
    }
    text
}

/// One point of a mark: x, y, lo, hi, x_lo, x_hi.
struct Row<'a> {
    kind: &'static str,
    numbers: [Option<f64>; 6],
    label: &'a str,
}

fn rows(mark: &Mark) -> Vec<Row<'_>> {
    let words = mark.label.as_ref().map_or("", |label| label.text.as_str());
    let row = |kind: &'static str, (x, y): (Option<f64>, Option<f64>), upwards, across| {
        let interval = |ends: Option<(f64, f64)>| (ends.map(|(low, _)| low), ends.map(|(_, high)| high));
        let ((lo, hi), (x_lo, x_hi)) = (interval(upwards), interval(across));
        Row { kind, numbers: [x, y, lo, hi, x_lo, x_hi], label: words }
    };
    let at = |kind, x: f64, y: f64| row(kind, (Some(x), Some(y)), None, None);
    match &mark.shape {
        Shape::Line { points, pattern, .. } => {
            let kind = |x: f64| if pattern.is_solid_at(x) { "line" } else { "dashed line" };
            points.iter().map(|(x, y)| at(kind(*x), *x, *y)).collect()
        }
        Shape::Region { outline, .. } => outline.iter().map(|(x, y)| at("region", *x, *y)).collect(),
        Shape::Band(points) => {
            points.iter().map(|(x, low, high)| row("band", (Some(*x), None), Some((*low, *high)), None)).collect()
        }
        Shape::Range { direction: Direction::Across, from, to } => {
            vec![row("range", (None, None), None, Some((*from, *to)))]
        }
        Shape::Range { direction: Direction::Upwards, from, to } => {
            vec![row("range", (None, None), Some((*from, *to)), None)]
        }
        Shape::Rule { direction: Direction::Across, at, .. } => vec![row("rule", (Some(*at), None), None, None)],
        Shape::Rule { direction: Direction::Upwards, at, .. } => vec![row("rule", (None, Some(*at)), None, None)],
        Shape::Dots { dots, filled, .. } => {
            let kind = if *filled { "dot" } else { "open dot" };
            let of_dot = |dot: &Dot| row(kind, (Some(dot.x), Some(dot.y)), dot.y_interval, dot.x_interval);
            dots.iter()
                .map(|dot| Row {
                    label: first_of([&dot.name, dot.label.as_deref().unwrap_or_default(), words]),
                    ..of_dot(dot)
                })
                .collect()
        }
        Shape::Cells(cells) => {
            let of_cell = |cell: &Cell| row("cell", (None, None), Some(cell.upwards), Some(cell.across));
            cells.iter().map(|cell| Row { label: first_of([&cell.name, &cell.text, words]), ..of_cell(cell) }).collect()
        }
        Shape::Words { x, y } => vec![at("words", *x, *y)],
    }
}

/// The first text that is not empty.
fn first_of(texts: [&str; 3]) -> &str {
    texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default()
}

/// A number in the fewest digits that read back to the same bits.
fn number(value: f64) -> String {
    let plain = value == 0.0 || (1e-5..1e16).contains(&value.abs()) || value.is_infinite();
    if plain { value.to_string() } else { format!("{value:e}") }
}

/// Text as a field: no control characters, no formula, quoted where it has to be.
fn field(text: &str) -> String {
    let text = escape::plain(text);
    let text = if text.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']) {
        format!("'{text}")
    } else {
        text
    };
    if text.contains([',', '"']) || text.starts_with(' ') || text.ends_with(' ') {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_from_outside_are_neither_formulas_nor_fields() {
        assert_eq!(field("=1+1"), "'=1+1");
        assert_eq!(field("\t@SUM(A1)"), "\u{FFFD}@SUM(A1)");
        assert_eq!(field("a,b"), "\"a,b\"");
        assert_eq!(field("say \"x\"\nline"), "\"say \"\"x\"\"\u{FFFD}line\"");
        assert_eq!(field("plain"), "plain");
    }
}
