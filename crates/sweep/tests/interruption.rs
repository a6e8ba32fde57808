//! Is a sweep that was killed again and again the same sweep? With the real trainer, and real signals.

// What a test's helpers cannot do, the test cannot either.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::{dice, plan, run};
use isoflop_sweep::{Event, Outcome, Sweep, SweepPlan};

/// Names the folder of a sweep to the test below when it runs in a process of its own.
const DIR: &str = "ISOFLOP_TEST_SWEEP";

/// Makes the sweep take seconds.
const LENGTH: u64 = 6;

const CHECKPOINT_EVERY: Duration = Duration::from_millis(20);

/// The sweep that the other tests start and kill; on its own, in a folder of its own.
#[test]
fn a_sweep_with_a_trunk_comes_to_its_end() {
    let own = tempfile::tempdir().unwrap();
    let given = std::env::var_os(DIR).map(PathBuf::from);
    let length = if given.is_some() { LENGTH } else { 1 };
    let dir = given.unwrap_or_else(|| own.path().to_owned());
    let summary = run(&dir, &plan_with_trunk(length), 2, CHECKPOINT_EVERY, &AtomicBool::new(false), &mut |_| {});
    assert!(summary.is_complete(), "{summary:?}");
    assert_eq!((summary.finished, summary.diverged.len()), (7, 1));
    Sweep::open(&dir).unwrap().write_runs(&dir.join("runs.csv")).unwrap();
}

/// Starts that test in a process of its own.
fn start(dir: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "a_sweep_with_a_trunk_comes_to_its_end"]).env(DIR, dir);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// The table of the undisturbed sweep, and how long it took.
fn undisturbed() -> &'static (Vec<u8>, Duration) {
    static TABLE: OnceLock<(Vec<u8>, Duration)> = OnceLock::new();
    TABLE.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let begin = Instant::now();
        assert!(start(dir.path()).wait().unwrap().success());
        (fs::read(dir.path().join("runs.csv")).unwrap(), begin.elapsed())
    })
}

/// Step of the newest checkpoint of each cell that has one.
fn newest_checkpoints(sweep: &Sweep) -> BTreeMap<String, u64> {
    let step_of = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    let names = sweep.cells().unwrap().into_iter().map(|(name, _)| name);
    names.filter_map(|name| sweep.checkpoint(&name).unwrap().map(|path| (name, step_of(path)))).collect()
}

/// The runs of [`plan`] and two longer branches of its second run, which leave its trunk one after the other.
fn plan_with_trunk(length: u64) -> SweepPlan {
    let mut plan = plan(length);
    for (steps, cooldown_steps) in [(90, 20), (120, 30)] {
        let mut branch = plan.cells[1].clone();
        branch.tag = format!("branch{steps}");
        branch.spec.steps = steps * length;
        branch.spec.schedule.cooldown_steps = cooldown_steps * length;
        plan.cells.push(branch);
    }
    plan
}

/// Steps that the branches take over from the one before them, by name.
fn inherited_steps() -> BTreeMap<String, u64> {
    let plan = plan_with_trunk(LENGTH);
    let branches = [&plan.cells[1], &plan.cells[6], &plan.cells[7]];
    let dir = tempfile::tempdir().unwrap();
    let sweep = Sweep::create(dir.path(), &plan).unwrap();
    let names: BTreeMap<String, String> =
        sweep.cells().unwrap().into_iter().map(|(name, cell)| (cell.unwrap().tag().to_owned(), name)).collect();
    branches.windows(2).map(|pair| (names[&pair[1].tag].clone(), pair[0].spec.steps_before_cooldown())).collect()
}

/// Sleeps for a random share, below `longest`, of `whole`.
fn sleep_randomly(seed: &mut u64, longest: f64, whole: Duration) {
    std::thread::sleep(whole.mul_f64(longest * (dice(seed) % 1000) as f64 / 1000.0));
}

#[test]
fn kills_at_random_moments_change_nothing_and_send_nobody_back_to_the_start() {
    let (expected, whole) = undisturbed();
    let dir = tempfile::tempdir().unwrap();
    let mut seed = 20_261_122;
    let mut kills = 0;
    let mut resumed = 0;
    let mut checkpoints: BTreeMap<String, u64> = BTreeMap::new();
    let mut attempts_seen: BTreeMap<String, usize> = BTreeMap::new();
    let inherited = inherited_steps();
    let mut inherited_starts = 0;
    for round in 0.. {
        let mut child = start(dir.path());
        let ended = if kills < 24 {
            sleep_randomly(&mut seed, 0.06, *whole);
            child.try_wait().unwrap()
        } else {
            Some(child.wait().unwrap())
        };
        if ended.is_none() {
            child.kill().unwrap();
            child.wait().unwrap();
            kills += 1;
        }
        // A kill may come before the sweep is created.
        let Ok(sweep) = Sweep::open(dir.path()) else { continue };
        for (name, _) in sweep.cells().unwrap() {
            let attempts = sweep.attempts(&name).unwrap();
            let seen = attempts_seen.insert(name.clone(), attempts.len()).unwrap_or(0);
            for start in attempts[seen..].iter().filter_map(|attempt| attempt.start.as_ref()) {
                let Some(from_step) = start.from_step else { continue };
                let saved = checkpoints.get(&name).copied().unwrap_or(0);
                let prefix = from_step > saved && inherited.get(&name) == Some(&from_step);
                assert!(from_step == saved || prefix, "{name} in round {round} from {from_step} instead of {saved}");
                resumed += usize::from(from_step > 0);
                inherited_starts += usize::from(prefix);
            }
        }
        checkpoints = newest_checkpoints(&sweep);
        if let Some(status) = ended {
            assert!(status.success());
            break;
        }
    }
    assert!(kills >= 20, "the sweep was over after {kills} kills");
    assert!(resumed >= 10, "only {resumed} attempts went on from a checkpoint");
    assert!(inherited_starts >= inherited.len(), "only {inherited_starts} attempts went on from a prefix");
    assert_eq!(fs::read_dir(dir.path().join("trunks")).unwrap().count(), 0, "prefixes nobody needs are left");
    let table = String::from_utf8(fs::read(dir.path().join("runs.csv")).unwrap()).unwrap();
    assert_eq!(table, String::from_utf8(expected.clone()).unwrap());
    let sweep = Sweep::open(dir.path()).unwrap();
    for (name, cell) in sweep.cells().unwrap() {
        let curve: Vec<u64> = sweep.metrics(&name).unwrap().iter().map(|metrics| metrics.step).collect();
        let steps = cell.unwrap().spec().steps;
        // Not by the last attempt's ending: a kill between the result and the ending leaves the cell done without one.
        let diverged = table.lines().any(|row| row.contains(&name) && row.contains(",diverged,"));
        assert!(diverged || curve == (1..=steps).collect::<Vec<_>>(), "{name} has a torn curve");
    }
    let attempts: usize = attempts_seen.values().sum();
    println!("{kills} kills, {attempts} attempts, {resumed} from a checkpoint; undisturbed {whole:.1?}");
}

#[test]
fn two_processes_at_once_share_a_sweep_though_one_of_them_keeps_dying() {
    let (expected, whole) = undisturbed();
    let dir = tempfile::tempdir().unwrap();
    let mut seed = 7;
    let mut steady = start(dir.path());
    for _ in 0..6 {
        let mut victim = start(dir.path());
        sleep_randomly(&mut seed, 0.15, *whole);
        victim.kill().unwrap();
        victim.wait().unwrap();
    }
    assert!(steady.wait().unwrap().success());
    assert_eq!(fs::read(dir.path().join("runs.csv")).unwrap(), *expected);
    // Each cell was finished by one attempt, and no attempt began while the one before it was alive.
    let sweep = Sweep::open(dir.path()).unwrap();
    for (name, _) in sweep.cells().unwrap() {
        let attempts = sweep.attempts(&name).unwrap();
        let outcomes: Vec<_> =
            attempts.iter().map(|attempt| attempt.ending.as_ref().map(|ending| ending.outcome)).collect();
        let (last, earlier) = outcomes.split_last().unwrap();
        // A victim may have been killed between its result and its ending.
        assert!(matches!(last, None | Some(Outcome::Finished | Outcome::Diverged)), "{name}: {outcomes:?}");
        assert!(earlier.iter().all(Option::is_none), "{name}: {outcomes:?}");
    }
}

#[test]
fn stops_and_other_numbers_of_workers_give_the_same_table() {
    let plan = plan_with_trunk(2);
    let checkpoint_every = Duration::from_secs(3600);
    let tables: Vec<String> = [(1, u64::MAX), (4, u64::MAX), (2, 90), (3, 33)]
        .into_iter()
        .map(|(workers, stop_after)| {
            let dir = tempfile::tempdir().unwrap();
            loop {
                let stop = AtomicBool::new(false);
                let mut steps = 0;
                let mut watch = |progress: &isoflop_sweep::Progress<'_>| {
                    steps += u64::from(matches!(progress.event, Event::Step { .. }));
                    if steps >= stop_after {
                        stop.store(true, Ordering::Relaxed);
                    }
                };
                let summary = run(dir.path(), &plan, workers, checkpoint_every, &stop, &mut watch);
                assert!(summary.failed.is_empty(), "{summary:?}");
                if summary.is_complete() {
                    return Sweep::open(dir.path()).unwrap().runs().unwrap().csv;
                }
            }
        })
        .collect();
    assert_eq!(tables[0].lines().count(), 9);
    for table in &tables {
        assert_eq!(*table, tables[0]);
    }
}

#[test]
fn branches_of_a_trunk_are_the_runs_they_would_be_by_themselves() {
    let checkpoint_every = Duration::from_secs(3600);
    let train = |plan: &SweepPlan| {
        let dir = tempfile::tempdir().unwrap();
        let mut own = 0;
        let mut watch =
            |progress: &isoflop_sweep::Progress<'_>| own += u64::from(matches!(progress.event, Event::Step { .. }));
        assert!(run(dir.path(), plan, 3, checkpoint_every, &AtomicBool::new(false), &mut watch).is_complete());
        let sweep = Sweep::open(dir.path()).unwrap();
        let finished = |(name, _): (String, _)| {
            let result = fs::read_to_string(dir.path().join("cells").join(&name).join("result.json")).unwrap();
            let curve = sweep.metrics(&name).unwrap();
            (name, result, curve)
        };
        (sweep.cells().unwrap().into_iter().map(finished).collect::<Vec<_>>(), own)
    };
    let plan = plan_with_trunk(1);
    let (together, steps) = train(&plan);
    let mut steps_alone = 0;
    for (cell, together) in plan.cells.iter().zip(together) {
        let (alone, steps) = train(&SweepPlan { cells: vec![cell.clone()], ..plan.clone() });
        assert_eq!(alone, [together]);
        steps_alone += steps;
    }
    let spared = plan.cells[1].spec.steps_before_cooldown() + plan.cells[6].spec.steps_before_cooldown();
    assert_eq!((spared, steps_alone - steps), (49 + 71, spared));
}
