//! Does the door give the answers that every door must give?

#![allow(clippy::unwrap_used)]

#[path = "../../../tests/golden/same.rs"]
mod same;

use isoflop_explorer::Session;
use serde_json::{Value, json};

fn golden() -> Value {
    serde_json::from_str(include_str!("../../../tests/golden/doors.json")).unwrap()
}

#[test]
fn the_door_gives_the_golden_answers() {
    let mut session = Session::default();
    let mut compared = 0;
    for step in golden()["steps"].as_array().unwrap() {
        let request = step["request"].to_string();
        let reply: Value = serde_json::from_str(&session.answer(&request)).unwrap();
        assert!(reply["error"].is_null(), "{request}: {reply}");
        if step["answer"].is_null() {
            continue;
        }
        let answer = step["part"].as_str().map_or(&reply["reply"], |part| &reply["reply"][part]);
        assert_eq!(same::difference(&step["answer"], answer), None, "{request}");
        compared += 1;
    }
    assert_eq!(compared, 6);
}

#[test]
fn what_differs_is_found() {
    let one = json!({ "a": [1.0, "x"], "provenance": 1 });
    assert_eq!(same::difference(&one, &json!({ "a": [1.0 + 1e-12, "x"], "provenance": 2 })), None);
    for other in [json!({ "a": [1.001, "x"] }), json!({ "a": [1.0, "y"] }), json!({ "a": [1.0] }), json!({}), json!(1)]
    {
        assert!(same::difference(&one, &other).is_some(), "{other}");
        assert!(same::difference(&other, &one).is_some(), "{other}");
    }
}
