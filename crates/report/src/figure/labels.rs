//! Labels that stay inside the frame and off each other: each takes the free place nearest to where it would like to be.

use crate::escape;

use super::geometry::{Point, Rect};
use super::mark::{Label as Wish, Shape, Side, Size};
use super::plot::{Place, Plot};
use super::{Color, Direction};

/// How a renderer writes labels, in its units.
pub(crate) struct Lettering<'a> {
    /// The width of a label.
    pub(crate) width: &'a dyn Fn(&str) -> f64,
    /// The height of a label.
    pub(crate) height: f64,
    /// Clear space between a label and what it stands beside, across and down.
    pub(crate) gap: (f64, f64),
    /// Clear space around a label.
    pub(crate) margin: f64,
    /// Side of the cells in which ink is counted.
    pub(crate) cell: f64,
    /// Cost of a cell with ink under the label, in units of distance.
    pub(crate) ink: f64,
    /// Distance between places that are tried.
    pub(crate) step: f64,
    /// What a unit down is worth in units across: letters are higher than wide.
    pub(crate) tall: f64,
    /// The radius of a dot of this size.
    pub(crate) radius: fn(Size) -> f64,
}

/// A label with its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Label {
    pub(crate) place: Rect,
    pub(crate) text: String,
    pub(crate) color: Color,
}

/// Most characters of a label.
const LONGEST: usize = 44;
/// What a label of a dot pays for moving from where it would like to be, and for being farther from its dot.
const SIDE: f64 = 0.2;
const AWAY: f64 = 2.0;
/// Cells with ink that a label may cover that could be left out.
const FEW: usize = 4;

/// A label with the place that it would like to have.
struct Wished {
    place: Rect,
    text: String,
    color: Color,
    /// The dot that it belongs to.
    dot: Option<Point>,
    /// Whether it stands back: of many names those are shown for which there is room beside their dots.
    is_optional: bool,
}

/// The labels of a panel in its frame. Labels of later marks choose first, for they matter most; but one that fits where it belongs
/// is not pushed away by one that has to look for a place anyway. A label without any free place is left out, and that of a small dot without
/// one beside it.
pub(crate) fn labels(plot: &Plot, lettering: &Lettering) -> Vec<Label> {
    let mut room = Room::new(plot.frame, lettering);
    let mut wishes: Vec<Wished> = Vec::new();
    for mark in &plot.panel.marks {
        add_ink(&mut room, plot, &mark.shape, lettering);
        let size = if let Shape::Dots { size, .. } = mark.shape { Some(size) } else { None };
        let radius = size.map_or(0.0, lettering.radius);
        for (at, side, text) in wishes_of(plot, &mark.shape, mark.label.as_ref()) {
            let text = escape::shorten(&text, LONGEST);
            let place = beside(at, side, radius, (lettering.width)(&text), lettering);
            let (dot, is_optional) = (size.map(|_| at), size == Some(Size::Small));
            wishes.push(Wished { place, text, color: mark.color, dot, is_optional });
        }
    }
    wishes.reverse();
    wishes.sort_by_key(|wish| (wish.is_optional, !plot.frame.contains(&wish.place)));
    let placed = wishes.into_iter().filter_map(|wish| {
        let place = room.place(wish.place, wish.dot, wish.is_optional)?;
        Some(Label { place, text: wish.text, color: wish.color })
    });
    placed.collect()
}

/// Where lines with a label after their end stop, and how wide label and gap are.
pub(super) fn ends(plot: &Plot, lettering: &Lettering) -> Vec<(f64, f64)> {
    let after = plot.panel.marks.iter().filter_map(|mark| Some((&mark.shape, mark.label.as_ref()?)));
    after
        .filter(|(shape, label)| label.side == Side::Right && matches!(shape, Shape::Line { .. }))
        .filter_map(|(shape, label)| {
            let width = (lettering.width)(&escape::shorten(&label.text, LONGEST));
            Some((along(plot, shape, label.share)?.x, width + lettering.gap.0 + lettering.margin))
        })
        .collect()
}

/// Places, sides and words of the labels of a mark.
fn wishes_of(plot: &Plot, shape: &Shape, label: Option<&Wish>) -> Vec<(Point, Side, String)> {
    let frame = plot.frame;
    let own = label.and_then(|label| {
        let at = match shape {
            Shape::Line { .. } => along(plot, shape, label.share)?,
            // Rules are labelled at their upper or right end, in the frame.
            Shape::Rule { direction: Direction::Across, .. } => Point { y: frame.top, ..along(plot, shape, 1.0)? },
            Shape::Rule { direction: Direction::Upwards, .. } => along(plot, shape, label.share)?,
            Shape::Words { x, y } => plot.at((*x, *y))?,
            Shape::Dots { dots, .. } => match plot.place(dots.first()?)? {
                Place::Inside(at) | Place::Edge(at, _) => at,
            },
            Shape::Band(_) | Shape::Region { .. } | Shape::Range { .. } => {
                *plot.area(shape).iter().min_by(|one, other| one.y.total_cmp(&other.y))?
            }
            Shape::Cells(_) => return None,
        };
        Some((at, label.side, label.text.clone()))
    });
    let dots = if let Shape::Dots { dots, .. } = shape { dots.as_slice() } else { &[] };
    let of_dots = dots.iter().filter_map(|dot| match plot.place(dot)? {
        Place::Inside(at) | Place::Edge(at, _) => Some((at, Side::Right, dot.label.clone()?)),
    });
    own.into_iter().chain(of_dots).collect()
}

/// The place at `share` of the length of what is visible of a line.
fn along(plot: &Plot, shape: &Shape, share: f64) -> Option<Point> {
    let strokes = plot.strokes(shape);
    let pairs = || strokes.iter().flat_map(|stroke| stroke.points.windows(2));
    let mut left = share * pairs().map(|pair| pair[0].distance(pair[1])).sum::<f64>();
    for pair in pairs() {
        let length = pair[0].distance(pair[1]);
        if left <= length && length > 0.0 {
            return Some(pair[0].towards(pair[1], left / length));
        }
        left -= length;
    }
    // Rounding may leave a little after the end.
    strokes.last()?.points.last().copied()
}

/// The rectangle of a label of `width` on a side of a dot of `radius`.
fn beside(at: Point, side: Side, radius: f64, width: f64, lettering: &Lettering) -> Rect {
    let (gap, height) = ((radius + lettering.gap.0, radius + lettering.gap.1), lettering.height);
    let (left, top) = match side {
        Side::Right => (at.x + gap.0, at.y - 0.5 * height),
        Side::Left => (at.x - gap.0 - width, at.y - 0.5 * height),
        Side::Above => (at.x - 0.5 * width, at.y - gap.1 - height),
        Side::Below => (at.x - 0.5 * width, at.y + gap.1),
        Side::On => (at.x - 0.5 * width, at.y - 0.5 * height),
    };
    Rect { left, top, right: left + width, bottom: top + height }
}

/// Marks what labels should not cover.
fn add_ink(room: &mut Room, plot: &Plot, shape: &Shape, lettering: &Lettering) {
    plot.strokes(shape).iter().for_each(|stroke| room.add_line(&stroke.points));
    if let Shape::Region { edged: true, .. } = shape {
        room.add_line(&plot.area(shape));
    }
    let Shape::Dots { dots, size, .. } = shape else { return };
    for dot in dots {
        let Some(Place::Inside(at) | Place::Edge(at, _)) = plot.place(dot) else { continue };
        room.add_dot(at, (lettering.radius)(*size));
        for direction in [Direction::Across, Direction::Upwards] {
            if let Some((from, to)) = plot.interval(dot, direction) {
                room.add_line(&[from, to]);
            }
        }
    }
}

/// A frame with the ink that labels should avoid and the labels that they must.
struct Room {
    frame: Rect,
    columns: usize,
    rows: usize,
    ink: Vec<bool>,
    labels: Vec<Rect>,
    cell: f64,
    cost: f64,
    margin: f64,
    step: f64,
    tall: f64,
}

impl Room {
    /// An empty room.
    fn new(frame: Rect, lettering: &Lettering) -> Self {
        let cells = |length: f64| (length / lettering.cell).ceil().max(1.0) as usize;
        let (columns, rows) = (cells(frame.width()), cells(frame.height()));
        let Lettering { cell, ink: cost, margin, step, tall, .. } = *lettering;
        Self {
            frame,
            columns,
            rows,
            ink: vec![false; columns * rows],
            labels: Vec::new(),
            cell,
            cost,
            margin,
            step,
            tall,
        }
    }

    /// Marks a line as ink.
    fn add_line(&mut self, points: &[Point]) {
        for pair in points.windows(2) {
            let steps = (pair[0].distance(pair[1]) / self.cell).ceil().max(1.0);
            (0..=steps as usize).for_each(|step| self.add_dot(pair[0].towards(pair[1], step as f64 / steps), 0.0));
        }
    }

    /// Marks a dot of `radius` as ink.
    fn add_dot(&mut self, at: Point, radius: f64) {
        let rect = Rect { left: at.x - radius, top: at.y - radius, right: at.x + radius, bottom: at.y + radius };
        let (columns, rows) = self.cells(&rect);
        for row in rows {
            for column in columns.clone() {
                self.ink[row * self.columns + column] = true;
            }
        }
    }

    /// The place for a label that would like to be at `wish`, and beside its `dot` if it has one; it is taken from then on.
    ///
    /// `None` only when no place in the frame is free of other labels, and for one that is optional when there is none without ink beside its dot.
    fn place(&mut self, wish: Rect, dot: Option<Point>, is_optional: bool) -> Option<Rect> {
        let (width, height) = (wish.width(), wish.height());
        let at = |left: f64, top: f64| Rect { left, top, right: left + width, bottom: top + height };
        let across = self.steps(self.frame.left, self.frame.right - width);
        let down = self.steps(self.frame.top, self.frame.bottom - height);
        let apart =
            |rect: &Rect, dot: Point| (rect.nearest(dot).x - dot.x).hypot(self.tall * (rect.nearest(dot).y - dot.y));
        let nearest = dot.map_or(0.0, |dot| apart(&wish, dot));
        let mut best: Option<(f64, Rect)> = None;
        for (left, top) in std::iter::once((wish.left, wish.top))
            .chain(across.flat_map(|left| down.clone().map(move |top| (left, top))))
        {
            let rect = at(left, top);
            let moved = (left - wish.left).hypot(self.tall * (top - wish.top));
            // On which side of its dot a label stands matters little, how near it is much.
            let away = dot.map(|dot| (apart(&rect, dot) - nearest).abs());
            let distance = away.map_or(moved, |away| SIDE * moved + AWAY * away);
            if best.is_some_and(|(cost, _)| distance >= cost) || !self.frame.contains(&rect) {
                continue;
            }
            if is_optional && away.is_some_and(|away| away > nearest) {
                continue;
            }
            let padded = Rect {
                left: rect.left - self.margin,
                top: rect.top - self.margin,
                right: rect.right + self.margin,
                bottom: rect.bottom + self.margin,
            };
            if self.labels.iter().any(|label| label.overlaps(&padded)) {
                continue;
            }
            let inked = self.inked(&rect);
            if is_optional && inked > FEW {
                continue;
            }
            let cost = distance + self.cost * inked as f64;
            if best.is_none_or(|(least, _)| cost < least) {
                best = Some((cost, rect));
            }
        }
        let (_, rect) = best?;
        self.labels.push(rect);
        Some(rect)
    }

    fn inked(&self, rect: &Rect) -> usize {
        let (columns, rows) = self.cells(rect);
        rows.map(|row| columns.clone().filter(|column| self.ink[row * self.columns + column]).count()).sum()
    }

    /// The cells a rectangle touches, inside the frame.
    fn cells(&self, rect: &Rect) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
        // A float outside 0..=count saturates at an end in the conversion.
        let range = |from: f64, to: f64, count: usize| {
            let first = (from / self.cell).floor().max(0.0) as usize;
            let last = ((to / self.cell).floor() + 1.0).max(0.0) as usize;
            first.min(count)..last.min(count)
        };
        (
            range(rect.left - self.frame.left, rect.right - self.frame.left, self.columns),
            range(rect.top - self.frame.top, rect.bottom - self.frame.top, self.rows),
        )
    }

    /// Places from `from` to `to`.
    fn steps(&self, from: f64, to: f64) -> impl Iterator<Item = f64> + Clone + use<> {
        let step = self.step;
        let count = if to >= from { ((to - from) / step).floor() as usize + 1 } else { 0 };
        (0..count).map(move |number| from + step * number as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Rect = Rect { left: 10.0, top: 20.0, right: 310.0, bottom: 220.0 };

    fn room() -> Room {
        let lettering = Lettering {
            width: &|text| 6.0 * text.len() as f64,
            height: 12.0,
            gap: (6.0, 4.0),
            margin: 2.0,
            cell: 4.0,
            ink: 3.0,
            step: 2.0,
            tall: 1.0,
            radius: |_| 4.0,
        };
        Room::new(FRAME, &lettering)
    }

    fn wish(left: f64, top: f64, width: f64) -> Rect {
        Rect { left, top, right: left + width, bottom: top + 12.0 }
    }

    #[test]
    fn a_free_wish_is_granted() {
        assert_eq!(room().place(wish(100.0, 94.0, 50.0), None, false), Some(wish(100.0, 94.0, 50.0)));
    }

    #[test]
    fn labels_with_one_wish_neither_overlap_nor_leave_the_frame() {
        for (left, top) in [(300.0, 25.0), (12.0, 218.0), (-500.0, 900.0), (150.0, 100.0)] {
            let mut room = room();
            room.add_line(&[Point { x: 0.0, y: 100.0 }, Point { x: 400.0, y: 120.0 }]);
            let places: Vec<Rect> = (0..12).map(|_| room.place(wish(left, top, 60.0), None, false).unwrap()).collect();
            for (index, place) in places.iter().enumerate() {
                assert!(FRAME.contains(place), "{place:?}");
                assert!(places[..index].iter().all(|other| !other.overlaps(place)), "{places:?}");
            }
        }
    }

    #[test]
    fn a_label_moves_off_a_line() {
        let mut room = room();
        room.add_line(&[Point { x: 10.0, y: 100.0 }, Point { x: 310.0, y: 100.0 }]);
        let place = room.place(wish(100.0, 94.0, 60.0), None, false).unwrap();
        assert!(place.bottom <= 101.0 || place.top >= 99.0, "{place:?}");
        assert!((place.top - 94.0).abs() < 20.0, "near its wish: {place:?}");
    }

    #[test]
    fn a_label_wider_than_the_frame_is_left_out() {
        assert_eq!(room().place(wish(0.0, 0.0, 400.0), None, false), None);
    }
}
