//! Does `isoflop report` leave one whole page, or nothing?

#![allow(clippy::unwrap_used)]

#[path = "support/grid.rs"]
mod grid;
mod support;

use std::fs;

use grid::{answer, table};
use support::isoflop_with;

const HEADER: &str = "run,params,tokens,loss,corpus";

/// Twenty runs, one of them with a name that would like to be markup.
fn runs(dir: &tempfile::TempDir) {
    table(dir, "runs.csv", HEADER, 20, |i, (params, tokens, loss)| {
        let name = if i == 3 { "<script>alert(1)</script>".to_owned() } else { format!("run{i}") };
        format!("{name},{params},{tokens},{loss},web")
    });
}

#[test]
fn a_page_holds_everything_and_asks_for_nothing() {
    let dir = tempfile::tempdir().unwrap();
    runs(&dir);
    let said = answer(dir.path(), "report runs.csv --usd 1M --gpu h100 -o page.html").unwrap();
    assert_eq!(said.trim(), "page.html");
    let page = fs::read_to_string(dir.path().join("page.html")).unwrap();
    for part in
        ["<h1>What is best trained", "<svg", "Regret:", "What a paper should say", "isoflop report runs.csv", "</html>"]
    {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("<script>alert") && page.contains("&lt;script&gt;alert"));
    // The name of SVG's own language is no address to load from.
    let page = page.replace("http://www.w3.org/2000/svg", "");
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("<img"));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
}

#[test]
fn a_page_explores_or_says_how_to_get_one_that_does() {
    let dir = tempfile::tempdir().unwrap();
    runs(&dir);
    let said = isoflop_with(dir.path(), &["report", "runs.csv", "--where", "corpus=web", "-o", "page.html"], "");
    assert!(said.status.success());
    let complaint = String::from_utf8(said.stderr).unwrap();
    let page = fs::read_to_string(dir.path().join("page.html")).unwrap();
    if complaint.is_empty() {
        assert!(page.contains("<section id=\"explore\"") && page.contains("\"filters\":[\"corpus=web\"]"));
        // The table lies in a script's data: its markup must not end that.
        assert!(page.contains("\\u003cscript>alert(1)\\u003c/script>"));
    } else {
        assert!(complaint.contains("cargo build --release") && !page.contains("id=\"explore\""), "{complaint}");
    }
}

#[test]
fn the_same_words_as_markdown_have_their_figures_beside_them() {
    let dir = tempfile::tempdir().unwrap();
    runs(&dir);
    answer(dir.path(), "fit runs.csv -o fit.json").unwrap();
    let said = answer(dir.path(), "report runs.csv --fit fit.json -o page.md --json").unwrap();
    let written: serde_json::Value = serde_json::from_str(&said).unwrap();
    let page = fs::read_to_string(dir.path().join("page.md")).unwrap();
    assert!(page.starts_with("# How does loss fall") && page.contains("page-valleys-dark.svg"));
    for name in written["written"].as_array().unwrap() {
        assert!(dir.path().join(name.as_str().unwrap()).is_file(), "{name}");
    }
}

#[test]
fn a_record_has_a_page_too() {
    let dir = tempfile::tempdir().unwrap();
    runs(&dir);
    answer(dir.path(), "fit runs.csv -o fit.json").unwrap();
    for name in ["<script>alert(1)</script>", "second"] {
        answer(dir.path(), &format!("claim fit.json --params 1B --tokens 20B --name {name}")).unwrap();
    }
    let open = answer(dir.path(), "report claims -o page.md").unwrap();
    assert!(open.starts_with("page.md"));
    assert!(fs::read_to_string(dir.path().join("page.md")).unwrap().contains("2 claims, none judged yet"));
    table(&dir, "big.csv", HEADER, 1, |_, _| "big,1B,20B,2.5,web".to_owned());
    isoflop_with(dir.path(), &["verify", "claims/claim-00001.json", "big.csv"], "");
    answer(dir.path(), "report claims -o page.html").unwrap();
    let page = fs::read_to_string(dir.path().join("page.html")).unwrap();
    for part in
        ["<h1>Did the predictions come true?", "<svg", "How often intervals held", "&lt;script&gt;alert", "second"]
    {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("<script>alert"));
}

#[test]
fn a_report_that_cannot_be_is_refused_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    runs(&dir);
    table(&dir, "others.csv", HEADER, 12, |i, (params, tokens, loss)| format!("run{i},{params},{tokens},{loss},web"));
    answer(dir.path(), "fit others.csv -o fit.json").unwrap();
    let before = fs::read_dir(dir.path()).unwrap().count();
    for (arguments, remedy) in [
        ("report runs.csv -o page.pdf", "ends in .html"),
        ("report runs.csv --fit fit.json", "was fitted to other runs"),
        ("report runs.csv --usd 1M", "--gpu"),
        ("report runs.csv --loss 0.5 -o page.html", "floor"),
        ("report . -o page.html", "isoflop lab"),
        ("report runs.csv -o no/such/folder/page.html", "no/such/folder"),
    ] {
        let complaint = answer(dir.path(), arguments).unwrap_err();
        assert!(complaint.contains(remedy), "{arguments}: {complaint}");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), before);
}
