//! Are branches of a trunk the runs they would be by themselves, and is what they share trained once?

use std::fs;

use super::tests::litter;
use super::*;
use crate::cell::CellPlan;
use crate::files::Disk;
use crate::files::faults::{Fault, Faults};
use crate::plan::SweepPlan;
use crate::runs::COLUMNS;
use crate::testing::{FakeTrainer, dead_process, fast_engine, plan, sweep_plan};

/// Two trunks of three branches each and a run by itself: (steps, seed). A fifth of the steps cools down.
const RUNS: [(u64, u64); 7] = [(20, 1), (5, 1), (10, 1), (5, 2), (10, 2), (11, 2), (7, 3)];
/// Steps of RUNS when what they share is trained once: the trunks to where their last branches leave them, and the cool-downs.
const STEPS_ONCE: usize = (17 + 3 + 1) + (10 + 1 + 1) + 7;

/// A trunk of two branches and a run by itself: where every change of the disk is to be struck.
const FEW: [(u64, u64); 3] = [(6, 1), (3, 1), (2, 2)];
/// Steps of FEW when what they share is trained once.
const FEW_ONCE: usize = 6 + 2;

fn trunks_plan(runs: &[(u64, u64)]) -> SweepPlan {
    SweepPlan { cells: runs.iter().map(|(steps, seed)| plan(*steps, *seed)).collect(), ..sweep_plan(&[]) }
}

fn cell_of(sweep: &Sweep, (steps, seed): (u64, u64)) -> String {
    let cells = sweep.cells().unwrap().into_iter().filter_map(|(_, cell)| cell.ok());
    let mut found = cells.filter(|cell| (cell.spec().steps, cell.spec().seed) == (steps, seed));
    found.next().unwrap().name().to_owned()
}

fn alone(runs: &[(u64, u64)]) -> Vec<Alone> {
    let train = |run: &(u64, u64)| {
        let dir = tempfile::tempdir().unwrap();
        let sweep = Sweep::create(dir.path(), &trunks_plan(&[*run])).unwrap();
        assert!(FakeTrainer::default().run(&sweep, &fast_engine(1)).unwrap().is_complete());
        let outcome = outcome(&sweep, *run);
        assert_eq!(outcome.1.len() as u64, run.0);
        (*run, outcome)
    };
    runs.iter().map(train).collect()
}

/// What became of a run: its result, and its training curve.
type Became = (String, Vec<metrics::StepMetrics>);
/// A run, by its steps and its seed, and what becomes of it in a sweep of its own.
type Alone = ((u64, u64), Became);

fn outcome(sweep: &Sweep, run: (u64, u64)) -> Became {
    let name = cell_of(sweep, run);
    let result = fs::read_to_string(sweep.cell_dir(&name).join("result.json")).unwrap();
    (result, sweep.metrics(&name).unwrap())
}

/// Every run is what it is by itself, and nothing of the trunks is left.
fn is_whole(sweep: &Sweep, alone: &[Alone], when: &str) {
    for (run, expected) in alone {
        assert_eq!(outcome(sweep, *run), *expected, "{run:?} {when}");
    }
    assert!(prefixes_left(sweep).is_empty(), "{when}: {:?}", prefixes_left(sweep));
}

fn prefixes_left(sweep: &Sweep) -> Vec<String> {
    crate::files::list(&sweep.dir().join("trunks")).unwrap()
}

fn steps_done(trainer: &FakeTrainer) -> usize {
    trainer.seen.lock().unwrap().steps.values().sum()
}

#[test]
fn branches_are_the_runs_they_would_be_by_themselves_and_share_their_steps() {
    let alone = alone(&RUNS);
    let mut tables = Vec::new();
    for workers in 1..=8 {
        let dir = tempfile::tempdir().unwrap();
        let mut plan = trunks_plan(&RUNS);
        plan.cells.rotate_left(workers % 7);
        let sweep = Sweep::create(dir.path(), &plan).unwrap();
        let trainer = FakeTrainer { step_takes: Duration::from_micros(200), ..FakeTrainer::default() };
        assert!(trainer.run(&sweep, &fast_engine(workers)).unwrap().is_complete());
        is_whole(&sweep, &alone, &format!("with {workers} workers"));
        assert_eq!(steps_done(&trainer), STEPS_ONCE, "{workers} workers");
        tables.push(sweep.runs().unwrap().csv);
    }
    assert!(tables.iter().all(|table| *table == tables[0]));
}

#[test]
fn the_table_names_trunks_and_its_flops_are_those_that_were_spent() {
    let dir = tempfile::tempdir().unwrap();
    let sweep = Sweep::create(dir.path(), &trunks_plan(&RUNS)).unwrap();
    FakeTrainer::default().run(&sweep, &fast_engine(2)).unwrap();
    let table = sweep.runs().unwrap().csv;
    let mut rows = table.lines().map(|line| {
        // The recipe's name has a comma.
        line.replace("\"fake, v1\"", "fake").split(',').map(str::to_owned).collect::<Vec<_>>()
    });
    let header = rows.next().unwrap();
    let place = |column: &str| header.iter().position(|name| name == column).unwrap();
    let (mut trunks, mut own) = (std::collections::BTreeMap::new(), 0.0);
    let mut per_step = 0.0;
    for row in rows {
        let number = |column: &str| row[place(column)].parse::<f64>().unwrap();
        *trunks.entry(row[place("trunk")].clone()).or_insert(0) += 1;
        own += number("flops_exact") - number("flops_inherited");
        per_step = number("flops_exact") / number("steps");
    }
    assert_eq!(trunks.values().copied().collect::<Vec<_>>(), [1, 3, 3]);
    assert_eq!(trunks.get(""), Some(&1), "a run by itself names no trunk");
    assert!((own / per_step - STEPS_ONCE as f64).abs() < 1e-9, "{}", own / per_step);
}

#[test]
fn a_branch_begins_while_the_one_before_it_cools_down() {
    let dir = tempfile::tempdir().unwrap();
    let mut plan = SweepPlan { cells: vec![plan(10, 1), plan(40, 1), plan(12, 2)], ..sweep_plan(&[]) };
    // A trunk of 5 steps and 6 of cool-down; the lone run is the shortest way and yet goes before the branch that waits.
    plan.cells[0].spec.schedule.cooldown_steps = 6;
    let sweep = Sweep::create(dir.path(), &plan).unwrap();
    let mut told = Vec::new();
    let mut watch = |progress: &Progress<'_>| match progress.event {
        Event::CellStarted { cell, from_step, .. } => told.push((cell.tag().to_owned(), "starts", from_step)),
        Event::CellDone { cell, .. } => told.push((cell.tag().to_owned(), "ends", 0)),
        _ => {}
    };
    let trainer = FakeTrainer { step_takes: Duration::from_millis(4), ..FakeTrainer::default() };
    let (process, stop) = (Process::current(), AtomicBool::new(false));
    super::run(&sweep, &fast_engine(3), &process, &trainer, &stop, &mut watch).unwrap();
    let place = |what: (&str, &str, u64)| {
        let what = (what.0.to_owned(), what.1, what.2);
        told.iter().position(|event| *event == what).unwrap_or_else(|| panic!("{what:?} is not among {told:?}"))
    };
    assert!(place(("t12-s2", "starts", 0)) < place(("t40-s1", "starts", 5)), "{told:?}");
    assert!(place(("t40-s1", "starts", 5)) < place(("t10-s1", "ends", 0)), "{told:?}");
}

#[test]
fn a_stop_at_any_step_costs_a_trunk_not_a_single_one() {
    let alone = alone(&RUNS);
    for stop_after in 0..=STEPS_ONCE {
        let dir = tempfile::tempdir().unwrap();
        let sweep = Sweep::create(dir.path(), &trunks_plan(&RUNS)).unwrap();
        let mut trainer = FakeTrainer { stop_after: Some(stop_after), ..FakeTrainer::default() };
        *trainer.stop.get_mut() = stop_after == 0;
        let engine = LocalEngine { checkpoint_every: Duration::from_secs(3600), ..fast_engine(2) };
        assert!(trainer.run(&sweep, &engine).unwrap().failed.is_empty());
        trainer.stop_after = None;
        *trainer.stop.get_mut() = false;
        assert!(trainer.run(&sweep, &engine).unwrap().is_complete());
        is_whole(&sweep, &alone, &format!("stopped after {stop_after} steps"));
        assert_eq!(steps_done(&trainer), STEPS_ONCE, "stopped after {stop_after} steps");
    }
}

#[test]
fn death_at_any_change_of_the_disk_costs_a_trunk_no_more_than_a_step() {
    let alone = alone(&FEW);
    let calm = LocalEngine { heartbeat_every: Duration::from_secs(3600), ..fast_engine(1) };
    let mut struck = std::collections::BTreeSet::new();
    for changes in 0.. {
        let dir = tempfile::tempdir().unwrap();
        let faults = Arc::new(Faults::after(changes, Fault::Death));
        let disk = Disk { faults: Some(Arc::clone(&faults)) };
        let doomed = FakeTrainer { disk: disk.clone(), ..FakeTrainer::default() };
        if let Ok(sweep) = Sweep::create_on(disk, dir.path(), &trunks_plan(&FEW)) {
            // Dead processes tell no tales.
            let _ = super::run(&sweep, &calm, &dead_process(), &doomed, &AtomicBool::new(false), &mut |_| {});
        }
        let Some(file) = faults.struck() else { break };
        struck.insert(file.rsplit('.').next().unwrap_or_default().to_owned());
        struck.extend(file.strip_prefix('t').filter(|hash| hash.len() == 12).map(|_| "trunk".to_owned()));

        let sweep = Sweep::create(dir.path(), &trunks_plan(&FEW)).unwrap();
        let trainer = FakeTrainer::default();
        let summary = trainer.run(&sweep, &fast_engine(1)).unwrap();
        let when = format!("died after {changes} changes at {file}");
        assert!(summary.is_complete(), "{when}: {summary:?}");
        is_whole(&sweep, &alone, &when);
        assert!(litter(dir.path()).is_empty(), "{when}: {:?}", litter(dir.path()));
        // The dead may have tried on after their death, in memory only; each run of theirs is at most a step ahead of its disk.
        let again = steps_done(&trainer);
        let saved = steps_done(&doomed).saturating_sub(FEW.len());
        assert!(again + saved <= FEW_ONCE + FEW.len(), "{when}: {again} steps after {saved}");
    }
    for file in ["checkpoint", "jsonl", "trunk"] {
        assert!(struck.contains(file), "{file} was never struck, only {struck:?}");
    }
}

#[test]
fn a_full_disk_delays_a_trunk_and_changes_nothing_else() {
    let alone = alone(&FEW);
    for changes in 0.. {
        let dir = tempfile::tempdir().unwrap();
        Sweep::create(dir.path(), &trunks_plan(&FEW)).unwrap();
        let faults = Arc::new(Faults::after(changes, Fault::Full));
        let disk = Disk { faults: Some(Arc::clone(&faults)) };
        let trainer = FakeTrainer { disk: disk.clone(), ..FakeTrainer::default() };
        let sweep = Sweep::open(dir.path()).unwrap().on(disk);
        let calm = LocalEngine { heartbeat_every: Duration::from_secs(3600), ..fast_engine(1) };
        let summary = trainer.run(&sweep, &calm).unwrap();
        if faults.struck().is_none() {
            break;
        }
        assert!(summary.failed.len() <= 1 && summary.remaining == 0, "{changes}: {summary:?}");
        let summary = FakeTrainer::default().run(&Sweep::open(dir.path()).unwrap(), &fast_engine(2)).unwrap();
        assert!(summary.is_complete(), "{changes}: {summary:?}");
        is_whole(&sweep, &alone, &format!("full after {changes} changes"));
    }
}

#[test]
fn two_engines_train_a_trunk_once() {
    let alone = alone(&RUNS);
    for _ in 0..6 {
        let dir = tempfile::tempdir().unwrap();
        Sweep::create(dir.path(), &trunks_plan(&RUNS)).unwrap();
        let trainer = FakeTrainer { step_takes: Duration::from_micros(300), ..FakeTrainer::default() };
        let patient = LocalEngine { stale_after: Duration::from_secs(60), ..fast_engine(2) };
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let summary = trainer.run(&Sweep::open(dir.path()).unwrap(), &patient).unwrap();
                    assert!(summary.is_complete(), "{summary:?}");
                });
            }
        });
        is_whole(&Sweep::open(dir.path()).unwrap(), &alone, "by two engines");
        assert_eq!(steps_done(&trainer), STEPS_ONCE);
    }
}

#[test]
fn a_branch_that_fails_holds_up_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let sweep = Sweep::create(dir.path(), &trunks_plan(&RUNS)).unwrap();
    // All of the trunk's branches begin at its beginning when the first cannot; none of them can.
    let trainer = FakeTrainer { fails: Some(1), ..FakeTrainer::default() };
    let summary = trainer.run(&sweep, &fast_engine(2)).unwrap();
    assert_eq!((summary.finished, summary.failed.len(), summary.remaining), (4, 3, 0));
    assert!(FakeTrainer::default().run(&sweep, &fast_engine(2)).unwrap().is_complete());
    is_whole(&sweep, &alone(&RUNS), "after a failure");
}

#[test]
fn a_damaged_prefix_is_trained_again() {
    let alone = alone(&RUNS);
    let dir = tempfile::tempdir().unwrap();
    let sweep = Sweep::create(dir.path(), &trunks_plan(&RUNS)).unwrap();
    let engine = LocalEngine { checkpoint_every: Duration::from_secs(3600), ..fast_engine(1) };
    // The first branch of the longest trunk has 5 steps; its prefix is there, and nobody went on from it.
    FakeTrainer { stop_after: Some(5), ..FakeTrainer::default() }.run(&sweep, &engine).unwrap();
    let trunk = sweep.trunk_dir(&prefixes_left(&sweep)[0]);
    let prefixes = Prefixes::of(&trunk);
    assert_eq!(prefixes.steps().unwrap(), [5]);
    fs::write(prefixes.checkpoint(5), b"garbage").unwrap();
    let trainer = FakeTrainer::default();
    assert!(trainer.run(&sweep, &fast_engine(1)).unwrap().is_complete());
    is_whole(&sweep, &alone, "with a damaged prefix");
}

#[test]
fn progress_counts_what_is_shared_once() {
    let dir = tempfile::tempdir().unwrap();
    let sweep = Sweep::create(dir.path(), &trunks_plan(&RUNS)).unwrap();
    let mut seen = Vec::new();
    let mut watch =
        |progress: &Progress<'_>| seen.push((progress.flops_done, progress.flops_all, progress.flops_inherited));
    let (process, stop) = (Process::current(), AtomicBool::new(false));
    super::run(&sweep, &fast_engine(1), &process, &FakeTrainer::default(), &stop, &mut watch).unwrap();
    let (done, all, inherited) = *seen.last().unwrap();
    assert!((done / all - 1.0).abs() < 1e-12 && seen.is_sorted_by_key(|(done, ..)| *done));
    let steps: u64 = RUNS.iter().map(|(steps, _)| steps).sum();
    let per_step = (all + inherited) / steps as f64;
    assert!((all / per_step - STEPS_ONCE as f64).abs() < 1e-9, "{}", all / per_step);
}

#[test]
fn a_branch_that_is_added_late_is_trained_and_paid_for_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let sweep = Sweep::create(dir.path(), &trunks_plan(&RUNS)).unwrap();
    FakeTrainer::default().run(&sweep, &fast_engine(2)).unwrap();
    let late = CellPlan { tag: "late".to_owned(), ..plan(30, 1) };
    sweep.add_cells(&[late]).unwrap();
    let trainer = FakeTrainer::default();
    assert!(trainer.run(&sweep, &fast_engine(2)).unwrap().is_complete());
    assert_eq!(steps_done(&trainer), 30);
    let table = sweep.runs().unwrap().csv;
    let row = table.lines().find(|line| line.starts_with("late-")).unwrap();
    let longest = table.lines().find(|line| line.starts_with("t20-s1")).unwrap();
    // The recipe's name has a comma: fields are counted from the end.
    let field = |row: &str, column: &str| {
        let back = COLUMNS.iter().rev().position(|known| *known == column).unwrap();
        row.rsplit(',').nth(back).unwrap().to_owned()
    };
    assert_eq!((field(row, "flops_inherited"), field(row, "trunk")), ("0".to_owned(), field(longest, "trunk")));
}
