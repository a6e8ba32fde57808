//! Can somebody play `isoflop sandbox`, and does a teacher see what happened?

#![allow(clippy::unwrap_used)]

#[path = "support/grid.rs"]
mod grid;
mod support;

use std::fs;
use std::path::Path;

use grid::{answer, table};
use serde_json::Value;
use tempfile::TempDir;

/// Runs of 2.1e20 FLOP together.
fn points(dir: &TempDir) {
    table(dir, "points.csv", "params,tokens", 12, |_, (params, tokens, _)| format!("{params},{tokens}"));
}

fn json(dir: &Path, command: &str) -> Value {
    serde_json::from_str(&answer(dir, command).unwrap()).unwrap()
}

#[test]
fn a_game_is_begun_played_answered_once_and_graded() {
    let dir = tempfile::tempdir().unwrap();
    points(&dir);
    let dir = dir.path();
    answer(dir, "sandbox new game --seed 5 --player ada --flops 1e21 --target-flops 1e24").unwrap();
    let first = json(dir, "sandbox train game --params 20M --tokens 400M --json");
    let trained = json(dir, "sandbox train game --runs points.csv --json");
    assert_eq!(trained["trained"].as_array().unwrap().len(), 12);
    assert!(trained["left"].as_f64().unwrap() < first["left"].as_f64().unwrap() - 2e20);
    answer(dir, "fit game/runs.csv -o fit.json").unwrap();
    let told = json(dir, "sandbox answer game --fit fit.json --json");
    assert_eq!(told["runs"], 13);
    let graded = json(dir, "sandbox grade game --seed 5 --json");
    assert_eq!(graded[0]["grade"], told);
    let again = answer(dir, "sandbox answer game --params 1B --loss 2 --lo 1.9 --hi 2.1").unwrap_err();
    assert!(again.contains("the first answer stands"), "{again}");
    let late = answer(dir, "sandbox train game --params 1M --tokens 1M").unwrap_err();
    assert!(late.contains("this game is over"), "{late}");
}

#[test]
fn nothing_is_charged_for_what_cannot_be_trained() {
    let dir = tempfile::tempdir().unwrap();
    points(&dir);
    let dir = dir.path();
    answer(dir, "sandbox new game --flops 1e19 --target-flops 1e22").unwrap();
    let dear = answer(dir, "sandbox train game --runs points.csv").unwrap_err();
    assert!(dear.contains("are left"), "{dear}");
    assert!(!dir.join("game/runs.csv").exists());
    let begun = answer(dir, "sandbox new game").unwrap_err();
    assert!(begun.contains("in this folder already"), "{begun}");
    let near = answer(dir, "sandbox new near --flops 1e20 --target-flops 1e19").unwrap_err();
    assert!(near.contains("ten times the budget") && !dir.join("near").exists(), "{near}");
}

#[test]
fn a_teacher_sees_who_has_not_answered_and_whose_runs_are_made_up() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    for (folder, seed) in [("idle", 5), ("cheat", 5), ("other", 6)] {
        answer(dir, &format!("sandbox new {folder} --seed {seed} --player {folder}")).unwrap();
        answer(dir, &format!("sandbox train {folder} --params 20M --tokens 400M")).unwrap();
    }
    for folder in ["cheat", "other"] {
        answer(dir, &format!("sandbox answer {folder} --params 20B --loss 2 --lo 1.9 --hi 2.1")).unwrap();
    }
    let runs = fs::read_to_string(dir.join("cheat/runs.csv")).unwrap();
    let (kept, loss) = runs.trim_end().rsplit_once(',').unwrap();
    fs::write(dir.join("cheat/runs.csv"), format!("{kept},{}\n", loss.parse::<f64>().unwrap() - 0.01)).unwrap();
    let said = support::isoflop_with(dir, &["sandbox", "grade", "idle", "cheat", "other", "nobody", "--seed", "5"], "");
    let text = String::from_utf8(said.stdout).unwrap();
    assert_eq!(said.status.code(), Some(1), "{text}");
    for part in [
        "0 of 4 graded",
        "idle: no answer yet; 1 runs so far",
        "run-1 is not a run of this world",
        "begun with seed 6",
        "nobody",
    ] {
        assert!(text.replace("\n  ", " ").contains(part), "{part}: {text}");
    }
}
