//! The text of a run: found, screened, split, tokenized, mapped from disk, and handed out in a seeded order.
//!
//! ```text
//! sources ─► documents ─► screening ─► selection ─► split ─► tokenizer ─► token files ─► windows
//! ```

mod atomic;
mod build;
mod documents;
mod error;
mod language;
mod manifest;
mod map;
mod options;
mod report;
mod screening;
mod sections;
mod selection;
mod shuffle;
mod sources;
mod split;
mod tokenizer;
mod tokens;

use std::path::Path;

pub use error::{CorpusError, FileDamage};
pub use language::{Language, LanguageError, LanguageOptions};
pub use options::{CorpusOptions, HeldOut, TokenizerKind};
pub use report::{BuildProgress, BuildReport, BuildStage, DropReason, Dropped, Portion};
pub use shuffle::Permutation;
pub use tokenizer::Tokenizer;

use crate::TokenSource;
use manifest::Manifest;
use map::TokenMap;

/// A tokenized text on disk, split into training text and held-out documents.
///
/// The training text is one stream: a separator, and every document followed by one. A held-out document starts with the
/// separator before it and ends with its own, so that its first token is predicted too, and its end.
#[derive(Debug)]
pub struct Corpus {
    manifest: Manifest,
    tokenizer: Tokenizer,
    training: TokenMap,
    held_out: TokenMap,
}

impl Corpus {
    /// The finished corpus in `dir`, every file checked against what was written.
    ///
    /// # Errors
    /// [`CorpusError::NotACorpus`] without a finished build, [`CorpusError::Damaged`] for truncated or altered files,
    /// [`CorpusError::Schema`] for another version's, [`CorpusError::Read`] when the system refuses.
    pub fn open(dir: &Path) -> Result<Self, CorpusError> {
        let manifest = Manifest::read(dir)?;
        let tokenizer = match manifest.tokenizer_json(dir)? {
            Some(json) => Tokenizer::from_json(&json)?,
            None => Tokenizer::bytes(),
        };
        let training = manifest.training.open(&dir.join(manifest::TRAINING))?;
        let held_out = manifest.held_out.open(&dir.join(manifest::HELD_OUT))?;
        Ok(Self { manifest, tokenizer, training, held_out })
    }

    /// What was kept and what was dropped when it was built.
    pub fn report(&self) -> &BuildReport {
        &self.manifest.report
    }

    /// The options it was built with.
    pub fn options(&self) -> &CorpusOptions {
        &self.manifest.options
    }

    /// Turns text into its tokens and back.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Number of training windows of `context` tokens: the length of an epoch.
    ///
    /// # Errors
    /// [`CorpusError::TooLittleText`] when the training text is shorter than one window.
    pub fn windows(&self, context: usize) -> Result<u64, CorpusError> {
        match self.whole_windows(context) {
            0 => Err(build::too_little_text(&self.manifest.report, context)),
            windows => Ok(windows),
        }
    }

    fn whole_windows(&self, context: usize) -> u64 {
        // The last token of the text is a target only.
        (self.training.tokens().len().saturating_sub(1) / context.max(1)) as u64
    }
}

impl TokenSource for Corpus {
    fn vocabulary(&self) -> usize {
        self.manifest.vocabulary
    }

    fn fingerprint(&self) -> &str {
        &self.manifest.fingerprint
    }

    /// # Panics
    /// When the training text is shorter than one window, which [`Corpus::windows`] tells, and which does not happen for a
    /// context up to that of the [options](CorpusOptions::context).
    fn window(&self, seed: u64, index: u64, context: usize) -> &[u16] {
        let windows = self.whole_windows(context);
        assert!(windows > 0, "the training text is shorter than a window of {context} tokens");
        let order = Permutation::new(windows, shuffle::mix_pair(seed, index / windows));
        let start = order.apply(index % windows) as usize * context;
        &self.training.tokens()[start..=start + context]
    }

    fn held_out_documents(&self) -> usize {
        self.manifest.held_out_separators.len() - 1
    }

    fn held_out_document(&self, document: usize) -> &[u16] {
        let separators = &self.manifest.held_out_separators;
        &self.held_out.tokens()[separators[document] as usize..=separators[document + 1] as usize]
    }

    /// Every document counts as its text and one byte for its end, for any tokenizer: exactly 1 for plain bytes.
    fn bytes_per_token(&self) -> f64 {
        let held_out = &self.manifest.report.held_out;
        (held_out.bytes + held_out.documents) as f64 / held_out.tokens as f64
    }
}
