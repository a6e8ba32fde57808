//! Why there is no corpus.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::BuildReport;

/// A corpus that could not be built or opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CorpusError {
    /// A source named by the caller is not there.
    #[error("cannot read the source {}: {source}. Check the path and its permissions", path.display())]
    Source {
        /// The source.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An option out of its range.
    #[error("corpus option `{option}` is {value}, must be {allowed}")]
    Option {
        /// Its name.
        option: &'static str,
        /// Its value.
        value: f64,
        /// The values it may have.
        allowed: &'static str,
    },
    /// No document survived.
    #[error(
        "no text is left: {report}\nName files or folders of UTF-8 text (.txt, source code, .jsonl, also .gz and .zst)"
    )]
    NothingLeft {
        /// The account of what was found.
        report: Box<BuildReport>,
    },
    /// One document cannot be both trained on and held out.
    #[error(
        "the text is a single document of {bytes} bytes, and some must be held out. Add documents: at least two files, or \
         one longer than {needed} bytes, which is cut into sections"
    )]
    SingleDocument {
        /// Its length.
        bytes: u64,
        /// Length from which a file is cut.
        needed: u64,
    },
    /// Every held-out candidate also stands in the training text.
    #[error(
        "all {leaked} documents that were to be held out also stand, more than {share} of their lines, in the training text. \
         Add text that repeats itself less"
    )]
    NothingHeldOut {
        /// Number of documents dropped for it.
        leaked: u64,
        /// Largest share of known lines allowed.
        share: f64,
    },
    /// The training text is shorter than one window.
    #[error(
        "the training text has {tokens} tokens, a context of {context} needs at least {}. Add text (about {bytes_needed} bytes \
         in all), or choose a shorter context", context + 1
    )]
    TooLittleText {
        /// Tokens there are.
        tokens: u64,
        /// Context asked for, in tokens.
        context: usize,
        /// Bytes of text, held-out share included, that would give one window.
        bytes_needed: u64,
    },
    /// The folder holds another corpus.
    #[error("{} already holds a corpus of other text or other options. Choose another folder, or remove this one", dir.display())]
    Occupied {
        /// The folder.
        dir: PathBuf,
    },
    /// The folder holds no finished corpus.
    #[error("{} holds no finished corpus (no {file}). Build it first", dir.display())]
    NotACorpus {
        /// The folder.
        dir: PathBuf,
        /// The file that makes a folder a corpus.
        file: &'static str,
    },
    /// A file of the corpus is not what was written.
    #[error("{} is damaged: {damage}. Remove the folder and build the corpus again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        damage: FileDamage,
    },
    /// The corpus was written by another version of this program.
    #[error("{} has the schema {found:?}, this version reads {known:?}. Build the corpus again", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// What it says it is.
        found: String,
        /// What can be read.
        known: &'static str,
    },
    /// A file of the corpus could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file of the corpus could not be written.
    #[error("cannot write {}: {source}. Nothing was left half done: free space or choose another folder, then repeat", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The tokenizer could not be learnt or used.
    #[error("the byte-pair tokenizer failed: {source}. `TokenizerKind::Bytes` always works")]
    Tokenizer {
        /// What its library said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// What is wrong with a file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FileDamage {
    /// Truncated or grown.
    #[error("it has {found} bytes instead of {expected}")]
    Length {
        /// Bytes written.
        expected: u64,
        /// Bytes found.
        found: u64,
    },
    /// Same length, other bytes.
    #[error("its contents do not match their checksum")]
    Checksum,
    /// Does not parse.
    #[error("{0}")]
    Json(serde_json::Error),
    /// Parses, but contradicts itself.
    #[error("it does not match its own fingerprint")]
    Fingerprint,
}
