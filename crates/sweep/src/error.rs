//! What can go wrong with a sweep, where, and what to do next.

use std::io;
use std::path::PathBuf;

use isoflop_train::TrainError;

/// Why a sweep, or one of its cells, could not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SweepError {
    /// There is no `sweep.toml`.
    #[error("{} is not a sweep: it has no sweep.toml; create the sweep there first", dir.display())]
    NotASweep {
        /// The folder that was opened.
        dir: PathBuf,
    },
    /// The folder already belongs to another question.
    #[error(
        "{} holds another sweep (its {part} differs); choose another folder, or open the sweep and add cells to it",
        dir.display()
    )]
    OtherPlan {
        /// The folder.
        dir: PathBuf,
        /// The first part of the plan that differs.
        part: &'static str,
    },
    /// The text is not the one the sweep was planned on.
    #[error(
        "the sweep was planned on text {planned}, but was given {given}; \
         train on the same files with the same tokenizer, or start a new sweep"
    )]
    OtherCorpus {
        /// Fingerprint in the plan.
        planned: String,
        /// Fingerprint of the text that was given.
        given: String,
    },
    /// A tag cannot be part of a file name.
    #[error(
        "tag `{tag}` cannot name a folder; use 1 to 64 of the characters a-z A-Z 0-9 . _ - and start with a letter or digit"
    )]
    BadTag {
        /// The tag.
        tag: String,
    },
    /// A planned run has no tokens, or a number that JSON cannot hold.
    #[error("cell `{tag}` cannot be run: {problem}")]
    BadSpec {
        /// The cell's tag.
        tag: String,
        /// What is wrong with it.
        problem: SpecProblem,
    },
    /// Two cells are the same run.
    #[error("cells `{first}` and `{second}` are the same run; give them different seeds, or drop one")]
    DuplicateCells {
        /// Tag of the earlier one.
        first: String,
        /// Tag of the later one.
        second: String,
    },
    /// A file is there but cannot be what this program wrote.
    #[error("{}: {damage}; {remedy}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        damage: Damage,
        /// What to do about it.
        remedy: &'static str,
    },
    /// The operating system refused.
    #[error("cannot {action} {}: {source}; {}", path.display(), remedy(source))]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// Its answer.
        source: io::Error,
    },
    /// The trainer gave up on one cell.
    #[error("cell {cell}: {source}; {}", training_remedy(source))]
    Training {
        /// Name of the cell.
        cell: String,
        /// What the trainer says.
        source: TrainError,
    },
}

/// What is wrong with a planned run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecProblem {
    /// Steps, batch or context are zero.
    #[error("it trains on no tokens; steps, batch and context must be at least 1")]
    NoTokens,
    /// A NaN or an infinity stands somewhere in the spec.
    #[error("a number in its spec is not finite, or too large to be written down")]
    NotFinite,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// Planned, but not there.
    #[error("the file is missing")]
    Missing,
    /// Not the JSON that was expected.
    #[error("unreadable ({0})")]
    Json(#[from] serde_json::Error),
    /// Not the TOML that was expected.
    #[error("unreadable ({0})")]
    Toml(#[from] Box<toml::de::Error>),
    /// Bytes that are no text at all.
    #[error("not UTF-8 text")]
    NotText,
    /// Written by another edition of this program.
    #[error("its schema is `{found}`, this program reads `{expected}`")]
    Schema {
        /// What the file says.
        found: String,
        /// What was expected.
        expected: &'static str,
    },
    /// The content is not what the name of its folder promises.
    #[error("its content belongs in the folder `{belongs}`")]
    Hash {
        /// Name computed from the content.
        belongs: String,
    },
    /// A line in the middle of a file is not a record.
    #[error("line {line} is not a record")]
    Line {
        /// Counted from 1.
        line: usize,
    },
}

impl SweepError {
    /// Turns an [`io::Error`] into this error, for `map_err`.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| SweepError::Io { action, path, source }
    }
}

/// The next step after the trainer gave up with `error`.
fn training_remedy(error: &TrainError) -> &'static str {
    match error {
        TrainError::Io { source, .. } => remedy(source),
        _ => "mend that and run the sweep again, which tries the cell again",
    }
}

/// The next step after `error`.
fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free some space and run the sweep again: it goes on from its last checkpoints"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "make it writable and run the sweep again"
        }
        _ => "run the sweep again: it goes on from its last checkpoints",
    }
}
