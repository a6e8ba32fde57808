//! How much public text there is to train on.

use serde::Serialize;

use crate::sources::Trust;
use crate::units::Tokens;

/// An estimate of the text that people have made public.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TextStock {
    /// Tokens, after weighing for quality and repetition.
    pub tokens: f64,
    /// Its 90 % interval.
    pub range: (f64, f64),
    /// The years between which models are expected to train on all of it, 80 % of the time.
    pub used_up: (u16, u16),
    /// Paper.
    pub source: &'static str,
    /// How far the numbers were checked.
    pub trust: Trust,
}

impl TextStock {
    /// Public human text, as of 2024.
    pub const VILLALOBOS_2024: Self = Self {
        tokens: 3e14,
        range: (1e14, 1e15),
        used_up: (2026, 2032),
        source: "Villalobos et al. 2024, arXiv:2211.04325",
        trust: Trust::Secondary,
    };

    /// What to know before a run needs so many `distinct` tokens; `None` where there surely are as many.
    ///
    /// # Example
    /// ```
    /// use isoflop::Tokens;
    /// use isoflop::literature::TextStock;
    /// let shortage = |tokens| TextStock::VILLALOBOS_2024.shortage(Tokens::new(tokens).unwrap());
    /// assert!(shortage(1.5e13).is_none());
    /// assert!(shortage(2e14).unwrap().contains("more than there may be"));
    /// assert!(shortage(2e15).unwrap().contains("more than there surely is"));
    /// ```
    pub fn shortage(&self, distinct: Tokens) -> Option<String> {
        let Self { tokens, range: (fewest, most), used_up: (from, to), source, .. } = *self;
        let verdict = match distinct.get() {
            needed if needed > most => "more than there surely is",
            needed if needed > tokens => "more than there probably is",
            needed if needed > fewest => "more than there may be",
            _ => return None,
        };
        let [tokens, fewest, most] = [tokens, fewest, most].map(|tokens| tokens / 1e12);
        Some(format!(
            "{distinct:.3} distinct tokens are {verdict} of public human text: about {tokens}T ({fewest}T to {most}T at 90 %), used up \
             between {from} and {to} (80 %) by models of the usual growth ({source}, read in other texts); limit them with --unique-tokens"
        ))
    }
}
