//! Setting documents aside for evaluation, such that the training text does not give them away.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use rayon::prelude::*;

use super::CorpusError;
use super::options::HeldOut;
use super::report::{BuildReport, DropReason};
use super::sections::WHOLE_TEXT;
use super::selection::Document;

/// Fewest characters of a line that says something about its document: shorter ones stand in every other text.
const TELLING_LINE: usize = 24;
/// Largest share of telling lines a held-out document may have in common with the training documents.
pub(super) const MAX_KNOWN_SHARE: f64 = 0.3;

/// The two parts of the documents, each in the order it came in.
pub(super) struct Split {
    pub(super) training: Vec<Document>,
    pub(super) held_out: Vec<Document>,
}

/// Holds out the documents whose hash falls below the share, somewhat more or fewer where the limits of bytes ask for it.
///
/// So other documents come and go without moving a document from one part to the other, but for limits that bind. Of the
/// documents held out, those that are largely known from the training text are dropped: they would measure memory.
pub(super) fn split(
    documents: Vec<Document>,
    options: &HeldOut,
    report: &mut BuildReport,
) -> Result<Split, CorpusError> {
    let mut order: Vec<usize> = (0..documents.len()).collect();
    order.sort_unstable_by_key(|at| (documents[*at].split_order, documents[*at].digest));
    let bytes = |at: usize| documents[at].text.len() as u64;
    let total: u64 = (0..documents.len()).map(bytes).sum();
    if documents.len() < 2 {
        return Err(CorpusError::SingleDocument { bytes: total, needed: WHOLE_TEXT as u64 });
    }
    let wanted = options.min_bytes.min(total / 4);
    let below_share = |at: usize| (documents[at].split_order as f64) < options.share * 2_f64.powi(64);

    // The first `count` of the order are candidates, the others are trained on.
    let mut count = 0;
    let mut taken = 0;
    let mut grow = |count: &mut usize, until: u64, by_share: bool| {
        while *count + 1 < order.len() {
            let next = order[*count];
            let fits = *count == 0 || taken + bytes(next) <= options.max_bytes;
            if !(fits && (taken < until || by_share && below_share(next))) {
                break;
            }
            taken += bytes(next);
            *count += 1;
        }
        taken
    };
    let mut taken = grow(&mut count, wanted, true);
    let leaked = loop {
        let (candidates, training) = order.split_at(count);
        let leaked = leaked(&documents, candidates, training);
        let kept: u64 = taken - leaked.iter().map(|at| bytes(*at)).sum::<u64>();
        // Replacements for what leaked are taken from the training text, a quarter of all at most.
        let before = count;
        if kept < wanted {
            taken = grow(&mut count, (taken + wanted - kept).min(total / 4), false);
        }
        if count == before {
            break leaked;
        }
    };
    if leaked.len() == count {
        return Err(CorpusError::NothingHeldOut { leaked: count as u64, share: MAX_KNOWN_SHARE });
    }

    let candidates: HashSet<usize> = order[..count].iter().copied().collect();
    let (mut training, mut held_out) = (Vec::with_capacity(documents.len() - count), Vec::new());
    for (at, document) in documents.into_iter().enumerate() {
        if leaked.contains(&at) {
            let first_line = document.text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
            let example = format!("the one that starts {:?}", first_line.chars().take(60).collect::<String>());
            report.drop_document(DropReason::Leaked, document.text.len() as u64, Some(example));
        } else if candidates.contains(&at) {
            held_out.push(document);
        } else {
            training.push(document);
        }
    }
    Ok(Split { training, held_out })
}

/// Those of the candidates of which more than [`MAX_KNOWN_SHARE`] of the telling lines stand in training documents.
fn leaked(documents: &[Document], candidates: &[usize], training: &[usize]) -> HashSet<usize> {
    let lines: Vec<HashSet<u64>> =
        candidates.par_iter().map(|at| telling_lines(&documents[*at].text).collect()).collect();
    let asked: HashSet<u64> = lines.iter().flatten().copied().collect();
    let known: HashSet<u64> = training
        .par_iter()
        .fold(HashSet::new, |mut known, at| {
            known.extend(telling_lines(&documents[*at].text).filter(|line| asked.contains(line)));
            known
        })
        .reduce(HashSet::new, |mut left, right| {
            left.extend(right);
            left
        });
    let is_leaked = |lines: &HashSet<u64>| {
        let known = lines.iter().filter(|line| known.contains(line)).count();
        known as f64 > MAX_KNOWN_SHARE * lines.len() as f64
    };
    candidates.iter().zip(&lines).filter(|(_, lines)| is_leaked(lines)).map(|(at, _)| *at).collect()
}

/// Hashes of the lines that tell a document from others; sentences count as lines, for prose has few line ends.
fn telling_lines(text: &str) -> impl Iterator<Item = u64> {
    text.split(['\n', '。']).flat_map(|line| line.split(". ")).filter_map(|line| {
        let line = line.trim();
        // Bytes are an upper bound of characters, and quick to compare.
        (line.len() >= TELLING_LINE && line.chars().nth(TELLING_LINE - 1).is_some()).then(|| {
            let mut hasher = DefaultHasher::new();
            line.hash(&mut hasher);
            hasher.finish()
        })
    })
}
