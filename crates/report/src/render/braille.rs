//! A figure in letters for a terminal: lines as braille dots, markers and labels as characters over them.

use crate::escape;
use crate::figure::{
    Beyond, Direction, Dot, Figure, Lettering, Mark, Marker, Panel, Place, Plot, Point, Rect, Shape, Size, labels,
};
use crate::wrap;

use super::canvas::Canvas;

/// Fewest columns and lines between the axes of a panel that is drawn at all.
const LEAST: (usize, usize) = (8, 2);
/// Lines of a strip.
const STRIP: usize = 6;
/// Widest labels beside a frame.
const WIDEST: usize = 10;

/// The figure in lines of at most `width` columns, each panel `height` lines high, the panels below each other.
///
/// Lines are braille dots, dashed ones and edges of bands with gaps; the places of markers are exact to a letter.
pub fn braille(figure: &Figure, width: usize, height: usize) -> String {
    let wrapped = |text: &str| wrap::lines(&escape::plain(text), letters, width as f64);
    let mut lines = wrapped(&figure.title);
    lines.extend(wrapped(&figure.subtitle));
    let mut beyond = 0;
    for each in &figure.panels {
        lines.push(String::new());
        let (drawn, on_edge) = drawn_panel(each, width, if each.is_strip() { height.min(STRIP) } else { height });
        lines.extend(drawn);
        beyond += on_edge;
    }
    lines.push(String::new());
    lines.extend(wrapped(&figure.full_caption(beyond)));
    lines.join("\n") + "\n"
}

/// A panel in at most `height` lines of at most `width` columns; none where that is too small.
pub(crate) fn panel(panel: &Panel, width: usize, height: usize) -> Vec<String> {
    drawn_panel(panel, width, height).0
}

/// The lines of a panel, and how many dots lie beyond its frame.
fn drawn_panel(panel: &Panel, width: usize, height: usize) -> (Vec<String>, usize) {
    let mut lines = wrap::lines(&escape::plain(&panel.name()), letters, width as f64);
    // Besides the frame and the name there are the ticks.
    let rows = height.saturating_sub(lines.len() + 1);
    let frame = |columns: usize| Rect { left: 0.0, top: 0.0, right: columns as f64, bottom: rows as f64 };
    let upwards = |plot: &Plot| -> Vec<(usize, String)> {
        let ticks = plot.ticks(Direction::Upwards, &|_| 2.0);
        let label = |label: String| escape::shorten(&escape::plain(&label), WIDEST);
        ticks.into_iter().filter_map(|(y, tick)| Some((letter(y, rows), label(tick.label?)))).collect()
    };
    let lettering = lettering();
    let scale = upwards(&Plot::new(panel, frame(width), &lettering));
    let beside = scale.iter().map(|(_, label)| label.chars().count() + 1).max().unwrap_or(0);
    let columns = width.saturating_sub(beside);
    if columns < LEAST.0 || rows < LEAST.1 {
        return (Vec::new(), 0);
    }
    let plot = Plot::new(panel, frame(columns), &lettering);
    lines.iter_mut().for_each(|line| *line = escape::shorten(line, width));
    let scale = upwards(&plot);
    for (row, drawn) in drawn(&plot, columns, rows).into_iter().enumerate() {
        let label = scale.iter().find(|(at, _)| *at == row).map_or("", |(_, label)| label);
        let gap = if beside > 0 { " " } else { "" };
        let line = format!("{label:>width$}{gap}{drawn}", width = beside.saturating_sub(1));
        lines.push(line.trim_end().to_owned());
    }
    let mut scale = Letters::new(width, 1);
    for (x, tick) in plot.ticks(Direction::Across, &|label| letters(label) + 2.0) {
        let Some(label) = tick.label.map(|label| escape::plain(&label)) else { continue };
        let length = label.chars().count();
        let middle = beside + letter(x, columns);
        let first = middle.saturating_sub(length / 2).min(width.saturating_sub(length));
        scale.write(first, 0, &label);
    }
    lines.extend(scale.lines());
    (lines, plot.beyond())
}

/// What stands between the axes.
fn drawn(plot: &Plot, columns: usize, rows: usize) -> Vec<String> {
    let mut canvas = Canvas::new(columns, rows);
    let share = |point: &Point| (point.x / columns as f64, 1.0 - point.y / rows as f64);
    for mark in &plot.panel.marks {
        for stroke in plot.strokes(&mark.shape) {
            let points: Vec<(f64, f64)> = stroke.points.iter().map(share).collect();
            if stroke.solid { canvas.line(&points) } else { canvas.dashed(&points) }
        }
        let area = plot.area(&mark.shape);
        let outline: Vec<(f64, f64)> = area.iter().chain(area.first()).map(share).collect();
        if matches!(mark.shape, Shape::Region { .. }) {
            canvas.line(&outline)
        } else {
            canvas.dashed(&outline)
        }
        for dot in mark.dots_of() {
            for direction in [Direction::Across, Direction::Upwards] {
                if let Some((from, to)) = plot.interval(dot, direction) {
                    canvas.line(&[share(&from), share(&to)]);
                }
            }
        }
    }
    let mut letters = Letters::over(&canvas.lines(), columns);
    for mark in &plot.panel.marks {
        write_mark(&mut letters, plot, mark, (columns, rows));
    }
    for label in labels(plot, &lettering()) {
        let (column, row) = (letter(label.place.left, columns), letter(label.place.top, rows));
        letters.write(column, row, &escape::plain(&label.text));
    }
    letters.lines()
}

/// Markers, and the words of cells.
fn write_mark(letters: &mut Letters, plot: &Plot, mark: &Mark, (columns, rows): (usize, usize)) {
    match &mark.shape {
        Shape::Dots { marker, size, filled, dots, .. } => {
            for dot in dots {
                let Some((at, symbol)) = symbol(plot, dot, *marker, *size, *filled) else { continue };
                letters.write(letter(at.x, columns), letter(at.y, rows), symbol);
            }
        }
        Shape::Cells(cells) => {
            for cell in cells {
                let Some(rect) = plot.rect(cell.across, cell.upwards) else { continue };
                // A column is left free between cells.
                let text = escape::shorten(&escape::plain(&cell.text), (rect.width() - 1.0).max(0.0) as usize);
                let left = 0.5 * (rect.left + rect.right - text.chars().count() as f64);
                letters.write(letter(left, columns), letter(0.5 * (rect.top + rect.bottom), rows), &text);
            }
        }
        _ => {}
    }
}

/// Where a dot is written, and as which character.
fn symbol(plot: &Plot, dot: &Dot, marker: Marker, size: Size, filled: bool) -> Option<(Point, &'static str)> {
    let symbols = |marker: Marker| match marker {
        Marker::Circle => ["●", "○"],
        Marker::Square => ["■", "□"],
        Marker::Diamond => ["◆", "◇"],
        Marker::TriangleUp => ["▲", "△"],
        Marker::TriangleDown => ["▼", "▽"],
        Marker::TriangleLeft => ["◀", "◁"],
        Marker::TriangleRight => ["▶", "▷"],
        Marker::Hexagon => ["⬢", "⬡"],
        Marker::Star => ["★", "☆"],
        Marker::Cross => ["+", "+"],
        Marker::Tick => ["┃", "╎"],
    };
    Some(match plot.place(dot)? {
        Place::Inside(at) if size == Size::Small => (at, "·"),
        Place::Inside(at) => (at, symbols(marker)[usize::from(!filled)]),
        Place::Edge(at, beyond) => {
            let marker = match beyond {
                Beyond::Above => Marker::TriangleUp,
                Beyond::Below => Marker::TriangleDown,
                Beyond::Left => Marker::TriangleLeft,
                Beyond::Right => Marker::TriangleRight,
            };
            (at, symbols(marker)[1])
        }
    })
}

/// The letter of `count` in which a length from the edge lies.
fn letter(length: f64, count: usize) -> usize {
    (length.max(0.0).floor() as usize).min(count.saturating_sub(1))
}

fn letters(text: &str) -> f64 {
    text.chars().count() as f64
}

/// Labels of whole letters.
fn lettering() -> Lettering<'static> {
    Lettering {
        width: &letters,
        height: 1.0,
        gap: (1.0, 0.5),
        margin: 0.4,
        cell: 1.0,
        ink: 0.7,
        step: 1.0,
        tall: 2.0,
        radius: |_| 0.0,
    }
}

/// Lines of letters that can be written over.
struct Letters {
    rows: Vec<Vec<char>>,
}

impl Letters {
    fn new(columns: usize, rows: usize) -> Self {
        Self { rows: vec![vec![' '; columns]; rows] }
    }

    /// The lines, filled up to `columns`.
    fn over(lines: &[String], columns: usize) -> Self {
        let filled = |line: &String| line.chars().chain(std::iter::repeat(' ')).take(columns).collect();
        Self { rows: lines.iter().map(filled).collect() }
    }

    /// Writes `text` from a column on; what does not fit in is cut off.
    fn write(&mut self, column: usize, row: usize, text: &str) {
        let Some(row) = self.rows.get_mut(row) else { return };
        for (letter, written) in row.iter_mut().skip(column).zip(text.chars()) {
            *letter = written;
        }
    }

    fn lines(&self) -> Vec<String> {
        self.rows.iter().map(|row| row.iter().collect::<String>().trim_end().to_owned()).collect()
    }
}
