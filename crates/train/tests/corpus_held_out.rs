//! Does the held-out set stay put when text is added, and is it free of text that is trained on?
#![allow(clippy::unwrap_used, clippy::panic, reason = "functions shared by tests fail as tests do")]

use std::collections::BTreeSet;

use isoflop_train::{Corpus, CorpusError, CorpusOptions, DropReason, HeldOut, Language, LanguageOptions, TokenSource};

/// Documents of forty distinct long lines each.
fn texts(count: u64) -> Vec<String> {
    let language = Language::new(LanguageOptions { document_ends: 1e-4, ..LanguageOptions::default() }).unwrap();
    (0..count)
        .map(|index| {
            let words: Vec<String> = language.document(index).split_whitespace().map(str::to_owned).collect();
            let line = |number: usize| {
                format!(
                    "{index}.{number} {}",
                    words[number % words.len()..].iter().take(9).cloned().collect::<Vec<_>>().join(" ")
                )
            };
            (0..40).map(|number| format!("{:<40}!", line(number))).collect::<Vec<_>>().join("\n")
        })
        .collect()
}

fn options() -> CorpusOptions {
    CorpusOptions { held_out: HeldOut { share: 0.1, min_bytes: 0, max_bytes: u64::MAX }, ..CorpusOptions::default() }
}

fn corpus(texts: &[String], options: &CorpusOptions) -> Result<Corpus, CorpusError> {
    let folder = tempfile::tempdir().unwrap();
    Corpus::from_documents(texts.iter().cloned(), options, folder.path(), &mut |_| {})
}

fn held_out(corpus: &Corpus) -> BTreeSet<String> {
    (0..corpus.held_out_documents())
        .map(|document| {
            let tokens = corpus.held_out_document(document);
            String::from_utf8(corpus.tokenizer().decode(&tokens[1..tokens.len() - 1])).unwrap()
        })
        .collect()
}

/// The text with a share of its lines replaced.
fn edited(text: &str, replaced: f64, edition: usize) -> String {
    let count = text.lines().count();
    let keep = ((1.0 - replaced) * count as f64).round() as usize;
    let fresh = |number| format!("edition {edition} has another line number {number} here");
    text.lines()
        .enumerate()
        .map(|(number, line)| if number < keep { line.to_owned() } else { fresh(number) })
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn adding_text_moves_no_document() {
    let texts = texts(400);
    let before = held_out(&corpus(&texts[..200], &options()).unwrap());
    let after = held_out(&corpus(&texts, &options()).unwrap());
    assert!(!before.is_empty());
    assert!(before.is_subset(&after));
    assert!(after.difference(&before).all(|text| texts[200..].contains(text)));
}

#[test]
fn another_seed_holds_out_other_documents() {
    let texts = texts(200);
    let first = held_out(&corpus(&texts, &options()).unwrap());
    let second = held_out(&corpus(&texts, &CorpusOptions { seed: 1, ..options() }).unwrap());
    assert!(first.intersection(&second).count() < first.len() / 2);
}

#[test]
fn the_limits_of_bytes_are_kept() {
    let texts = texts(200);
    let bytes: usize = texts.iter().map(String::len).sum();
    let held_out_bytes = |share, min_bytes, max_bytes| {
        let options = CorpusOptions { held_out: HeldOut { share, min_bytes, max_bytes }, ..options() };
        corpus(&texts, &options).unwrap().report().held_out.bytes
    };
    let one = texts.iter().map(String::len).max().unwrap() as u64;
    let at_least = held_out_bytes(0.001, 50_000, u64::MAX);
    assert!((50_000..50_000 + one).contains(&at_least), "{at_least}");
    let at_most = held_out_bytes(0.5, 0, 30_000);
    assert!((30_000 - one..=30_000).contains(&at_most), "{at_most}");
    let a_quarter = held_out_bytes(0.001, u64::MAX / 2, u64::MAX);
    assert!(a_quarter <= bytes as u64 / 4 + one, "{a_quarter} of {bytes}");
}

#[test]
fn a_planted_near_duplicate_does_not_survive() {
    let mut texts = texts(200);
    let victim = held_out(&corpus(&texts, &options()).unwrap()).into_iter().next().unwrap();
    // Of ten editions most are trained on. Each shares 60 % of the lines.
    texts.extend((0..10).map(|edition| edited(&victim, 0.4, edition)));
    let corpus = corpus(&texts, &options()).unwrap();
    assert!(!held_out(&corpus).contains(&victim));
    let leaked = &corpus.report().dropped[&DropReason::Leaked];
    assert!((1..=11).contains(&leaked.documents));
    assert!(leaked.examples[0].contains(&victim[..20]) || leaked.documents > 1, "{:?}", leaked.examples);
    let report = corpus.report();
    assert_eq!(report.training.documents + report.held_out.documents + report.dropped_documents(), report.found);
}

#[test]
fn a_document_that_only_quotes_survives() {
    let mut texts = texts(200);
    let victim = held_out(&corpus(&texts, &options()).unwrap()).into_iter().next().unwrap();
    // Each edition takes over the same fifth of the lines.
    texts.extend((0..10).map(|edition| edited(&victim, 0.8, edition)));
    assert!(held_out(&corpus(&texts, &options()).unwrap()).contains(&victim));
}

#[test]
fn prose_without_line_ends_is_compared_by_sentences() {
    let mut texts: Vec<String> = texts(200).iter().map(|text| text.replace('\n', ". ")).collect();
    let victim = held_out(&corpus(&texts, &options()).unwrap()).into_iter().next().unwrap();
    texts.extend((0..10).map(|edition| format!("{victim}. And this is the ending of edition {edition}.")));
    assert!(!held_out(&corpus(&texts, &options()).unwrap()).contains(&victim));
}

#[test]
fn leaked_documents_are_replaced_up_to_the_minimum() {
    let mut texts = texts(200);
    let options =
        CorpusOptions { held_out: HeldOut { share: 0.01, min_bytes: 60_000, max_bytes: u64::MAX }, ..options() };
    let victims: Vec<String> = held_out(&corpus(&texts, &options).unwrap()).into_iter().take(5).collect();
    texts.extend(victims.iter().flat_map(|victim| (0..4).map(|edition| edited(victim, 0.1, edition))));
    let corpus = corpus(&texts, &options).unwrap();
    assert!(corpus.report().dropped[&DropReason::Leaked].documents >= 5);
    assert!(corpus.report().held_out.bytes >= 60_000, "{}", corpus.report());
}

#[test]
fn text_that_repeats_itself_throughout_is_refused() {
    let licence = texts(1).remove(0);
    let texts: Vec<String> =
        (0..100).map(|number| format!("{licence}\nThis is the only line of file {number}.")).collect();
    let error = corpus(&texts, &options()).unwrap_err();
    assert!(matches!(error, CorpusError::NothingHeldOut { .. }), "{error}");
}
