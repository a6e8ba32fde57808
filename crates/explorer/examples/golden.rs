//! Writes `tests/golden/doors.json` anew: the answers that every door must give to its requests.
#![allow(clippy::print_stdout)]

use std::error::Error;

use isoflop_explorer::Session;
use serde_json::Value;

fn main() -> Result<(), Box<dyn Error>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/doors.json");
    let mut golden: Value = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    let mut session = Session::default();
    for step in golden["steps"].as_array_mut().ok_or("no steps")? {
        let reply: Value = serde_json::from_str(&session.answer(&step["request"].to_string()))?;
        if step["command"].is_string() {
            let part = step["part"].as_str().map_or_else(|| "/reply".to_owned(), |part| format!("/reply/{part}"));
            let answer = reply.pointer(&part).ok_or_else(|| format!("no answer: {reply}"))?;
            step["answer"] = answer.clone();
            // Who asked is not part of the answer.
            step["answer"].as_object_mut().map(|answer| answer.remove("provenance"));
        }
    }
    std::fs::write(path, serde_json::to_string_pretty(&golden)? + "\n")?;
    println!("{path}");
    Ok(())
}
