//! Laws with parameters of a test's own choosing.

#![allow(clippy::unwrap_used, unreachable_pub)]

use isoflop::Fit;
use isoflop::law::{by_name, published};

/// A fit without draws of the law `name` at `parameters`: the published law of the same form with its numbers replaced.
pub fn point(name: &str, parameters: &[f64]) -> Fit {
    let law = by_name(name, &[]).unwrap();
    let besiroglu = Fit::from_published(published("besiroglu2024").unwrap());
    let mut file: serde_json::Value = serde_json::from_str(&besiroglu.to_json(0.9, &Default::default())).unwrap();
    let estimate = |value: &f64| serde_json::json!({"value": value, "lo": null, "hi": null});
    let columns = law.parameters().iter().map(|parameter| parameter.name.to_string()).collect::<Vec<_>>();
    let named: serde_json::Map<String, serde_json::Value> =
        columns.into_iter().zip(parameters.iter().map(estimate)).collect();
    file["law"] = name.into();
    file["point"] = parameters.into();
    file["params"] = named.into();
    file["draw_columns"] = serde_json::json!([]);
    Fit::from_json(&file.to_string(), "generated").unwrap()
}
