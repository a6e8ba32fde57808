//! Tuning simulated worlds through folders, and what is refused.

use isoflop::Tokens;
use isoflop::tuning::steps;
use isoflop_train::{Evaluation, EvaluationLimit};

use super::probe::{probe, probed};
use super::*;
use crate::files::Disk;
use crate::plan::{CorpusLabel, SweepPlan};

/// The best multipliers of a simulated world: hidden rate, embedding rate, batch.
const BEST: [f64; 3] = [1.6, 0.5, 1.3];
const NOISE: f64 = 0.006;

fn plan(flops: f64) -> Result<TuningPlan, TuningPlanError> {
    TuningPlan::within(Recipe::default(), Flops::new(flops).unwrap(), 5)
}

fn sweep(dir: &std::path::Path, plan: &TuningPlan) -> Sweep {
    let plan = SweepPlan {
        question: "Which rates and batch are best?".to_owned(),
        recipe: plan.recipe.name.clone(),
        budgets: Vec::new(),
        corpus: CorpusLabel { name: "none".to_owned(), fingerprint: "0123".to_owned(), training_tokens: 500 },
        evaluation: EvaluationLimit::Everything,
        cells: plan.first_round().unwrap(),
    };
    Sweep::create(dir, &plan).unwrap()
}

/// Held-out loss in the simulated world; none where it diverges.
fn loss(plan: &TuningPlan, spec: &RunSpec) -> Option<f64> {
    let moves = plan.recipe.moves_of(spec);
    let off = [0, 1, 2].map(|factor| moves[factor] - steps(BEST[factor]));
    let excess = 0.004 * off[0] * off[0] + 0.003 * off[1] * off[1] + 0.002 * off[2] * off[2];
    // A deviate that depends on the run alone: the fractional part of a large multiple of a sine.
    let turn = 43_758.5 * (spec.seed as f64 + 7.0 * spec.architecture.width as f64 + moves[0] + 0.3 * moves[1]).sin();
    let deviate = 12f64.sqrt() * (turn - turn.floor() - 0.5);
    (moves[0] < 3.5).then(|| 2.0 * (excess + NOISE * deviate).exp())
}

/// Gives every cell that has none its result.
fn train(plan: &TuningPlan, sweep: &Sweep) {
    for (name, cell) in sweep.cells().unwrap() {
        let folder = sweep.cell_dir(&name);
        if CellResult::read(&folder).unwrap().is_none() {
            let evaluation =
                |loss| Evaluation { loss, standard_error: None, bits_per_byte: 1.0, documents: 1, tokens: 1 };
            let result = match loss(plan, cell.unwrap().spec()) {
                Some(loss) => CellResult::Finished { steps: 1, evaluation: evaluation(loss) },
                None => CellResult::Diverged { step: 1 },
            };
            result.write(&Disk::default(), &folder).unwrap();
        }
    }
}

fn tune(plan: &TuningPlan, sweep: &Sweep, budget: Flops) -> TuningState {
    loop {
        train(plan, sweep);
        let state = plan.state(sweep, budget).unwrap();
        if state.next.is_empty() {
            return state;
        }
        assert_eq!(sweep.add_cells(&state.next).unwrap().len(), state.next.len());
    }
}

#[test]
fn the_best_factors_are_found_within_the_budget_and_written_into_the_recipe() {
    let folder = tempfile::tempdir().unwrap();
    let budget = Flops::new(1e13).unwrap();
    let plan = plan(1e13).unwrap();
    let sweep = sweep(folder.path(), &plan);
    let state = tune(&plan, &sweep, budget);
    assert_eq!(state.settled, Settled::Yes, "{:?}", state.surface.standard_errors(plan.target()));
    assert!(state.spent <= budget.get(), "{:e}", state.spent);
    let recipe = plan.tuned(&state);
    let rate = |recipe: &Recipe, width: usize| recipe.rates(width, 700.0).hidden;
    for width in &plan.widths {
        // The best rate of a batch that is the same in both.
        let off = steps(rate(&recipe, *width) / rate(&plan.recipe, *width) / BEST[0]);
        assert!(off.abs() < 1.0, "{width}: {off}");
    }
    let off = [
        steps(recipe.optimizer.embedding_rate / plan.recipe.optimizer.embedding_rate / BEST[1]),
        steps(recipe.batch.tokens / plan.recipe.batch.tokens / BEST[2]),
    ];
    assert!(off.iter().all(|off| off.abs() < 1.0), "{off:?}");
    let tuning = recipe.tuning.as_ref().unwrap();
    assert_eq!((tuning.runs, tuning.flops), (sweep.cells().unwrap().len(), state.spent));
    assert!((0.5..2.0).contains(&(tuning.noise / NOISE)), "{}", tuning.noise);
    // What the tuned recipe plans gives nothing away; what the old one plans does.
    let run = |recipe: &Recipe| recipe.run(recipe.architecture(32), Tokens::new(1e6).unwrap(), 0, 1);
    assert_eq!(recipe.tuning_excess(&run(&recipe)), Some(0.0));
    assert!(recipe.tuning_excess(&run(&plan.recipe)).unwrap() > 0.005);
    assert_eq!(Recipe::from_toml(&recipe.to_toml(), "tuned").unwrap(), recipe);
}

#[test]
fn the_same_results_lead_to_the_same_runs_and_no_run_is_planned_twice() {
    let budget = Flops::new(2e12).unwrap();
    let plan = plan(2e12).unwrap();
    let names = || {
        let folder = tempfile::tempdir().unwrap();
        let sweep = sweep(folder.path(), &plan);
        let state = tune(&plan, &sweep, budget);
        // Another look changes nothing.
        assert_eq!(plan.state(&sweep, budget).unwrap(), state);
        sweep.cells().unwrap().into_iter().map(|(name, _)| name).collect::<Vec<_>>()
    };
    let (one, other) = (names(), names());
    assert_eq!(one, other);
    assert!(one.len() > plan.first_round().unwrap().len(), "no later round: {one:?}");
    let distinct: std::collections::BTreeSet<_> = one.iter().collect();
    assert_eq!(distinct.len(), one.len());
}

#[test]
fn a_probe_says_whether_the_tuned_rate_is_best_at_another_width() {
    let budget = Flops::new(1e13).unwrap();
    let plan = plan(1e13).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let tuned = plan.tuned(&tune(&plan, &sweep(&folder.path().join("runs"), &plan), budget));
    let cells = probe(&tuned, 128, None, 0..2).unwrap();
    assert_eq!(cells[2].tuning_excess, Some(0.0));
    assert!(
        (cells[1].tuning_excess.unwrap() / (0.5 * tuned.tuning.as_ref().unwrap().curvature.factors[0]) - 1.0).abs()
            < 1e-9
    );
    let probing = |width: usize, best: f64| {
        let header = SweepPlan {
            question: "Does it transfer?".to_owned(),
            recipe: tuned.name.clone(),
            budgets: Vec::new(),
            corpus: CorpusLabel { name: "none".to_owned(), fingerprint: "0123".to_owned(), training_tokens: 500 },
            evaluation: EvaluationLimit::Everything,
            cells: probe(&tuned, width, None, 0..2).unwrap(),
        };
        let sweep = Sweep::create(&folder.path().join(format!("probe-{width}-{best}")), &header).unwrap();
        for (name, cell) in sweep.cells().unwrap() {
            let off = tuned.moves_of(cell.unwrap().spec())[0] - best;
            let evaluation = Evaluation {
                loss: 1.5 * (0.5 * tuned.tuning.as_ref().unwrap().curvature.factors[0] * off * off).exp(),
                standard_error: None,
                bits_per_byte: 1.0,
                documents: 1,
                tokens: 1,
            };
            let result = CellResult::Finished { steps: 1, evaluation };
            result.write(&Disk::default(), &sweep.cell_dir(&name)).unwrap();
        }
        probed(&tuned, &sweep, 0.9).unwrap().transfer
    };
    let (still, moved) = (probing(128, 0.0), probing(96, 2.0));
    assert!(still.moved.abs() < 0.01 && still.width == 128.0, "{still:?}");
    assert!(moved.moved > 1.2 && moved.low > 0.0, "{moved:?}");
    assert!(matches!(
        probe(&tuned, 130, None, 0..2),
        Err(TuningPlanError::Recipe(RecipeError::NoWidth { nearest: 128, .. }))
    ));
    assert!(matches!(
        probed(&plan.recipe, &sweep(&folder.path().join("x"), &plan), 0.9),
        Err(TuningPlanError::Untuned { .. })
    ));
}

#[test]
fn more_compute_tunes_larger_and_more_sizes_and_too_little_is_refused() {
    let widths = [1e12, 1e13, 1e14, 1e16].map(|flops| plan(flops).unwrap().widths);
    assert!(widths.windows(2).all(|pair| pair[0].last() < pair[1].last()), "{widths:?}");
    assert_eq!(widths[3].len(), 3);
    for (widths, flops) in widths.into_iter().zip([1e12, 1e13, 1e14, 1e16]) {
        let plan = TuningPlan { widths, ..plan(1e13).unwrap() };
        let cells = plan.first_round().unwrap();
        // Batches that are rounded alike are one run.
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(sweep(folder.path(), &plan).cells().unwrap().len(), cells.len());
        assert!(cells.iter().map(|cell| cell.spec.flops().total()).sum::<f64>() <= FIRST_SHARE * flops);
    }
    let refused = plan(1e10).unwrap_err();
    assert!(matches!(refused, TuningPlanError::TooLittle { width: 8, .. }), "{refused}");
    let least = match refused {
        TuningPlanError::TooLittle { least, .. } => least,
        _ => 0.0,
    };
    assert!(plan(1.001 * least).is_ok() && plan(0.99 * least).is_err());
}
