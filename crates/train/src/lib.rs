//! Small decoder-only transformers, trained fast and reproducibly on CPU cores.

pub mod recipe;
pub mod spec;

mod checkpoint;
#[cfg(test)]
mod checks;
mod corpus;
mod error;
mod evaluation;
// The only module with unsafe code: unchecked reads inside register tiles, and calls into functions compiled for
// instruction sets found at run time.
#[allow(unsafe_code)]
mod kernels;
mod model;
mod muon;
mod sampling;
mod session;
mod source;
mod trainer;

pub use corpus::{
    BuildProgress, BuildReport, BuildStage, Corpus, CorpusError, CorpusOptions, DropReason, Dropped, FileDamage,
    HeldOut, Language, LanguageError, LanguageOptions, Permutation, Portion, Tokenizer, TokenizerKind,
};
pub use error::{Damage, Difference, TrainError};
pub use evaluation::{Evaluation, EvaluationLimit};
pub use recipe::{
    BatchRule, DepthRule, FeedForwardRule, ModelRule, OptimizerRule, Rates, Recipe, RecipeError, ScheduleRule, Size,
    TOKENS_PER_PARAM, Tuning,
};
pub use sampling::Sample;
pub use session::{Session, StepReport};
pub use source::TokenSource;
pub use spec::{Activation, AdamW, Block, Muon, RunFlops, RunSpec, Schedule};
