//! Why a claim cannot be sealed, judged, or counted in a record.

use crate::fit::QuestionError;

/// Why a claim cannot be sealed, judged, or counted in a record.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimError {
    /// The fit does not answer.
    #[error(transparent)]
    Question(#[from] QuestionError),
    /// A prediction without an interval cannot be wrong, so it cannot be a claim.
    #[error(
        "this prediction has no interval, so no run could contradict it: claim from a fit with draws, not from a published point"
    )]
    NoInterval,
    /// Not the JSON of a claim or of a verdict.
    #[error("{source_name}: not a {what}: {error}")]
    Malformed {
        /// The file's name.
        source_name: String,
        /// `claim` or `verdict`.
        what: &'static str,
        /// What the parser said.
        error: serde_json::Error,
    },
    /// Of another version.
    #[error("{source_name}: not a {what} that this version reads: schema `{found}`, not `{schema}`")]
    OtherSchema {
        /// The file's name.
        source_name: String,
        /// `claim` or `verdict`.
        what: &'static str,
        /// The schema found.
        found: String,
        /// The one it should be.
        schema: &'static str,
    },
    /// More or less in the file than was sealed.
    #[error(
        "{source_name}: the {what} was altered after it was sealed: a key was added, renamed or left out; restore the file as it was written"
    )]
    Unsealed {
        /// The file's name.
        source_name: String,
        /// `claim` or `verdict`.
        what: &'static str,
    },
    /// The hash does not match the content.
    #[error(
        "{source_name}: it was altered after it was sealed: its hash is {found}, its content hashes to {computed}; restore the file as it was written"
    )]
    Altered {
        /// The file's name.
        source_name: String,
        /// The hash in the file.
        found: String,
        /// The hash of its content.
        computed: String,
    },
    /// The chain is broken: a claim does not name the one before it.
    #[error("claim `{name}` does not follow the claim before it: one was removed, added, moved or altered")]
    BrokenChain {
        /// The claim's name.
        name: String,
    },
    /// A claim that is known to have been in the record is not.
    #[error("no claim of the record has the hash {hash}: claims were removed, or it is the hash of another record")]
    Missing {
        /// The hash that was made known.
        hash: String,
    },
    /// A verdict of a claim that the record does not have.
    #[error("the verdict on `{name}` judges a claim that the record does not have: the claim was removed")]
    OrphanVerdict {
        /// The claim's name.
        name: String,
    },
    /// A claim with two verdicts.
    #[error("claim `{name}` has two verdicts: the first counts; remove the other")]
    TwoVerdicts {
        /// The claim's name.
        name: String,
    },
    /// A verdict that does not follow from its claim and its run.
    #[error(
        "the verdict on `{name}` does not follow from its claim and the observed loss: it was altered; judge the claim again"
    )]
    FalseVerdict {
        /// The claim's name.
        name: String,
    },
    /// The run is another one than the claim was about.
    #[error(
        "the run has {quantity} {found:.4e}, the claim is about {claimed:.4e}: judge the claim by the run it describes"
    )]
    OtherRun {
        /// `params`, `tokens` or `distinct tokens`.
        quantity: &'static str,
        /// The run's.
        found: f64,
        /// The claim's.
        claimed: f64,
    },
    /// The run was trained or measured in another way.
    #[error("the run's {column} is {found}, the claim is about {claimed}: judge the claim by the run it describes")]
    OtherConvention {
        /// `recipe`, `tokenizer`, `corpus` or `loss_unit`.
        column: String,
        /// The run's.
        found: String,
        /// The claim's.
        claimed: String,
    },
    /// The run has not ended.
    #[error(
        "run {run}: its schedule has not ended ({reached}), so its loss is not the one claimed: judge the claim when it has"
    )]
    Unfinished {
        /// The run.
        run: String,
        /// What it reached.
        reached: String,
    },
}
