//! Does the command line give the answers that every door must give?

#![allow(clippy::unwrap_used)]

#[path = "support/grid.rs"]
#[allow(dead_code, reason = "its tables are of other tests")]
mod grid;
#[path = "../../../tests/golden/same.rs"]
mod same;
mod support;

use grid::answer;
use serde_json::Value;

#[test]
fn json_of_the_command_line_is_the_golden_answer() {
    let golden: Value = serde_json::from_str(include_str!("../../../tests/golden/doors.json")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let steps = golden["steps"].as_array().unwrap();
    std::fs::write(dir.path().join("runs.csv"), steps[0]["request"]["table"].as_str().unwrap()).unwrap();
    for step in &steps[1..] {
        let command = step["command"].as_str().unwrap();
        let said: Value = serde_json::from_str(&answer(dir.path(), command).unwrap()).unwrap();
        assert_eq!(same::difference(&step["answer"], &said), None, "isoflop {command}");
    }
}
