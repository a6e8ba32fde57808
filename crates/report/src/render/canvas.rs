//! Drawing with the dots of braille letters: two by four in every column of a line.

/// Dots across and down in a letter.
const ACROSS: usize = 2;
const DOWN: usize = 4;
/// Dots of a dash, and of the gap after it.
const DASH: usize = 3;
/// The letter without dots; the lowest eight bits of the others say which dots they have (Unicode 16.0, block U+2800).
const BLANK: u32 = 0x2800;
/// Bit of each dot, from the left column and the top.
const BITS: [[u8; DOWN]; ACROSS] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

/// A field of dots.
#[derive(Debug, Clone)]
pub(crate) struct Canvas {
    width: usize,
    height: usize,
    letters: Vec<u8>,
}

impl Canvas {
    /// An empty field of so many letters.
    pub(crate) fn new(width: usize, height: usize) -> Self {
        Self { width, height, letters: vec![0; width * height] }
    }

    /// Joins points, each given by its shares of the width from the left and of the height from the bottom.
    pub(crate) fn line(&mut self, points: &[(f64, f64)]) {
        self.joined(points, |_| true);
    }

    /// The same with gaps as long as the dashes.
    pub(crate) fn dashed(&mut self, points: &[(f64, f64)]) {
        self.joined(points, |dot| dot % (2 * DASH) < DASH);
    }

    /// Sets the dots between points that are wanted, by their number along the line.
    fn joined(&mut self, points: &[(f64, f64)], wanted: impl Fn(usize) -> bool) {
        let dots: Vec<(f64, f64)> = points.iter().map(|(x, y)| self.dot(*x, *y)).collect();
        let mut number = 0;
        for pair in dots.windows(2) {
            let ((x, y), (to_x, to_y)) = (pair[0], pair[1]);
            let steps = (to_x - x).abs().max((to_y - y).abs()).ceil().max(1.0);
            for step in 0..=steps as usize {
                let share = step as f64 / steps;
                if wanted(number + step) {
                    self.set(x + share * (to_x - x), y + share * (to_y - y));
                }
            }
            number += steps as usize;
        }
        if let [(x, y)] = dots[..] {
            self.set(x, y);
        }
    }

    /// Column and row of dots, from the left and the top.
    fn dot(&self, x: f64, y: f64) -> (f64, f64) {
        let last = |dots: usize| dots.saturating_sub(1) as f64;
        (x.clamp(0.0, 1.0) * last(ACROSS * self.width), (1.0 - y.clamp(0.0, 1.0)) * last(DOWN * self.height))
    }

    fn set(&mut self, column: f64, row: f64) {
        let (column, row) = (column.round() as usize, row.round() as usize);
        if let Some(letter) = self.letters.get_mut(row / DOWN * self.width + column / ACROSS) {
            *letter |= BITS[column % ACROSS][row % DOWN];
        }
    }

    /// The lines of letters; those without dots are spaces.
    pub(crate) fn lines(&self) -> Vec<String> {
        let letter = |dots: &u8| match dots {
            0 => ' ',
            dots => char::from_u32(BLANK + u32::from(*dots)).unwrap_or(' '),
        };
        self.letters.chunks(self.width.max(1)).map(|line| line.iter().map(letter).collect()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_are_the_outermost_dots() {
        let mut canvas = Canvas::new(2, 2);
        for corner in [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)] {
            canvas.line(&[corner]);
        }
        assert_eq!(canvas.lines(), ["⠁⠈", "⡀⢀"]);
    }

    #[test]
    fn a_line_has_no_gaps() {
        let mut canvas = Canvas::new(3, 1);
        canvas.line(&[(0.0, 0.0), (1.0, 0.0)]);
        assert_eq!(canvas.lines(), ["⣀⣀⣀"]);
        let mut steep = Canvas::new(1, 2);
        steep.line(&[(0.0, 0.0), (0.0, 1.0)]);
        assert_eq!(steep.lines(), ["⡇", "⡇"]);
    }

    #[test]
    fn what_lies_outside_is_drawn_at_the_edge() {
        let mut canvas = Canvas::new(1, 1);
        canvas.line(&[(7.0, -7.0)]);
        assert_eq!(canvas.lines(), ["⢀"]);
        let mut none = Canvas::new(0, 0);
        none.line(&[(0.5, 0.5), (0.6, 0.6)]);
        assert!(none.lines().is_empty());
    }
}
