//! Figures of sweeps: the board, training curves, tuned rates.

use isoflop::tuning::{Surface, Trial};
use isoflop::{Runs, TableFormat};
use isoflop_report::board::BoardState;
use isoflop_report::figure::Page;
use isoflop_report::{SweepRun, TrainingCurve, basins, csv as numbers_of, envelope, svg, sweep_board};

use crate::LEVEL;
use crate::figures::{assert_figure, assert_is_sound};
use crate::stories::{fitted, ladder, surface};

/// Runs of the ladder of stories, and what has become of others.
fn runs() -> Vec<SweepRun> {
    let kept = ladder().kept;
    let done = kept.iter().map(|run| SweepRun {
        name: run.name.clone(),
        budget: run.flops.get(),
        params: run.params.get(),
        tokens: run.tokens.get(),
        state: BoardState::Done(run.loss.get()),
        attempts: 1,
    });
    let mut runs: Vec<SweepRun> = done.collect();
    let again = SweepRun { name: "<script>".to_owned(), attempts: 3, state: BoardState::Done(2.5), ..runs[7].clone() };
    for (run, state) in
        [(2, BoardState::Failed), (6, BoardState::Diverged), (12, BoardState::Running(0.43)), (14, BoardState::Waiting)]
    {
        runs[run].state = state;
    }
    runs.push(again);
    runs
}

#[test]
fn the_board_of_a_sweep_looks_as_expected() {
    let ladder = ladder();
    let fit = fitted(&ladder);
    let figure = sweep_board("How does loss fall?", &runs(), Some(&fit));
    assert_figure("sweep-board", &figure);
    let cells = || {
        figure.panels[0].marks.iter().filter_map(|mark| match &mark.shape {
            isoflop_report::figure::Shape::Cells(cells) => Some(cells),
            _ => None,
        })
    };
    assert_eq!(cells().map(Vec::len).sum::<usize>(), 15);
    assert!(cells().flatten().any(|cell| cell.text.contains("x2") && cell.text.contains("+2")), "{figure:?}");
    for few in [0, 1] {
        let board = sweep_board("", &runs()[..few], None);
        assert_is_sound(&svg(&board, &Page::default()));
        assert_eq!(board.title, format!("{few} of {few} runs are done"));
    }
}

/// The training of a run of `params` on `tokens`: a power law, and a fall at the end as rates do.
fn curve(params: f64, tokens: f64) -> TrainingCurve {
    let loss = |share: f64| {
        let cooled = if share > 0.8 { 0.25 * (share - 0.8) } else { 0.0 };
        1.6 + 26.0 / params.powf(0.28) + 66.0 / (share * tokens).powf(0.33) - cooled
    };
    let losses =
        (1..=400).map(|step| f64::from(step) / 400.0).map(|share| (6.0 * params * tokens * share, loss(share)));
    TrainingCurve::of_batches(format!("{params}"), params, losses)
}

#[test]
fn training_curves_and_their_envelope_look_as_expected() {
    let curves = [curve(1e4, 1e6), curve(4e4, 2e6), curve(4e4, 4e5), curve(1.6e5, 4e6)];
    let figure = envelope(&curves).unwrap();
    assert_figure("envelope", &figure);
    assert!(
        figure.subtitle.starts_with("4 runs of 3 sizes; ") && figure.subtitle.ends_with("of the envelope is annealed")
    );
    // What is not annealed is dashed, and that is nearly all of it.
    let points = |series: &str| numbers_of(&figure).lines().filter(|line| line.contains(series)).count();
    assert!(points("envelope, annealed,line") < 20 && points("\"envelope, not annealed\",dashed line") > 200);
    assert!(envelope(&[]).is_none());
    let one_point = TrainingCurve { points: vec![(1e9, 2.0)], ..curves[0].clone() };
    assert!(envelope(&[one_point]).is_none());
}

#[test]
fn rows_of_checkpoints_become_curves() {
    let table = "model,params,tokens,loss\nb,2e6,4e7,3\na,1e6,1e7,4\na,1e6,4e7,3.2\na,1e6,2e7,3.6\n";
    let runs = Runs::read(table.as_bytes(), "t", TableFormat::Csv, false).unwrap();
    let curves = TrainingCurve::of_checkpoints(&runs, "model").unwrap();
    assert_eq!((curves.len(), curves[0].name.as_str()), (2, "a"));
    assert_eq!(curves[0].points, [(6e13, 4.0), (1.2e14, 3.6), (2.4e14, 3.2)]);
    assert!(TrainingCurve::of_checkpoints(&runs, "nothing").is_none());
    assert_eq!(envelope(&curves).map(|figure| figure.subtitle.starts_with("1 run of 1 size")), Some(true));
}

#[test]
fn basins_of_rates_look_as_expected() {
    let figure = basins(&surface(), LEVEL);
    assert_figure("basins", &figure);
    assert!(figure.subtitle.contains("every optimum lies within"), "{}", figure.subtitle);
}

#[test]
fn an_optimum_on_the_edge_is_called_not_bracketed() {
    let trial = |steps: i32| {
        let steps = f64::from(steps);
        let loss = 2.0 * (0.01 * (steps - 4.0) * (steps - 4.0)).exp();
        Trial { width: 32.0, seed: 0, moves: [steps, 0.0, 0.0], loss }
    };
    let trials: Vec<Trial> = (-2..=2).map(trial).collect();
    let figure = basins(&Surface::fit(&trials).unwrap(), LEVEL);
    assert_eq!(figure.subtitle, "Not bracketed: hidden rate at width 32");
    assert!(numbers_of(&figure).contains("not bracketed"));
    assert_is_sound(&svg(&figure, &Page::default()));
}
