//! What the design promises about the code itself, checked on the code itself.

mod arrows;
mod lengths;
mod machine_paths;
mod purity;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo;
use crate::parts::Stop;

/// A file of the repository: its path from the root with forward slashes, and its text.
struct SourceFile {
    path: String,
    text: String,
}

/// Runs every check and prints every violation, not only the first.
pub(crate) fn check(root: &Path) -> Result<(), Stop> {
    let metadata = cargo::output(
        cargo::command(root, &["metadata", "--no-deps", "--format-version", "1", "--quiet"]),
        "cargo metadata",
    )?;
    let packages = arrows::packages(&metadata).map_err(Stop::Failed)?;
    let sources = crate_sources(root)?;
    let tracked = tracked_files(root)?;
    println!("{} packages, {} source files in crates/, {} tracked files", packages.len(), sources.len(), tracked.len());

    let mut violations = arrows::violations(&packages);
    violations.extend(sources.iter().flat_map(purity::violations));
    violations.extend(sources.iter().filter_map(lengths::violation));
    violations.extend(tracked.iter().flat_map(machine_paths::violations));
    for violation in &violations {
        println!("{violation}");
    }
    if violations.is_empty() { Ok(()) } else { Err(Stop::Failed(format!("{} violations", violations.len()))) }
}

/// Every Rust file under `crates/*/src`, in the order of paths.
fn crate_sources(root: &Path) -> Result<Vec<SourceFile>, Stop> {
    let mut paths = Vec::new();
    for folder in entries(&root.join("crates"))? {
        if folder.join("src").is_dir() {
            rust_files(&folder.join("src"), &mut paths)?;
        }
    }
    paths.sort();
    paths.iter().map(|path| read(root, path)).collect()
}

fn rust_files(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<(), Stop> {
    for path in entries(folder)? {
        if path.is_dir() {
            rust_files(&path, paths)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Stop> {
    let unreadable = |error| Stop::Failed(format!("{}: {error}", folder.display()));
    fs::read_dir(folder).map_err(unreadable)?.map(|entry| entry.map(|entry| entry.path()).map_err(unreadable)).collect()
}

/// Every file that git tracks and that is still there.
fn tracked_files(root: &Path) -> Result<Vec<SourceFile>, Stop> {
    let mut git = Command::new("git");
    // A checkout owned by another user is refused by git unless named as safe; nothing in it is executed here.
    git.arg("-c").arg(format!("safe.directory={}", root.display())).args(["ls-files", "-z"]).current_dir(root);
    let names = cargo::output(git, "git ls-files")?;
    let paths = names.split_terminator('\0').map(|name| root.join(name)).filter(|path| path.is_file());
    paths.map(|path| read(root, &path)).collect()
}

/// Bytes that are not UTF-8 are replaced: nothing that is looked for contains them.
fn read(root: &Path, path: &Path) -> Result<SourceFile, Stop> {
    let bytes = fs::read(path).map_err(|error| Stop::Failed(format!("{}: {error}", path.display())))?;
    let path = path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/");
    Ok(SourceFile { path, text: String::from_utf8_lossy(&bytes).into_owned() })
}
