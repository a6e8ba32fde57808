//! What compute costs and what others did with it: `gpus`, `models`, `compare` as a user meets them.

#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;
use std::process::Output;

use serde_json::Value;
use support::isoflop_with;

fn isoflop(arguments: &str) -> Output {
    isoflop_with(Path::new("."), &arguments.split(' ').collect::<Vec<_>>(), "")
}

fn text(arguments: &str) -> String {
    let output = isoflop(arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn json(arguments: &str) -> Value {
    serde_json::from_str(&text(&format!("{arguments} --json"))).unwrap()
}

fn near(value: &Value, expected: f64, tolerance: f64) {
    let value = value.as_f64().unwrap();
    assert!((value / expected - 1.0).abs() < tolerance, "{value:e} for {expected:e}");
}

#[test]
fn gpus_are_listed_with_source_and_trust() {
    let answer = json("gpus");
    assert_eq!(answer["schema"], "isoflop.gpus/1");
    let gpus = answer["gpus"].as_array().unwrap();
    assert!(gpus.len() >= 17 && gpus.iter().all(|gpu| gpu["source"].is_string() && gpu["trust"].is_string()));
    let table = text("gpus");
    assert!(table.contains("989.4") && table.contains("without 2:4 sparsity"), "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 100), "{table}");
}

/// Ten million dollars of H100: 5e6 hours, 50.8626 days on 4,096, 700 W and PUE 1.2.
#[test]
fn a_run_has_its_bill() {
    let job = &json("gpus h100 --flops 7.12368e24 --gpus 4096 --goodput 1 --grid 0.4")["job"];
    near(&job["cost"]["usd"], 1e7, 1e-5);
    near(&job["cost"]["gpu_hours"], 5e6, 1e-5);
    near(&job["cost"]["days"], 50.8626, 1e-5);
    near(&job["cost"]["energy_kwh"], 4.2e6, 1e-5);
    near(&job["cost"]["co2_kg"], 1.68e6, 1e-5);
    assert!(job["fitting"].is_null());

    let [model, typed] =
        ["--model chinchilla", "--params 70B --tokens 1.4T"].map(|run| json(&format!("gpus h100 {run}")));
    assert_eq!(model["job"], typed["job"]);
    near(&model["job"]["fitting"]["training_bytes"], 1.12e12, 1e-12);
    assert_eq!(model["job"]["fitting"]["training_devices"], 14.0);
    let page = text("gpus h100 --model chinchilla --gpus 1024");
    for expected in ["18.7 days", "CO2", "14 devices or more", "bound by memory", "kg CO2 per kWh"] {
        assert!(page.contains(expected), "{expected}: {page}");
    }
}

#[test]
fn models_are_judged_by_a_law() {
    let answer = json("models --law besiroglu2024");
    let rows = answer["models"].as_array().unwrap();
    let row = |name: &str| rows.iter().find(|row| row["name"] == name).unwrap();
    for (name, training) in [("gopher", "under"), ("chinchilla", "balanced"), ("llama3-8b", "over")] {
        assert_eq!(row(name)["standing"]["training"], training, "{name}");
    }
    near(&row("llama3.1-405b")["flops"], 3.7908e25, 1e-12);
    assert!(row("deepseek-v3")["standing"].is_null());
    assert!(row("deepseek-v3")["not_judged"].as_str().unwrap().contains("mixture of experts"));
    let page = text("models --law besiroglu2024");
    assert!(page.contains("not judged") && page.contains("no intervals"), "{page}");
    assert!(page.lines().all(|line| line.chars().count() <= 100), "{page}");
    assert!(text("models").contains("tokens/param") && text("models gopher").contains("arXiv:2203.15556"));
}

#[test]
fn chinchilla_should_have_beaten_gopher_by_every_law_that_can_tell() {
    for law in ["besiroglu2024", "hoffmann2022", "hoffmann2022-printed", "muennighoff2023", "besiroglu2024-huber"] {
        let answer = json(&format!("compare gopher chinchilla --law {law}"));
        assert_eq!(answer["winner"], "chinchilla", "{law}");
        assert!(answer["lead"]["value"].as_f64().unwrap() > 0.0 && answer["lead"]["lo"].is_null(), "{law}");
    }
    let page = text("compare gopher chinchilla");
    assert!(page.starts_with("chinchilla should beat gopher by 0.026 (no interval) nats"), "{page}");
    assert_eq!(json("compare chinchilla gopher")["lead"], json("compare gopher chinchilla")["lead"]);
}

/// A fit with draws gives intervals, and says in how many draws the winner wins.
#[test]
fn a_fit_with_draws_gives_the_comparison_an_interval() {
    let dir = tempfile::tempdir().unwrap();
    let mut table = String::from("params,tokens,loss\n");
    for i in 0..20 {
        let (params, tokens) = (1e8 * 1.9f64.powi(i % 5), 2e9 * 3f64.powi(i / 5));
        let scatter = (0.003 * (12.9 * f64::from(i + 1)).sin()).exp();
        let loss = (1.8 + 480.0 / params.powf(0.35) + 2000.0 / tokens.powf(0.37)) * scatter;
        table += &format!("{params},{tokens},{loss}\n");
    }
    std::fs::write(dir.path().join("runs.csv"), table).unwrap();
    let run = |arguments: &str| isoflop_with(dir.path(), &arguments.split(' ').collect::<Vec<_>>(), "");
    assert_eq!(run("fit runs.csv --law hoffmann --draws 100 -o fit.json").status.code(), Some(0));
    let answer: Value = serde_json::from_slice(&run("compare gopher chinchilla --law fit.json --json").stdout).unwrap();
    let end = |end: &str| answer["lead"][end].as_f64().unwrap();
    assert!(end("lo") < end("value") && end("value") < end("hi"), "{answer}");
    let probability = answer["probability"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&probability));
    assert!(
        answer["first"]["standing"]["wasted"]["lo"].is_number() && answer["first"]["standing"]["agreement"].is_number()
    );
    let page = String::from_utf8(run("compare gopher chinchilla --law fit.json").stdout).unwrap();
    assert!(page.contains("of the draws") && !page.contains("no interval"), "{page}");
}

#[test]
fn bad_requests_name_their_remedy() {
    for (arguments, expected) in [
        ("gpus h1000", "did you mean h100"),
        ("gpus abacus", "known are h100"),
        ("gpus h100 --params 70B", "--tokens"),
        ("gpus --flops 1e24", "<GPU>"),
        ("gpus h100 --params 1.4T --tokens 70B", "swapped"),
        ("gpus h100 --params 7 --tokens 1T", "check the units"),
        ("gpus h100 --params 7b.tokens --tokens 1T", "70B, 124M or 1.5e9"),
        ("gpus h100 --flops 1e24 --mfu 4", "MFU must be above 0 and at most 1"),
        ("gpus h100 --flops 1e24 --pue 0.9", "at least what reaches the machines"),
        ("gpus h100 --model chinchila", "did you mean chinchilla"),
        ("models chinchila", "did you mean chinchilla"),
        ("models --law kaplan2020-params", "no best size"),
        ("models --law nobody2031", "besiroglu2024"),
        ("compare gopher gopher", "name two models"),
        ("compare gopher gofer", "no model `gofer`"),
        ("compare gopher deepseek-v3", "mixture of experts"),
        ("compare gopher", "in twos"),
    ] {
        let output = isoflop(arguments);
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments}: {complaint}");
        assert!(complaint.contains(expected) && !complaint.contains("panicked"), "{arguments}: {complaint}");
    }
}
