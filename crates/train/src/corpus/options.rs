//! What decides a corpus besides its text.

use serde::{Deserialize, Serialize};

use super::CorpusError;

/// How text becomes a corpus. Equal options on equal text give equal tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorpusOptions {
    /// Which documents are kept for evaluation only.
    pub held_out: HeldOut,
    /// Most bytes of text to keep, at least 1 MiB. Of more text a sample of whole documents is taken, by content hash.
    pub max_bytes: u64,
    /// What a token is.
    pub tokenizer: TokenizerKind,
    /// Field that holds the text in `.jsonl` and `.ndjson` files.
    pub json_field: String,
    /// Decides which documents are held out and which are taken when there are too many.
    pub seed: u64,
    /// Longest context a run on this corpus will have, in tokens: a corpus without one such window is refused.
    pub context: usize,
}

/// Size of the held-out set. The share decides, within the limits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldOut {
    /// Share of the documents, between 0 and 0.5.
    pub share: f64,
    /// Fewest bytes; never more than a quarter of the text is taken to reach them.
    pub min_bytes: u64,
    /// Most bytes.
    pub max_bytes: u64,
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum TokenizerKind {
    /// Every byte is a token, byte 0 ends a document: 256 ids, no training, losses comparable between corpora.
    Bytes,
    /// Byte-level byte-pair encoding learnt on the training documents, of at most `vocabulary` ids (258 to 65536), the one
    /// that ends a document included.
    Bpe {
        /// Most token ids.
        vocabulary: usize,
    },
}

impl TokenizerKind {
    /// Sizes that [`Bpe`](Self::Bpe) may have: all bytes, the separator and one merge; ids of 16 bits.
    pub(crate) const BPE_VOCABULARIES: std::ops::RangeInclusive<usize> = 258..=65536;
    /// The same in words.
    pub(crate) const BPE_ALLOWED: &str = "258 to 65536";
}

impl Default for CorpusOptions {
    fn default() -> Self {
        Self {
            held_out: HeldOut::default(),
            max_bytes: 256 << 20,
            tokenizer: TokenizerKind::Bytes,
            json_field: "text".to_owned(),
            seed: 0,
            context: 256,
        }
    }
}

impl Default for HeldOut {
    fn default() -> Self {
        Self { share: 0.05, min_bytes: 64 << 10, max_bytes: 4 << 20 }
    }
}

impl CorpusOptions {
    pub(super) fn check(&self) -> Result<(), CorpusError> {
        let refuse = |option, value: f64, allowed| Err(CorpusError::Option { option, value, allowed });
        if !(self.held_out.share > 0.0 && self.held_out.share <= 0.5) {
            return refuse("held_out.share", self.held_out.share, "above 0 and at most 0.5");
        }
        if self.held_out.max_bytes < self.held_out.min_bytes || self.held_out.max_bytes == 0 {
            return refuse(
                "held_out.max_bytes",
                self.held_out.max_bytes as f64,
                "at least held_out.min_bytes, and above 0",
            );
        }
        if self.max_bytes < 1 << 20 {
            return refuse("max_bytes", self.max_bytes as f64, "at least 1048576 (1 MiB)");
        }
        if self.context == 0 {
            return refuse("context", 0.0, "at least 1");
        }
        match self.tokenizer {
            TokenizerKind::Bpe { vocabulary } if !TokenizerKind::BPE_VOCABULARIES.contains(&vocabulary) => {
                refuse("tokenizer.bpe.vocabulary", vocabulary as f64, TokenizerKind::BPE_ALLOWED)
            }
            _ => Ok(()),
        }
    }
}
