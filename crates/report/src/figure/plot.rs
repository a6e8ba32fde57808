//! A panel laid into a frame: marks become strokes, outlines and places in the frame's units, cut at its edges.

use super::axis::{Axis, Direction};
use super::geometry::{Point, Rect};
use super::mark::{Dot, Mark, Pattern, Shape};
use super::scale::Scale;
use super::ticks::{Tick, ticks};
use super::{Lettering, Panel};

/// Most that an axis is extended for labels after the ends of lines.
const MOST_ROOM: f64 = 1.6;

/// A panel in its frame.
pub(crate) struct Plot<'a> {
    pub(crate) panel: &'a Panel,
    pub(crate) frame: Rect,
    across: Scale,
    upwards: Scale,
}

/// A piece of a line inside the frame.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stroke {
    pub(crate) solid: bool,
    pub(crate) points: Vec<Point>,
}

/// Where a dot is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Place {
    /// At its place.
    Inside(Point),
    /// On the edge next to its place, which lies beyond; and whether it lies above or below the frame rather than beside it.
    Edge(Point, Beyond),
}

/// On which side of the frame a dot lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beyond {
    Above,
    Below,
    Left,
    Right,
}

impl<'a> Plot<'a> {
    /// The panel with its axes in `frame`, extended until labels after the ends of lines fit in.
    pub(crate) fn new(panel: &'a Panel, frame: Rect, lettering: &Lettering) -> Self {
        let plain = |direction: Direction, lengths| {
            Scale::new(panel.axis(direction).logarithmic, panel.range(direction), lengths)
        };
        let mut plot = Self {
            panel,
            frame,
            across: plain(Direction::Across, (frame.left, frame.right)),
            upwards: plain(Direction::Upwards, (frame.bottom, frame.top)),
        };
        if panel.across.at_most.is_none() {
            let factor = |(end, width): (f64, f64)| (end - frame.left) / (frame.width() - width).max(1.0);
            let ends = super::labels::ends(&plot, lettering);
            // A label wider than a third of the frame has to find its place inside.
            let most = ends.into_iter().filter(|(_, width)| *width < frame.width() / 3.0).map(factor);
            plot.across = plot.across.extended(most.fold(1.0, f64::max).min(MOST_ROOM));
        }
        plot
    }

    /// The place of `(x, y)`, inside the frame or outside; none where it is no number.
    pub(crate) fn at(&self, (x, y): (f64, f64)) -> Option<Point> {
        Some(Point { x: self.across.at(x)?, y: self.upwards.at(y)? })
    }

    /// The ticks of the axis in `direction`; `needs` is the length that a label takes along the axis.
    pub(crate) fn ticks(&self, direction: Direction, needs: &dyn Fn(&str) -> f64) -> Vec<(f64, Tick)> {
        let (axis, scale): (&Axis, &Scale) = match direction {
            Direction::Across => (&self.panel.across, &self.across),
            Direction::Upwards => (&self.panel.upwards, &self.upwards),
        };
        let ticks = ticks(axis, scale, needs);
        ticks.into_iter().filter_map(|tick| Some((scale.at(tick.value)?, tick))).collect()
    }

    /// The pieces of a line or a rule inside the frame; none of other shapes.
    pub(crate) fn strokes(&self, shape: &Shape) -> Vec<Stroke> {
        match shape {
            Shape::Line { points, pattern, .. } => self.line(points, *pattern),
            Shape::Rule { direction: Direction::Across, at, pattern } => {
                let Some(x) = self.across.at(*at).filter(|_| self.across.holds(*at)) else { return Vec::new() };
                let points = vec![Point { x, y: self.frame.bottom }, Point { x, y: self.frame.top }];
                vec![Stroke { solid: pattern.is_solid_at(*at), points }]
            }
            Shape::Rule { direction: Direction::Upwards, at, pattern } => {
                let Some(y) = self.upwards.at(*at).filter(|_| self.upwards.holds(*at)) else { return Vec::new() };
                let ends = [self.frame.left, self.frame.right].map(|x| Point { x, y });
                vec![Stroke { solid: *pattern == Pattern::Solid, points: ends.to_vec() }]
            }
            _ => Vec::new(),
        }
    }

    fn line(&self, points: &[(f64, f64)], pattern: Pattern) -> Vec<Stroke> {
        let mut strokes: Vec<Stroke> = Vec::new();
        for pair in points.windows(2) {
            let (Some(from), Some(to)) = (self.at(pair[0]), self.at(pair[1])) else { continue };
            for (from, to, solid) in self.split(from, to, pattern) {
                let Some((from, to)) = self.frame.cut(from, to) else { continue };
                match strokes.last_mut() {
                    Some(stroke) if stroke.solid == solid && stroke.points.last() == Some(&from) => {
                        stroke.points.push(to);
                    }
                    _ => strokes.push(Stroke { solid, points: vec![from, to] }),
                }
            }
        }
        strokes
    }

    /// The stroke cut where it turns from solid to dashed.
    fn split(&self, from: Point, to: Point, pattern: Pattern) -> Vec<(Point, Point, bool)> {
        let ends = match pattern {
            Pattern::Solid | Pattern::Dashed => return vec![(from, to, pattern == Pattern::Solid)],
            Pattern::SolidWithin(low, high) => (self.across.at(low), self.across.at(high)),
        };
        let (Some(low), Some(high)) = ends else { return vec![(from, to, false)] };
        let mut cuts: Vec<f64> = [low, high].iter().map(|x| (x - from.x) / (to.x - from.x)).collect();
        cuts.retain(|share| *share > 0.0 && *share < 1.0);
        cuts.extend([0.0, 1.0]);
        cuts.sort_by(f64::total_cmp);
        cuts.windows(2)
            .map(|pair| {
                let middle = from.towards(to, 0.5 * (pair[0] + pair[1]));
                // The ends themselves, not what rounding makes of them: pieces are joined by equality.
                let start = if pair[0] == 0.0 { from } else { from.towards(to, pair[0]) };
                let end = if pair[1] == 1.0 { to } else { from.towards(to, pair[1]) };
                (start, end, (low..=high).contains(&middle.x))
            })
            .collect()
    }

    /// The outline of a band, a region or a range inside the frame; empty for other shapes.
    pub(crate) fn area(&self, shape: &Shape) -> Vec<Point> {
        let outline: Vec<Point> = match shape {
            Shape::Band(points) => {
                let whole = |(x, low, high): &&(f64, f64, f64)| !(x.is_nan() || low.is_nan() || high.is_nan());
                let upper = points.iter().filter(whole).filter_map(|(x, _, high)| self.at((*x, *high)));
                let lower = points.iter().rev().filter(whole).filter_map(|(x, low, _)| self.at((*x, *low)));
                upper.chain(lower).collect()
            }
            Shape::Region { outline, .. } => outline.iter().filter_map(|point| self.at(*point)).collect(),
            Shape::Range { direction, from, to } => {
                let scale = if *direction == Direction::Across { self.across } else { self.upwards };
                let (Some(from), Some(to)) = (scale.at(*from), scale.at(*to)) else { return Vec::new() };
                let Rect { left, top, right, bottom } = self.frame;
                let rect = match direction {
                    Direction::Across => Rect { left: from.min(to), right: from.max(to), top, bottom },
                    Direction::Upwards => Rect { top: from.min(to), bottom: from.max(to), left, right },
                };
                rect.corners().to_vec()
            }
            _ => return Vec::new(),
        };
        self.frame.cut_area(&outline)
    }

    /// The part of a rectangle in data coordinates that lies inside the frame.
    pub(crate) fn rect(&self, across: (f64, f64), upwards: (f64, f64)) -> Option<Rect> {
        let (one, other) = (self.at((across.0, upwards.0))?, self.at((across.1, upwards.1))?);
        let (one, other) = (self.frame.nearest(one), self.frame.nearest(other));
        let rect = Rect {
            left: one.x.min(other.x),
            top: one.y.min(other.y),
            right: one.x.max(other.x),
            bottom: one.y.max(other.y),
        };
        (rect.width() > 0.0 && rect.height() > 0.0).then_some(rect)
    }

    /// Where a dot is drawn; nowhere when it is no number.
    pub(crate) fn place(&self, dot: &Dot) -> Option<Place> {
        let at = self.at((dot.x, dot.y))?;
        let (left, right) = self.across.domain();
        let (low, high) = self.upwards.domain();
        let beyond = match () {
            () if dot.y > high => Beyond::Above,
            () if dot.y < low => Beyond::Below,
            () if dot.x < left => Beyond::Left,
            () if dot.x > right => Beyond::Right,
            () => return Some(Place::Inside(at)),
        };
        Some(Place::Edge(self.frame.nearest(at), beyond))
    }

    /// Dots drawn on the edge.
    pub(crate) fn beyond(&self) -> usize {
        let dots = self.panel.marks.iter().flat_map(Mark::dots_of);
        dots.filter(|dot| matches!(self.place(dot), Some(Place::Edge(..)))).count()
    }

    /// The ends of a dot's interval in `direction`, cut at the frame; none where the dot itself is beyond it.
    pub(crate) fn interval(&self, dot: &Dot, direction: Direction) -> Option<(Point, Point)> {
        let Some(Place::Inside(_)) = self.place(dot) else { return None };
        let (low, high) = match direction {
            Direction::Across => dot.x_interval.map(|(low, high)| ((low, dot.y), (high, dot.y)))?,
            Direction::Upwards => dot.y_interval.map(|(low, high)| ((dot.x, low), (dot.x, high)))?,
        };
        self.frame.cut(self.at(low)?, self.at(high)?)
    }
}

impl Rect {
    /// The corners, clockwise from the upper left.
    pub(crate) fn corners(&self) -> [Point; 4] {
        let Self { left, top, right, bottom } = *self;
        [(left, top), (right, top), (right, bottom), (left, bottom)].map(|(x, y)| Point { x, y })
    }
}
