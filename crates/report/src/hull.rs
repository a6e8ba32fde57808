//! The convex hull of points, and whether a point lies in it: what runs span, beyond which a law is extrapolated.

type Point = (f64, f64);

/// The corners of the smallest convex outline around `points`, counter-clockwise from the leftmost; fewer than three where the points span
/// no area. Points that are no number are left out.
pub(crate) fn hull(points: &[Point]) -> Vec<Point> {
    let mut sorted: Vec<Point> = points.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
    sorted.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.total_cmp(&other.1)));
    sorted.dedup();
    if sorted.len() < 3 {
        return sorted;
    }
    // Andrew 1979: the lower chain from left to right, the upper one back; each ends where the other begins.
    let mut corners = chain(sorted.iter().copied());
    corners.extend(chain(sorted.iter().rev().copied()));
    corners
}

/// The corners of one side, less the last.
fn chain(points: impl Iterator<Item = Point>) -> Vec<Point> {
    let mut corners: Vec<Point> = Vec::new();
    for point in points {
        while let [.., before, last] = corners[..]
            && turn(before, last, point) <= 0.0
        {
            corners.pop();
        }
        corners.push(point);
    }
    corners.pop();
    corners
}

/// Whether `point` lies inside the convex outline or on it.
pub(crate) fn holds(corners: &[Point], point: Point) -> bool {
    corners.len() > 2
        && (0..corners.len()).all(|index| turn(corners[index], corners[(index + 1) % corners.len()], point) >= 0.0)
}

/// Twice the area of a triangle, positive when it is walked counter-clockwise.
fn turn(one: Point, two: Point, three: Point) -> f64 {
    (two.0 - one.0) * (three.1 - one.1) - (two.1 - one.1) * (three.0 - one.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hull_of_a_square_is_its_corners_and_holds_what_lies_in_it() {
        let mut points = vec![(0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 2.0), (1.0, 0.0), (1.0, 1.0), (f64::NAN, 9.0)];
        points.push(points[0]);
        let corners = hull(&points);
        assert_eq!(corners, [(0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 2.0)]);
        assert!(holds(&corners, (1.0, 1.5)) && holds(&corners, (2.0, 1.0)));
        assert!(!holds(&corners, (2.1, 1.0)) && !holds(&corners, (-0.1, -0.1)));
    }

    #[test]
    fn every_point_lies_in_its_hull() {
        // Steps of two irrational numbers fill the square evenly.
        let points: Vec<Point> = (0..200)
            .map(|i| (f64::from(i) * 0.618_034, f64::from(i) * 0.754_878))
            .map(|(x, y)| (x.fract(), y.fract()))
            .collect();
        let corners = hull(&points);
        assert!(corners.len() > 5 && points.iter().all(|point| holds(&corners, *point)));
    }

    #[test]
    fn points_on_a_line_span_nothing() {
        assert!(hull(&[]).is_empty());
        let line: Vec<Point> = (0..5).map(|i| (f64::from(i), 2.0 * f64::from(i))).collect();
        assert_eq!(hull(&line).len(), 2);
        assert!(!holds(&hull(&line), (1.0, 2.0)));
    }
}
