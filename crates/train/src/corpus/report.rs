//! The account of a build: what was kept, what was dropped and why, and how far it has come.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What became of every document found: `found` is always training + held out + dropped.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct BuildReport {
    /// Regular files found in the sources.
    pub files: u64,
    /// Documents found. A file that was dropped as a whole, unread or unreadable, counts as one.
    pub found: u64,
    /// Documents to train on.
    pub training: Portion,
    /// Documents to evaluate on.
    pub held_out: Portion,
    /// Documents left out, by reason.
    pub dropped: BTreeMap<DropReason, Dropped>,
}

/// Part of the text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Portion {
    /// Number of documents.
    pub documents: u64,
    /// Their text, in UTF-8 bytes.
    pub bytes: u64,
    /// Their tokens, the one that ends each document included.
    pub tokens: u64,
}

/// Documents dropped for one reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// Number of documents.
    pub documents: u64,
    /// Their bytes: as text where it was read, on disk where the file was dropped unread.
    pub bytes: u64,
    /// Where the first few are, with what was wrong.
    pub examples: Vec<String>,
}

/// Why a document is not in the corpus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DropReason {
    /// The file or folder could not be read.
    Unreadable,
    /// A compressed file that is truncated or corrupted.
    DamagedArchive,
    /// A compressed file that expands far beyond what text does.
    DecompressionBomb,
    /// A pipe, a device, a socket.
    NotAFile,
    /// A symbolic link to a folder, which is not followed: name the folder itself as a source.
    LinkedFolder,
    /// A file or folder inside a source whose name starts with a dot.
    Hidden,
    /// A folder tagged `CACHEDIR.TAG`: build output or another corpus.
    CacheFolder,
    /// A line of a `.jsonl` file that is no JSON object with the text field.
    BadJson,
    /// Has NUL bytes.
    Binary,
    /// Is not UTF-8.
    NotUtf8,
    /// Has nothing but white space.
    Empty,
    /// Written by a program: says so in a comment at the top, or is a lock file.
    Generated,
    /// Long lines with hardly a space in them.
    Minified,
    /// More digits than anything else.
    MostlyDigits,
    /// Base64, hexadecimal and the like.
    Encoded,
    /// The same text as another document.
    Duplicate,
    /// Beyond the byte limit of the corpus.
    OverLimit,
    /// Was to be held out, but much of it also stands in training documents.
    Leaked,
}

impl fmt::Display for DropReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Unreadable => "unreadable",
            Self::DamagedArchive => "damaged archive",
            Self::DecompressionBomb => "decompression bomb",
            Self::NotAFile => "not a file",
            Self::LinkedFolder => "linked folder",
            Self::Hidden => "hidden",
            Self::CacheFolder => "cache folder",
            Self::BadJson => "bad JSON line",
            Self::Binary => "binary",
            Self::NotUtf8 => "not UTF-8",
            Self::Empty => "empty",
            Self::Generated => "generated",
            Self::Minified => "minified",
            Self::MostlyDigits => "mostly digits",
            Self::Encoded => "encoded",
            Self::Duplicate => "duplicate",
            Self::OverLimit => "over the byte limit",
            Self::Leaked => "held out but also in training",
        })
    }
}

/// Examples kept per reason: enough to see a pattern, few enough to print.
const EXAMPLES: usize = 3;

impl BuildReport {
    /// Number of documents dropped, for all reasons together.
    pub fn dropped_documents(&self) -> u64 {
        self.dropped.values().map(|dropped| dropped.documents).sum()
    }

    pub(super) fn drop_document(&mut self, reason: DropReason, bytes: u64, example: Option<String>) {
        let entry = self.dropped.entry(reason).or_default();
        entry.documents += 1;
        entry.bytes += bytes;
        if entry.examples.len() < EXAMPLES {
            entry.examples.extend(example);
        }
    }

    /// Adds the account of another part of the sources.
    pub(super) fn absorb(&mut self, other: Self) {
        self.files += other.files;
        self.found += other.found;
        for (reason, theirs) in other.dropped {
            let entry = self.dropped.entry(reason).or_default();
            entry.documents += theirs.documents;
            entry.bytes += theirs.bytes;
            let room = EXAMPLES - entry.examples.len().min(EXAMPLES);
            entry.examples.extend(theirs.examples.into_iter().take(room));
        }
    }
}

/// Prints the drops, one reason a line, each with an example.
impl fmt::Display for BuildReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} files, {} documents found, {} to train on, {} held out, {} dropped",
            self.files,
            self.found,
            self.training.documents,
            self.held_out.documents,
            self.dropped_documents()
        )?;
        for (reason, dropped) in &self.dropped {
            write!(formatter, "\n  {} {reason}", dropped.documents)?;
            if let Some(example) = dropped.examples.first() {
                write!(formatter, ", e.g. {example}")?;
            }
        }
        Ok(())
    }
}

/// How far a build is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuildProgress {
    /// What is being done.
    pub stage: BuildStage,
    /// Bytes done in this stage.
    pub done: u64,
    /// Bytes to do in this stage.
    pub total: u64,
}

/// The steps of a build, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildStage {
    /// Reading and screening the sources.
    Reading,
    /// Looking for held-out text in the training documents.
    Splitting,
    /// Learning the tokenizer.
    LearningTokenizer,
    /// Turning text into tokens on disk.
    Tokenizing,
}
