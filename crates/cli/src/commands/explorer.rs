//! The explorer in a report's page: the module that was built into this binary, and what it starts from.

use isoflop::plan::Request;
use isoflop::{Fit, Plan};
use isoflop_explorer::{Held, HeldTable, LARGEST_REQUEST, MOST_RUNS, section as section_of};
use isoflop_report::Section;

use super::fit::provenance;
use super::plan::request;
use crate::arguments::ReportArguments;

/// The module as a page holds it; empty where this binary was built without it.
const MODULE: &str = include_str!(concat!(env!("OUT_DIR"), "/explorer.base64"));

/// The part of the page that explores the runs, or why there is none.
pub(super) fn section(
    arguments: &ReportArguments,
    table: &str,
    fit: &Fit,
    plan: Option<&Plan>,
) -> Result<Section, String> {
    if MODULE.is_empty() {
        return Err("this isoflop was built without its explorer: `rustup target add wasm32-unknown-unknown`, then \
                    `cargo build --release` builds it in"
            .to_owned());
    }
    if table.len() > LARGEST_REQUEST || table.lines().count() > MOST_RUNS {
        return Err(format!("a page fits at most {MOST_RUNS} runs: keep fewer rows to explore them"));
    }
    let level = arguments.answer.level;
    let name = arguments.table.runs.file_name().unwrap_or_default().to_string_lossy();
    let question = arguments.question.is_asked().then(|| request(&arguments.question));
    let held = Held {
        module: MODULE,
        table: HeldTable {
            name: &name,
            text: table,
            filters: arguments.table.filters.iter().map(ToString::to_string).collect(),
            skip_bad_rows: arguments.table.skip_bad_rows,
        },
        fit: &fit.to_json(level, &provenance()),
        recipe: arguments.question.conditions.recipe.as_deref(),
        question: &question.unwrap_or_else(Request::default),
        flops: plan.map(|plan| plan.flops.value),
        level,
    };
    Ok(section_of(&held))
}
