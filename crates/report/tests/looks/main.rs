//! Do text, report and figures look as they did? `ISOFLOP_BLESS=1` writes what they look like now, `ISOFLOP_LOOK=FOLDER` writes the odd
//! figures to look at.

#![allow(clippy::unwrap_used)]

mod figures;
mod laws;
mod stories;
mod sweeps;
mod words;

use std::fs;
use std::path::PathBuf;

const LEVEL: f64 = 0.9;

fn assert_looks_as_expected(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/expected").join(name);
    if std::env::var_os("ISOFLOP_BLESS").is_some() {
        fs::write(&path, text).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        expected == text,
        "{name} looks different; if it should, run the test with ISOFLOP_BLESS=1 and read the diff\n{text}"
    );
}
