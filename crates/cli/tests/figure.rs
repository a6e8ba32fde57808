//! Does `isoflop figure` draw every kind it lists, into any format, and refuse the rest with the remedy?

#![allow(clippy::unwrap_used)]

#[path = "support/grid.rs"]
mod grid;
mod support;

use std::fs;

use grid::{answer, table};
use support::isoflop_with;

const HEADER: &str = "run,params,tokens,loss,status";

/// Twenty runs and one that diverged.
fn runs(dir: &tempfile::TempDir) {
    table(dir, "runs.csv", HEADER, 21, |i, (params, tokens, loss)| {
        let (name, status) =
            if i == 20 { ("<script>".to_owned(), "diverged") } else { (format!("run{i}"), "finished") };
        format!("{name},{params},{tokens},{loss},{status}")
    });
}

#[test]
fn every_kind_that_needs_runs_alone_is_drawn() {
    let dir = tempfile::tempdir().unwrap();
    runs(&dir);
    answer(dir.path(), "fit runs.csv --draws 200 -o fit.json").unwrap();
    for kind in ["valleys", "contour", "panels", "ratios", "forecast", "residuals"] {
        let said = answer(dir.path(), &format!("figure {kind} runs.csv --fit fit.json -o {kind}.svg")).unwrap();
        assert_eq!(said.trim(), format!("{kind}.svg"));
        let drawn = fs::read_to_string(dir.path().join(said.trim())).unwrap();
        assert!(
            drawn.starts_with("<svg") && drawn.contains("20 runs") && !drawn.contains("<script>"),
            "{kind}: {drawn}"
        );
    }
    answer(dir.path(), "figure exponents fit.json -o exponents.svg").unwrap();
    answer(dir.path(), "figure pareto fit.json --flops 1e21 --serve 100B -o pareto.svg").unwrap();
    answer(dir.path(), "figure rollout runs.csv --law hoffmann --draws 20 -o rollout.svg").unwrap();
    answer(dir.path(), "figure envelope runs.csv --by status -o envelope.svg").unwrap();
    let numbers = answer(dir.path(), "figure contour runs.csv --fit fit.json --flops 1e21 -o plane.csv").unwrap();
    let numbers = fs::read_to_string(dir.path().join(numbers.trim())).unwrap();
    assert!(numbers.contains("planned") && numbers.contains("left out: status is diverged"), "{numbers}");
}

#[test]
fn a_figure_is_drawn_in_the_terminal_unless_a_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let drawn = answer(dir.path(), "figure exponents besiroglu2024").unwrap();
    assert!(drawn.starts_with("Exponents and floor") && drawn.contains("besiroglu2024"), "{drawn}");
    let said = answer(dir.path(), "figure exponents besiroglu2024 --json --dark --width 400 -o e.png").unwrap();
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (said["written"].as_str(), said["title"].as_str()),
        (Some("e.png"), Some("Exponents and floor of the law"))
    );
    // A PNG says its width, in two pixels to one, in bytes 16 to 19.
    let png = fs::read(dir.path().join("e.png")).unwrap();
    assert_eq!(u32::from_be_bytes(png[16..20].try_into().unwrap()), 800);
}

#[test]
fn without_a_kind_the_kinds_are_listed() {
    let dir = tempfile::tempdir().unwrap();
    let output = isoflop_with(dir.path(), &["figure"], "");
    let listed = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    for kind in [
        "valleys",
        "contour",
        "panels",
        "ratios",
        "forecast",
        "residuals",
        "exponents",
        "rollout",
        "pareto",
        "gain",
        "board",
        "envelope",
        "basins",
        "transfer",
        "reliability",
    ] {
        let line = listed.lines().find(|line| line.trim_start().starts_with(&format!("{kind} ")));
        assert!(line.is_some_and(|line| line.trim().len() > 30), "{kind}: {listed}");
    }
}

#[test]
fn what_cannot_be_drawn_is_refused_with_the_remedy_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    runs(&dir);
    for (arguments, remedy) in [
        ("figure contour runs.csv -o plane.gif", ".svg, .png"),
        ("figure contour runs.csv --json", "name a file"),
        ("figure contour runs.csv -o no/such/folder/plane.svg", "no/such/folder"),
        ("figure contour besiroglu2024", "--fit besiroglu2024"),
        ("figure contur runs.csv", "contour"),
        ("figure contour runs.csv --usd 1M -o plane.svg", "--gpu"),
        ("figure exponents kaplan2020-compute -o e.svg", "such as hoffmann"),
        ("figure exponents no-such-fit", "no-such-fit"),
        ("figure pareto besiroglu2024 -o p.svg", "budget"),
        ("figure board . -o b.svg", "isoflop lab"),
        ("figure basins . -o b.svg", "isoflop tune"),
        ("figure envelope runs.csv -o e.svg", "a row for each checkpoint"),
        ("figure envelope runs.csv --by nothing -o e.svg", "--by"),
        ("figure rollout runs.csv --where status=finished --where params<150M -o r.svg", "runs"),
        ("figure rollout runs.csv --law nobody -o r.svg", "no law `nobody`"),
        ("figure gain runs.csv -o g.svg", "--by recipe"),
        ("figure reliability nothere -o r.svg", "nothere"),
        ("figure panels runs.csv --where status=running", "loosen --where"),
        ("figure panels runs.csv --width 10 -o p.svg", "280"),
    ] {
        let complaint = answer(dir.path(), arguments).unwrap_err();
        assert!(complaint.contains(remedy), "{arguments}: {complaint}");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_gain_and_a_record_are_drawn_as_their_commands_draw_them() {
    let dir = tempfile::tempdir().unwrap();
    for (name, less) in [("one.csv", 1.0), ("two.csv", 0.98)] {
        table(&dir, name, "run,params,tokens,loss", 20, |i, (params, tokens, loss)| {
            format!("r{i},{params},{tokens},{}", less * loss)
        });
    }
    answer(dir.path(), "figure gain one.csv two.csv --draws 40 -o figure.svg").unwrap();
    answer(dir.path(), "compare one.csv two.csv --draws 40 --figure compare.svg").unwrap();
    answer(dir.path(), "fit one.csv --draws 100 -o fit.json --figure fit.svg").unwrap();
    answer(dir.path(), "claim fit.json --params 1B --tokens 20B").unwrap();
    answer(dir.path(), "figure reliability -o record.svg").unwrap();
    let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
    assert_eq!(read("figure.svg"), read("compare.svg"));
    assert!(read("record.svg").contains("No claim has been judged yet"));
    assert!(read("fit.svg").contains("20 runs"));
}
