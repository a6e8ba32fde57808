//! The demo, whole: interrupted once in the middle, then run to its verdict. The slowest test there is: one to three minutes.

#![allow(clippy::unwrap_used)]

use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

#[test]
fn the_demo_survives_a_kill_and_ends_in_a_verdict() {
    let dir = tempfile::tempdir().unwrap();
    let demo = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_isoflop"));
        command.args(["demo", "--out", "out", "--json"]).current_dir(dir.path()).stdin(Stdio::null());
        command
    };
    let mut interrupted = demo().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(12));
    interrupted.kill().unwrap();
    interrupted.wait().unwrap();

    let output = demo().output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    // A claim may miss; that is what exit code 1 is for.
    assert!(matches!(output.status.code(), Some(0 | 1)), "{complaint}");
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let verdict = &answer["verdict"];
    assert_eq!(verdict["inside"].as_bool(), Some(output.status.code() == Some(0)));
    let number = |value: &Value| value.as_f64().unwrap();
    assert!(number(&verdict["predicted"]["lo"]) < number(&verdict["predicted"]["hi"]));
    // Nothing has been learnt above 3 nats per byte, and these models cannot compress code below half a nat.
    assert!((0.5..3.0).contains(&number(&verdict["observed"])), "{verdict}");
    println!("predicted {} observed {}", verdict["predicted"], verdict["observed"]);

    for path in answer["paths"].as_object().unwrap().values() {
        let path = dir.path().join(path.as_str().unwrap());
        assert!(std::fs::metadata(&path).unwrap().len() > 100, "{}", path.display());
    }
    // What the demo leaves is what the commands read: the same runs give the same fit.
    let mut refit = Command::new(env!("CARGO_BIN_EXE_isoflop"));
    refit.args(["fit", "out/runs.csv", "--json"]);
    let refit: Value = serde_json::from_slice(&refit.current_dir(dir.path()).output().unwrap().stdout).unwrap();
    let fit: Value = serde_json::from_slice(&std::fs::read(dir.path().join("out/fit.json")).unwrap()).unwrap();
    assert_eq!(refit["params"]["alpha"], fit["params"]["alpha"]);
    assert_eq!(refit["draws"], fit["draws"]);

    let mut report = Command::new(env!("CARGO_BIN_EXE_isoflop"));
    report.args(["report", "out", "-o", "sweep.html"]);
    assert!(report.current_dir(dir.path()).output().unwrap().status.success());
    let page = std::fs::read_to_string(dir.path().join("sweep.html")).unwrap();
    for part in ["runs are done", "<svg", "So far: best model size", "<td>c1-"] {
        assert!(page.contains(part), "{part}");
    }
}
