//! What is seen of runs in training: a line with the time left, a line a run, and their losses against compute.

use crate::escape;
use crate::figure::{Axis, Color, Mark, Panel, Quantity};
use crate::numbers;
use crate::render::braille_panel;

/// Runs in training.
#[derive(Debug, Clone, PartialEq)]
pub struct Board {
    /// What they are for.
    pub title: String,
    /// In the order in which they are shown.
    pub runs: Vec<BoardRun>,
    /// Share of the work that is done.
    pub share: f64,
    /// Seconds gone.
    pub gone: f64,
    /// Seconds left, once anything is known about them.
    pub left: Option<f64>,
}

/// One run.
#[derive(Debug, Clone, PartialEq)]
pub struct BoardRun {
    /// Its name.
    pub name: String,
    /// Parameters.
    pub params: f64,
    /// Tokens it is to be trained on.
    pub tokens: f64,
    /// How far it is.
    pub state: BoardState,
    /// Its training loss so far.
    pub curve: Curve,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum BoardState {
    /// Not begun.
    Waiting,
    /// This share of its steps is done.
    Running(f64),
    /// Done, with this loss on held-out text.
    Done(f64),
    /// Its loss stopped being a number.
    Diverged,
    /// It could not go on.
    Failed,
}

/// A training loss against compute, thinned out as it grows: means over steps of 8 % in compute.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Curve {
    points: Vec<(f64, f64)>,
    sum: f64,
    count: u32,
}

/// A new point of a curve at so many times the compute of the last one.
const CURVE_STEP: f64 = 1.08;
/// Columns that a line of a run takes, its bar left out.
const FIELDS: usize = 50;
/// Most columns that are used: longer lines are harder to read.
const WIDEST: usize = 100;
/// Lines of the curves, and the fewest worth drawing.
const CURVE_LINES: usize = 10;
const FEWEST_CURVE_LINES: usize = 4;
/// Fewest columns for curves and lines of runs; on less only the first line is shown.
const NARROW: usize = 30;
/// Curves are shown from this share of their largest compute on: what comes before is one steep fall.
const CURVE_SHARE: f64 = 1e-3;

impl Curve {
    /// Adds the mean loss of a step that ended at `flops` of training compute. What is no number is left out.
    pub fn push(&mut self, flops: f64, loss: f64) {
        if !(flops > 0.0 && loss > 0.0 && flops.is_finite() && loss.is_finite()) {
            return;
        }
        self.sum += loss;
        self.count += 1;
        if self.points.last().is_none_or(|(last, _)| flops >= last * CURVE_STEP) {
            self.points.push((flops, self.sum / f64::from(self.count)));
            (self.sum, self.count) = (0.0, 0);
        }
    }

    /// Its points: FLOP and mean loss.
    pub fn points(&self) -> &[(f64, f64)] {
        &self.points
    }
}

/// The board on a terminal of `width` columns and `height` lines: never wider, never higher, and without a line end at its end.
pub fn board(board: &Board, width: usize, height: usize) -> String {
    let width = width.min(WIDEST);
    let mut lines = vec![heading(board, width)];
    if width >= NARROW {
        let room = height.saturating_sub(lines.len());
        let curves = match CURVE_LINES.min(room.saturating_sub(board.runs.len().min(room / 2))) {
            few if few < FEWEST_CURVE_LINES + 1 => Vec::new(),
            enough => curves(board, width, enough),
        };
        lines.extend(runs(board, width, room - curves.len()));
        lines.extend(curves);
    }
    lines.truncate(height);
    let cut = |line: &String| escape::plain(line).chars().take(width).collect::<String>().trim_end().to_owned();
    lines.iter().map(cut).collect::<Vec<_>>().join("\n")
}

/// Title, bar, percent and times, as many of them as there is room for.
fn heading(board: &Board, width: usize) -> String {
    let left = board.left.map_or(String::new(), |left| format!(", {} left", clock(left)));
    let (title, gone) = (escape::shorten(&board.title, 24), clock(board.gone));
    let ends = format!("{:>3.0} %  {gone} gone{left}", 100.0 * board.share);
    let room = width.saturating_sub(title.chars().count() + ends.chars().count() + 4);
    match room.checked_sub(4) {
        Some(_) => format!("{title}  {}  {ends}", bar(board.share, room.min(40))),
        None if width >= title.chars().count() + 7 => format!("{title}  {:>3.0} %{left}", 100.0 * board.share),
        None => format!("{:.0} %", 100.0 * board.share),
    }
}

/// A line for each run, or for those there is room for: running and broken ones first, then the latest done, then those to come.
fn runs(board: &Board, width: usize, room: usize) -> Vec<String> {
    if room == 0 {
        return Vec::new();
    }
    let mut order: Vec<usize> = (0..board.runs.len()).collect();
    let shown = if order.len() > room { room - 1 } else { room };
    let urgency = |index: &usize| match board.runs[*index].state {
        BoardState::Failed | BoardState::Diverged => (0, *index),
        BoardState::Running(_) => (1, *index),
        BoardState::Done(_) => (2, board.runs.len() - *index),
        BoardState::Waiting => (3, *index),
    };
    order.sort_by_key(urgency);
    let hidden = order.split_off(shown.min(order.len()));
    order.sort_unstable();
    let name = order.iter().map(|index| board.runs[*index].name.chars().count()).max().unwrap_or(0).min(24);
    let mut lines: Vec<String> = order.iter().map(|index| line(&board.runs[*index], name, width)).collect();
    if !hidden.is_empty() {
        let count = |of: fn(&BoardState) -> bool| hidden.iter().filter(|index| of(&board.runs[**index].state)).count();
        let done = count(|state| matches!(state, BoardState::Done(_)));
        let waiting = count(|state| matches!(state, BoardState::Waiting));
        let other = hidden.len() - done - waiting;
        let words = [(done, "done"), (other, "in work"), (waiting, "waiting")];
        let words = words.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
        lines.push(format!("  and {}", words.collect::<Vec<_>>().join(", ")));
    }
    lines
}

fn line(run: &BoardRun, name: usize, width: usize) -> String {
    let shown = escape::shorten(&run.name, name);
    let size = format!("{:>6} on {:>6}", numbers::count(run.params), numbers::count(run.tokens));
    let state = match run.state {
        BoardState::Waiting => "waiting".to_owned(),
        BoardState::Running(share) => {
            let loss = run.curve.points.last().map_or(String::new(), |(_, loss)| format!("  {loss:.3}"));
            let room = width.saturating_sub(FIELDS).clamp(4, 24);
            format!("{} {:>3.0} %{loss}", bar(share, room), 100.0 * share)
        }
        BoardState::Done(loss) => format!("loss {loss:.4}"),
        BoardState::Diverged => "diverged".to_owned(),
        BoardState::Failed => "failed".to_owned(),
    };
    if width < FIELDS { format!("  {shown:<name$}  {state}") } else { format!("  {shown:<name$}  {size}  {state}") }
}

/// `[===>    ]` of `width` columns, at least two.
fn bar(share: f64, width: usize) -> String {
    let inside = width.saturating_sub(2);
    let done = (share.clamp(0.0, 1.0) * inside as f64).floor() as usize;
    let head = if done > 0 && done < inside { ">" } else { "" };
    format!("[{}{head}{}]", "=".repeat(done - head.len()), " ".repeat(inside - done))
}

/// Losses against compute, both by their logarithms.
fn curves(board: &Board, width: usize, lines: usize) -> Vec<String> {
    let all = || board.runs.iter().flat_map(|run| &run.curve.points);
    let from = CURVE_SHARE * all().map(|(flops, _)| *flops).fold(0.0, f64::max);
    let mut panel =
        Panel::new(Axis::logarithmic("training FLOP", Quantity::Compute), Axis::logarithmic("loss", Quantity::Plain));
    for run in &board.runs {
        let points = run.curve.points.iter().copied().filter(|(flops, _)| *flops >= from).collect();
        panel.push(Mark::line(run.name.as_str(), Color::Ink, points));
    }
    if all().count() < 2 { Vec::new() } else { braille_panel(&panel, width, lines) }
}

/// Seconds as a clock shows them: `0:42`, `1:02:03`.
fn clock(seconds: f64) -> String {
    let seconds = seconds.max(0.0).round() as u64;
    match seconds / 3600 {
        0 => format!("{}:{:02}", seconds / 60, seconds % 60),
        hours => format!("{hours}:{:02}:{:02}", seconds / 60 % 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(name: &str, state: BoardState) -> BoardRun {
        let mut curve = Curve::default();
        if !matches!(state, BoardState::Waiting) {
            (1..400).for_each(|step| curve.push(1e8 * f64::from(step), 1.4 + 2.0 / f64::from(step).sqrt()));
        }
        BoardRun { name: name.to_owned(), params: 12_345.0, tokens: 6.5e6, state, curve }
    }

    fn sample(count: usize) -> Board {
        let state = |index: usize| match index % 5 {
            0 => BoardState::Done(1.6543),
            1 => BoardState::Running(0.43),
            2 => BoardState::Failed,
            3 => BoardState::Diverged,
            _ => BoardState::Waiting,
        };
        let runs = (0..count).map(|index| run(&format!("c1-d1-w{index}-s0"), state(index))).collect();
        Board { title: "ladder".to_owned(), runs, share: 0.377, gone: 83.0, left: Some(3_725.0) }
    }

    #[test]
    fn no_terminal_is_too_small_and_none_is_overrun() {
        for count in [0, 1, 5, 40] {
            for width in 0..130 {
                for height in [0, 1, 2, 5, 12, 24, 60] {
                    let text = board(&sample(count), width, height);
                    let lines: Vec<&str> = text.lines().collect();
                    assert!(lines.len() <= height, "{width} x {height}:\n{text}");
                    assert!(lines.iter().all(|line| line.chars().count() <= width), "{width} x {height}:\n{text}");
                    assert!(!text.chars().any(|letter| letter.is_control() && letter != '\n'));
                }
            }
        }
    }

    #[test]
    fn every_run_is_shown_or_counted() {
        let text = board(&sample(40), 80, 20);
        let shown = text.lines().filter(|line| line.contains("c1-d1-w")).count();
        let counted: usize = text
            .lines()
            .find_map(|line| line.strip_prefix("  and "))
            .map(|words| words.split(' ').filter_map(|word| word.parse::<usize>().ok()).sum())
            .unwrap_or(0);
        assert_eq!(shown + counted, 40, "{text}");
        assert!(board(&sample(5), 80, 24).contains("c1-d1-w4-s0"));
    }

    #[test]
    fn names_cannot_move_the_cursor() {
        let mut odd = sample(1);
        odd.runs[0].name = "\u{1b}[2Jx\ny".to_owned();
        odd.title = "a\u{1b}b".to_owned();
        let text = board(&odd, 80, 24);
        assert!(!text.contains('\u{1b}') && text.lines().count() <= 24, "{text}");
    }

    #[test]
    fn curves_stay_small_and_keep_their_means() {
        let mut curve = Curve::default();
        (1..=1_000_000u32).for_each(|step| curve.push(f64::from(step), 2.0));
        assert!(curve.points.len() < 400, "{}", curve.points.len());
        assert!(curve.points.iter().all(|(_, loss)| *loss == 2.0));
        let before = curve.clone();
        curve.push(f64::NAN, 2.0);
        curve.push(2e6, f64::INFINITY);
        assert_eq!(curve, before);
    }

    #[test]
    fn clocks_show_hours_only_when_there_are_some() {
        assert_eq!([0.4, 59.6, 3_599.0, 3_723.0].map(clock), ["0:00", "1:00", "59:59", "1:02:03"]);
    }
}
