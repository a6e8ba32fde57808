//! Cargo and the tools around it, as child processes that write to the same terminal.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::parts::Stop;

/// The target that the library must also build for.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";

/// Asks the binary's build for the explorer, which only release builds have otherwise; 0 leaves it out.
const EXPLORER: &str = "ISOFLOP_EXPLORER";

/// `cargo arguments...` in `root`, not yet started.
pub(crate) fn command(root: &Path, arguments: &[&str]) -> Command {
    // The cargo that started this program, so that `cargo +nightly xtask` stays on one toolchain.
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.current_dir(root).args(arguments);
    // Every part alike, or each would build the binary anew.
    if std::env::var_os(EXPLORER).is_none() {
        command.env(EXPLORER, "1");
    }
    command
}

/// Runs `cargo arguments...` in `root`.
pub(crate) fn run(root: &Path, arguments: &[&str]) -> Result<(), Stop> {
    finish(command(root, arguments), &format!("cargo {}", arguments.join(" ")))
}

/// Runs `command` to its end; anything but success is a failure that names it.
pub(crate) fn finish(mut command: Command, name: &str) -> Result<(), Stop> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Stop::Failed(format!("`{name}` ended with {status}"))),
        Err(error) => Err(Stop::Failed(format!("`{name}` could not be started: {error}"))),
    }
}

/// Standard output of `command`, as text; its errors go to the terminal.
pub(crate) fn output(mut command: Command, name: &str) -> Result<String, Stop> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| Stop::Failed(format!("`{name}` could not be started: {error}")))?;
    if !output.status.success() {
        return Err(Stop::Failed(format!("`{name}` ended with {}", output.status)));
    }
    String::from_utf8(output.stdout).map_err(|_| Stop::Failed(format!("`{name}` did not write UTF-8")))
}

/// Whether `program arguments...` runs and succeeds; what it writes is not shown.
pub(crate) fn answers(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Makes sure `cargo subcommand` exists, installing rustup's component when that is possible; skips the part otherwise.
pub(crate) fn need_component(subcommand: &str, component: &str) -> Result<(), Stop> {
    let there = || answers("cargo", &[subcommand, "--version"]);
    if there() || (answers("rustup", &["component", "add", component]) && there()) {
        return Ok(());
    }
    Err(Stop::Skipped(format!("`cargo {subcommand}` is not installed; `rustup component add {component}` adds it")))
}

/// Makes sure the standard library for WebAssembly is there, installing it when that is possible; skips the part otherwise.
pub(crate) fn need_wasm() -> Result<(), Stop> {
    let there = || {
        let libraries = Command::new("rustc").args(["--print", "target-libdir", "--target", WASM]).output();
        libraries.is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
    };
    if there() || (answers("rustup", &["target", "add", WASM]) && there()) {
        return Ok(());
    }
    Err(Stop::Skipped(format!("{WASM} is not installed; `rustup target add {WASM}` adds it")))
}

/// Runs `cargo arguments...`, a build that prints messages as JSON, and gives the file of the one artifact called `name`.
pub(crate) fn built_file(root: &Path, arguments: &[&str], name: &str) -> Result<PathBuf, Stop> {
    let messages = output(command(root, arguments), &format!("cargo {}", arguments.join(" ")))?;
    artifact(&messages, name).ok_or_else(|| Stop::Failed(format!("cargo built `{name}` but named no file for it")))
}

/// The executable that cargo's messages give for the target `name`.
fn artifact(messages: &str, name: &str) -> Option<PathBuf> {
    messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find_map(|message| {
        let is_it = message["reason"] == "compiler-artifact" && message["target"]["name"] == name;
        if is_it { message["executable"].as_str().map(PathBuf::from) } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_is_found_among_other_messages() {
        let messages = r#"
{"reason":"compiler-artifact","target":{"name":"isoflop"},"executable":null}
{"reason":"build-script-executed"}
{"reason":"compiler-artifact","target":{"name":"agreement"},"executable":"out/agreement.wasm"}
{"reason":"build-finished","success":true}"#;
        assert_eq!(artifact(messages, "agreement"), Some(PathBuf::from("out/agreement.wasm")));
        assert_eq!(artifact(messages, "isoflop"), None);
    }

    #[test]
    fn a_program_that_does_not_exist_is_a_failure_with_its_name() {
        let missing = Command::new("isoflop-no-such-program");
        assert!(matches!(finish(missing, "no such"), Err(Stop::Failed(why)) if why.contains("`no such`")));
        assert!(!answers("isoflop-no-such-program", &[]));
    }
}
