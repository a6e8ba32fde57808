//! Public runs for the tests: other people's, so they are found through `ISOFLOP_DATA`, and skipped visibly where they are absent.

#![allow(clippy::print_stderr, clippy::unwrap_used)]
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use isoflop::{Runs, TableFormat};

/// The table at `path` in the folder of public runs, without the rows that `filters` leave out.
pub(crate) fn runs(path: &str, filters: &[&str]) -> Option<Runs> {
    let root = std::env::var_os("ISOFLOP_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let Ok(file) = File::open(root.join(path)) else {
        eprintln!("skipped: {path} is not in {}; set ISOFLOP_DATA to the folder of public runs", root.display());
        return None;
    };
    let filters: Vec<_> = filters.iter().map(|filter| filter.parse().unwrap()).collect();
    Some(Runs::read(BufReader::new(file), path, TableFormat::Csv, false).unwrap().filtered(&filters).unwrap())
}

/// The 240 runs read off Hoffmann et al.'s figure: the 245 of Besiroglu et al. 2024 without the five that they drop.
#[allow(dead_code, reason = "not every test that reads public runs reads these")]
pub(crate) fn chinchilla() -> Option<Runs> {
    runs("epoch_chinchilla/runs.csv", &["excluded_by_epoch=0"])
}
