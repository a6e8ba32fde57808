//! What does `isoflop backtest` say, in text and in JSON, and what does it refuse?

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::process::Output;

use serde_json::Value;
use support::isoflop_with as isoflop;

fn answered(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn refused(output: &Output) -> String {
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{complaint}");
    assert!(!complaint.contains("panicked") && output.stdout.is_empty(), "{complaint}");
    complaint
}

/// `budgets` budgets of eight sizes around Hoffmann's law, with a little deterministic scatter.
fn table(budgets: i32) -> String {
    let mut table = String::from("run,params,tokens,loss\n");
    for i in 0..8 * budgets {
        let flops = 1e18 * 3f64.powi(i / 8);
        let ratio = 3.0 * 2.2f64.powi(i % 8);
        let params = (flops / 6.0 / ratio).sqrt();
        let tokens = ratio * params;
        let scatter = (0.001 * (12.9 * f64::from(i + 1)).sin()).exp();
        let loss = (1.8 + 480.0 / params.powf(0.35) + 2000.0 / tokens.powf(0.37)) * scatter;
        table += &format!("r{i},{params},{tokens},{loss}\n");
    }
    table
}

const LAWS: [&str; 6] = ["--law", "hoffmann", "--law", "coupled", "--law", "power-compute-floor"];

#[test]
fn the_verdict_comes_first_and_the_bands_stand_side_by_side() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("runs.csv"), table(6)).unwrap();
    let backtest = |more: &[&str]| {
        let arguments = [&["backtest", "runs.csv", "--objective", "log-ls", "--draws", "50"], &LAWS[..], more].concat();
        answered(&isoflop(dir.path(), &arguments, ""))
    };
    let text = backtest(&["--flops", "1e22"]);
    assert!(text.starts_with("hoffmann "), "{text}");
    let answer = text.split("\n\n").next().unwrap().replace('\n', " ");
    assert!(
        answer.contains("forecast best below (") && answer.contains("at 1e22 FLOP the forms disagree by 0."),
        "{text}"
    );
    let place = |what: &str| text.find(what).unwrap_or_else(|| panic!("no `{what}` in {text}"));
    assert!(place("larger runs  ") < place("at 1e22 FLOP  ") && place("at 1e22 FLOP  ") < place("widened by"));
    assert!(place("90 % band") < place("AICc ") && place("decades beyond the largest run") > 0);
    assert!(text.contains("next: isoflop fit RUNS --law hoffmann -o fit.json"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");

    let json: Value = serde_json::from_str(&backtest(&["--params", "3B", "--tokens", "60B", "--json"])).unwrap();
    assert_eq!((&json["schema"], &json["verdict"]["law"]), (&"isoflop.backtest/1".into(), &"hoffmann".into()));
    assert_eq!((json["n_runs"].as_u64(), json["origins"].as_array().unwrap().len()), (Some(48), 4));
    assert_eq!((json["target"]["params"].as_f64(), json["target"]["allocated_by"].is_null()), (Some(3e9), true));
    for law in json["laws"].as_array().unwrap() {
        let at = &law["at_target"];
        assert!(at["inflation"].as_f64().unwrap() >= 1.0 && at["forecasts"].as_u64().unwrap() > 0, "{law}");
        assert!(at["inflated"]["lo"].as_f64().unwrap() <= at["loss"]["lo"].as_f64().unwrap() + 1e-12, "{law}");
        assert!(law["in_sample"]["aicc"].is_f64() && law["in_sample"]["budgets"] == 6, "{law}");
        assert!(law["score"]["inside"].as_array().unwrap().len() == 3 && !law["by_distance"][0]["error"].is_null());
    }
}

#[test]
fn what_holds_no_back_test_is_refused_with_the_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let said = |arguments: &[&str], table: &str| {
        refused(&isoflop(dir.path(), &[&["backtest", "-"], arguments].concat(), table))
    };
    assert!(said(&[], &table(1)).contains("8 runs: add runs, or loosen --where"));
    let one_budget = table(1) + table(1).split_once('\n').unwrap().1;
    assert!(said(&[], &one_budget).contains("add runs at other budgets"));
    assert!(said(&["--cut", "2e18"], &table(4)).contains("the cut at 2e18 FLOP leaves 8 runs below"));
    assert!(said(&["--law", "chinchila"], &table(4)).contains("no law `chinchila`; known are"));
    assert!(said(&["--draws", "3"], &table(4)).contains("at least 20 draws"));
    assert!(said(&["--params", "3B"], &table(4)).contains("--tokens"));
}
