//! `isoflop sample`: what a trained model writes, token by token.

use std::io::{self, Write};
use std::sync::Arc;

use anyhow::{Result, bail};
use isoflop_sweep::{Sweep, SweepError};
use isoflop_train::{Corpus, Session, TokenSource};

use super::train::{CORPUS, SWEEP, only_cell};
use crate::Outcome;
use crate::arguments::SampleArguments;

pub(crate) fn run(arguments: &SampleArguments) -> Result<Outcome> {
    let dir = arguments.run.as_path();
    let sweep = match Sweep::open(&dir.join(SWEEP)) {
        // What that error advises would make no run to read.
        Err(SweepError::NotASweep { .. }) => {
            bail!("{}: no run is here; name the folder that isoflop train was given with --out", dir.display())
        }
        sweep => sweep?,
    };
    let cell = only_cell(&sweep)?;
    let Some(checkpoint) = sweep.checkpoint(cell.name())? else {
        bail!("{}: nothing is trained yet; run isoflop train first, or once more", dir.display());
    };
    let corpus = Arc::new(Corpus::open(&dir.join(CORPUS))?);
    let tokenizer = corpus.tokenizer();
    // The end of the document before: what every document of the text begins with.
    let mut prompt = vec![tokenizer.separator()];
    prompt.extend(tokenizer.encode(&arguments.prompt)?);
    let source = Arc::clone(&corpus) as Arc<dyn TokenSource>;
    let mut session = Session::resume(cell.spec(), source, 1, &checkpoint)?;

    let mut out = io::stdout().lock();
    let mut text = Utf8Stream::default();
    out.write_all(arguments.prompt.as_bytes())?;
    for token in session.sample(&prompt, arguments.temperature, arguments.seed)?.take(arguments.tokens) {
        out.write_all(text.push(&tokenizer.decode(&[token?])).as_bytes())?;
        out.flush()?;
    }
    out.write_all(text.end().as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()?;
    Ok(Outcome::Done)
}

/// Bytes to text as they come: characters when they are whole, U+FFFD for what is none, and no control characters but line ends and
/// tabs, which a terminal would obey.
#[derive(Debug, Default)]
struct Utf8Stream {
    /// The beginning of a character.
    pending: Vec<u8>,
}

impl Utf8Stream {
    /// The text that is whole after `bytes`.
    fn push(&mut self, bytes: &[u8]) -> String {
        self.pending.extend_from_slice(bytes);
        let mut text = String::new();
        let mut seen = 0;
        for chunk in self.pending.utf8_chunks() {
            text.push_str(chunk.valid());
            seen += chunk.valid().len();
            // The beginning of a character at the end may yet become one.
            let at_end = seen + chunk.invalid().len() == self.pending.len();
            let begun = std::str::from_utf8(chunk.invalid()).is_err_and(|error| error.error_len().is_none());
            if !chunk.invalid().is_empty() && (!at_end || !begun) {
                text.push(char::REPLACEMENT_CHARACTER);
                seen += chunk.invalid().len();
            }
        }
        self.pending.drain(..seen);
        harmless(&text)
    }

    /// What is left when nothing more comes.
    fn end(&mut self) -> String {
        harmless(&String::from_utf8_lossy(&std::mem::take(&mut self.pending)))
    }
}

fn harmless(text: &str) -> String {
    let shown = |character: char| match character {
        '\n' | '\t' => character,
        character if character.is_control() => char::REPLACEMENT_CHARACTER,
        character => character,
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn streamed(bytes: &[u8], at_once: usize) -> String {
        let mut stream = Utf8Stream::default();
        let parts: String = bytes.chunks(at_once).map(|part| stream.push(part)).collect();
        parts + &stream.end()
    }

    #[test]
    fn characters_appear_when_they_are_whole_however_they_are_cut() {
        let text = "naïve €, 日本 🎈!\n";
        for at_once in 1..6 {
            assert_eq!(streamed(text.as_bytes(), at_once), text);
        }
        let mut stream = Utf8Stream::default();
        assert_eq!((stream.push(&[0xe2, 0x82]), stream.push(&[0xac])), (String::new(), "€".to_owned()));
    }

    #[test]
    fn what_is_no_text_is_shown_as_such_and_no_terminal_obeys_it() {
        for at_once in 1..4 {
            assert_eq!(streamed(b"a\xffb\xe2\x82", at_once), "a\u{fffd}b\u{fffd}");
            assert_eq!(streamed(b"\x1b[2J\x07\r\n", at_once), "\u{fffd}[2J\u{fffd}\u{fffd}\n");
            assert_eq!(streamed(b"\xf0\x9f\x8ex", at_once), "\u{fffd}x");
        }
    }
}
