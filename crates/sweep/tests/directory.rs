//! What does a sweep's folder tell, and what does it refuse?

// What a test's helpers cannot do, the test cannot either.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use common::{plan, run};
use isoflop::{Runs, TableFormat};
use isoflop_sweep::{COLUMNS, CellPlan, CellState, Sweep, SweepError, SweepPlan};

/// A finished sweep of six runs.
fn finished(dir: &Path) -> Sweep {
    run(dir, &plan(1), 2, Duration::from_secs(5), &AtomicBool::new(false), &mut |_| {});
    Sweep::open(dir).unwrap()
}

fn folder(sweep: &Sweep, index: usize) -> PathBuf {
    sweep.dir().join("cells").join(&sweep.cells().unwrap()[index].0)
}

fn states(sweep: &Sweep) -> Vec<String> {
    let status = sweep.status(SystemTime::now()).unwrap();
    status.iter().map(|cell| format!("{:?}", cell.state).split([' ', '{']).next().unwrap().to_owned()).collect()
}

#[test]
fn a_sweep_opens_as_it_was_created() {
    let dir = tempfile::tempdir().unwrap();
    let plan = plan(1);
    Sweep::create(dir.path(), &plan).unwrap();
    let sweep = Sweep::open(dir.path()).unwrap();
    assert_eq!((sweep.question(), sweep.recipe()), (plan.question.as_str(), plan.recipe.as_str()));
    assert_eq!((sweep.corpus(), sweep.evaluation()), (&plan.corpus, plan.evaluation));
    let specs: Vec<_> = sweep.cells().unwrap().into_iter().map(|(_, cell)| cell.unwrap().spec().clone()).collect();
    assert_eq!(specs, plan.cells.iter().map(|cell| cell.spec.clone()).collect::<Vec<_>>());
    assert_eq!(states(&sweep), ["Waiting"; 6]);
}

#[test]
fn another_plan_in_the_same_folder_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    Sweep::create(dir.path(), &plan(1)).unwrap();
    Sweep::create(dir.path(), &plan(1)).unwrap();
    let other = |change: &dyn Fn(&mut SweepPlan)| {
        let mut plan = plan(1);
        change(&mut plan);
        match Sweep::create(dir.path(), &plan) {
            Err(SweepError::OtherPlan { part, .. }) => part,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(other(&|plan| plan.corpus.fingerprint.push('x')), "text");
    assert_eq!(other(&|plan| plan.cells.truncate(3)), "list of cells");
    assert_eq!(other(&|plan| plan.cells[0].spec.steps += 1), "list of cells");
    assert_eq!(other(&|plan| plan.question.clear()), "question");
}

#[test]
fn the_same_run_twice_in_a_plan_is_refused() {
    let mut twice = plan(1);
    twice.cells[1] = CellPlan { tag: "other".to_owned(), ..twice.cells[0].clone() };
    let dir = tempfile::tempdir().unwrap();
    let error = Sweep::create(dir.path(), &twice).unwrap_err();
    assert!(matches!(&error, SweepError::DuplicateCells { second, .. } if second == "other"), "{error}");
    assert!(fs::read_dir(dir.path()).unwrap().next().is_none(), "nothing is written for a plan that is refused");
}

#[test]
fn a_folder_without_a_sweep_says_so() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(Sweep::open(dir.path()), Err(SweepError::NotASweep { .. })));
    assert!(matches!(Sweep::open(&dir.path().join("nowhere")), Err(SweepError::NotASweep { .. })));
    fs::write(dir.path().join("file"), "").unwrap();
    assert!(matches!(Sweep::create(&dir.path().join("file"), &plan(1)), Err(SweepError::Io { .. })));
}

#[test]
fn the_table_has_a_full_row_for_every_run() {
    let dir = tempfile::tempdir().unwrap();
    let sweep = finished(dir.path());
    let table = sweep.runs().unwrap();
    assert_eq!((table.rows, table.unfinished.len()), (6, 0));
    let mut lines = table.csv.lines();
    assert_eq!(lines.next().unwrap(), COLUMNS.join(","));
    for line in lines {
        let row: Vec<&str> = line.split(',').collect();
        let field = |name: &str| row[COLUMNS.iter().position(|column| *column == name).unwrap()];
        let number = |name: &str| field(name).parse::<f64>().unwrap();
        assert_eq!(row.len(), COLUMNS.len());
        let (name, fingerprint) = (field("corpus"), field("corpus_fingerprint"));
        assert_eq!(name, sweep.corpus().name);
        assert!(!fingerprint.is_empty() && sweep.corpus().fingerprint.starts_with(fingerprint), "{fingerprint}");
        assert_eq!(number("flops"), 6.0 * number("params") * number("tokens"));
        assert_eq!(number("tokens"), number("steps") * number("batch_tokens"));
        assert!(number("unique_tokens") <= number("tokens") && number("unique_tokens") <= 32768.0);
        assert!(number("params_non_embedding") < number("params"));
        if field("status") == "finished" {
            // Better than guessing among 32, worse than the five faces of the dice.
            assert!((5_f64.ln()..32_f64.ln()).contains(&number("loss")), "{line}");
            assert!(number("loss_se") > 0.0 && number("held_out_tokens") == 500.0);
        } else {
            assert_eq!((field("status"), field("loss")), ("diverged", ""));
        }
    }
    assert_eq!(states(&sweep), ["Finished", "Finished", "Finished", "Finished", "Finished", "Diverged"]);
}

#[test]
fn the_library_reads_the_table_and_says_why_it_leaves_a_run_out() {
    let dir = tempfile::tempdir().unwrap();
    let sweep = finished(dir.path());
    let table = sweep.write_runs(&dir.path().join("runs.csv")).unwrap();
    let file = fs::read(dir.path().join("runs.csv")).unwrap();
    assert_eq!(file, table.csv.as_bytes());
    let runs = Runs::read(file.as_slice(), "runs.csv", TableFormat::Csv, false).unwrap();
    assert_eq!((runs.kept.len(), runs.dropped.len()), (5, 1));
    assert_eq!(runs.dropped[0].reason.to_string(), "status is diverged");
    let (_, cell) = sweep.cells().unwrap().swap_remove(4);
    let (cell, run) = (cell.unwrap(), runs.kept.last().unwrap());
    assert_eq!((run.name.as_str(), run.tokens), (cell.name(), cell.tokens()));
    assert_eq!((run.params.get() as u64, run.covariates["seed"].as_str()), (cell.params(), "4"));
}

#[test]
fn runs_without_a_result_are_named_beside_the_table() {
    let dir = tempfile::tempdir().unwrap();
    let sweep = finished(dir.path());
    fs::remove_file(folder(&sweep, 2).join("result.json")).unwrap();
    let table = sweep.runs().unwrap();
    assert_eq!((table.rows, table.unfinished), (5, vec![sweep.cells().unwrap()[2].0.clone()]));
}

#[test]
fn a_garbled_result_is_named_and_nothing_overwrites_it() {
    let dir = tempfile::tempdir().unwrap();
    let sweep = finished(dir.path());
    let path = folder(&sweep, 1).join("result.json");
    let whole = fs::read(&path).unwrap();
    for garbage in [&whole[..whole.len() / 2], b"", b"{}", b"\xff\xff", b"[1]", b"{\"schema\":\"isoflop.result/9\"}"] {
        fs::write(&path, garbage).unwrap();
        let error = sweep.runs().unwrap_err().to_string();
        assert!(error.contains("result.json") && error.contains("delete this file"), "{error}");
        assert_eq!(states(&sweep)[1], "Damaged");
        let summary = run(dir.path(), &plan(1), 1, Duration::from_secs(5), &AtomicBool::new(false), &mut |_| {});
        assert_eq!((summary.failed.len(), summary.finished), (1, 4));
        assert_eq!(fs::read(&path).unwrap(), garbage);
    }
    // The remedy that the message names.
    fs::remove_file(&path).unwrap();
    run(dir.path(), &plan(1), 1, Duration::from_secs(5), &AtomicBool::new(false), &mut |_| {});
    assert_eq!(fs::read(&path).unwrap(), whole);
}

#[test]
fn a_cell_that_is_not_what_its_folder_says_is_named_and_creating_again_mends_it() {
    let dir = tempfile::tempdir().unwrap();
    let sweep = Sweep::create(dir.path(), &plan(1)).unwrap();
    let path = folder(&sweep, 0).join("cell.json");
    let whole = fs::read_to_string(&path).unwrap();
    let tampered = whole.replace("\"steps\": 60", "\"steps\": 61");
    assert_ne!(tampered, whole);
    for garbage in [tampered.as_str(), "", "{\"schema\":\"isoflop.cell/1\"}"] {
        fs::write(&path, garbage).unwrap();
        let status = sweep.status(SystemTime::now()).unwrap();
        let CellState::Damaged { error } = &status[0].state else { panic!("{:?}", status[0]) };
        assert!(error.to_string().contains("cell.json") && error.to_string().contains("same plan"), "{error}");
        assert!(sweep.runs().is_err());
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(states(&sweep)[0], "Damaged");
    let mended = Sweep::create(dir.path(), &plan(1)).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), whole);
    assert_eq!(states(&mended), ["Waiting"; 6]);
}

#[test]
fn a_garbled_plan_is_named_and_can_be_written_again() {
    let dir = tempfile::tempdir().unwrap();
    let sweep = finished(dir.path());
    let table = sweep.runs().unwrap();
    let path = dir.path().join("sweep.toml");
    for garbage in ["", "schema = ", "schema = \"isoflop.sweep/2\"", "schema = \"isoflop.sweep/1\""] {
        fs::write(&path, garbage).unwrap();
        let error = Sweep::open(dir.path()).unwrap_err();
        assert!(matches!(&error, SweepError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains("sweep.toml"), "{error}");
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(Sweep::create(dir.path(), &plan(1)).unwrap().runs().unwrap(), table);
}

#[test]
fn another_text_is_refused_before_anything_is_trained() {
    let dir = tempfile::tempdir().unwrap();
    let mut other = plan(1);
    other.corpus.fingerprint = "another text".to_owned();
    let sweep = Sweep::create(dir.path(), &other).unwrap();
    let engine = isoflop_sweep::LocalEngine::new(1, &SystemTime::now);
    let source = std::sync::Arc::new(common::Dice::new());
    let refused = sweep.run(&engine, source, &AtomicBool::new(false), &mut |_| {});
    assert!(matches!(refused, Err(SweepError::OtherCorpus { .. })));
}

#[test]
fn status_shows_who_trains_and_how_far() {
    let dir = tempfile::tempdir().unwrap();
    let seen = std::sync::Mutex::new(Vec::new());
    let path = dir.path().to_owned();
    run(dir.path(), &plan(1), 1, Duration::from_secs(5), &AtomicBool::new(false), &mut |progress| {
        if matches!(progress.event, isoflop_sweep::Event::Step { step: 10, .. }) {
            // Also with a clock that runs behind that of the heartbeat.
            for now in [SystemTime::now(), SystemTime::UNIX_EPOCH] {
                let status = Sweep::open(&path).unwrap().status(now).unwrap();
                let running = status.into_iter().find(|cell| matches!(cell.state, CellState::Running { .. }));
                seen.lock().unwrap().push(running.unwrap());
            }
        }
    });
    let seen = seen.into_inner().unwrap();
    assert_eq!(seen.len(), 10);
    for cell in seen {
        let CellState::Running { by: Some(start), heartbeat_age: Some(age) } = cell.state else { panic!("{cell:?}") };
        assert_eq!((start.process.pid, cell.step, cell.attempts), (std::process::id(), 10, 1));
        assert!(cell.loss.is_some_and(f64::is_finite) && age < Duration::from_secs(60));
    }
}
