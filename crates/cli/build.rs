//! Builds the explorer for WebAssembly, so that `isoflop report` can put it into its page.
//!
//! It takes a minute or two, so only release builds do it, or those with `ISOFLOP_EXPLORER=1`; 0 leaves it out. Without the target
//! `wasm32-unknown-unknown` the binary is built without it, and says so when it writes a page.

use std::env;
use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::ZlibEncoder;

const TARGET: &str = "wasm32-unknown-unknown";
/// What the module is made of, from the root of the repository.
const SOURCES: [&str; 7] = [
    "Cargo.toml",
    "Cargo.lock",
    "crates/numerics",
    "crates/isoflop",
    "crates/report/src",
    "crates/explorer/src",
    "data",
];

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../..");
    println!("cargo::rerun-if-env-changed=ISOFLOP_EXPLORER");
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", root.join(source).display());
    }
    let module = if is_wanted() && target_is_installed() { packed(&build(&root)?)? } else { String::new() };
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("explorer.base64"), module)?;
    Ok(())
}

fn is_wanted() -> bool {
    match env::var("ISOFLOP_EXPLORER").as_deref() {
        Ok("") | Err(_) => env::var("PROFILE").is_ok_and(|profile| profile == "release"),
        Ok(wanted) => wanted != "0",
    }
}

fn target_is_installed() -> bool {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let folder = Command::new(rustc).args(["--print", "target-libdir", "--target", TARGET]).output();
    folder.is_ok_and(|said| Path::new(String::from_utf8_lossy(&said.stdout).trim()).is_dir())
}

/// The module, built by a cargo of its own.
fn build(root: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    // Beside the profiles of the outer build, so that all of them share it; cargo would lock its own folder.
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let folder = out.ancestors().nth(4).unwrap_or(&out).join("explorer");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root).env("CARGO_TARGET_DIR", &folder);
    // What the outer cargo sets for its own target, or for clippy.
    for (name, _) in env::vars_os() {
        let own = name.to_string_lossy();
        if own.starts_with("CARGO_ENCODED_") || own.starts_with("CARGO_PROFILE_") || own.starts_with("RUSTC") {
            cargo.env_remove(&name);
        }
    }
    cargo.args(["rustc", "--quiet", "--locked", "--package", "isoflop-explorer", "--lib", "--crate-type", "cdylib"]);
    cargo.args(["--profile", "explorer", "--target", TARGET]);
    let ended = cargo.status()?;
    if !ended.success() {
        return Err(format!("the explorer was not built ({ended}); ISOFLOP_EXPLORER=0 builds without it").into());
    }
    Ok(fs::read(folder.join(TARGET).join("explorer/isoflop_explorer.wasm"))?)
}

/// The module as a page holds it: deflated, in base64.
fn packed(module: &[u8]) -> Result<String, std::io::Error> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(module)?;
    Ok(BASE64_STANDARD.encode(encoder.finish()?))
}
