//! Cutting long texts into documents, so that a single book can be trained on and evaluated on.

use std::io::{self, Read};

/// Texts up to this length stay whole: hardly any hand-written source file is longer.
pub(super) const WHOLE_TEXT: usize = 64 << 10;
/// Longer ones are cut at the first blank line after this many bytes,
const SECTION_MIN: usize = 8 << 10;
/// or else at the first line end after this many,
const SECTION_LINE: usize = 12 << 10;
/// or else, at the latest, between two characters before this many.
const SECTION_MAX: usize = 16 << 10;

const READ_AHEAD: usize = 256 << 10;

/// The documents of one text, read as they are needed.
///
/// Neighbouring sections share a subject: a held-out section is easier to predict than a text from another book, as a
/// held-out file of a code base is easier than another code base.
pub(super) struct Sections<R> {
    reader: R,
    buffer: Vec<u8>,
    start: usize,
    ended: bool,
    cutting: bool,
}

impl<R: Read> Sections<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, buffer: Vec::new(), start: 0, ended: false, cutting: false }
    }

    /// The next document, or none at the end of the text.
    pub(super) fn next_section(&mut self) -> io::Result<Option<Vec<u8>>> {
        self.fill()?;
        let rest = &self.buffer[self.start..];
        let length = match rest.len() {
            0 => return Ok(None),
            length if !self.cutting && length <= WHOLE_TEXT => length,
            length if length <= SECTION_MAX => length,
            _ => cut(rest),
        };
        self.cutting = true;
        let section = rest[..length].to_vec();
        self.start += length;
        Ok(Some(section))
    }

    /// Has more than [`WHOLE_TEXT`] bytes at hand, or all that are left.
    fn fill(&mut self) -> io::Result<()> {
        if self.ended || self.buffer.len() - self.start > WHOLE_TEXT {
            return Ok(());
        }
        self.buffer.drain(..self.start);
        self.start = 0;
        let wanted = (READ_AHEAD - self.buffer.len()) as u64;
        self.ended = (self.reader.by_ref().take(wanted).read_to_end(&mut self.buffer)? as u64) < wanted;
        Ok(())
    }
}

/// Length of the first section of a text longer than [`SECTION_MAX`].
fn cut(text: &[u8]) -> usize {
    let blank_line = text[SECTION_MIN..SECTION_MAX].windows(2).position(|pair| pair == b"\n\n");
    if let Some(at) = blank_line {
        return SECTION_MIN + at + 2;
    }
    if let Some(at) = text[SECTION_LINE..SECTION_MAX].iter().position(|byte| *byte == b'\n') {
        return SECTION_LINE + at + 1;
    }
    // A continuation byte is 10xxxxxx; a character has at most three. Text that has more is not UTF-8 and is found out later.
    let is_boundary = |at: &usize| text[*at] & 0b1100_0000 != 0b1000_0000;
    (SECTION_MAX - 3..=SECTION_MAX).rev().find(is_boundary).unwrap_or(SECTION_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sections(text: &str) -> Vec<String> {
        let mut sections = Sections::new(text.as_bytes());
        let mut found = Vec::new();
        while let Some(section) = sections.next_section().unwrap() {
            found.push(String::from_utf8(section).unwrap());
        }
        found
    }

    #[test]
    fn short_texts_stay_whole() {
        let text = "paragraph\n\n".repeat(WHOLE_TEXT / 11);
        assert_eq!(sections(&text), [text]);
        assert!(sections("").is_empty());
    }

    #[test]
    fn long_texts_are_cut_at_blank_lines_and_lose_nothing() {
        let paragraph = format!("{}\n\n", "some words of a paragraph ".repeat(20));
        let text = paragraph.repeat(2000);
        let found = sections(&text);
        assert_eq!(found.concat(), text);
        assert!(found.len() > text.len() / SECTION_MAX);
        assert!(found.iter().all(|section| section.ends_with("\n\n")));
        assert!(found.iter().all(|section| section.len() <= SECTION_MAX));
    }

    #[test]
    fn texts_without_line_ends_are_cut_between_characters() {
        for text in ["é".repeat(100_001), "a日".repeat(70_000), "😀".repeat(50_000)] {
            assert_eq!(sections(&text).concat(), text);
        }
    }
}
