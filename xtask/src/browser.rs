//! The report's page: its WebAssembly gives the golden answers, and in Chromium it does what a reader asks of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::cargo;
use crate::parts::Stop;

#[path = "../../tests/golden/same.rs"]
mod same;

/// What Chromium is called.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];
/// Largest page of 240 runs, bytes: small enough to send by mail.
const LARGEST_PAGE: u64 = 3 << 20;

/// Writes a page with the binary, asks its module in node, then drives it in Chromium.
pub(crate) fn check(root: &Path) -> Result<(), Stop> {
    cargo::need_wasm()?;
    if !cargo::answers("node", &["--version"]) {
        return Err(Stop::Skipped("node is not installed, and nothing else here can drive a browser".to_owned()));
    }
    let folder = fresh_folder()?;
    let page = written_page(root, &folder)?;
    golden(root, &page)?;
    let Some(chromium) = chromium() else {
        return Err(Stop::Skipped(
            "the module gives the golden answers, but there is no Chromium to open its page with: `apt-get install chromium` on Debian"
                .to_owned(),
        ));
    };
    let mut node = Command::new("node");
    node.arg(root.join("xtask/src/browser.mjs")).arg(chromium).arg(page).arg(&folder);
    let ended = cargo::finish(node, "node browser.mjs");
    // Of a failure everything stays where it can be looked at.
    if ended.is_ok() {
        let _ = fs::remove_dir_all(&folder);
    }
    ended
}

fn fresh_folder() -> Result<PathBuf, Stop> {
    let folder = std::env::temp_dir().join(format!("isoflop-browser-{}", std::process::id()));
    fs::create_dir_all(&folder).map_err(|error| Stop::Failed(format!("{}: {error}", folder.display())))?;
    Ok(folder)
}

/// The page of 240 runs, as the binary writes it.
fn written_page(root: &Path, folder: &Path) -> Result<PathBuf, Stop> {
    // `--workspace` selects the features that the tests were built with; with `--package` most would be compiled again.
    let binary = cargo::built_file(
        root,
        &["build", "--workspace", "--bins", "--message-format", "json-render-diagnostics"],
        "isoflop",
    )?;
    let (table, page) = (folder.join("runs.csv"), folder.join("page.html"));
    fs::write(&table, runs()).map_err(|error| Stop::Failed(format!("{}: {error}", table.display())))?;
    let mut report = Command::new(binary);
    report.arg("report").arg(table).args(["--flops", "1e23", "-o"]).arg(&page);
    cargo::finish(report, "isoflop report")?;
    let bytes = fs::metadata(&page).map_or(0, |page| page.len());
    println!("the page of 240 runs has {bytes} bytes, allowed {LARGEST_PAGE}");
    if bytes > LARGEST_PAGE {
        return Err(Stop::Failed(format!("the page has {bytes} bytes")));
    }
    Ok(page)
}

/// 240 runs at eight budgets on a known surface, with half a percent of scatter.
fn runs() -> String {
    let mut table = String::from("run,params,tokens,loss\n");
    for run in 0..240 {
        let (budget, place) = (run / 30, run % 30);
        let flops = 1e18 * 10f64.powf(0.5 * f64::from(budget));
        let params = (flops / 120.0).sqrt() * 10f64.powf((f64::from(place) - 14.5) / 20.0);
        let tokens = flops / 6.0 / params;
        let scatter = 0.005 * (12.9 * f64::from(run + 1)).sin();
        let loss = (1.8 + 480.0 / params.powf(0.35) + 2000.0 / tokens.powf(0.37)) * (1.0 + scatter);
        table += &format!("run {run},{params},{tokens},{loss}\n");
    }
    table
}

/// The page's module gives the answers that every door must give.
fn golden(root: &Path, page: &Path) -> Result<(), Stop> {
    let path = root.join("tests/golden/doors.json");
    let mut node = Command::new("node");
    node.arg(root.join("xtask/src/golden.mjs")).arg(page).arg(&path);
    let replies = cargo::output(node, "node golden.mjs")?;
    let golden = fs::read_to_string(&path).map_err(|error| Stop::Failed(format!("{}: {error}", path.display())))?;
    let count = compare(&golden, &replies).map_err(Stop::Failed)?;
    println!("{count} golden answers of the module agree");
    Ok(())
}

/// How many answers were compared, or where the first differs.
fn compare(golden: &str, replies: &str) -> Result<usize, String> {
    let golden: Value = serde_json::from_str(golden).map_err(|error| format!("the golden file: {error}"))?;
    let steps = golden["steps"].as_array().ok_or("the golden file has no steps")?;
    let mut replies = replies.lines();
    let mut count = 0;
    for step in steps {
        let reply = replies.next().ok_or("a reply is missing")?;
        let reply: Value = serde_json::from_str(reply).map_err(|error| format!("a reply: {error}"))?;
        if step["answer"].is_null() {
            continue;
        }
        let answer = step["part"].as_str().map_or(&reply["reply"], |part| &reply["reply"][part]);
        if let Some(difference) = same::difference(&step["answer"], answer) {
            return Err(format!("{}: {difference}", step["request"]));
        }
        count += 1;
    }
    if count == 0 { Err("nothing was compared".to_owned()) } else { Ok(count) }
}

/// Chromium, installed on Debian when that is possible.
fn chromium() -> Option<&'static str> {
    let there = || NAMES.into_iter().find(|name| cargo::answers(name, &["--version"]));
    let install = || cargo::answers("apt-get", &["install", "--yes", "--no-install-recommends", "chromium"]);
    there().or_else(|| if install() { there() } else { None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_differs_is_found_and_a_missing_one_too() {
        let golden = r#"{"steps":[{"request":1},{"request":2,"part":"plan","answer":{"params":7.0}}]}"#;
        let reply = |params: f64| format!("{{}}\n{{\"reply\":{{\"plan\":{{\"params\":{params}}}}}}}\n");
        assert_eq!(compare(golden, &reply(7.0)), Ok(1));
        assert!(compare(golden, &reply(7.01)).is_err_and(|why| why.contains("/params is 7.01, not 7")));
        assert!(compare(golden, "{}\n").is_err());
        assert!(compare(r#"{"steps":[]}"#, "").is_err());
    }

    #[test]
    fn the_table_has_as_many_runs_as_it_says() {
        assert_eq!(runs().lines().count(), 241);
    }
}
