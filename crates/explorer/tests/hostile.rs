//! Does every request, however wrong, get a reply, and leave the session as it was?

#![allow(clippy::unwrap_used, clippy::panic)]

use isoflop_explorer::{LARGEST_REQUEST, MOST_RUNS, Session};
use serde_json::{Value, json};

fn ask(session: &mut Session, request: &str) -> Value {
    serde_json::from_str(&session.answer(request)).unwrap()
}

/// The code of the error that `request` gets.
fn code(session: &mut Session, request: &str) -> String {
    let reply = ask(session, request);
    let error = reply["error"].as_object().unwrap_or_else(|| panic!("{request:.80} was answered: {reply}"));
    assert!(error["message"].as_str().is_some_and(|message| message.len() > 10), "{reply}");
    error["code"].as_str().unwrap().to_owned()
}

/// A session with twelve runs and their plain fit.
fn fitted() -> Session {
    let mut session = Session::default();
    let mut table = "params,tokens,loss,note\n".to_owned();
    for params in [1e8, 3e8, 1e9, 3e9_f64] {
        for tokens in [2e9, 6e9, 2e10_f64] {
            let loss = 1.8 + 480.0 / params.powf(0.35) + 2000.0 / tokens.powf(0.37);
            table += &format!("{params},{tokens},{loss},<script>alert(1)</script>\n");
        }
    }
    assert!(ask(&mut session, &json!({ "do": "runs", "table": table }).to_string())["error"].is_null());
    assert!(ask(&mut session, r#"{"do":"fit","law":"hoffmann","draws":20}"#)["error"].is_null());
    session
}

#[test]
fn wrong_requests_are_refused_with_a_code_and_change_nothing() {
    let mut session = fitted();
    let plan = r#"{"do":"plan","question":{"flops":"1e22"}}"#;
    let before = session.answer(plan);
    let deep = format!("{{\"do\":\"plan\",\"question\":{}", "[".repeat(100_000));
    let table = |text: &str| json!({ "do": "runs", "table": text }).to_string();
    let many = table(&format!("params,tokens,loss\n{}", "1e8,2e9,3\n".repeat(MOST_RUNS + 1)));
    for (request, wanted) in [
        ("", "request"),
        ("null", "request"),
        ("[]", "request"),
        ("{}", "request"),
        ("{\"do\":\"plan\"", "request"),
        (r#"{"do":"delete"}"#, "request"),
        (r#"{"do":7}"#, "request"),
        (r#"{"do":"plan","question":{"flops":NaN}}"#, "request"),
        (r#"{"do":"plan","question":{"flops":1e999}}"#, "request"),
        (r#"{"do":"plan","question":{"flops":"1e22"},"level":2}"#, "request"),
        (r#"{"do":"plan","question":{"flop":"1e22"}}"#, "request"),
        (r#"{"do":"plan","question":{"flops":-1}}"#, "request"),
        (r#"{"do":"plan","draws":-5}"#, "request"),
        (r#"{"do":"plan","question":{"loss":0.1}}"#, "plan"),
        (r#"{"do":"plan","question":{"usd":1,"gpu":"<script>"}}"#, "plan"),
        (r#"{"do":"predict","params":"many","tokens":"1B"}"#, "request"),
        (r#"{"do":"predict","params":"1e300","tokens":"1e300"}"#, "question"),
        (r#"{"do":"figure","kind":"pie"}"#, "request"),
        (r#"{"do":"fit","law":"chinchila"}"#, "name"),
        (r#"{"do":"fit","objective":"best"}"#, "name"),
        (r#"{"do":"fit","draws":1000000000}"#, "fit"),
        (r#"{"do":"fit","without":[0,1,2,3,4,5,6,7,8,9,10,11]}"#, "fit"),
        (r#"{"do":"load","fit":{"published":"nobody1999"}}"#, "name"),
        (r#"{"do":"load","fit":{"file":"{}"}}"#, "fit_file"),
        (&table(""), "table"),
        (&table("params,tokens,loss\n1,2,NaN\n"), "table"),
        (&table("a,b\n1,2\n"), "table"),
        (&table("\u{0}\u{ffff}\"\"\"\n"), "table"),
        (&many, "too_large"),
        (&deep, "request"),
    ] {
        assert_eq!(code(&mut session, request), wanted, "{request:.80}");
    }
    assert_eq!(session.answer(plan), before);
}

#[test]
fn what_is_too_long_or_no_text_is_refused_unread() {
    let mut session = fitted();
    let long = format!("{{\"do\":\"known\"}}{}", " ".repeat(LARGEST_REQUEST));
    assert_eq!(code(&mut session, &long), "too_large");
    let reply: Value = serde_json::from_str(&session.answer_bytes(&[b'"', 0xff, 0xfe])).unwrap();
    assert_eq!(reply["error"]["code"], "request");
}

#[test]
fn nothing_is_answered_before_it_is_known() {
    let mut session = Session::default();
    assert_eq!(code(&mut session, r#"{"do":"fit"}"#), "no_runs");
    assert_eq!(code(&mut session, r#"{"do":"plan"}"#), "no_fit");
    assert_eq!(code(&mut session, r#"{"do":"predict","params":"1B","tokens":"1B"}"#), "no_fit");
    assert_eq!(code(&mut session, r#"{"do":"figure","kind":"valleys"}"#), "no_fit");
}

#[test]
fn figures_of_extreme_widths_and_hostile_names_are_whole() {
    let mut session = fitted();
    for width in ["1", "0", "-5", "1e308", "null", "360"] {
        for kind in ["valleys", "forecast", "contour", "ratios", "panels", "residuals", "exponents"] {
            let reply = ask(&mut session, &format!(r#"{{"do":"figure","kind":"{kind}","width":{width}}}"#));
            let svg = reply["reply"]["text"].as_str().unwrap_or_else(|| panic!("{kind} {width}: {reply}"));
            assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n") && !svg.contains("<script"));
        }
    }
}

#[test]
fn a_run_left_out_by_hand_is_named_and_comes_back() {
    let mut session = fitted();
    let counts = |reply: &Value| (reply["reply"]["fit"]["n_runs"].clone(), reply["reply"]["fit"]["n_dropped"].clone());
    let without = ask(&mut session, r#"{"do":"fit","law":"hoffmann","draws":0,"without":[0,5,5,99]}"#);
    assert_eq!(counts(&without), (json!(10), json!(2)));
    let with = ask(&mut session, r#"{"do":"fit","law":"hoffmann","draws":0}"#);
    assert_eq!(counts(&with), (json!(12), json!(0)));
}

#[test]
fn a_fit_of_other_runs_is_refused() {
    let mut session = fitted();
    let reply = ask(&mut session, r#"{"do":"fit","law":"hoffmann","draws":0,"without":[0]}"#);
    let file = json!({ "do": "load", "fit": { "file": reply["reply"]["fit"].to_string() } }).to_string();
    assert_eq!(code(&mut session, &file), "fit_file");
    assert!(ask(&mut Session::default(), &file)["error"].is_null());
}
