//! The page's part of a report: markup, style and scripts, with the runs, the fit and the module that they work on.

use isoflop::plan;
use isoflop_report::Section;
use serde::Serialize;

/// Every script, in the order in which they need each other.
const SCRIPTS: [&str; 8] = [
    include_str!("../page/elements.js"),
    include_str!("../page/quantities.js"),
    include_str!("../page/worker.js"),
    include_str!("../page/door.js"),
    include_str!("../page/controls.js"),
    include_str!("../page/drawing.js"),
    include_str!("../page/runs.js"),
    include_str!("../page/start.js"),
];

/// What a page holds to start from.
#[derive(Debug, Clone, Serialize)]
pub struct Held<'a> {
    /// The module: this crate built for WebAssembly, deflated (zlib), in base64.
    pub module: &'a str,
    /// The runs.
    pub table: HeldTable<'a>,
    /// Their fit, as `fit.json`.
    pub fit: &'a str,
    /// The recipe that the fit is asked about.
    pub recipe: Option<&'a str>,
    /// What was asked first.
    pub question: &'a plan::Request,
    /// The compute that the report plans with, FLOP, where it plans.
    pub flops: Option<f64>,
    /// Level of the intervals.
    pub level: f64,
}

/// A table of runs as it was read.
#[derive(Debug, Clone, Serialize)]
pub struct HeldTable<'a> {
    /// Its file name.
    pub name: &'a str,
    /// Its text.
    pub text: &'a str,
    /// The filters that chose its rows.
    pub filters: Vec<String>,
    /// Whether rows that cannot be read were left out.
    pub skip_bad_rows: bool,
}

/// The part of the page that explores what is `held`.
pub fn section(held: &Held) -> Section {
    Section {
        style: include_str!("../page/explore.css").to_owned(),
        body: include_str!("../page/section.html").to_owned(),
        script: format!("\"use strict\";\n{{\n{}}}\n", SCRIPTS.concat()),
        // Strings and finite numbers: there is nothing that could fail to be written.
        held: serde_json::to_string(held).unwrap_or_default(),
        id: "explore",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_touch_no_network_and_make_no_markup_of_text() {
        let scripts = SCRIPTS.concat();
        for forbidden in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "fetch(",
            "XMLHttp",
            "http:",
            "https:",
        ] {
            assert!(!scripts.contains(forbidden), "{forbidden}");
        }
    }

    #[test]
    fn every_element_that_scripts_ask_for_is_in_the_markup() {
        let markup = include_str!("../page/section.html");
        for part in SCRIPTS.concat().split("at(\"").skip(1) {
            let id = part.split('"').next().unwrap_or_default();
            assert!(markup.contains(&format!("id=\"explore-{id}\"")), "{id}");
        }
    }
}
