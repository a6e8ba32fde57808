//! Does a sweep come out the same whatever happens to it? With a trainer that takes no time.

use std::fs;
use std::time::UNIX_EPOCH;

use super::*;
use crate::cell::CellPlan;
use crate::files::Disk;
use crate::files::faults::{Fault, Faults};
use crate::testing::{FakeTrainer, dead_process, fast_engine, folder_of, name_of, plan, sweep_plan, undisturbed_table};

fn create(dir: &tempfile::TempDir, steps: &[u64]) -> Sweep {
    Sweep::create(dir.path(), &sweep_plan(steps)).unwrap()
}

/// Every step of every cell was done once.
fn each_step_once(trainer: &FakeTrainer, steps: &[u64]) {
    let seen = trainer.seen.lock().unwrap();
    assert_eq!(seen.steps.len() as u64, steps.iter().sum::<u64>());
    assert!(seen.steps.values().all(|times| *times == 1), "{:?}", seen.steps);
    assert!(seen.doubled.is_empty());
}

#[test]
fn neither_the_number_of_workers_nor_the_order_of_the_plan_matters() {
    let steps = [5, 3, 8, 1, 4];
    let expected = undisturbed_table(&sweep_plan(&steps));
    assert_eq!(expected.lines().count(), 6);
    for workers in 1..=6 {
        let dir = tempfile::tempdir().unwrap();
        let mut plan = sweep_plan(&steps);
        plan.cells.rotate_left(workers % 5);
        let sweep = Sweep::create(dir.path(), &plan).unwrap();
        let trainer = FakeTrainer::default();
        let summary = trainer.run(&sweep, &fast_engine(workers)).unwrap();
        assert!(summary.is_complete() && summary.finished == 5);
        assert_eq!(sweep.runs().unwrap().csv, expected);
        each_step_once(&trainer, &steps);
    }
}

#[test]
fn death_at_any_change_of_the_disk_costs_no_result_and_no_checkpoint() {
    let plan = sweep_plan(&[4, 3]);
    let expected = undisturbed_table(&plan);
    // The keeper's touches would come at other moments each time.
    let calm = LocalEngine { heartbeat_every: Duration::from_secs(3600), ..fast_engine(1) };
    let mut struck = std::collections::BTreeSet::new();
    for changes in 0.. {
        let dir = tempfile::tempdir().unwrap();
        let faults = Arc::new(Faults::after(changes, Fault::Death));
        let disk = Disk { faults: Some(Arc::clone(&faults)) };
        let doomed = FakeTrainer { disk: disk.clone(), ..FakeTrainer::default() };
        if let Ok(sweep) = Sweep::create_on(disk, dir.path(), &plan) {
            let stop = AtomicBool::new(false);
            // Dead processes tell no tales.
            let _ = super::run(&sweep, &calm, &dead_process(), &doomed, &stop, &mut |_| {});
        }
        let Some(file) = faults.struck() else { break };
        struck.insert(file.split(['.', '-']).find(|part| !part.is_empty()).unwrap_or_default().to_owned());

        let sweep = Sweep::create(dir.path(), &plan).unwrap();
        let saved: Vec<u64> = (0..2).map(|seed| newest_checkpoint(&sweep, seed)).collect();
        let trainer = FakeTrainer::default();
        let summary = trainer.run(&sweep, &fast_engine(2)).unwrap();
        assert!(summary.is_complete(), "died after {changes} changes: {summary:?}");
        assert_eq!(sweep.runs().unwrap().csv, expected, "died after {changes} changes");
        for (seed, saved) in saved.into_iter().enumerate() {
            let name = name_of(&sweep, seed as u64);
            for start in sweep.attempts(&name).unwrap().into_iter().filter_map(|attempt| attempt.start) {
                if start.process != dead_process() {
                    assert_eq!(start.from_step, Some(saved), "died after {changes} changes");
                }
            }
            let curve: Vec<u64> = sweep.metrics(&name).unwrap().iter().map(|metrics| metrics.step).collect();
            assert_eq!(curve, (1..=plan.cells[seed].spec.steps).collect::<Vec<_>>(), "died after {changes} changes");
        }
        assert!(litter(dir.path()).is_empty(), "died after {changes} changes: {:?}", litter(dir.path()));
    }
    // The sentence of this test is about all of these.
    for file in ["sweep", "cell", "started", "metrics", "1", "result", "exit", "attempts", "checkpoint"] {
        assert!(struck.contains(file), "{file} was never struck, only {struck:?}");
    }
}

#[test]
fn a_full_disk_fails_the_cell_at_hand_and_the_next_run_makes_up_for_it() {
    let plan = sweep_plan(&[4, 3]);
    let expected = undisturbed_table(&plan);
    for changes in 0.. {
        let dir = tempfile::tempdir().unwrap();
        Sweep::create(dir.path(), &plan).unwrap();
        let faults = Arc::new(Faults::after(changes, Fault::Full));
        let disk = Disk { faults: Some(Arc::clone(&faults)) };
        let trainer = FakeTrainer { disk: disk.clone(), ..FakeTrainer::default() };
        let sweep = Sweep::open(dir.path()).unwrap().on(disk);
        let calm = LocalEngine { heartbeat_every: Duration::from_secs(3600), ..fast_engine(1) };
        let summary = trainer.run(&sweep, &calm).unwrap();
        if faults.struck().is_none() {
            break;
        }
        // One change failed, so at most one cell; and a cell that did not finish is named with its remedy.
        assert!(summary.failed.len() <= 1 && summary.remaining == 0, "{changes}: {summary:?}");
        for failure in &summary.failed {
            let words = failure.error.to_string();
            assert!(words.contains("free some space and run the sweep again"), "{words}");
        }
        assert_eq!(summary.finished + summary.failed.len(), 2);
        let summary = FakeTrainer::default().run(&Sweep::open(dir.path()).unwrap(), &fast_engine(1)).unwrap();
        assert!(summary.is_complete(), "{changes}: {summary:?}");
        assert_eq!(sweep.runs().unwrap().csv, expected);
    }
}

#[test]
fn two_engines_on_one_folder_share_the_work_and_never_a_cell() {
    let steps = [6, 5, 4, 3, 6, 5, 4, 3];
    let expected = undisturbed_table(&sweep_plan(&steps));
    for _ in 0..10 {
        let dir = tempfile::tempdir().unwrap();
        create(&dir, &steps);
        // One trainer under both engines sees what either does.
        let trainer = FakeTrainer { step_takes: Duration::from_micros(300), ..FakeTrainer::default() };
        let patient = LocalEngine { stale_after: Duration::from_secs(60), ..fast_engine(2) };
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let summary = trainer.run(&Sweep::open(dir.path()).unwrap(), &patient).unwrap();
                    assert!(summary.is_complete(), "each waits for the other's cells: {summary:?}");
                });
            }
        });
        each_step_once(&trainer, &steps);
        assert_eq!(Sweep::open(dir.path()).unwrap().runs().unwrap().csv, expected);
    }
}

#[test]
fn the_cell_of_a_dead_process_is_taken_over_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let sweep = create(&dir, &[3]);
    Claim::take(&Disk::default(), &folder_of(&sweep, 0), 1, &dead_process(), UNIX_EPOCH).unwrap().unwrap();
    let patient = LocalEngine { stale_after: Duration::from_secs(3600), ..fast_engine(1) };
    assert!(FakeTrainer::default().run(&sweep, &patient).unwrap().is_complete());
    assert_eq!(sweep.attempts(&name_of(&sweep, 0)).unwrap().len(), 2);
}

#[test]
fn the_cell_of_a_silent_process_is_taken_over_after_a_while_and_that_of_a_beating_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let sweep = create(&dir, &[3]);
    let process = Process { place: Some("another machine".to_owned()), ..Process::current() };
    let claim = Claim::take(&Disk::default(), &folder_of(&sweep, 0), 1, &process, UNIX_EPOCH).unwrap().unwrap();
    let beating = AtomicBool::new(true);
    let trainer = FakeTrainer::default();
    thread::scope(|scope| {
        scope.spawn(|| {
            for beat in 0.. {
                if !beating.load(Ordering::Relaxed) {
                    return;
                }
                claim.beat(UNIX_EPOCH + Duration::from_secs(beat));
                thread::sleep(Duration::from_millis(5));
            }
        });
        let other = scope.spawn(|| trainer.run(&sweep, &fast_engine(1)));
        thread::sleep(Duration::from_millis(600));
        assert!(trainer.seen.lock().unwrap().taken.is_empty(), "three times its patience, and it still waits");
        beating.store(false, Ordering::Relaxed);
        assert!(other.join().unwrap().unwrap().is_complete());
    });
    assert!(!claim.is_still_current());
}

#[test]
fn a_process_that_was_taken_for_dead_leaves_the_cell_to_its_successor() {
    let expected = undisturbed_table(&sweep_plan(&[4]));
    let dir = tempfile::tempdir().unwrap();
    let sweep = create(&dir, &[4]);
    let sleeper = FakeTrainer { asleep: Arc::new(AtomicBool::new(true)), ..FakeTrainer::default() };
    thread::scope(|scope| {
        let mute = LocalEngine { heartbeat_every: Duration::from_secs(3600), ..fast_engine(1) };
        let (sweep, sleeper) = (&sweep, &sleeper);
        let asleep = scope.spawn(move || sleeper.run(sweep, &mute));
        while newest_checkpoint(sweep, 0) == 0 {
            thread::sleep(Duration::from_millis(1));
        }
        let successor = FakeTrainer::default();
        assert!(successor.run(sweep, &fast_engine(1)).unwrap().is_complete());
        assert_eq!(successor.seen.lock().unwrap().steps.keys().next(), Some(&(0, 2)), "it went on from the checkpoint");
        sleeper.asleep.store(false, Ordering::Relaxed);
        assert!(asleep.join().unwrap().unwrap().is_complete());
    });
    let attempts = sweep.attempts(&name_of(&sweep, 0)).unwrap();
    let outcomes: Vec<_> = attempts.iter().map(|attempt| attempt.ending.as_ref().unwrap().outcome).collect();
    assert_eq!(outcomes, [Outcome::Superseded, Outcome::Finished]);
    assert_eq!(sweep.runs().unwrap().csv, expected);
    assert_eq!(sweep.metrics(&name_of(&sweep, 0)).unwrap().len(), 4);
}

#[test]
fn a_stop_at_any_step_costs_not_a_single_one() {
    let steps = [5, 3, 4];
    let expected = undisturbed_table(&sweep_plan(&steps));
    for stop_after in 0..=12 {
        let dir = tempfile::tempdir().unwrap();
        let sweep = create(&dir, &steps);
        let mut trainer = FakeTrainer { stop_after: Some(stop_after), ..FakeTrainer::default() };
        *trainer.stop.get_mut() = stop_after == 0;
        // No checkpoint but that of the stop.
        let engine = LocalEngine { checkpoint_every: Duration::from_secs(3600), ..fast_engine(2) };
        let summary = trainer.run(&sweep, &engine).unwrap();
        assert!(summary.failed.is_empty() && (stop_after > 8 || summary.remaining > 0), "{summary:?}");
        trainer.stop_after = None;
        *trainer.stop.get_mut() = false;
        assert!(trainer.run(&sweep, &engine).unwrap().is_complete());
        each_step_once(&trainer, &steps);
        assert_eq!(sweep.runs().unwrap().csv, expected);
    }
}

#[test]
fn a_diverged_run_is_a_row_and_is_not_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let sweep = create(&dir, &[4, 6]);
    let trainer = FakeTrainer { diverges: Some(1), ..FakeTrainer::default() };
    for _ in 0..2 {
        let summary = trainer.run(&sweep, &fast_engine(2)).unwrap();
        assert_eq!((summary.finished, summary.diverged.len(), summary.is_complete()), (1, 1, true));
    }
    assert_eq!(sweep.attempts(&name_of(&sweep, 1)).unwrap().len(), 1);
    let table = sweep.runs().unwrap();
    let row: Vec<&str> = table.csv.lines().find(|line| line.starts_with("t6-s1")).unwrap().split(',').collect();
    assert!(row.contains(&"diverged"));
    assert_eq!(table.rows, 2);
}

#[test]
fn one_cell_that_fails_stops_no_other_and_is_tried_again_by_the_next_run() {
    let dir = tempfile::tempdir().unwrap();
    let sweep = create(&dir, &[4, 6, 5]);
    let mut trainer = FakeTrainer { fails: Some(1), ..FakeTrainer::default() };
    let summary = trainer.run(&sweep, &fast_engine(2)).unwrap();
    assert_eq!((summary.finished, summary.remaining), (2, 0));
    assert_eq!(summary.failed[0].cell, name_of(&sweep, 1));
    assert!(summary.failed[0].error.to_string().contains("nothing to evaluate on"), "{}", summary.failed[0].error);
    trainer.fails = None;
    assert!(trainer.run(&sweep, &fast_engine(2)).unwrap().is_complete());
    let attempts = sweep.attempts(&name_of(&sweep, 1)).unwrap();
    assert_eq!(attempts[0].ending.as_ref().unwrap().outcome, Outcome::Failed);
    assert!(attempts[0].ending.as_ref().unwrap().reason.as_ref().unwrap().contains("nothing to evaluate on"));
}

#[test]
fn a_damaged_checkpoint_costs_the_way_to_the_one_before_it() {
    let expected = undisturbed_table(&sweep_plan(&[9]));
    for damaged in 0..=2 {
        let dir = tempfile::tempdir().unwrap();
        let sweep = create(&dir, &[9]);
        let trainer = FakeTrainer { stop_after: Some(5), ..FakeTrainer::default() };
        trainer.run(&sweep, &fast_engine(1)).unwrap();
        let checkpoints = Checkpoints::of(&folder_of(&sweep, 0));
        let steps = checkpoints.steps().unwrap();
        assert_eq!(steps, [4, 5]);
        for step in steps.iter().rev().take(damaged) {
            fs::write(checkpoints.path(*step), b"5 garbage").unwrap();
        }
        assert!(FakeTrainer::default().run(&sweep, &fast_engine(1)).unwrap().is_complete());
        let start = sweep.attempts(&name_of(&sweep, 0)).unwrap().pop().unwrap().start.unwrap();
        assert_eq!(start.from_step, Some([5, 4, 0][damaged]));
        assert_eq!(start.passed_over, [5, 4][..damaged]);
        assert_eq!(sweep.runs().unwrap().csv, expected);
        assert_eq!(checkpoints.steps().unwrap(), [9], "the trained model stays, alone");
    }
}

#[test]
fn checkpoints_go_when_they_are_not_wanted() {
    let dir = tempfile::tempdir().unwrap();
    let sweep = create(&dir, &[3]);
    let engine = LocalEngine { keep_checkpoints: false, ..fast_engine(1) };
    FakeTrainer::default().run(&sweep, &engine).unwrap();
    assert_eq!(sweep.checkpoint(&name_of(&sweep, 0)).unwrap(), None);
    assert!(!folder_of(&sweep, 0).join("checkpoint").exists());
}

#[test]
fn long_cells_go_first_and_get_at_most_the_threads_that_are_free() {
    let mut plan = sweep_plan(&[2, 9, 4, 6]);
    plan.cells[1].spec.shards = 4;
    plan.cells[3].spec.shards = 2;
    for (workers, expected) in [(1, [1, 1, 1, 1]), (3, [3, 2, 1, 1]), (8, [4, 2, 1, 1])] {
        let dir = tempfile::tempdir().unwrap();
        let sweep = Sweep::create(dir.path(), &plan).unwrap();
        let trainer = FakeTrainer { step_takes: Duration::from_millis(3), ..FakeTrainer::default() };
        trainer.run(&sweep, &fast_engine(workers)).unwrap();
        let mut taken = trainer.seen.lock().unwrap().taken.clone();
        if workers == 1 {
            let order: Vec<u64> = taken.iter().map(|(seed, _)| *seed).collect();
            assert_eq!(order, [1, 3, 2, 0]);
        }
        taken.sort_unstable();
        let threads = [1, 3, 2, 0].map(|seed: u64| taken[seed as usize].1);
        assert_eq!(threads, expected, "{workers} workers");
    }
}

#[test]
fn progress_rises_from_what_was_done_to_everything() {
    let dir = tempfile::tempdir().unwrap();
    let sweep = create(&dir, &[6, 4]);
    FakeTrainer { stop_after: Some(3), ..FakeTrainer::default() }.run(&sweep, &fast_engine(1)).unwrap();
    let mut shares = Vec::new();
    let mut watch = |progress: &Progress<'_>| shares.push(progress.flops_done / progress.flops_all);
    let stop = AtomicBool::new(false);
    super::run(&sweep, &fast_engine(1), &Process::current(), &FakeTrainer::default(), &stop, &mut watch).unwrap();
    assert!((shares[0] - 0.3).abs() < 1e-12, "{}", shares[0]);
    assert!(shares.is_sorted());
    assert!((shares.last().unwrap() - 1.0).abs() < 1e-12);
}

#[test]
fn cells_added_later_are_trained_by_the_next_run() {
    let dir = tempfile::tempdir().unwrap();
    let sweep = create(&dir, &[2]);
    let trainer = FakeTrainer::default();
    trainer.run(&sweep, &fast_engine(1)).unwrap();
    let big = CellPlan { tag: "big".to_owned(), ..plan(12, 77) };
    let added = sweep.add_cells(&[big.clone(), plan(2, 0)]).unwrap();
    assert_eq!(added[1].name(), name_of(&sweep, 0), "what is there already is not added again");
    assert_eq!(sweep.add_cells(&[big]).unwrap()[0].name(), added[0].name());
    let summary = trainer.run(&Sweep::open(dir.path()).unwrap(), &fast_engine(1)).unwrap();
    assert_eq!(summary.finished, 2);
    each_step_once(&trainer, &[2, 12]);
    // The plan did not change: the sweep can still be created again.
    assert_eq!(create(&dir, &[2]).runs().unwrap().rows, 2);
}

fn newest_checkpoint(sweep: &Sweep, seed: u64) -> u64 {
    Checkpoints::of(&folder_of(sweep, seed)).steps().unwrap().pop().unwrap_or(0)
}

/// Files of unfinished writes anywhere below `folder`, but for those beside `sweep.toml` and within attempts, which nobody
/// takes up again.
pub(super) fn litter(folder: &std::path::Path) -> Vec<String> {
    let cells = folder.join("cells");
    let mut found = Vec::new();
    for name in crate::files::list(&cells).unwrap() {
        for inner in ["", "checkpoint"] {
            let names = crate::files::list(&cells.join(&name).join(inner)).unwrap();
            found.extend(names.into_iter().filter(|name| name.ends_with(crate::files::UNFINISHED)));
        }
    }
    found
}
