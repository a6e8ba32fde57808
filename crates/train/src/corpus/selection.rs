//! Which of all documents make up the corpus: no two alike, and no more than the byte limit, chosen by what they say.

use std::collections::HashSet;

use sha2::{Digest, Sha256};

use super::report::{BuildReport, DropReason};
use super::shuffle;

/// A document with its place in every order that matters. All come from its text and the seed, none from its file name.
#[derive(Debug, Clone)]
pub(super) struct Document {
    pub(super) text: String,
    /// Tells documents apart.
    pub(super) digest: u128,
    /// Order of taking documents up to the byte limit, and of the training text.
    order: u64,
    /// Order of holding documents out, uniform over all 64-bit values.
    pub(super) split_order: u64,
}

impl Document {
    fn new(text: String, seed: u64) -> Self {
        let hash: [u8; 32] = Sha256::digest(text.as_bytes()).into();
        let part = |at: usize| u64::from_le_bytes(std::array::from_fn(|byte| hash[8 * at + byte]));
        Self {
            text,
            digest: u128::from(part(0)) << 64 | u128::from(part(1)),
            order: shuffle::mix_pair(seed, part(2)),
            split_order: shuffle::mix_pair(seed, part(3)),
        }
    }

    fn bytes(&self) -> u64 {
        self.text.len() as u64
    }
}

/// The first documents in their order whose lengths together stay within a limit.
///
/// Holds at most about twice the limit at any time. The outcome depends on the set of documents offered only, not on the order
/// they come in, nor on how they are spread over selections that are absorbed later: a document that does not fit among some
/// of the others does not fit among all of them.
#[derive(Debug, Clone)]
pub(super) struct Selection {
    seed: u64,
    limit: u64,
    documents: Vec<Document>,
    bytes: u64,
    /// Digests of all documents offered, so that copies are told from what is over the limit.
    seen: HashSet<u128>,
    /// Documents refused for the limit, their places forgotten: digest and length.
    refused: Vec<(u128, u64)>,
    /// Order from which on nothing fits any more.
    closed_from: Option<u64>,
}

impl Selection {
    pub(super) fn new(seed: u64, limit: u64) -> Self {
        let (documents, seen, refused) = Default::default();
        Self { seed, limit, documents, bytes: 0, seen, refused, closed_from: None }
    }

    /// An empty selection that refuses at once what this one would refuse: for another part of the sources.
    pub(super) fn empty_copy(&self) -> Self {
        Self { closed_from: self.closed_from, ..Self::new(self.seed, self.limit) }
    }

    pub(super) fn offer(&mut self, text: String, place: impl Fn() -> String, report: &mut BuildReport) {
        let document = Document::new(text, self.seed);
        if self.seen.insert(document.digest) {
            self.take(document);
        } else {
            report.drop_document(DropReason::Duplicate, document.bytes(), Some(place()));
        }
    }

    fn take(&mut self, document: Document) {
        if self.closed_from.is_some_and(|order| document.order >= order) {
            self.refused.push((document.digest, document.bytes()));
            return;
        }
        self.bytes += document.bytes();
        self.documents.push(document);
        if self.bytes > 2 * self.limit {
            self.close();
        }
    }

    /// Refuses what is over the limit among the documents taken so far.
    fn close(&mut self) {
        self.documents.sort_unstable_by_key(|document| (document.order, document.digest));
        let mut bytes = 0;
        let fits = |document: &Document| {
            bytes += document.bytes();
            bytes <= self.limit
        };
        let fitting = self.documents.iter().map(fits).take_while(|fits| *fits).count();
        if let Some(first_refused) = self.documents.get(fitting) {
            self.closed_from = Some(first_refused.order);
        }
        self.refused.extend(self.documents.drain(fitting..).map(|document| (document.digest, document.bytes())));
        self.bytes = self.documents.iter().map(Document::bytes).sum();
    }

    /// Takes over what another selection, of another part of the sources, holds and has refused.
    pub(super) fn absorb(&mut self, other: Self, report: &mut BuildReport) {
        for document in other.documents {
            if self.seen.insert(document.digest) {
                self.take(document);
            } else {
                report.drop_document(DropReason::Duplicate, document.bytes(), None);
            }
        }
        for (digest, bytes) in other.refused {
            if self.seen.insert(digest) {
                self.refused.push((digest, bytes));
            } else {
                report.drop_document(DropReason::Duplicate, bytes, None);
            }
        }
    }

    /// The chosen documents in their order.
    pub(super) fn finish(mut self, report: &mut BuildReport) -> Vec<Document> {
        self.close();
        for (_, bytes) in self.refused {
            report.drop_document(DropReason::OverLimit, bytes, None);
        }
        self.documents
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("document {number} {}", "x".repeat(number % 37))).collect()
    }

    fn select<'a>(limit: u64, parts: impl IntoIterator<Item = &'a [String]>) -> (Vec<u128>, BuildReport) {
        let mut report = BuildReport::default();
        let mut all = Selection::new(7, limit);
        for part in parts {
            let mut selection = all.empty_copy();
            for text in part {
                selection.offer(text.clone(), String::new, &mut report);
            }
            all.absorb(selection, &mut report);
        }
        let chosen = all.finish(&mut report);
        (chosen.iter().map(|document| document.digest).collect(), report)
    }

    #[test]
    fn the_choice_does_not_depend_on_order_or_parts() {
        let texts = texts(500);
        let (whole, report) = select(2000, [texts.as_slice()]);
        assert!(!whole.is_empty() && whole.len() < 500);
        assert_eq!(report.dropped[&DropReason::OverLimit].documents, 500 - whole.len() as u64);
        assert_eq!(select(2000, texts.chunks(7)), (whole.clone(), report));
        let reversed: Vec<String> = texts.iter().rev().cloned().collect();
        assert_eq!(select(2000, reversed.chunks(31)).0, whole);
    }

    #[test]
    fn the_chosen_bytes_fill_the_limit_and_stay_below_it() {
        let texts = texts(500);
        let mut report = BuildReport::default();
        let mut selection = Selection::new(7, 2000);
        for text in texts {
            selection.offer(text, String::new, &mut report);
        }
        let bytes: u64 = selection.finish(&mut report).iter().map(Document::bytes).sum();
        assert!((1940..=2000).contains(&bytes), "{bytes}");
    }

    #[test]
    fn copies_are_counted_as_copies_also_beyond_the_limit() {
        let once = texts(500);
        let twice: Vec<String> = once.iter().chain(&once).cloned().collect();
        let (chosen, report) = select(2000, [once.as_slice()]);
        let (chosen_of_two, report_of_two) = select(2000, twice.chunks(100));
        assert_eq!(chosen, chosen_of_two);
        assert_eq!(report_of_two.dropped[&DropReason::Duplicate].documents, 500);
        assert_eq!(report_of_two.dropped[&DropReason::OverLimit], report.dropped[&DropReason::OverLimit]);
    }
}
