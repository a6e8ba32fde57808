//! Whether two answers say the same: equal words, and numbers equal but for the rounding of platforms.

use serde_json::Value;

/// Largest relative difference of two numbers: platforms' own functions differ by an ulp, and a fit amplifies that to about 1e-11.
const TOLERANCE: f64 = 1e-9;

/// The first place where `found` differs from `wanted`. Who asked, the key `provenance`, is no part of an answer.
pub(crate) fn difference(wanted: &Value, found: &Value) -> Option<String> {
    below("", wanted, found)
}

fn below(path: &str, wanted: &Value, found: &Value) -> Option<String> {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => {
            let keys = wanted.keys().chain(found.keys()).filter(|key| *key != "provenance");
            keys.into_iter().find_map(|key| match (wanted.get(key), found.get(key)) {
                (Some(wanted), Some(found)) => below(&format!("{path}/{key}"), wanted, found),
                (Some(_), None) => Some(format!("{path}/{key} is missing")),
                (None, _) => Some(format!("{path}/{key} is new")),
            })
        }
        (Value::Array(wanted), Value::Array(found)) if wanted.len() == found.len() => wanted
            .iter()
            .zip(found)
            .enumerate()
            .find_map(|(at, (wanted, found))| below(&format!("{path}/{at}"), wanted, found)),
        (Value::Number(one), Value::Number(other)) => {
            let (one, other) = (one.as_f64().unwrap_or(f64::NAN), other.as_f64().unwrap_or(f64::NAN));
            let near = (one - other).abs() <= TOLERANCE * one.abs().max(f64::MIN_POSITIVE);
            (!near).then(|| format!("{path} is {other}, not {one}"))
        }
        _ if wanted == found => None,
        _ => Some(format!("{path} is {found}, not {wanted}")),
    }
}
