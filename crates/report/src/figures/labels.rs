//! Labels that stay inside the frame and off each other: each takes the free place nearest to where it would like to be.

use super::svg::{Point, Rect};

/// Side of the cells in which taken places are counted, pixels.
const CELL: f64 = 4.0;
/// Cost of a cell with ink under the label, in pixels of distance.
const INK: f64 = 3.0;
/// Clear space around a label, pixels.
const MARGIN: f64 = 2.0;

/// A frame with the ink that labels should avoid and the labels that they must.
pub(crate) struct Room {
    frame: Rect,
    columns: usize,
    rows: usize,
    ink: Vec<bool>,
    labels: Vec<Rect>,
}

impl Room {
    /// An empty room.
    pub(crate) fn new(frame: Rect) -> Self {
        let cells = |length: f64| (length / CELL).ceil().max(1.0) as usize;
        let (columns, rows) = (cells(frame.right - frame.left), cells(frame.bottom - frame.top));
        Self { frame, columns, rows, ink: vec![false; columns * rows], labels: Vec::new() }
    }

    /// Marks a line as ink.
    pub(crate) fn add_line(&mut self, points: &[Point]) {
        for pair in points.windows(2) {
            let (from, to) = (pair[0], pair[1]);
            let steps = ((to.x - from.x).hypot(to.y - from.y) / CELL).ceil().max(1.0);
            for step in 0..=steps as usize {
                let share = step as f64 / steps;
                self.add_dot(Point { x: from.x + share * (to.x - from.x), y: from.y + share * (to.y - from.y) }, 0.0);
            }
        }
    }

    /// Marks a dot of `radius` as ink.
    pub(crate) fn add_dot(&mut self, at: Point, radius: f64) {
        let rect = Rect { left: at.x - radius, top: at.y - radius, right: at.x + radius, bottom: at.y + radius };
        let (columns, rows) = self.cells(&rect);
        for row in rows {
            for column in columns.clone() {
                self.ink[row * self.columns + column] = true;
            }
        }
    }

    /// The place for a label of `width` by `height` whose left middle would like to be at `wish`; it is taken from then on.
    ///
    /// `None` only when no place in the frame is free of other labels.
    pub(crate) fn place(&mut self, wish: Point, width: f64, height: f64) -> Option<Rect> {
        let at = |left: f64, top: f64| Rect { left, top, right: left + width, bottom: top + height };
        let wished = at(wish.x, wish.y - 0.5 * height);
        let across = steps(self.frame.left, self.frame.right - width);
        let down = || steps(self.frame.top, self.frame.bottom - height);
        let mut best: Option<(f64, Rect)> = None;
        for (left, top) in
            std::iter::once((wished.left, wished.top)).chain(across.flat_map(|left| down().map(move |top| (left, top))))
        {
            let rect = at(left, top);
            let distance = (left - wished.left).hypot(top - wished.top);
            if best.is_some_and(|(cost, _)| distance >= cost) || !self.frame.contains(&rect) {
                continue;
            }
            let padded = Rect {
                left: rect.left - MARGIN,
                top: rect.top - MARGIN,
                right: rect.right + MARGIN,
                bottom: rect.bottom + MARGIN,
            };
            if self.labels.iter().any(|label| label.overlaps(&padded)) {
                continue;
            }
            let cost = distance + INK * self.inked(&rect) as f64;
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
            let first = (from / CELL).floor().max(0.0) as usize;
            let last = ((to / CELL).floor() + 1.0).max(0.0) as usize;
            first.min(count)..last.min(count)
        };
        (
            range(rect.left - self.frame.left, rect.right - self.frame.left, self.columns),
            range(rect.top - self.frame.top, rect.bottom - self.frame.top, self.rows),
        )
    }
}

/// Places from `from` to `to`, two pixels apart.
fn steps(from: f64, to: f64) -> impl Iterator<Item = f64> + Clone {
    let count = if to >= from { ((to - from) / 2.0).floor() as usize + 1 } else { 0 };
    (0..count).map(move |step| from + 2.0 * step as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Rect = Rect { left: 10.0, top: 20.0, right: 310.0, bottom: 220.0 };

    #[test]
    fn a_free_wish_is_granted() {
        let place = Room::new(FRAME).place(Point { x: 100.0, y: 100.0 }, 50.0, 12.0).unwrap();
        assert_eq!(place, Rect { left: 100.0, top: 94.0, right: 150.0, bottom: 106.0 });
    }

    #[test]
    fn labels_with_one_wish_neither_overlap_nor_leave_the_frame() {
        for wish in [(300.0, 25.0), (12.0, 218.0), (-500.0, 900.0), (150.0, 100.0)] {
            let mut room = Room::new(FRAME);
            room.add_line(&[Point { x: 0.0, y: 100.0 }, Point { x: 400.0, y: 120.0 }]);
            let wish = Point { x: wish.0, y: wish.1 };
            let places: Vec<Rect> = (0..12).map(|_| room.place(wish, 60.0, 13.0).unwrap()).collect();
            for (index, place) in places.iter().enumerate() {
                assert!(FRAME.contains(place), "{place:?}");
                assert!(places[..index].iter().all(|other| !other.overlaps(place)), "{places:?}");
            }
        }
    }

    #[test]
    fn a_label_moves_off_a_line() {
        let mut room = Room::new(FRAME);
        room.add_line(&[Point { x: 10.0, y: 100.0 }, Point { x: 310.0, y: 100.0 }]);
        let place = room.place(Point { x: 100.0, y: 100.0 }, 60.0, 12.0).unwrap();
        assert!(place.bottom <= 101.0 || place.top >= 99.0, "{place:?}");
        assert!((place.top - 94.0).abs() < 20.0, "near its wish: {place:?}");
    }

    #[test]
    fn a_label_wider_than_the_frame_is_left_out() {
        assert_eq!(Room::new(FRAME).place(Point { x: 0.0, y: 0.0 }, 400.0, 12.0), None);
    }
}
