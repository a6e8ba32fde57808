//! `isoflop recipe`: what it prints is what runs of the recipe count, and what it writes is the recipe.

#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;

use serde_json::Value;
use support::isoflop_with;

fn recipe(dir: &Path, arguments: &str, input: &str) -> (Option<i32>, String, String) {
    let arguments: Vec<&str> = arguments.split_whitespace().collect();
    let output = isoflop_with(dir, &arguments, input);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn counts_by_group_add_up_to_those_of_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let (code, text, complaint) = recipe(dir.path(), "recipe muon --width 16 64 --tokens-per-param 40 --json", "");
    assert_eq!(code, Some(0), "{complaint}");
    let answer: Value = serde_json::from_str(&text).unwrap();
    let sizes = answer["sizes"].as_array().unwrap();
    assert_eq!(sizes.len(), 2);
    for size in sizes {
        let sum =
            |groups: &Value| groups.as_object().unwrap().values().map(|value| value.as_f64().unwrap()).sum::<f64>();
        let number = |key: &str| size[key].as_f64().unwrap();
        let params = sum(&size["params"]);
        assert!((number("tokens") / (40.0 * params) - 1.0).abs() < 0.02, "{size}");
        assert_eq!(number("tokens"), number("steps") * number("batch_tokens"));
        let model = 3.0 * sum(&size["forward_flops_per_token"]) * number("tokens");
        let optimizer = number("optimizer_flops_per_step") * number("steps");
        assert!(optimizer > 0.0 && (number("flops") / (model + optimizer) - 1.0).abs() < 1e-12, "{size}");
    }
    assert!(sizes[0]["hidden_rate"].as_f64() > sizes[1]["hidden_rate"].as_f64());

    let (_, text, _) = recipe(dir.path(), "recipe", "");
    assert!(text.starts_with("default, widths 8 to 320"), "{text}");
}

#[test]
fn a_recipe_is_printed_as_a_file_that_is_the_same_recipe() {
    let dir = tempfile::tempdir().unwrap();
    let (code, toml, _) = recipe(dir.path(), "recipe gpt2-like --toml", "");
    assert_eq!(code, Some(0));
    std::fs::write(dir.path().join("mine.toml"), &toml).unwrap();
    let shown = |arguments: &str, input: &str| recipe(dir.path(), arguments, input).1;
    assert_eq!(shown("recipe mine.toml --json", ""), shown("recipe gpt2-like --json", ""));
    assert_eq!(shown("recipe - --toml", &toml), toml);
}

#[test]
fn what_is_no_recipe_width_or_ratio_is_refused_with_the_remedy() {
    let dir = tempfile::tempdir().unwrap();
    for (arguments, words) in [
        ("recipe muom", "did you mean muon?"),
        ("recipe .", "is a folder"),
        ("recipe --width 65", "the nearest is 64"),
        ("recipe --tokens-per-param -3", "must be positive"),
        ("recipe --toml --json", "cannot be used with"),
    ] {
        let (code, text, complaint) = recipe(dir.path(), arguments, "");
        assert_eq!(code, Some(2), "{arguments}: {complaint}");
        assert!(text.is_empty() && complaint.contains(words), "{arguments}: {complaint}");
    }
}
