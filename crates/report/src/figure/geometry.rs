//! Points and rectangles on a page, y downwards, and cutting lines and areas at a rectangle.

/// A place on the page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
}

impl Point {
    /// The point at `share` of the way to `other`.
    pub(crate) fn towards(self, other: Self, share: f64) -> Self {
        Self { x: self.x + share * (other.x - self.x), y: self.y + share * (other.y - self.y) }
    }

    pub(crate) fn distance(self, other: Self) -> f64 {
        (self.x - other.x).hypot(self.y - other.y)
    }
}

/// A rectangle on the page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rect {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) right: f64,
    pub(crate) bottom: f64,
}

impl Rect {
    pub(crate) fn width(&self) -> f64 {
        self.right - self.left
    }

    pub(crate) fn height(&self) -> f64 {
        self.bottom - self.top
    }

    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.left < other.right && other.left < self.right && self.top < other.bottom && other.top < self.bottom
    }

    pub(crate) fn contains(&self, other: &Self) -> bool {
        self.left <= other.left && other.right <= self.right && self.top <= other.top && other.bottom <= self.bottom
    }

    /// The place inside that is nearest to `point`.
    pub(crate) fn nearest(&self, point: Point) -> Point {
        Point { x: point.x.max(self.left).min(self.right), y: point.y.max(self.top).min(self.bottom) }
    }

    /// The part of the stroke from `from` to `to` that lies inside (Liang & Barsky 1984).
    pub(crate) fn cut(&self, from: Point, to: Point) -> Option<(Point, Point)> {
        let (mut enters, mut leaves) = (0.0f64, 1.0f64);
        let (dx, dy) = (to.x - from.x, to.y - from.y);
        for (step, room) in
            [(-dx, from.x - self.left), (dx, self.right - from.x), (-dy, from.y - self.top), (dy, self.bottom - from.y)]
        {
            if step == 0.0 {
                if room < 0.0 {
                    return None;
                }
                continue;
            }
            if step < 0.0 { enters = enters.max(room / step) } else { leaves = leaves.min(room / step) }
        }
        (enters <= leaves).then(|| (from.towards(to, enters), from.towards(to, leaves)))
    }

    /// The part of the area inside `outline` that lies in the rectangle (Sutherland & Hodgman 1974).
    pub(crate) fn cut_area(&self, outline: &[Point]) -> Vec<Point> {
        let mut points = outline.to_vec();
        for side in [
            (|rect: &Self, point: Point| point.x - rect.left) as fn(&Self, Point) -> f64,
            |rect, point| rect.right - point.x,
            |rect, point| point.y - rect.top,
            |rect, point| rect.bottom - point.y,
        ] {
            let mut kept = Vec::with_capacity(points.len());
            for (index, point) in points.iter().enumerate() {
                let before = points[(index + points.len() - 1) % points.len()];
                let (was, is) = (side(self, before), side(self, *point));
                if (was < 0.0) != (is < 0.0) {
                    kept.push(before.towards(*point, was / (was - is)));
                }
                if is >= 0.0 {
                    kept.push(*point);
                }
            }
            points = kept;
        }
        points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Rect = Rect { left: 0.0, top: 0.0, right: 10.0, bottom: 4.0 };

    fn at(x: f64, y: f64) -> Point {
        Point { x, y }
    }

    #[test]
    fn strokes_end_at_the_frame() {
        assert_eq!(FRAME.cut(at(-5.0, 2.0), at(15.0, 2.0)), Some((at(0.0, 2.0), at(10.0, 2.0))));
        assert_eq!(FRAME.cut(at(1.0, 1.0), at(2.0, 3.0)), Some((at(1.0, 1.0), at(2.0, 3.0))));
        assert_eq!(FRAME.cut(at(5.0, 2.0), at(5.0, 8.0)), Some((at(5.0, 2.0), at(5.0, 4.0))));
        assert_eq!(FRAME.cut(at(-1.0, 5.0), at(11.0, 5.0)), None);
        assert_eq!(FRAME.cut(at(-3.0, 2.0), at(2.0, -3.0)), None, "around a corner");
    }

    #[test]
    fn areas_end_at_the_frame() {
        let around = FRAME.cut_area(&[at(-9.0, -9.0), at(19.0, -9.0), at(19.0, 19.0), at(-9.0, 19.0)]);
        assert_eq!(around.len(), 4);
        assert!(around.iter().all(|point| FRAME.nearest(*point) == *point), "{around:?}");
        let triangle = [at(5.0, 2.0), at(15.0, 1.0), at(15.0, 3.0)];
        assert_eq!(FRAME.cut_area(&triangle), [at(10.0, 2.5), at(5.0, 2.0), at(10.0, 1.5)]);
        assert!(FRAME.cut_area(&[at(11.0, 1.0), at(12.0, 1.0), at(12.0, 2.0)]).is_empty());
    }
}
