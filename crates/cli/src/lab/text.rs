//! The text a story learns: files and folders that the user names, else the sources of the pinned dependencies, else a synthetic language.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use isoflop_sweep::CorpusLabel;
use isoflop_train::{
    BuildProgress, Corpus, CorpusOptions, HeldOut, Language, LanguageOptions, TokenSource, TokenizerKind,
};

/// The dependencies of this build; cargo has put their sources on the machine that built it.
const LOCK_FILE: &str = include_str!("../../../../Cargo.lock");

/// Length of the synthetic text.
const LANGUAGE_BYTES: u64 = 32 << 20;

/// A corpus and what to call it.
pub(crate) struct Text {
    pub corpus: Corpus,
    pub label: CorpusLabel,
    /// What it is, in words.
    pub description: String,
}

/// The files and folders at `paths`, from the root: refused before anything is written.
pub(crate) fn find(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let absolute =
        |path: &PathBuf| path.canonicalize().with_context(|| format!("{}: cannot find this text", path.display()));
    paths.iter().map(absolute).collect()
}

/// Builds the corpus of `sources` in `dir`, or opens the one that is there.
pub(crate) fn prepare(
    sources: &[PathBuf],
    context: usize,
    tokenizer: TokenizerKind,
    max_bytes: u64,
    dir: &Path,
    progress: &mut dyn FnMut(&BuildProgress),
) -> Result<Text> {
    let options = CorpusOptions {
        held_out: HeldOut { share: 0.05, min_bytes: 64 << 10, max_bytes: 2 << 20 },
        max_bytes,
        tokenizer,
        context,
        ..CorpusOptions::default()
    };
    let dependencies = if sources.is_empty() { dependency_sources() } else { Vec::new() };
    let (corpus, name, words) = if !sources.is_empty() {
        (Corpus::build(sources, &options, dir, progress)?, "text", "the text given".to_owned())
    } else if !dependencies.is_empty() {
        let words = format!("the sources of {} packages this program is built from", dependencies.len());
        (Corpus::build(&dependencies, &options, dir, progress)?, "dependencies", words)
    } else {
        let language = Language::new(LanguageOptions::default())?;
        let words = format!("a synthetic language with an entropy of {:.4} nats per byte", language.entropy_rate());
        (Corpus::from_documents(language.documents(LANGUAGE_BYTES), &options, dir, progress)?, "language", words)
    };
    let report = corpus.report();
    let description = format!(
        "{words}: {} documents and {:.1} MB to train on, {} documents held out, {} left out (see corpus.json)",
        report.training.documents,
        report.training.bytes as f64 / 1e6,
        report.held_out.documents,
        report.dropped_documents(),
    );
    let label = CorpusLabel {
        name: name.to_owned(),
        fingerprint: corpus.fingerprint().to_owned(),
        training_tokens: report.training.tokens,
    };
    Ok(Text { corpus, label, description })
}

/// The folders of the pinned dependencies' sources in cargo's home, in the order of the lock file.
fn dependency_sources() -> Vec<PathBuf> {
    let Some(registries) = cargo_home().map(|home| home.join("registry").join("src")) else { return Vec::new() };
    let Ok(listing) = std::fs::read_dir(registries) else { return Vec::new() };
    let mut registries: Vec<PathBuf> = listing.flatten().map(|entry| entry.path()).collect();
    registries.sort();
    let packages = pinned_packages();
    // The same package may lie in several registries' folders: the first is enough.
    packages
        .iter()
        .filter_map(|package| registries.iter().map(|dir| dir.join(package)).find(|dir| dir.is_dir()))
        .collect()
}

fn cargo_home() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("CARGO_HOME").or_else(|| set("HOME").map(|home| home.join(".cargo")))
}

/// `name-version` of every package from a registry in the lock file.
fn pinned_packages() -> Vec<String> {
    let value = |line: &str, key: &str| {
        line.strip_prefix(key)
            .and_then(|rest| rest.strip_prefix(" = \""))
            .map(|rest| rest.trim_end_matches('"').to_owned())
    };
    let package = |entry: &str| {
        let field = |key: &str| entry.lines().find_map(|line| value(line, key));
        field("source")?;
        Some(format!("{}-{}", field("name")?, field("version")?))
    };
    LOCK_FILE.split("[[package]]").filter_map(package).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_names_the_dependencies_and_not_ourselves() {
        let packages = pinned_packages();
        assert!(packages.iter().any(|package| package.starts_with("serde-1.")));
        assert!(packages.iter().all(|package| !package.starts_with("isoflop")));
    }
}
