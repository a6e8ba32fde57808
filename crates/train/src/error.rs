//! What can go wrong between a specification and a trained model.

use std::path::PathBuf;

/// Why a run cannot start, go on, be judged, or be saved and resumed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A size of the specification is zero.
    #[error("{field} must be at least 1")]
    ZeroSize {
        /// Path of the field in the specification.
        field: &'static str,
    },
    /// A number of the specification is out of its range.
    #[error("{field} must be {range}, got {value}")]
    OutOfRange {
        /// Path of the field in the specification.
        field: &'static str,
        /// What would be accepted.
        range: &'static str,
        /// What was given.
        value: f64,
    },
    /// Rotary positions pair the channels of a head.
    #[error("architecture.head_width must be even for rotary positions, got {head_width}")]
    OddHeadWidth {
        /// The width that was asked for.
        head_width: usize,
    },
    /// Tokens are 16-bit.
    #[error("architecture.vocabulary must be at most 65536, got {vocabulary}")]
    VocabularyTooLarge {
        /// The size that was asked for.
        vocabulary: usize,
    },
    /// More shards than sequences in a step.
    #[error("shards must not exceed batch_sequences: {shards} shards for {batch_sequences} sequences")]
    TooManyShards {
        /// The shards that were asked for.
        shards: usize,
        /// The sequences of a step.
        batch_sequences: usize,
    },
    /// Model and text disagree.
    #[error("the model has a vocabulary of {model}, the text one of {text}; set architecture.vocabulary = {text}")]
    VocabularyMismatch {
        /// Vocabulary of the specification.
        model: usize,
        /// Vocabulary of the token source.
        text: usize,
    },
    /// The text holds a token outside its own vocabulary.
    #[error("the text holds token {token}, outside its vocabulary of {vocabulary}; build the corpus again")]
    TokenOutOfRange {
        /// The token.
        token: u16,
        /// The vocabulary it should be below.
        vocabulary: usize,
    },
    /// A training window has another length than context + 1.
    #[error("training window {index} has {got} tokens instead of {expected}; the corpus does not fit the context")]
    WindowLength {
        /// Number of the window.
        index: u64,
        /// Tokens it should have.
        expected: usize,
        /// Tokens it has.
        got: usize,
    },
    /// No held-out document has a token to predict, or the limit allows none.
    #[error("nothing to evaluate on: no held-out document with at least two tokens within the limit")]
    NothingHeldOut,
    /// There is nothing that a model could go on from.
    #[error("the prompt is empty; give at least one token, such as the one that ends documents")]
    EmptyPrompt,
    /// The run has done all its steps.
    #[error("the run is finished: {steps} of {steps} steps done")]
    Finished {
        /// Steps of the run.
        steps: u64,
    },
    /// The loss or the gradient is no longer a finite number.
    #[error("the run diverged at step {step}: loss or gradient is not finite; lower the learning rates or clip_norm")]
    Diverged {
        /// The step, counted from 0, that could not be taken.
        step: u64,
    },
    /// The file system refused.
    #[error("{}: cannot {action} the checkpoint: {source}", path.display())]
    Io {
        /// The checkpoint file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The file does not begin as a checkpoint does.
    #[error("{}: not an isoflop checkpoint", path.display())]
    NotACheckpoint {
        /// The file.
        path: PathBuf,
    },
    /// The checkpoint was written in another format.
    #[error("{}: checkpoint format {found}, this version reads {supported}; train again or use the version that wrote it", path.display())]
    CheckpointVersion {
        /// The file.
        path: PathBuf,
        /// Version in the file.
        found: u32,
        /// Version this program reads and writes.
        supported: u32,
    },
    /// The checkpoint is cut short, or bits of it have changed.
    #[error("{}: damaged checkpoint ({reason}); delete it to start the run again", path.display())]
    CheckpointDamaged {
        /// The file.
        path: PathBuf,
        /// What gave it away.
        reason: Damage,
    },
    /// The checkpoint belongs to another run, and not to a part that the two have in common.
    #[error("{}: checkpoint of another run: its {difference} differs", path.display())]
    CheckpointOfAnotherRun {
        /// The file.
        path: PathBuf,
        /// What differs.
        difference: Difference,
    },
}

/// How a damaged checkpoint was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Damage {
    /// The file has another length than its header asks for.
    Length,
    /// The checksum over the whole file is wrong.
    Checksum,
    /// The header is not what this program writes.
    Header,
}

/// What tells a checkpoint from the run that wants to resume from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// Another specification.
    Spec,
    /// Another text, split or tokenizer.
    Text,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Damage::Length => "wrong length",
            Damage::Checksum => "wrong checksum",
            Damage::Header => "unreadable header",
        })
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Difference::Spec => "specification",
            Difference::Text => "text",
        })
    }
}
