//! One run that was trained, in words.

use super::Page;
use crate::numbers;

/// A trained run and how it does on held-out documents.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    /// Parameters, embeddings included.
    pub params: f64,
    /// Tokens it was trained on.
    pub tokens: f64,
    /// Mean loss in nats per token.
    pub loss: f64,
    /// Its standard error, with documents as the independent units.
    pub standard_error: Option<f64>,
    /// The loss in bits per byte of text.
    pub bits_per_byte: f64,
    /// Documents it was judged on.
    pub documents: u64,
    /// Where the run lies.
    pub folder: String,
}

/// A trained run: its loss in two units with standard errors, and what can be done with it.
pub fn trained(run: &Trained) -> String {
    let mut page = Page::default();
    let (nats, bits) = match run.standard_error {
        Some(error) => (format!(" +- {error:.4}"), format!(" +- {:.4}", error * run.bits_per_byte / run.loss)),
        None => (String::new(), String::new()),
    };
    let spread = if run.standard_error.is_some() {
        format!("{} held-out documents; the standard error is that of another choice of documents", run.documents)
    } else {
        "one held-out document, which says nothing about others".to_owned()
    };
    page.answer(&format!(
        "{} parameters trained on {} tokens: {:.4}{nats} nats per token, {:.4}{bits} bits per byte, on {spread}.",
        numbers::count(run.params),
        numbers::count(run.tokens),
        run.loss,
        run.bits_per_byte,
    ));
    page.next(&format!("isoflop sample {}", run.folder), "reads what it writes");
    page.text
}
