//! The same fit, here and in WebAssembly: the elementary functions must agree to the last bit, everything else to 1e-9.

use std::path::Path;
use std::process::Command;

use crate::cargo::{self, WASM};
use crate::parts::Stop;

/// Largest relative difference between the two targets. They differ only where the platform's C library is called, by an
/// ulp (1e-16); a fit amplifies that to about 1e-11.
const TOLERANCE: f64 = 1e-9;

/// Names that start so stand for numbers that must be equal to the last bit.
const EXACT: &str = "elementary.";

/// Builds the example `agreement` for both targets, runs both, compares their numbers.
pub(crate) fn check(root: &Path) -> Result<(), Stop> {
    cargo::need_wasm()?;
    if !cargo::answers("node", &["--version"]) {
        return Err(Stop::Skipped("node is not installed, and nothing else here can run WebAssembly".to_owned()));
    }
    // `--workspace` selects the features that the tests were built with; with `--package` most would be compiled again.
    let native = cargo::built_file(
        root,
        &["build", "--workspace", "--example", "agreement", "--message-format", "json-render-diagnostics"],
        "agreement",
    )?;
    let wasm = cargo::built_file(
        root,
        &[
            "build",
            "--package=xtask",
            "--example=agreement",
            "--target",
            WASM,
            "--message-format=json-render-diagnostics",
        ],
        "agreement",
    )?;
    let mut node = Command::new("node");
    node.arg(root.join("xtask/src/agreement.mjs")).arg(wasm);
    let here = cargo::output(Command::new(native), "agreement")?;
    let there = cargo::output(node, "node agreement.mjs")?;
    let (count, largest) = compare(&here, &there).map_err(Stop::Failed)?;
    println!("{count} numbers agree; largest relative difference {largest:.1e}, allowed {TOLERANCE:e}");
    Ok(())
}

/// The number of values compared and their largest relative difference, or the first that disagrees.
fn compare(here: &str, there: &str) -> Result<(usize, f64), String> {
    let (here, there) = (values(here)?, values(there)?);
    if here.is_empty() || here.len() != there.len() {
        return Err(format!("{} numbers here, {} in WebAssembly", here.len(), there.len()));
    }
    let mut largest: f64 = 0.0;
    for ((name, ours), (their_name, theirs)) in here.iter().zip(&there) {
        let difference = (ours - theirs).abs() / ours.abs().max(f64::MIN_POSITIVE);
        let allowed = if name.starts_with(EXACT) { 0.0 } else { TOLERANCE };
        // Written so that NaN fails.
        let agrees = name == their_name && difference <= allowed;
        if !agrees {
            return Err(format!("{name} is {ours:?} here and {their_name} is {theirs:?} in WebAssembly"));
        }
        largest = largest.max(difference);
    }
    Ok((here.len(), largest))
}

/// Lines of a name and the bits of a number in hexadecimal.
fn values(text: &str) -> Result<Vec<(&str, f64)>, String> {
    let value = |line: &'_ str| {
        let bits = line.split_once(' ').and_then(|(_, bits)| u64::from_str_radix(bits, 16).ok());
        bits.map(f64::from_bits)
    };
    text.lines()
        .map(|line| {
            let name = line.split(' ').next().unwrap_or_default();
            value(line).map(|value| (name, value)).ok_or_else(|| format!("not a name and a number: `{line}`"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, value: f64) -> String {
        format!("{name} {:016x}\n", value.to_bits())
    }

    #[test]
    fn one_ulp_is_allowed_in_a_fit_but_not_in_an_elementary_function() {
        let (one, next) = (1.0, 1.0 + f64::EPSILON);
        assert_eq!(compare(&line("alpha", one), &line("alpha", next)), Ok((1, f64::EPSILON)));
        assert!(compare(&line("elementary.exp", one), &line("elementary.exp", next)).is_err());
    }

    #[test]
    fn a_larger_difference_and_nan_are_refused() {
        assert!(compare(&line("alpha", 1.0), &line("alpha", 1.0 + 2e-9)).is_err());
        assert!(compare(&line("alpha", f64::NAN), &line("alpha", f64::NAN)).is_err());
    }

    #[test]
    fn missing_numbers_are_refused() {
        assert!(compare("", "").is_err());
        assert!(compare(&line("alpha", 1.0), "").is_err());
        assert!(compare(&line("alpha", 1.0), &line("beta", 1.0)).is_err());
        assert!(compare("alpha", "alpha").is_err());
    }
}
