//! A made-up language whose entropy is known exactly: text for when there is none, and a floor no model can fall below.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::shuffle::{Permutation, mix_pair};

/// What a [`Language`] is like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LanguageOptions {
    /// Levels of the lexicon, 1 to 22: level l has 2^l words, so there are 2^levels - 1 in all.
    pub levels: u32,
    /// Zipf exponent: a word of rank r is used in proportion to r^-exponent, up to rounding r to a power of two. Above 1; the
    /// words not yet learnt from W words of text weigh about W^-(1 - 1/exponent), which shapes the learning curve.
    pub zipf_exponent: f64,
    /// Share of words that the words before them decide, at least 0 and below 1.
    pub habit: f64,
    /// Most words that together decide the next one, at least 1.
    pub longest_context: u32,
    /// Share of words at the end of a line, at least 0.
    pub line_ends: f64,
    /// Share of words at the end of a document, above 0: its inverse is the mean length in words.
    pub document_ends: f64,
    /// Decides the lexicon and the habits. Two seeds are two languages of the same entropy.
    pub seed: u64,
}

impl Default for LanguageOptions {
    fn default() -> Self {
        Self {
            levels: MAX_LEVELS,
            zipf_exponent: 1.35,
            habit: 0.4,
            longest_context: 4,
            line_ends: 1.0 / 12.0,
            document_ends: 1.0 / 300.0,
            seed: 0,
        }
    }
}

/// An option of a [`Language`] out of its range.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("language option `{option}` is {value}, must be {allowed}")]
pub struct LanguageError {
    /// Its name.
    pub option: &'static str,
    /// Its value.
    pub value: f64,
    /// The values it may have.
    pub allowed: &'static str,
}

/// A source of documents in a made-up language.
///
/// Words are spelled with letters drawn blindly, so they must be learnt one by one, and are used with Zipf's frequencies. With
/// probability `habit` the next word is decided by the last k words, by a rule drawn blindly for each such context; the last
/// word decides what k is (k = 1 for half of the words, 2 for a quarter, ...). So there is always one more word or context to
/// learn, each rarer than the one before, and models of any size and any amount of text find something to gain.
///
/// # Why the entropy is exact
/// Let m_l be the share of level l, all 2^l words of a level being equally frequent, and λ the habit. A word is drawn afresh with
/// probability 1 - λ; otherwise its context picks it, always from the level of the last word. Hence
///
/// 1. the levels are a Markov chain that keeps the level with probability λ and draws it from m otherwise, and m is stationary;
/// 2. given the past, with the last word on level l, the next word has the fresh distribution p scaled by 1 - λ, plus λ on one
///    word of level l, whichever it is. Its entropy depends on l alone:
///
/// ```text
/// H_l = -(1-λ) (ln(1-λ) - H(p)) + (1-λ) q_l ln((1-λ) q_l) - t_l ln t_l,    t_l = λ + (1-λ) q_l,  q_l = m_l / 2^l
/// ```
///
/// Spelling is unambiguous (every word is followed by a space, a line end or the end), and its length depends on the level alone.
/// The mark after a word (space, line end, document end) is drawn independently, with entropy H_mark, and W = 1/`document_ends`
/// words make a document on average, whose first word is drawn afresh. By linearity of expectation, and for a text of many
/// documents by the renewal theorem,
///
/// ```text
/// nats per document   = H(p) + (W - 1) Σ m_l H_l + W H_mark
/// bytes per document  = W (Σ m_l length_l + 1)
/// ```
///
/// and the entropy rate is their quotient. The end of a document counts as one byte, as it does in a corpus of byte tokens. A
/// corpus drops copies, so the rare documents of one or two words are somewhat rarer there: an effect below 1e-4 by default.
#[derive(Debug, Clone)]
pub struct Language {
    options: LanguageOptions,
    /// Share of each level.
    shares: Vec<f64>,
    /// Spelling by number of letters: a bijection between words and letter strings.
    spellings: Vec<Permutation>,
}

const LETTERS: u64 = 26;
const SHORTEST: u32 = 2;
/// 26^13 is the largest power below 2^64.
const MAX_LEVELS: u32 = 22;

/// Letters of a word of `level`: two bits of rank a letter leave ever more strings that are no words, as in real lexicons.
fn letters(level: u32) -> u32 {
    SHORTEST + level / 2
}

/// The level of a word by rank, counted from 0.
fn level_of(rank: u64) -> u32 {
    (rank + 1).ilog2()
}

/// What follows a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Space,
    LineEnd,
    DocumentEnd,
}

impl Language {
    /// The language that `options` describe.
    ///
    /// # Errors
    /// An option out of its range.
    pub fn new(options: LanguageOptions) -> Result<Self, LanguageError> {
        let check = |is_allowed: bool, option, value, allowed| {
            if is_allowed { Ok(()) } else { Err(LanguageError { option, value, allowed }) }
        };
        let LanguageOptions { levels, zipf_exponent, habit, longest_context, line_ends, document_ends, seed } = options;
        check((1..=MAX_LEVELS).contains(&levels), "levels", f64::from(levels), "1 to 22")?;
        check(zipf_exponent > 1.0 && zipf_exponent.is_finite(), "zipf_exponent", zipf_exponent, "above 1")?;
        check((0.0..1.0).contains(&habit), "habit", habit, "at least 0 and below 1")?;
        check(longest_context >= 1, "longest_context", f64::from(longest_context), "at least 1")?;
        check((0.0..1.0).contains(&line_ends), "line_ends", line_ends, "at least 0 and below 1")?;
        let room = document_ends > 0.0 && document_ends + line_ends <= 1.0;
        check(room, "document_ends", document_ends, "above 0, and with line_ends at most 1")?;

        let weights: Vec<f64> = (0..levels).map(|level| (f64::from(level) * (1.0 - zipf_exponent)).exp2()).collect();
        let total: f64 = weights.iter().sum();
        let shares = weights.iter().map(|weight| weight / total).collect();
        let spellings = (SHORTEST..=letters(levels - 1))
            .map(|length| Permutation::new(LETTERS.pow(length), mix_pair(seed, u64::from(length))))
            .collect();
        Ok(Self { options, shares, spellings })
    }

    /// What the language is like.
    pub fn options(&self) -> &LanguageOptions {
        &self.options
    }

    /// Nats per byte that the best possible model loses on text of this language, the ends of documents counted as bytes.
    pub fn entropy_rate(&self) -> f64 {
        let words = 1.0 / self.options.document_ends;
        let over_levels = |value: &dyn Fn(u32) -> f64| -> f64 {
            self.shares.iter().zip(0..).map(|(share, level)| share * value(level)).sum()
        };
        let next_word = over_levels(&|level| self.word_entropy_after(level));
        let marks: f64 = [Mark::Space, Mark::LineEnd, Mark::DocumentEnd]
            .map(|mark| self.mark_probability(mark))
            .map(surprise)
            .iter()
            .sum();
        let nats = self.fresh_word_entropy() + (words - 1.0) * next_word + words * marks;
        let bytes = words * (over_levels(&|level| f64::from(letters(level))) + 1.0);
        nats / bytes
    }

    /// Entropy H(p) of a word drawn afresh.
    fn fresh_word_entropy(&self) -> f64 {
        self.shares.iter().zip(0..).map(|(share, level)| -share * self.word_probability(level).ln()).sum()
    }

    /// Entropy H_l of a word after one of `level`.
    fn word_entropy_after(&self, level: u32) -> f64 {
        let fresh = 1.0 - self.options.habit;
        let of_all_fresh = fresh * (self.fresh_word_entropy() - fresh.ln());
        let probability = fresh * self.word_probability(level);
        of_all_fresh - surprise(probability) + surprise(self.options.habit + probability)
    }

    /// Probability q_l of one word of `level` when drawn afresh.
    fn word_probability(&self, level: u32) -> f64 {
        self.shares[level as usize] / f64::from(level).exp2()
    }

    fn mark_probability(&self, mark: Mark) -> f64 {
        match mark {
            Mark::Space => 1.0 - self.options.line_ends - self.options.document_ends,
            Mark::LineEnd => self.options.line_ends,
            Mark::DocumentEnd => self.options.document_ends,
        }
    }

    /// Document number `index` of the endless library of this language: the same text for ever.
    pub fn document(&self, index: u64) -> String {
        let mut random = ChaCha8Rng::seed_from_u64(self.options.seed);
        random.set_stream(index);
        let mut text = String::new();
        let mut past: Vec<u64> = Vec::new();
        loop {
            let word = match self.habitual_word(&past) {
                Some(word) if uniform(&mut random) < self.options.habit => word,
                _ => self.fresh_word(&mut random),
            };
            past.push(word);
            self.spell(word, &mut text);
            match self.draw_mark(&mut random) {
                Mark::Space => text.push(' '),
                Mark::LineEnd => text.push('\n'),
                Mark::DocumentEnd => return text,
            }
        }
    }

    /// Documents number 0, 1, ... until they have at least `bytes` bytes together.
    pub fn documents(&self, bytes: u64) -> impl Iterator<Item = String> {
        let mut written = 0;
        (0..).map_while(move |index| {
            (written < bytes).then(|| {
                let text = self.document(index);
                written += text.len() as u64;
                text
            })
        })
    }

    /// Nats that the language itself gives a document, its end included: -ln of its probability. None for other text.
    pub fn document_nats(&self, text: &str) -> Option<f64> {
        let habit = self.options.habit;
        let mut past: Vec<u64> = Vec::new();
        let mut nats = 0.0;
        for line_or_word in text.split_inclusive([' ', '\n']) {
            let (spelled, mark) = match line_or_word.as_bytes().split_last()? {
                (b' ', spelled) => (spelled, Mark::Space),
                (b'\n', spelled) => (spelled, Mark::LineEnd),
                _ => (line_or_word.as_bytes(), Mark::DocumentEnd),
            };
            let word = self.read(spelled)?;
            let fresh = self.word_probability(level_of(word));
            let probability = match self.habitual_word(&past) {
                Some(habitual) => (1.0 - habit) * fresh + if habitual == word { habit } else { 0.0 },
                None => fresh,
            };
            nats -= probability.ln() + self.mark_probability(mark).ln();
            past.push(word);
        }
        // A text that stops after a space or line end is only the beginning of a document.
        (!text.is_empty() && !text.ends_with([' ', '\n'])).then_some(nats)
    }

    /// The word that the last words ask for: from the level of the last one, which also says how many words count.
    fn habitual_word(&self, past: &[u64]) -> Option<u64> {
        let last = *past.last()?;
        let words =
            1 + mix_pair(self.options.seed, last).trailing_zeros().min(self.options.longest_context - 1) as usize;
        let context = &past[past.len().saturating_sub(words)..];
        let hash = context.iter().fold(!self.options.seed, |hash, word| mix_pair(hash, *word));
        let first_of_level = (1 << level_of(last)) - 1;
        Some(first_of_level + (hash & first_of_level))
    }

    fn fresh_word(&self, random: &mut ChaCha8Rng) -> u64 {
        let mut left = uniform(random);
        // Rounding may leave a little beyond the last level.
        let mut level = 0;
        while level + 1 < self.shares.len() && left >= self.shares[level] {
            left -= self.shares[level];
            level += 1;
        }
        let first_of_level = (1 << level) - 1;
        first_of_level + (random.next_u64() & first_of_level)
    }

    fn draw_mark(&self, random: &mut ChaCha8Rng) -> Mark {
        let drawn = uniform(random);
        if drawn < self.options.document_ends {
            Mark::DocumentEnd
        } else if drawn < self.options.document_ends + self.options.line_ends {
            Mark::LineEnd
        } else {
            Mark::Space
        }
    }

    fn spell(&self, word: u64, text: &mut String) {
        let length = letters(level_of(word));
        let mut number = self.spellings[(length - SHORTEST) as usize].apply(word);
        for _ in 0..length {
            text.push(char::from(b'a' + (number % LETTERS) as u8));
            number /= LETTERS;
        }
    }

    /// The word spelled so, if there is one.
    fn read(&self, spelled: &[u8]) -> Option<u64> {
        let length = u32::try_from(spelled.len()).ok()?;
        let spelling = self.spellings.get(length.checked_sub(SHORTEST)? as usize)?;
        let number = spelled.iter().rev().try_fold(0, |number, letter| {
            letter.is_ascii_lowercase().then(|| number * LETTERS + u64::from(letter - b'a'))
        })?;
        let word = spelling.invert(number);
        (word < (1 << self.options.levels) - 1 && letters(level_of(word)) == length).then_some(word)
    }
}

/// -p ln p, 0 for the impossible.
fn surprise(probability: f64) -> f64 {
    if probability > 0.0 { -probability * probability.ln() } else { 0.0 }
}

/// A number from [0, 1), in steps of 2^-53.
fn uniform(random: &mut ChaCha8Rng) -> f64 {
    (random.next_u64() >> 11) as f64 * 2_f64.powi(-53)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean nats per byte over documents, and its standard error (ratio estimator, documents being independent).
    fn measured_rate(language: &Language, scorer: &Language, documents: u64) -> (f64, f64) {
        let scores: Vec<(f64, f64)> = (0..documents)
            .map(|index| {
                let text = language.document(index);
                (scorer.document_nats(&text).unwrap(), text.len() as f64 + 1.0)
            })
            .collect();
        let (nats, bytes) = scores.iter().fold((0.0, 0.0), |sums, score| (sums.0 + score.0, sums.1 + score.1));
        let rate = nats / bytes;
        let squares: f64 = scores.iter().map(|(nats, bytes)| (nats - rate * bytes).powi(2)).sum();
        (rate, squares.sqrt() / bytes)
    }

    #[test]
    fn the_loss_of_the_true_model_is_the_entropy_rate() {
        let cases = [
            LanguageOptions::default(),
            LanguageOptions { habit: 0.0, levels: 5, seed: 1, ..LanguageOptions::default() },
            LanguageOptions { habit: 0.9, zipf_exponent: 1.01, seed: 2, ..LanguageOptions::default() },
            LanguageOptions { levels: 1, line_ends: 0.0, document_ends: 0.01, seed: 3, ..LanguageOptions::default() },
            LanguageOptions { levels: 9, document_ends: 0.5, line_ends: 0.5, seed: 4, ..LanguageOptions::default() },
        ];
        for options in cases {
            let language = Language::new(options).unwrap();
            let (rate, error) = measured_rate(&language, &language, 3000);
            let exact = language.entropy_rate();
            assert!(error < 0.02 * exact, "{rate} ± {error}: too noisy to tell");
            // Five cases at 3.5 standard errors: one false alarm in 400 choices of seeds, and these are fixed.
            assert!((rate - exact).abs() < 3.5 * error, "{rate} ± {error}, exact {exact}, {:?}", language.options());
        }
    }

    #[test]
    fn a_model_that_ignores_the_habits_loses_more() {
        let language = Language::new(LanguageOptions::default()).unwrap();
        let blind = Language::new(LanguageOptions { habit: 0.0, ..LanguageOptions::default() }).unwrap();
        let (rate, error) = measured_rate(&language, &blind, 500);
        assert!(rate > language.entropy_rate() + 10.0 * error);
    }

    #[test]
    fn the_entropy_agrees_with_a_sum_over_all_words() {
        let language = Language::new(LanguageOptions { levels: 8, ..LanguageOptions::default() }).unwrap();
        let words = (1_u64 << 8) - 1;
        for last in [0, 1, 17, words - 1] {
            let habitual = language.habitual_word(&[last]).unwrap();
            assert_eq!(level_of(habitual), level_of(last));
            let probability = |word| {
                let fresh = (1.0 - language.options.habit) * language.word_probability(level_of(word));
                fresh + if word == habitual { language.options.habit } else { 0.0 }
            };
            let total: f64 = (0..words).map(probability).sum();
            let entropy: f64 = (0..words).map(probability).map(surprise).sum();
            assert!((total - 1.0).abs() < 1e-12);
            assert!((entropy - language.word_entropy_after(level_of(last))).abs() < 1e-12);
        }
    }

    #[test]
    fn the_words_not_yet_met_weigh_a_power_of_the_text_read() {
        let options = LanguageOptions::default();
        let language = Language::new(options.clone()).unwrap();
        let unmet = |words: f64| -> f64 {
            (0..options.levels)
                .map(|level| {
                    language.shares[level as usize] * (words * (-language.word_probability(level)).ln_1p()).exp()
                })
                .sum()
        };
        for words in [1e2, 1e3, 1e4, 1e5] {
            let slope = (unmet(10.0 * words) / unmet(words)).log10();
            let expected = 1.0 / options.zipf_exponent - 1.0;
            // The lexicon ends at 2^22 words, which makes the last decade steeper by 0.03.
            assert!((slope - expected).abs() < 0.04, "after {words} words: {slope} instead of {expected}");
        }
    }

    #[test]
    fn words_and_spellings_are_one_to_one() {
        let language = Language::new(LanguageOptions { levels: 12, ..LanguageOptions::default() }).unwrap();
        let mut spellings = std::collections::HashSet::new();
        for word in 0..(1 << 12) - 1 {
            let mut text = String::new();
            language.spell(word, &mut text);
            assert_eq!(language.read(text.as_bytes()), Some(word));
            assert!(spellings.insert(text));
        }
    }

    #[test]
    fn text_of_another_language_has_no_probability() {
        let language = Language::new(LanguageOptions::default()).unwrap();
        for text in ["", " ", "Hello", "ab ", "zzzzzzzzzzzzzzzzz"] {
            assert_eq!(language.document_nats(text), None, "{text:?}");
        }
    }

    #[test]
    fn options_out_of_range_are_named() {
        let refused = |options| Language::new(options).unwrap_err().option;
        let fine = LanguageOptions::default;
        assert_eq!(refused(LanguageOptions { levels: 23, ..fine() }), "levels");
        assert_eq!(refused(LanguageOptions { zipf_exponent: f64::NAN, ..fine() }), "zipf_exponent");
        assert_eq!(refused(LanguageOptions { habit: 1.0, ..fine() }), "habit");
        assert_eq!(refused(LanguageOptions { longest_context: 0, ..fine() }), "longest_context");
        assert_eq!(refused(LanguageOptions { document_ends: 0.0, ..fine() }), "document_ends");
        assert_eq!(refused(LanguageOptions { document_ends: 0.95, ..fine() }), "document_ends");
    }
}
