//! The parts of `cargo xtask test`, in order: one table row and one function each.

use std::path::Path;

use crate::cargo::{self, WASM};
use crate::{agreement, browser, invariants};

/// Why a part did not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Something is wrong, and this is what.
    Failed(String),
    /// It could not run here, and this is why.
    Skipped(String),
}

/// One part of the test command.
pub(crate) struct Part {
    /// The word that selects it.
    pub(crate) name: &'static str,
    /// What it checks, in a line.
    pub(crate) what: &'static str,
    /// Runs it in the repository at the given path.
    pub(crate) run: fn(&Path) -> Result<(), Stop>,
}

/// Every part. Clippy and the tests come before what follows from them; all share one build profile, so nothing is compiled twice.
pub(crate) const PARTS: &[Part] = &[
    Part { name: "fmt", what: "every file is formatted", run: fmt },
    Part { name: "clippy", what: "no lint fires anywhere in the workspace", run: clippy },
    Part { name: "tests", what: "unit and integration tests", run: tests },
    Part { name: "doctests", what: "the examples in the documentation run", run: doctests },
    Part { name: "wasm32", what: "the library builds for WebAssembly", run: wasm32 },
    Part { name: "agreement", what: "WebAssembly gives the numbers that this machine gives", run: agreement::check },
    Part { name: "browser", what: "the report's page explores its runs in Chromium", run: browser::check },
    Part {
        name: "invariants",
        what: "arrows between crates, purity, file lengths, machine paths",
        run: invariants::check,
    },
    Part { name: "docs", what: "the documentation builds without a warning", run: docs },
];

fn fmt(root: &Path) -> Result<(), Stop> {
    cargo::need_component("fmt", "rustfmt")?;
    cargo::run(root, &["fmt", "--all", "--check"])
}

fn clippy(root: &Path) -> Result<(), Stop> {
    cargo::need_component("clippy", "clippy")?;
    cargo::run(root, &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])
}

fn tests(root: &Path) -> Result<(), Stop> {
    if cargo::answers("cargo", &["nextest", "--version"]) {
        return seeded(root, &["nextest", "run", "--workspace"]);
    }
    // Not installed from here: it compiles for longer than all of the tests take.
    println!("cargo-nextest is not installed: using `cargo test`, which runs the same tests");
    seeded(root, &["test", "--workspace", "--tests", "--no-fail-fast"])
}

/// Runs cargo with the same random cases every time, so that the commit decides and not chance; `PROPTEST_RNG_SEED` asks for others.
fn seeded(root: &Path, arguments: &[&str]) -> Result<(), Stop> {
    const SEED: &str = "PROPTEST_RNG_SEED";
    let mut command = cargo::command(root, arguments);
    if std::env::var_os(SEED).is_none() {
        command.env(SEED, "1");
    }
    cargo::finish(command, &format!("cargo {}", arguments.join(" ")))
}

fn doctests(root: &Path) -> Result<(), Stop> {
    cargo::run(root, &["test", "--doc", "--workspace", "--no-fail-fast"])
}

fn wasm32(root: &Path) -> Result<(), Stop> {
    cargo::need_wasm()?;
    cargo::run(root, &["build", "--package", "isoflop", "--target", WASM])
}

fn docs(root: &Path) -> Result<(), Stop> {
    let mut command = cargo::command(root, &["doc", "--no-deps", "--workspace"]);
    command.env("RUSTDOCFLAGS", "-D warnings");
    cargo::finish(command, "cargo doc --no-deps --workspace")
}
