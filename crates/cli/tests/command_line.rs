//! The commands as a user or a script meets them: answers, exit codes, refusals.

#![allow(clippy::unwrap_used)]

mod support;

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;
use support::isoflop_with;
use tempfile::TempDir;

fn isoflop(dir: &Path, arguments: &[&str]) -> Output {
    isoflop_with(dir, arguments, "")
}

/// The JSON a successful command prints.
fn json(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The complaint of a command that could not answer.
fn refusal(output: &Output) -> String {
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{complaint}");
    assert!(!complaint.contains("panicked"), "{complaint}");
    complaint
}

/// Twenty runs from a known law with a little deterministic scatter, in `runs.csv`.
fn folder_with_runs() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut table = String::from("run,params,tokens,loss,recipe\n");
    for i in 0..20 {
        let (params, tokens) = (1e8 * 1.9f64.powi(i % 5), 2e9 * 3f64.powi(i / 5));
        let scatter = (0.003 * (12.9 * f64::from(i + 1)).sin()).exp();
        let loss = (1.8 + 480.0 / params.powf(0.35) + 2000.0 / tokens.powf(0.37)) * scatter;
        table += &format!("r{i},{params},{tokens},{loss},base\n");
    }
    std::fs::write(dir.path().join("runs.csv"), table).unwrap();
    dir
}

fn public_runs() -> Option<PathBuf> {
    let root = std::env::var_os("ISOFLOP_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    root.join("epoch_chinchilla/runs.csv").canonicalize().ok()
}

#[test]
fn the_story_runs_from_table_to_verdict() {
    let dir = folder_with_runs();
    let dir = dir.path();
    let fit = json(&isoflop(dir, &["fit", "runs.csv", "--draws", "200", "--json", "-o", "fit.json"]));
    assert_eq!(
        (fit["law"].as_str(), fit["n_runs"].as_u64(), fit["n_dropped"].as_u64()),
        (Some("coupled"), Some(20), Some(0))
    );
    for key in ["objective", "objective_value", "status", "params", "derived", "warnings"] {
        assert!(!fit[key].is_null(), "{key}");
    }
    assert!(fit["params"]["alpha"]["lo"].as_f64() < fit["params"]["alpha"]["hi"].as_f64());

    let prediction = json(&isoflop(dir, &["predict", "fit.json", "--params", "5B", "--tokens", "100B", "--json"]));
    let loss = prediction["loss"]["value"].as_f64().unwrap();
    assert!(prediction["loss"]["lo"].as_f64().unwrap() < loss && loss < prediction["loss"]["hi"].as_f64().unwrap());
    assert!(prediction["extrapolation"]["compute_factor"].as_f64().unwrap() > 1.0);

    let plan = json(&isoflop(dir, &["plan", "fit.json", "--flops", "1e22", "--json"]));
    for key in ["params", "tokens", "flops", "loss", "cost", "flat_range", "regret", "ruled_out"] {
        assert!(!plan[key].is_null(), "{key}");
    }

    json(&isoflop(dir, &["claim", "fit.json", "--params", "5B", "--tokens", "100B", "--name", "big", "--json"]));
    let landed = format!("run,params,tokens,loss\nbig,5e9,1e11,{loss}\nother,1e9,1e11,3\n");
    std::fs::write(dir.join("big.csv"), landed).unwrap();
    let arguments = ["verify", "claims/claim-00001.json", "big.csv", "--where", "run=big", "--json"];
    assert_eq!(json(&isoflop(dir, &arguments))["inside"], true);

    let missed = format!("run,params,tokens,loss\nbig,5e9,1e11,{}\n", 1.2 * loss);
    std::fs::write(dir.join("big.csv"), missed).unwrap();
    assert_eq!(isoflop(dir, &arguments).status.code(), Some(1));
    // Which run judges a claim is not chosen by the outcome: the first verdict stays.
    let record = json(&isoflop(dir, &["record", "--json"]));
    assert_eq!((record["judged"].as_u64(), record["inside"].as_u64()), (Some(1), Some(1)));
}

#[test]
fn a_fit_travels_through_a_pipe() {
    let dir = folder_with_runs();
    let fit = isoflop(dir.path(), &["fit", "runs.csv", "--draws", "50", "--json"]);
    let text = String::from_utf8(fit.stdout).unwrap();
    let plan = json(&isoflop_with(dir.path(), &["plan", "-", "--flops", "1e22", "--json"], &text));
    assert!(plan["params"]["lo"].as_f64() < plan["params"]["hi"].as_f64());
}

#[test]
fn a_table_of_points_gives_one_prediction_a_row() {
    let dir = folder_with_runs();
    isoflop(dir.path(), &["fit", "runs.csv", "--draws", "50", "-o", "fit.json"]);
    std::fs::write(dir.path().join("points.csv"), "params,tokens\n1B,20B\n2B,40B\n").unwrap();
    let answer =
        json(&isoflop(dir.path(), &["predict", "fit.json", "--runs", "points.csv", "--json", "--level", "0.95"]));
    let predictions = answer["predictions"].as_array().unwrap();
    assert_eq!(predictions.len(), 2);
    assert_eq!(predictions[1]["params"].as_f64(), Some(2e9));
}

/// Besiroglu et al. 2024 with $10M of H100 hours: closed forms evaluated independently.
#[test]
fn ten_million_dollars_buy_the_published_plan() {
    let dir = tempfile::tempdir().unwrap();
    let arguments = "plan besiroglu2024 --usd 10M --gpu h100 --mfu 0.4 --price 2.0 --goodput 1 --json";
    let plan = json(&isoflop(dir.path(), &arguments.split(' ').collect::<Vec<_>>()));
    for (key, expected) in [("flops", 7.12368e24), ("params", 2.62269e11), ("tokens", 4.52695e12), ("loss", 1.91762)] {
        let value = plan[key]["value"].as_f64().unwrap();
        assert!((value / expected - 1.0).abs() < 5e-6, "{key} {value:e}");
    }
    assert!((plan["cost"]["gpu_hours"].as_f64().unwrap() / 5e6 - 1.0).abs() < 1e-9);
}

#[test]
fn the_public_runs_give_the_exact_huber_optimum() {
    let Some(runs) = public_runs() else {
        println!("skipped: the public runs are not there; set ISOFLOP_DATA to their folder");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let runs = runs.to_str().unwrap();
    let arguments =
        ["fit", runs, "--where", "excluded_by_epoch=0", "--objective", "huber:1e-3", "--draws", "0", "--json"];
    let fit = json(&isoflop(dir.path(), &arguments));
    assert!(fit["objective_value"].as_f64().unwrap() <= 1.018_274_1e-3);
    assert_eq!((fit["n_runs"].as_u64(), fit["n_dropped"].as_u64()), (Some(240), Some(5)));
    for (name, expected, tolerance) in [("alpha", 0.347_31, 1e-5), ("beta", 0.367_17, 1e-5), ("E", 1.817_22, 1e-5)] {
        let value = fit["params"][name]["value"].as_f64().unwrap();
        assert!((value - expected).abs() < tolerance, "{name} {value}");
    }
}

#[test]
fn bad_tables_are_refused_by_file_line_and_remedy() {
    let dir = tempfile::tempdir().unwrap();
    for (name, table, expected) in [
        ("empty.csv", "", "empty.csv: no rows"),
        ("missing.csv", "params,tokens\n1,2\n", "no column `loss`"),
        (
            "nan.csv",
            "params,tokens,loss\n1e9,2e10,2.5\n1e9,2e10,NaN\n",
            "nan.csv:3: loss must be positive and finite, got `NaN`",
        ),
        (
            "negative.csv",
            "params,tokens,loss\n1e9,-3,2.5\n",
            "negative.csv:2: tokens must be positive and finite, got `-3`",
        ),
        ("one.csv", "params,tokens,loss\n1e9,2e10,2.5\n", "needs at least 6 runs, got 1"),
        ("ragged.csv", "params,tokens,loss\n1e9,2e10\n", "ragged.csv:2"),
        ("broken.jsonl", "{\"params\": 1}\n{nope\n", "broken.jsonl:2"),
    ] {
        std::fs::write(dir.path().join(name), table).unwrap();
        let complaint = refusal(&isoflop(dir.path(), &["fit", name]));
        assert!(complaint.contains(expected), "{name}: {complaint}");
    }
    std::fs::write(dir.path().join("binary.csv"), [0u8, 159, 146, 150, b'\n', 255]).unwrap();
    refusal(&isoflop(dir.path(), &["fit", "binary.csv"]));
    assert!(refusal(&isoflop(dir.path(), &["fit", "."])).contains("is a folder"));
    assert!(refusal(&isoflop(dir.path(), &["fit", "nowhere.csv"])).contains("nowhere.csv: cannot open"));
}

#[test]
fn bad_requests_name_their_remedy() {
    let dir = folder_with_runs();
    let dir = dir.path();
    isoflop(dir, &["fit", "runs.csv", "--draws", "20", "-o", "fit.json"]);
    for (arguments, expected) in [
        ("predict nobody2031 --params 1B --tokens 1B", "besiroglu2024"),
        ("predict fit.json --params 1B", "--tokens"),
        ("fit runs.csv --objective median", "log-ls"),
        ("fit runs.csv --where recipe", "COLUMN=VALUE"),
        ("fit runs.csv --where recpie=base", "no column `recpie`"),
        ("fit runs.csv --where recipe=other", "got 0"),
        ("fit runs.csv --level 1.5", "between 0 and 1"),
        ("fit runs.csv -o no/such/folder/fit.json", "cannot write into its folder"),
        ("fit runs.csv -o .", "not a plain file"),
        ("fit runs.csv -o /dev/null", "not a plain file"),
        ("claim besiroglu2024 --params 1B --tokens 1B", "no interval"),
        ("verify fit.json runs.csv", "not a claim"),
    ] {
        let complaint = refusal(&isoflop(dir, &arguments.split(' ').collect::<Vec<_>>()));
        assert!(complaint.contains(expected), "{arguments}: {complaint}");
    }
}

#[test]
fn altered_claims_and_broken_chains_are_noticed() {
    let dir = folder_with_runs();
    let dir = dir.path();
    isoflop(dir, &["fit", "runs.csv", "--draws", "20", "-o", "fit.json"]);
    for name in ["one", "two", "three"] {
        json(&isoflop(dir, &["claim", "fit.json", "--params", "5B", "--tokens", "100B", "--name", name, "--json"]));
    }
    let first = dir.join("claims/claim-00001.json");
    let text = std::fs::read_to_string(&first).unwrap();
    std::fs::write(&first, text.replace("\"one\"", "\"won\"")).unwrap();
    assert!(refusal(&isoflop(dir, &["verify", "claims/claim-00001.json", "runs.csv"])).contains("altered"));
    std::fs::remove_file(&first).unwrap();
    let next = isoflop(dir, &["claim", "fit.json", "--params", "5B", "--tokens", "100B"]);
    assert!(refusal(&next).contains("does not follow the claim before it"));
    assert!(refusal(&isoflop(dir, &["record"])).contains("does not follow the claim before it"));
}

#[test]
fn a_loss_takes_what_the_law_says_and_runs_lie_on_the_curve_or_off_it() {
    let dir = folder_with_runs();
    let dir = dir.path();
    isoflop(dir, &["fit", "runs.csv", "--draws", "200", "-o", "fit.json"]);
    let ask = |arguments: &str| isoflop(dir, &arguments.split(' ').collect::<Vec<_>>());
    let best = json(&ask("predict fit.json --loss 2.3 --json"));
    assert!(best["flops"]["lo"].as_f64() < best["flops"]["hi"].as_f64() && best["impossible"] == 0.0, "{best}");
    let tokens = json(&ask("predict fit.json --loss 2.3 --params 5B --json"));
    assert!(tokens["flops"]["value"].as_f64() >= best["flops"]["value"].as_f64());
    assert_eq!(tokens["params"]["value"], 5e9);
    // A part of the draws puts the floor above this loss.
    let low = json(&ask("predict fit.json --loss 1.845 --json"));
    assert!(low["impossible"].as_f64().unwrap() > 0.0 && low["flops"]["hi"].is_null(), "{low}");
    assert!(refusal(&ask("predict fit.json --loss 1.2")).contains("ask for more than that"));
    assert!(refusal(&ask("predict fit.json --loss 2.3 --params 5B --tokens 1T")).contains("leave one of them out"));
    assert!(refusal(&ask("predict fit.json --loss two")).contains("nats per token"));

    let table = std::fs::read_to_string(dir.join("runs.csv")).unwrap();
    let all = json(&ask("predict fit.json --against runs.csv --json"));
    assert_eq!((all["runs"].as_array().unwrap().len(), &all["fitted_known"]), (20, &Value::Bool(true)));
    let row = table.lines().nth(8).unwrap();
    let cells: Vec<&str> = row.split(',').collect();
    let better =
        format!("run,params,tokens,loss\nnew,{},{},{}\n", cells[1], cells[2], 0.97 * cells[3].parse::<f64>().unwrap());
    std::fs::write(dir.join("new.csv"), better).unwrap();
    let new = json(&ask("predict fit.json --against new.csv --fitted runs.csv --json"));
    assert_eq!((&new["runs"][0]["side"], &new["runs"][0]["left_out"]), (&"below".into(), &Value::Bool(false)));
    assert!(refusal(&ask("predict fit.json --against new.csv --fitted new.csv")).contains("not those of the fit"));
    assert!(refusal(&ask("predict besiroglu2024 --against new.csv")).contains("no draws"));
}

#[test]
fn recipes_are_compared_by_a_column() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let mut table = String::from("params,tokens,loss,optimizer\n");
    for (name, worth, phase) in [("adamw", 1.0f64, 12.9), ("muon", 2.0, 7.3)] {
        for i in 0..16 {
            let (params, tokens) = (1e8 * 1.9f64.powi(i % 4), 2e9 * 3f64.powi(i / 4));
            let scatter = (0.003 * (phase * f64::from(i + 1)).sin()).exp();
            let loss = (1.8 + 480.0 / params.powf(0.35) + 2000.0 / (worth * tokens).powf(0.37)) * scatter;
            table += &format!("{params},{tokens},{loss},{name}\n");
        }
    }
    std::fs::write(dir.join("runs.csv"), &table).unwrap();
    let ask = |arguments: &str| isoflop(dir, &arguments.split(' ').collect::<Vec<_>>());
    let compared = json(&ask("compare runs.csv --by optimizer --cost muon=1.25 --draws 100 --json"));
    let pair = &compared["pairs"][0];
    assert_eq!((&pair["winner"], &pair["reference"]), (&"muon".into(), &"adamw".into()));
    let gain = |of: &Value| of["gain"]["value"].as_f64().unwrap();
    assert!((1.6..2.5).contains(&gain(&pair["gain"])), "{pair}");
    assert!((gain(&pair["money"]) * 1.25 / gain(&pair["gain"]) - 1.0).abs() < 1e-12);
    let text = String::from_utf8(ask("compare runs.csv --by optimizer --cost muon=1.25 --draws 100").stdout).unwrap();
    assert!(text.starts_with("muon is better") && text.contains("muon is the cheaper one"), "{text}");
    let split = |name: &str| {
        let own = |line: &&str| line.starts_with("params") || line.ends_with(name);
        let rows: Vec<&str> = table.lines().filter(own).collect();
        std::fs::write(dir.join(format!("{name}.csv")), rows.join("\n")).unwrap();
    };
    ["adamw", "muon"].into_iter().for_each(split);
    let apart = json(&ask("compare adamw.csv muon.csv --cost muon=1.25 --draws 100 --figure gain.svg --json"));
    assert_eq!((&apart["pairs"], &apart["column"]), (&compared["pairs"], &"table".into()));
    let figure = std::fs::read_to_string(dir.join("gain.svg")).unwrap();
    assert!(figure.starts_with("<svg") && figure.contains("Compute that adamw needs"), "{figure}");
    let draw = |name: &str| {
        let said = ask(&format!("compare adamw.csv muon.csv --draws 100 --figure {name}"));
        assert!(said.status.success(), "{said:?}");
        (String::from_utf8(said.stdout).unwrap(), std::fs::read(dir.join(name)).unwrap_or_default())
    };
    for (name, begins) in [
        ("gain.png", &b"\x89PNG"[..]),
        ("gain.PDF", b"%PDF"),
        ("gain.csv", b"panel,series,kind,"),
        ("gain.svg", b"<svg"),
    ] {
        let (_, bytes) = draw(name);
        assert!(bytes.starts_with(begins), "{name}");
    }
    let (said, _) = draw("-");
    let dots = said.chars().filter(|letter| ('\u{2801}'..='\u{28ff}').contains(letter)).count();
    assert!(said.starts_with("muon is better") && said.contains("Compute that adamw needs") && dots > 50, "{said}");
    for (arguments, expected) in [
        ("compare runs.csv", "--by recipe"),
        ("compare runs.csv gopher", "models with models"),
        ("compare runs.csv runs.csv", "the very runs"),
        ("compare runs.csv adamw.csv --by optimizer", "within one table"),
        ("compare runs.csv missing.csv", "missing.csv: cannot open"),
        ("compare gopher chinchilla --flops 1e22", "--flops is for recipes"),
        ("compare gopher chinchilla gpt3-175b", "in twos"),
        ("compare runs.csv --by optimizer --law besiroglu2024", "--law judges models"),
        ("compare runs.csv --by optimiser", "did you mean optimizer"),
        ("compare runs.csv --by optimizer --cost muon=0", "above zero"),
        ("compare runs.csv --by optimizer --cost adam=2", "did you mean adamw"),
        ("compare runs.csv --by optimizer --where optimizer=muon", "needs two"),
        ("compare runs.csv --by optimizer --figure gain.jpeg", ".svg, .png, .pdf, .csv"),
        ("compare runs.csv --by optimizer --figure gain", ".svg, .png, .pdf, .csv"),
        ("compare runs.csv --by optimizer --figure - --json", "name a file"),
        ("compare runs.csv --by optimizer --figure nowhere/gain.png", "cannot write into its folder"),
    ] {
        let complaint = refusal(&ask(arguments));
        assert!(complaint.contains(expected), "{arguments}: {complaint}");
    }
}

#[test]
fn a_record_is_its_claims_and_their_verdicts() {
    let dir = folder_with_runs();
    let dir = dir.path();
    isoflop(dir, &["fit", "runs.csv", "--draws", "50", "-o", "fit.json"]);
    for name in ["one", "two", "three"] {
        json(&isoflop(dir, &["claim", "fit.json", "--params", "5B", "--tokens", "100B", "--name", name, "--json"]));
    }
    let claim: Value =
        serde_json::from_str(&std::fs::read_to_string(dir.join("claims/claim-00001.json")).unwrap()).unwrap();
    assert_eq!(claim["conventions"]["common"]["recipe"], "base");
    let landed = format!("params,tokens,loss\n5e9,1e11,{}\n", claim["loss"]["value"]);
    std::fs::write(dir.join("big.csv"), landed).unwrap();
    for file in ["claims/claim-00001.json", "claims/claim-00002.json"] {
        let verdict = json(&isoflop(dir, &["verify", file, "big.csv", "--json"]));
        assert!((verdict["percentile"].as_f64().unwrap() - 0.5).abs() < 0.2, "{verdict}");
    }

    let record = json(&isoflop(dir, &["record", "--json", "--figure", "reliability.svg"]));
    assert_eq!((record["judged"].as_u64(), record["claims"].as_array().unwrap().len()), (Some(2), 3));
    assert_eq!(record["coverage"].as_array().unwrap().len(), 4);
    assert!(std::fs::read_to_string(dir.join("reliability.svg")).unwrap().starts_with("<svg"));
    let head = record["head"].as_str().unwrap();
    let files = ["claims/verdict-00001.json", "claims/claim-00001.json", "claims/claim-00002.json"];
    let some = json(&isoflop(dir, &[&["record", "--json"], &files[..]].concat()));
    assert_eq!((some["judged"].as_u64(), some["claims"].as_array().unwrap().len()), (Some(1), 2));
    json(&isoflop(dir, &["record", "--json", "--known", head]));

    std::fs::remove_file(dir.join("claims/claim-00003.json")).unwrap();
    assert!(refusal(&isoflop(dir, &["record", "--known", head])).contains("claims were removed"));
    assert!(refusal(&isoflop(dir, &["record", "nowhere"])).contains("nowhere"));
    assert!(!dir.join("nowhere").exists());
    let verdict = dir.join("claims/verdict-00002.json");
    let flattered = std::fs::read_to_string(&verdict).unwrap().replace("\"inside\": true", "\"inside\": false");
    std::fs::write(&verdict, flattered).unwrap();
    assert!(refusal(&isoflop(dir, &["record"])).contains("altered"));
}
