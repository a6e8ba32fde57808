//! Tuning on a synthetic language: refused, interrupted in the middle, finished, gone on with, probed, and inherited by the next command.

#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use isoflop_train::{Language, LanguageOptions};
use serde_json::Value;
use support::isoflop_with;

/// Models that train in half a second: their rates are too high for them, for there to be something to find.
const RECIPE: &str = "name = 'tiny'\ncontext = 32\n[model]\nhead_width = 8\n[optimizer]\nembedding_rate = 0.1\n";
/// What the first round takes at the smallest width, twice.
const FLOPS: &str = "1.5e11";

/// A folder with a text and a recipe.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("text")).unwrap();
    let language = Language::new(LanguageOptions::default()).unwrap();
    for (number, document) in language.documents(1 << 20).enumerate() {
        std::fs::write(dir.path().join(format!("text/{number}.txt")), document).unwrap();
    }
    std::fs::write(dir.path().join("tiny.toml"), RECIPE).unwrap();
    dir
}

fn tune(dir: &Path, arguments: &str) -> Output {
    let arguments: Vec<&str> = ["tune", "text"].into_iter().chain(arguments.split(' ')).collect();
    isoflop_with(dir, &arguments, "")
}

fn json(output: &Output) -> Value {
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{complaint}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn what_cannot_be_tuned_is_refused_and_leaves_nothing() {
    let dir = folder();
    for (arguments, words) in [
        ("nothere --flops 1e12", "nothere: cannot find this text"),
        ("--flops 1e7", "give it that, or more"),
        ("--recipe nobody", "nobody: is no file with a recipe"),
        ("--time soon", "write it as 90s, 10m or 2h"),
        ("--time 5m --flops 1e12", "cannot be used with"),
    ] {
        let output = tune(dir.path(), arguments);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments}: {complaint}");
        assert!(complaint.contains(words), "{arguments}: {complaint}");
        assert!(!dir.path().join("isoflop-tune").exists(), "{arguments}");
    }
}

#[test]
fn a_recipe_is_tuned_through_a_kill_and_inherited() {
    let dir = folder();
    let arguments = format!("--recipe tiny.toml --flops {FLOPS} --json");
    let mut interrupted = Command::new(env!("CARGO_BIN_EXE_isoflop"));
    interrupted.args(["tune", "text"]).args(arguments.split(' ')).current_dir(dir.path());
    let mut interrupted = interrupted.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(4));
    interrupted.kill().unwrap();
    interrupted.wait().unwrap();

    let found = json(&tune(dir.path(), &arguments));
    let number = |value: &Value| value.as_f64().unwrap();
    assert!(number(&found["flops"]) <= number(&found["budget"]));
    let embedding = &found["factors"][1];
    assert_eq!(embedding["factor"], "embedding_rate");
    assert!(
        number(&embedding["low"]) <= number(&embedding["moved"])
            && number(&embedding["moved"]) <= number(&embedding["high"])
    );

    // Done is done: the same command says the same, and another folder comes to the same.
    assert_eq!(json(&tune(dir.path(), &arguments)), found);
    let mut elsewhere = json(&tune(dir.path(), &format!("{arguments} -o other --threads 1")));
    elsewhere["path"] = found["path"].clone();
    assert_eq!(elsewhere, found);

    let tuned = std::fs::read_to_string(dir.path().join("isoflop-tune/tuned.toml")).unwrap();
    assert!(tuned.contains("name = \"tiny-tuned\"") && tuned.contains("[tuning]"), "{tuned}");
    let figure = std::fs::read_to_string(dir.path().join("isoflop-tune/transfer.svg")).unwrap();
    assert!(figure.starts_with("<svg") && figure.contains("width 8"), "{figure}");

    // What was tried can be looked at, as can the sweep that it was.
    for (kind, words) in [
        ("basins", "width 8"),
        ("transfer", "width 8"),
        ("board", "runs are done"),
        ("envelope", "of the envelope is annealed"),
    ] {
        let drawn = isoflop_with(dir.path(), &["figure", kind, "isoflop-tune"], "");
        let (drawn, complaint) = (String::from_utf8_lossy(&drawn.stdout), String::from_utf8_lossy(&drawn.stderr));
        assert!(drawn.contains(words), "{kind}: {drawn}{complaint}");
    }

    // Another recipe's folder is refused; a tuned one is only probed, and its runs say what they give away.
    let other = tune(dir.path(), &format!("--flops {FLOPS}"));
    assert_eq!(other.status.code(), Some(2), "{}", String::from_utf8_lossy(&other.stderr));
    let probing = "--recipe isoflop-tune/tuned.toml --probe 12 --probe 8 --probe-seeds 1 --probe-tokens 20k -o probed";
    let probed = json(&tune(dir.path(), &format!("{probing} --json")));
    let transfer = &probed["transfers"][0];
    let figure = std::fs::read_to_string(dir.path().join("probed/probe.svg")).unwrap();
    assert!(figure.contains("width 8") && figure.contains("width 12"), "{figure}");
    assert_eq!(std::fs::read_dir(dir.path().join("probed/probe-8/cells")).unwrap().count(), 5);
    assert_eq!(number(&transfer["width"]), 12.0);
    assert!(number(&transfer["low"]) < number(&transfer["high"]));
    let wrong = tune(dir.path(), "--recipe isoflop-tune/tuned.toml --probe 13 -o probed");
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("the nearest is 12"));
}
