//! Judging a model on held-out documents: which tokens are scored, and how sure the mean is.

use crate::error::TrainError;
use crate::source::TokenSource;

/// How much of the held-out text is scored. Runs judged under one limit are judged on exactly the same tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvaluationLimit {
    /// All of it.
    Everything,
    /// This many scored tokens, taken from the documents in order; the last document is cut.
    Tokens(u64),
    /// About this many scored tokens, in windows taken evenly from the whole held-out text: many documents give a little
    /// each, which says more about the text than all of a few.
    Sample(u64),
}

/// A model's loss on held-out documents.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Evaluation {
    /// Mean loss in nats per token.
    pub loss: f64,
    /// Standard error of `loss` in nats per token, with documents as the independent units; `None` for a single document,
    /// which says nothing about the spread between documents.
    pub standard_error: Option<f64>,
    /// `loss` in bits per byte of text.
    pub bits_per_byte: f64,
    /// Documents with at least one scored token.
    pub documents: u64,
    /// Scored tokens.
    pub tokens: u64,
}

/// The windows of the held-out documents, and the document each belongs to.
pub(crate) struct Windows<'a> {
    /// Each is its inputs and one more token, at most context + 1.
    pub(crate) tokens: Vec<&'a [u16]>,
    document: Vec<usize>,
}

impl<'a> Windows<'a> {
    /// Cuts documents into windows of one context. A window never crosses documents; every token but the first of a
    /// document, which has nothing before it, is a target exactly once.
    pub(crate) fn new(source: &'a dyn TokenSource, context: usize, limit: EvaluationLimit) -> Self {
        let mut left = match limit {
            EvaluationLimit::Everything | EvaluationLimit::Sample(_) => u64::MAX,
            EvaluationLimit::Tokens(tokens) => tokens,
        };
        let mut windows = Self { tokens: Vec::new(), document: Vec::new() };
        for document in 0..source.held_out_documents() {
            let tokens = source.held_out_document(document);
            let targets = (tokens.len().saturating_sub(1)).min(usize::try_from(left).unwrap_or(usize::MAX));
            for first in (0..targets).step_by(context) {
                windows.tokens.push(&tokens[first..=targets.min(first + context)]);
                windows.document.push(document);
            }
            left -= targets as u64;
            if left == 0 {
                break;
            }
        }
        match limit {
            EvaluationLimit::Sample(tokens) => windows.thinned(tokens),
            EvaluationLimit::Everything | EvaluationLimit::Tokens(_) => windows,
        }
    }

    /// Evenly spaced windows of about `tokens` scored tokens in all; all of them when there are not more.
    fn thinned(self, tokens: u64) -> Self {
        let targets: u64 = self.tokens.iter().map(|window| window.len() as u64 - 1).sum();
        if tokens >= targets {
            return self;
        }
        // Window i is taken when the running share of taken windows steps over a whole number there: no remainder gathers.
        let step_at = |i: usize| (i as u128 * u128::from(tokens) / u128::from(targets)) as u64;
        let taken = (0..self.tokens.len()).filter(|&i| step_at(i + 1) > step_at(i));
        let (tokens, document) = taken.map(|i| (self.tokens[i], self.document[i])).unzip();
        Self { tokens, document }
    }

    /// The ratio estimator over documents, given the summed nats of each window:
    ///
    /// ```text
    /// loss = sum_i L_i / sum_i n_i        se^2 = m/(m - 1) sum_i (L_i - loss n_i)^2 / (sum_i n_i)^2
    /// ```
    ///
    /// | symbol | is |
    /// |---|---|
    /// | L_i, n_i | summed nats and scored tokens of document i |
    /// | m | documents |
    ///
    /// # Source
    /// Cochran 1977, Sampling Techniques, 3rd edition, section 6.3, without the finite population correction.
    pub(crate) fn evaluation(&self, losses: &[f64], bytes_per_token: f64) -> Result<Evaluation, TrainError> {
        let mut documents: Vec<(usize, f64, f64)> = Vec::new();
        for ((window, &document), &loss) in self.tokens.iter().zip(&self.document).zip(losses) {
            let tokens = (window.len() - 1) as f64;
            match documents.last_mut() {
                Some((last, sum, count)) if *last == document => (*sum, *count) = (*sum + loss, *count + tokens),
                _ => documents.push((document, loss, tokens)),
            }
        }
        let tokens: f64 = documents.iter().map(|(_, _, count)| count).sum();
        if tokens == 0.0 {
            return Err(TrainError::NothingHeldOut);
        }
        let loss = documents.iter().map(|(_, sum, _)| sum).sum::<f64>() / tokens;
        let squares: f64 = documents.iter().map(|(_, sum, count)| (sum - loss * count).powi(2)).sum();
        let m = documents.len() as f64;
        let standard_error = (documents.len() > 1).then(|| (m / (m - 1.0) * squares).sqrt() / tokens);
        let bits_per_byte = loss / std::f64::consts::LN_2 / bytes_per_token;
        let documents = documents.len() as u64;
        Ok(Evaluation { loss, standard_error, bits_per_byte, documents, tokens: tokens as u64 })
    }
}
