//! Does a corpus hold the text it was given, the same for the same text, and hand out every window once?
#![allow(clippy::unwrap_used, clippy::panic, reason = "functions shared by tests fail as tests do")]

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use isoflop_train::{
    Corpus, CorpusError, CorpusOptions, DropReason, HeldOut, Language, LanguageOptions, TokenSource, TokenizerKind,
};

fn texts(count: u64) -> Vec<String> {
    let language = Language::new(LanguageOptions::default()).unwrap();
    (0..count).map(|index| format!("Document {index}: naïve 日本語 😀\n\n{}", language.document(index))).collect()
}

fn write_texts(folder: &Path, texts: &[String]) {
    fs::create_dir_all(folder).unwrap();
    for (number, text) in texts.iter().enumerate() {
        fs::write(folder.join(format!("{number}.txt")), text).unwrap();
    }
}

fn build(source: &Path, options: &CorpusOptions, dir: &Path) -> Result<Corpus, CorpusError> {
    Corpus::build(&[source.to_path_buf()], options, dir, &mut |_| {})
}

/// Options under which only the share decides what is held out.
fn by_share() -> CorpusOptions {
    CorpusOptions { held_out: HeldOut { share: 0.1, min_bytes: 0, max_bytes: u64::MAX }, ..CorpusOptions::default() }
}

fn held_out_texts(corpus: &Corpus) -> BTreeSet<String> {
    (0..corpus.held_out_documents())
        .map(|document| {
            let tokens = corpus.held_out_document(document);
            String::from_utf8(corpus.tokenizer().decode(&tokens[1..tokens.len() - 1])).unwrap()
        })
        .collect()
}

/// The training text, put together from the windows of one epoch.
fn training_text(corpus: &Corpus, context: usize) -> String {
    let windows = corpus.windows(context).unwrap();
    let mut slices: Vec<&[u16]> = (0..windows).map(|index| corpus.window(0, index, context)).collect();
    // All windows are slices of one stream.
    slices.sort_by_key(|slice| slice.as_ptr());
    let tokens: Vec<u16> = slices.iter().flat_map(|slice| &slice[..context]).copied().collect();
    String::from_utf8_lossy(&corpus.tokenizer().decode(&tokens)).into_owned()
}

#[test]
fn every_document_is_trained_on_or_held_out() {
    let folder = tempfile::tempdir().unwrap();
    let texts = texts(200);
    write_texts(&folder.path().join("text"), &texts);
    for (name, tokenizer) in [("bytes", TokenizerKind::Bytes), ("bpe", TokenizerKind::Bpe { vocabulary: 400 })] {
        let options = CorpusOptions { tokenizer, ..by_share() };
        let corpus = build(&folder.path().join("text"), &options, &folder.path().join(name)).unwrap();
        let report = corpus.report();
        assert_eq!((report.files, report.found, report.dropped_documents()), (200, 200, 0));
        assert_eq!(report.training.documents + report.held_out.documents, 200);
        let all_bytes: usize = texts.iter().map(String::len).sum();
        assert_eq!(report.training.bytes + report.held_out.bytes, all_bytes as u64);

        let held_out = held_out_texts(&corpus);
        assert_eq!(held_out.len() as u64, report.held_out.documents);
        assert!((8..=40).contains(&held_out.len()), "{} of 200 at a share of 0.1", held_out.len());
        let training = training_text(&corpus, 1);
        for text in &texts {
            assert_ne!(held_out.contains(text), training.contains(text), "{text:.40}");
        }
    }
}

#[test]
fn documents_are_framed_by_separators() {
    let folder = tempfile::tempdir().unwrap();
    write_texts(&folder.path().join("text"), &texts(100));
    for (name, tokenizer) in [("bytes", TokenizerKind::Bytes), ("bpe", TokenizerKind::Bpe { vocabulary: 400 })] {
        let options = CorpusOptions { tokenizer, ..CorpusOptions::default() };
        let corpus = build(&folder.path().join("text"), &options, &folder.path().join(name)).unwrap();
        let separator = corpus.tokenizer().separator();
        let mut bytes = 0;
        let mut predicted = 0;
        for document in 0..corpus.held_out_documents() {
            let tokens = corpus.held_out_document(document);
            assert_eq!((tokens[0], tokens[tokens.len() - 1]), (separator, separator));
            assert!(!tokens[1..tokens.len() - 1].contains(&separator));
            assert!(tokens.iter().all(|token| usize::from(*token) < corpus.vocabulary()));
            bytes += corpus.tokenizer().decode(&tokens[1..]).len();
            predicted += tokens.len() - 1;
        }
        assert_eq!(corpus.bytes_per_token(), bytes as f64 / predicted as f64);
        assert_eq!(corpus.report().held_out.tokens, predicted as u64);
        if tokenizer == TokenizerKind::Bytes {
            assert_eq!((corpus.bytes_per_token(), corpus.vocabulary(), separator), (1.0, 256, 0));
        } else {
            assert!(corpus.bytes_per_token() > 1.3);
            assert_eq!(corpus.vocabulary(), 400);
        }
    }
}

#[test]
fn every_window_comes_once_per_epoch_in_an_order_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    write_texts(&folder.path().join("text"), &texts(60));
    let corpus = build(&folder.path().join("text"), &CorpusOptions::default(), &folder.path().join("corpus")).unwrap();
    for context in [1000, 64, 7] {
        let windows = corpus.windows(context).unwrap();
        let epoch = |seed, epoch: u64| -> Vec<usize> {
            (epoch * windows..(epoch + 1) * windows)
                .map(|index| {
                    let window = corpus.window(seed, index, context);
                    assert_eq!(window.len(), context + 1);
                    window.as_ptr() as usize
                })
                .collect()
        };
        let first = epoch(1, 0);
        let distinct: HashSet<usize> = first.iter().copied().collect();
        assert_eq!(distinct.len() as u64, windows);
        assert_eq!(first, epoch(1, 0));
        for other in [epoch(1, 1), epoch(1, 2), epoch(2, 0)] {
            assert_ne!(first, other);
            assert_eq!(distinct, other.into_iter().collect());
        }
    }
}

#[test]
fn a_text_of_one_window_gives_that_window_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    write_texts(&folder.path().join("text"), &texts(4));
    let corpus = build(&folder.path().join("text"), &CorpusOptions::default(), &folder.path().join("corpus")).unwrap();
    let context = corpus.report().training.tokens as usize;
    assert_eq!(corpus.windows(context).unwrap(), 1);
    for index in [0, 1, 17, u64::MAX] {
        assert_eq!(corpus.window(3, index, context).len(), context + 1);
    }
    let error = corpus.windows(context + 1).unwrap_err();
    assert!(matches!(error, CorpusError::TooLittleText { .. }), "{error}");
}

#[test]
fn neither_names_nor_order_nor_threads_decide_the_corpus() {
    let folder = tempfile::tempdir().unwrap();
    let mut texts = texts(150);
    write_texts(&folder.path().join("a"), &texts);
    texts.reverse();
    write_texts(&folder.path().join("b/deeper"), &texts);
    for tokenizer in [TokenizerKind::Bytes, TokenizerKind::Bpe { vocabulary: 2000 }] {
        let options = CorpusOptions { tokenizer, ..CorpusOptions::default() };
        let fingerprint = |source: &str, threads: usize| {
            let dir = folder.path().join(format!("{source}-{threads}-{}", options.tokenizer == TokenizerKind::Bytes));
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let corpus = pool.install(|| build(&folder.path().join(source), &options, &dir)).unwrap();
            corpus.fingerprint().to_owned()
        };
        let expected = fingerprint("a", 1);
        assert_eq!(fingerprint("a", 4), expected);
        assert_eq!(fingerprint("b", 3), expected);
    }
}

#[test]
fn seed_tokenizer_and_text_change_the_fingerprint() {
    let folder = tempfile::tempdir().unwrap();
    let texts = texts(100);
    write_texts(&folder.path().join("all"), &texts);
    write_texts(&folder.path().join("fewer"), &texts[1..]);
    let fingerprint = |source: &str, options: CorpusOptions, dir: &str| {
        build(&folder.path().join(source), &options, &folder.path().join(dir)).unwrap().fingerprint().to_owned()
    };
    let fingerprints = HashSet::from([
        fingerprint("all", CorpusOptions::default(), "1"),
        fingerprint("all", CorpusOptions { seed: 1, ..CorpusOptions::default() }, "2"),
        fingerprint(
            "all",
            CorpusOptions { tokenizer: TokenizerKind::Bpe { vocabulary: 300 }, ..CorpusOptions::default() },
            "3",
        ),
        fingerprint("fewer", CorpusOptions::default(), "4"),
    ]);
    assert_eq!(fingerprints.len(), 4);
}

#[test]
fn all_formats_give_the_same_documents() {
    let folder = tempfile::tempdir().unwrap();
    let texts = texts(60);
    let json_lines = |field: &str| -> String {
        texts
            .iter()
            .map(|text| serde_json::json!({ "id": [1, { "a": null }], field: text }).to_string() + "\n")
            .collect()
    };
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let zstd = |bytes: &[u8]| ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest);
    let write = |name: &str, contents: &[u8]| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    };
    write_texts(&folder.path().join("plain"), &texts);
    write("jsonl/all.jsonl", json_lines("text").as_bytes());
    write("jsonl.gz/all.ndjson.gz", &gzip(json_lines("text").as_bytes()));
    // Several gzip members and several zstd frames, one of them to be skipped, in one file.
    let lines = json_lines("text");
    let (first, second) = lines.split_at(lines.len() / 2);
    write("members/all.jsonl.gz", &[gzip(first.as_bytes()), gzip(second.as_bytes())].concat());
    let skippable = [&0x184d_2a50_u32.to_le_bytes()[..], &4_u32.to_le_bytes(), b"skip"].concat();
    write("frames/all.jsonl.zst", &[zstd(first.as_bytes()), skippable, zstd(second.as_bytes())].concat());
    for (number, text) in texts.iter().enumerate() {
        write(&format!("gz/{number}.md.gz"), &gzip(text.as_bytes()));
        write(&format!("zst/{number}.zst"), &zstd(text.as_bytes()));
        write(&format!("marked/{number}"), format!("\u{feff}{text}").as_bytes());
    }
    let fingerprint = |source: &str| {
        let dir = folder.path().join(format!("corpus-{source}"));
        build(&folder.path().join(source), &CorpusOptions::default(), &dir).unwrap().fingerprint().to_owned()
    };
    let expected = fingerprint("plain");
    for source in ["jsonl", "jsonl.gz", "members", "frames", "gz", "zst", "marked"] {
        assert_eq!(fingerprint(source), expected, "{source}");
    }
    write("other/all.jsonl", json_lines("body").as_bytes());
    let options = CorpusOptions { json_field: "body".to_owned(), ..CorpusOptions::default() };
    let corpus = build(&folder.path().join("other"), &options, &folder.path().join("corpus-other")).unwrap();
    assert_eq!(corpus.fingerprint(), expected);
}

#[test]
fn a_long_text_is_cut_into_documents() {
    let folder = tempfile::tempdir().unwrap();
    let book = texts(300).join("\n\n");
    fs::write(folder.path().join("book.txt"), &book).unwrap();
    let corpus =
        build(&folder.path().join("book.txt"), &CorpusOptions::default(), &folder.path().join("corpus")).unwrap();
    let report = corpus.report();
    assert!(report.found > book.len() as u64 / 16384);
    assert!(report.held_out.documents > 0);
    assert_eq!(report.training.bytes + report.held_out.bytes, book.len() as u64);
}

#[test]
fn the_byte_limit_is_filled_and_accounted_for() {
    let folder = tempfile::tempdir().unwrap();
    write_texts(&folder.path().join("text"), &texts(1500));
    let options = CorpusOptions { max_bytes: 1 << 20, ..CorpusOptions::default() };
    let corpus = build(&folder.path().join("text"), &options, &folder.path().join("corpus")).unwrap();
    let report = corpus.report();
    let kept = report.training.bytes + report.held_out.bytes;
    assert!(kept <= 1 << 20 && kept > (1 << 20) - 30_000, "{kept}");
    let over = report.dropped[&DropReason::OverLimit].documents;
    assert_eq!(report.training.documents + report.held_out.documents + over, 1500);
}

#[test]
fn the_same_build_is_not_done_twice_and_another_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("text");
    write_texts(&source, &texts(100));
    let dir = folder.path().join("corpus");
    let options = CorpusOptions::default();
    build(&source, &options, &dir).unwrap();
    let written = |name: &str| fs::metadata(dir.join(name)).unwrap().modified().unwrap();
    let before = written("train.tokens");
    let mut calls = 0;
    Corpus::build(std::slice::from_ref(&source), &options, &dir, &mut |_| calls += 1).unwrap();
    assert_eq!((calls, written("train.tokens")), (0, before));

    let other = CorpusOptions { seed: 1, ..options.clone() };
    assert!(matches!(build(&source, &other, &dir), Err(CorpusError::Occupied { .. })));
    fs::write(source.join("new.txt"), "a new file of text").unwrap();
    assert!(matches!(build(&source, &options, &dir), Err(CorpusError::Occupied { .. })));
    // What was there is still there.
    assert_eq!(Corpus::open(&dir).unwrap().report().files, 100);
}

#[test]
fn a_corpus_inside_its_own_source_is_not_read_back() {
    let folder = tempfile::tempdir().unwrap();
    write_texts(folder.path(), &texts(50));
    let inside = folder.path().join("corpus");
    let first = build(folder.path(), &CorpusOptions::default(), &inside).unwrap().fingerprint().to_owned();
    let second = build(folder.path(), &CorpusOptions::default(), &inside.with_extension("2")).unwrap();
    assert_eq!(second.fingerprint(), first);
    assert_eq!(second.report().dropped[&DropReason::CacheFolder].documents, 1);
    assert_eq!(build(folder.path(), &CorpusOptions::default(), &inside).unwrap().fingerprint(), first);
}

#[test]
fn progress_reaches_the_end_of_each_stage() {
    let folder = tempfile::tempdir().unwrap();
    write_texts(&folder.path().join("text"), &texts(100));
    let sources: Vec<PathBuf> = vec![folder.path().join("text")];
    let mut last = std::collections::HashMap::new();
    let mut note = |progress: &isoflop_train::BuildProgress| {
        assert!(progress.done <= progress.total);
        last.insert(format!("{:?}", progress.stage), (progress.done, progress.total));
    };
    Corpus::build(&sources, &CorpusOptions::default(), &folder.path().join("corpus"), &mut note).unwrap();
    for stage in ["Reading", "Tokenizing"] {
        let (done, total) = last[stage];
        assert!(done == total && total > 0, "{stage}: {done} of {total}");
    }
}

#[test]
fn documents_of_the_made_up_language_reach_its_entropy() {
    let folder = tempfile::tempdir().unwrap();
    let language = Language::new(LanguageOptions::default()).unwrap();
    let build =
        || Corpus::from_documents(language.documents(1 << 20), &by_share(), folder.path(), &mut |_| {}).unwrap();
    let corpus = build();
    assert_eq!(build().fingerprint(), corpus.fingerprint());
    let report = corpus.report();
    assert!(report.training.bytes + report.held_out.bytes > (1 << 20) - 1000);
    assert!(!report.dropped.contains_key(&DropReason::Leaked), "{report}");
    let texts = held_out_texts(&corpus);
    let nats: f64 = texts.iter().map(|text| language.document_nats(text).unwrap()).sum();
    let bytes: usize = texts.iter().map(|text| text.len() + 1).sum();
    // 100 kB held out: the mean wanders by about one percent.
    assert!((nats / bytes as f64 / language.entropy_rate() - 1.0).abs() < 0.03);
}
