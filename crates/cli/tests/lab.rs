//! The lab, whole, on a synthetic language: refused, planned, interrupted in the middle, then run to its verdict. As slow as the demo.

#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use isoflop_train::{Language, LanguageOptions};
use serde_json::Value;
use support::isoflop_with;

/// A folder `text` of a language, of about so many bytes.
fn text(dir: &Path, bytes: u64) {
    std::fs::create_dir(dir.join("text")).unwrap();
    let language = Language::new(LanguageOptions::default()).unwrap();
    for (number, document) in language.documents(bytes).enumerate() {
        std::fs::write(dir.join(format!("text/{number}.txt")), document).unwrap();
    }
}

fn lab(dir: &Path, arguments: &str) -> Output {
    let arguments: Vec<&str> = std::iter::once("lab").chain(arguments.split(' ')).collect();
    isoflop_with(dir, &arguments, "")
}

/// What a refusal says, with nothing left behind.
fn refusal(dir: &Path, arguments: &str) -> String {
    let output = lab(dir, arguments);
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{arguments}: {complaint}");
    assert!(!complaint.contains("panicked"), "{arguments}: {complaint}");
    assert!(!dir.join("isoflop-lab/ladder").exists(), "{arguments}");
    complaint
}

/// The least time that would do, as a refusal names it.
fn least_time(dir: &Path) -> Duration {
    let complaint = refusal(dir, "text --time 1s");
    let least = complaint.split("--time \"").nth(1).and_then(|rest| rest.split('"').next());
    humantime::parse_duration(least.expect(&complaint)).unwrap()
}

#[test]
fn what_cannot_be_done_is_refused_with_what_can() {
    let dir = tempfile::tempdir().unwrap();
    text(dir.path(), 300 << 10);
    for (arguments, words) in [
        ("--time 10m", "<TEXT>"),
        ("nowhere --time 10m", "nowhere: cannot find this text"),
        ("text --time soon", "write it as 90s, 10m or 2h"),
        ("text --time 0s", "no time"),
        ("text --time 10h --dry-run --threads 2", "more text"),
        ("text --recipe nobody", "nobody: is no file with a recipe"),
        ("text --recipe muon --recipe muon", "the same name"),
    ] {
        let complaint = refusal(dir.path(), arguments);
        assert!(complaint.contains(words), "{arguments}: {complaint}");
    }
    assert!(!dir.path().join("isoflop-lab").exists(), "a dry run leaves nothing");
    assert!(least_time(dir.path()) > Duration::from_secs(10));
    // A folder that something else was trained in.
    std::fs::create_dir_all(dir.path().join("other/ladder")).unwrap();
    assert!(refusal(dir.path(), "text --out other").contains("name another folder"));
}

#[test]
fn a_lab_plans_within_its_time_survives_a_kill_and_ends_in_a_verdict() {
    let dir = tempfile::tempdir().unwrap();
    text(dir.path(), 16 << 20);
    let ladder = dir.path().join("isoflop-lab/ladder/sweep.toml");
    // Other tests share the machine: what was just enough may be too little a moment later.
    let mut time = least_time(dir.path()).as_secs();
    let (mut interrupted, arguments) = loop {
        time += time / 5;
        let arguments = format!("text --time {time}s --json");
        let mut command = Command::new(env!("CARGO_BIN_EXE_isoflop"));
        command.arg("lab").args(arguments.split(' ')).current_dir(dir.path()).stdin(Stdio::null());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while !ladder.exists() && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(100));
        }
        if ladder.exists() {
            break (child, arguments);
        }
    };
    std::thread::sleep(Duration::from_secs(5));
    interrupted.kill().unwrap();
    interrupted.wait().unwrap();
    let designed = std::fs::read(&ladder).unwrap();

    // The plan is that of the speed measured then.
    let planned = lab(dir.path(), &format!("{arguments} --dry-run"));
    let plan: Value = serde_json::from_slice(&planned.stdout).unwrap();
    let number = |value: &Value| value.as_f64().unwrap();
    assert!(number(&plan["expected_seconds"]) <= time as f64);
    let recipe = &plan["recipes"][0];
    let largest = recipe["runs"].as_array().unwrap().iter().map(|run| number(&run["flops"])).fold(0.0, f64::max);
    assert!(number(&recipe["validation"]["flops"]) >= 8.0 * largest, "{plan}");

    let other = lab(dir.path(), &format!("text --time {}s --json", time + 1));
    let complaint = String::from_utf8_lossy(&other.stderr);
    assert!(complaint.contains("holds another lab (its time differs)"), "{complaint}");

    let output = lab(dir.path(), &arguments);
    let complaint = String::from_utf8_lossy(&output.stderr);
    // A claim may miss; that is what exit code 1 is for.
    assert!(matches!(output.status.code(), Some(0 | 1)), "{complaint}");
    assert_eq!(complaint, "", "nothing but JSON was asked for");
    assert_eq!(std::fs::read(&ladder).unwrap(), designed);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let study = &answer["studies"][0];
    assert_eq!(study["verdict"]["inside"].as_bool(), Some(output.status.code() == Some(0)));
    assert!(study["noise"].as_str().unwrap().contains("seeds scatter by"), "{study}");
    println!("predicted {} observed {}", study["verdict"]["predicted"], study["verdict"]["observed"]);
    for path in study["paths"].as_object().unwrap().values() {
        let path = dir.path().join(path.as_str().unwrap());
        assert!(std::fs::metadata(&path).unwrap().len() > 100, "{}", path.display());
    }
}
