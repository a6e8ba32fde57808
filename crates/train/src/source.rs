//! Where a run's tokens come from, seen from the trainer.

/// The text of a run as token ids: training windows in a seeded order, and the held-out documents.
///
/// Implementations are plain lookups: the same arguments give the same slice for ever, from any thread.
pub trait TokenSource: Send + Sync {
    /// Number of distinct token ids; every token is below it.
    fn vocabulary(&self) -> usize;

    /// Hash of the tokenized text, its split and its tokenizer. A checkpoint of another text is refused by it.
    fn fingerprint(&self) -> &str;

    /// Window number `index` of the training text in the order decided by `seed`: `context + 1` tokens, of which the first
    /// `context` are inputs and the last `context` their targets.
    ///
    /// Windows overlap in one token only, the last target of one being the first input of the next; every window comes
    /// once per epoch, each epoch in a new order, and `index` runs on over epochs.
    fn window(&self, seed: u64, index: u64, context: usize) -> &[u16];

    /// Number of held-out documents.
    fn held_out_documents(&self) -> usize;

    /// Tokens of held-out document `document`, in a fixed order below [`held_out_documents`](Self::held_out_documents).
    fn held_out_document(&self, document: usize) -> &[u16];

    /// Mean bytes per token of the held-out text: turns nats per token into bits per byte.
    fn bytes_per_token(&self) -> f64;
}
