//! Does every unreadable, damaged, malicious or missing input end as a typed error or a count, never as a panic or a silence?
#![allow(clippy::unwrap_used, clippy::panic, reason = "functions shared by tests fail as tests do")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use isoflop_train::{
    Corpus, CorpusError, CorpusOptions, DropReason, FileDamage, Language, LanguageOptions, TokenSource, TokenizerKind,
};

struct Workplace {
    folder: tempfile::TempDir,
}

impl Workplace {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("text")).unwrap();
        Self { folder }
    }

    /// One with enough good text beside what is to be tested.
    fn with_good_text() -> Self {
        let workplace = Self::new();
        for (number, text) in good_texts().iter().enumerate() {
            workplace.write(&format!("good-{number}.txt"), text.as_bytes());
        }
        workplace
    }

    fn source(&self) -> PathBuf {
        self.folder.path().join("text")
    }

    fn dir(&self) -> PathBuf {
        self.folder.path().join("corpus")
    }

    fn write(&self, name: &str, contents: &[u8]) {
        fs::write(self.source().join(name), contents).unwrap();
    }

    fn build_with(&self, options: &CorpusOptions) -> Result<Corpus, CorpusError> {
        Corpus::build(&[self.source()], options, &self.dir(), &mut |_| {})
    }

    fn build(&self) -> Result<Corpus, CorpusError> {
        self.build_with(&CorpusOptions::default())
    }

    /// Builds, checks the sums, and returns how many documents were dropped for `reason`, and the first example.
    fn dropped(&self, reason: DropReason) -> (u64, String) {
        let corpus = self.build().unwrap();
        let report = corpus.report();
        assert_eq!(report.found, report.training.documents + report.held_out.documents + report.dropped_documents());
        let dropped = report.dropped.get(&reason).unwrap_or_else(|| panic!("nothing dropped as {reason}: {report}"));
        (dropped.documents, dropped.examples.first().cloned().unwrap_or_default())
    }
}

const GOOD: u64 = 40;

fn good_texts() -> Vec<String> {
    let language = Language::new(LanguageOptions { document_ends: 0.001, ..LanguageOptions::default() }).unwrap();
    (0..GOOD).map(|index| language.document(index)).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

#[test]
fn a_missing_source_is_named() {
    let workplace = Workplace::with_good_text();
    let missing = workplace.source().join("no-such-file");
    let sources = [workplace.source(), missing.clone()];
    let error = Corpus::build(&sources, &CorpusOptions::default(), &workplace.dir(), &mut |_| {}).unwrap_err();
    assert!(matches!(&error, CorpusError::Source { path, .. } if *path == missing), "{error}");
    assert!(!workplace.dir().exists());
}

#[test]
fn an_empty_folder_is_refused() {
    let error = Workplace::new().build().unwrap_err();
    assert!(matches!(&error, CorpusError::NothingLeft { report } if report.found == 0), "{error}");
}

#[test]
fn a_folder_of_binaries_is_refused_and_they_are_named() {
    let workplace = Workplace::new();
    for number in 0..5 {
        workplace.write(&format!("{number}.bin"), &[b'E', b'L', b'F', 0, number]);
    }
    let error = workplace.build().unwrap_err();
    assert!(
        matches!(&error, CorpusError::NothingLeft { report } if report.dropped[&DropReason::Binary].documents == 5)
    );
    assert!(error.to_string().contains("5 binary") && error.to_string().contains("0.bin"), "{error}");
}

#[test]
fn one_tiny_file_is_refused_with_what_is_needed() {
    let workplace = Workplace::new();
    workplace.write("tiny.txt", b"Hello, world.\n");
    let error = workplace.build().unwrap_err();
    assert!(matches!(error, CorpusError::SingleDocument { bytes: 14, .. }), "{error}");
    workplace.write("tiny2.txt", b"Hello, moon.\n");
    let error = workplace.build().unwrap_err();
    assert!(matches!(error, CorpusError::TooLittleText { context: 256, .. }), "{error}");
    assert!(matches!(Corpus::open(&workplace.dir()), Err(CorpusError::NotACorpus { .. })));
}

#[test]
fn options_out_of_range_are_refused() {
    let workplace = Workplace::with_good_text();
    let refused = |change: &dyn Fn(&mut CorpusOptions)| {
        let mut options = CorpusOptions::default();
        change(&mut options);
        match workplace.build_with(&options).unwrap_err() {
            CorpusError::Option { option, .. } => option,
            error => panic!("{error}"),
        }
    };
    assert_eq!(refused(&|options| options.held_out.share = f64::NAN), "held_out.share");
    assert_eq!(refused(&|options| options.held_out.share = 0.6), "held_out.share");
    assert_eq!(refused(&|options| options.held_out.max_bytes = 5), "held_out.max_bytes");
    assert_eq!(refused(&|options| options.max_bytes = 1000), "max_bytes");
    assert_eq!(refused(&|options| options.context = 0), "context");
    for vocabulary in [0, 257, 65537] {
        let change = move |options: &mut CorpusOptions| options.tokenizer = TokenizerKind::Bpe { vocabulary };
        assert_eq!(refused(&change), "tokenizer.bpe.vocabulary");
    }
}

#[test]
fn invalid_utf8_anywhere_drops_the_whole_file() {
    for length in [100, 200_000] {
        let workplace = Workplace::with_good_text();
        let mut text = good_texts().concat().repeat(2).into_bytes();
        text.truncate(length);
        let middle = text.len() / 2;
        text[middle] = 0xff;
        workplace.write("broken.txt", &text);
        let (count, example) = workplace.dropped(DropReason::NotUtf8);
        assert_eq!(count, 1);
        assert!(example.ends_with("broken.txt"), "{example}");
        assert_eq!(workplace.build().unwrap().report().found, GOOD + 1);
    }
}

#[test]
fn a_nul_far_inside_drops_the_whole_file() {
    let workplace = Workplace::with_good_text();
    let mut text = good_texts().concat().to_uppercase().into_bytes();
    text.push(0);
    workplace.write("broken.txt", &text);
    assert_eq!(workplace.dropped(DropReason::Binary).0, 1);
    assert_eq!(workplace.build().unwrap().report().found, GOOD + 1);
}

#[test]
fn truncated_and_corrupted_archives_give_nothing() {
    let text = good_texts().concat().to_uppercase();
    let lines: String = text.lines().map(|line| serde_json::json!({ "text": line }).to_string() + "\n").collect();
    for (name, archive) in [
        ("a.txt.gz", gzip(text.as_bytes())),
        ("a.txt.zst", zstd(text.as_bytes())),
        ("a.jsonl.gz", gzip(lines.as_bytes())),
        ("a.jsonl.zst", zstd(lines.as_bytes())),
    ] {
        for length in [1, 5, archive.len() / 2, archive.len() - 5] {
            let workplace = Workplace::with_good_text();
            workplace.write(name, &archive[..length]);
            let (count, example) = workplace.dropped(DropReason::DamagedArchive);
            assert!(count == 1 && example.contains(name), "{name} cut to {length}: {count} {example}");
        }
        let workplace = Workplace::with_good_text();
        workplace.write(name, b"this is no archive at all, it only has the name of one");
        assert_eq!(workplace.dropped(DropReason::DamagedArchive).0, 1, "{name}");
    }
    let workplace = Workplace::with_good_text();
    let mut archive = gzip(text.as_bytes());
    let middle = archive.len() / 2;
    archive[middle] ^= 0x10;
    workplace.write("flipped.gz", &archive);
    assert_eq!(workplace.dropped(DropReason::DamagedArchive).0, 1);
}

#[test]
fn an_empty_archive_and_an_empty_file_are_empty() {
    let workplace = Workplace::with_good_text();
    workplace.write("a.txt", b"");
    workplace.write("b.txt.gz", &gzip(b""));
    workplace.write("c.txt", b" \n\r\n\t");
    assert_eq!(workplace.dropped(DropReason::Empty).0, 3);
}

#[test]
fn a_decompression_bomb_is_cut_off() {
    let text = "All work and no play makes Jack a dull boy.\n".repeat(1 << 20);
    for (name, archive) in [("bomb.txt.gz", gzip(text.as_bytes())), ("bomb.txt.zst", zstd(text.as_bytes()))] {
        let workplace = Workplace::with_good_text();
        assert!(archive.len() < text.len() / 256, "{name}: {}", archive.len());
        workplace.write(name, &archive);
        assert_eq!(workplace.dropped(DropReason::DecompressionBomb).0, 1);
        assert_eq!(workplace.build().unwrap().report().found, GOOD + 1);
    }
}

#[test]
fn bad_json_lines_are_counted_with_their_place() {
    let workplace = Workplace::with_good_text();
    let mut lines: Vec<u8> = Vec::new();
    lines.extend(b"{\"text\": \"a good line of text\"}\n\n");
    lines.extend(b"{\"text\": \"an unfinished line\n");
    lines.extend(b"{\"body\": \"another field\"}\n");
    lines.extend(b"{\"text\": 17}\n");
    lines.extend(b"[1, 2]\n");
    lines.extend(b"{\"text\": \"\xff\xfe\"}\n");
    lines.extend(b"{\"text\": \"one\"} {\"text\": \"two\"}\n");
    lines.extend("{\"a\":".repeat(100_000).as_bytes());
    lines.extend(b"\n{\"text\": \"the last good line, without a line end\"}");
    workplace.write("lines.jsonl", &lines);
    let (count, example) = workplace.dropped(DropReason::BadJson);
    assert_eq!(count, 7);
    assert!(example.contains("lines.jsonl:3: "), "{example}");
    assert_eq!(workplace.build().unwrap().report().found, GOOD + 9);
}

#[test]
fn json_can_hide_neither_nul_nor_nothing() {
    let workplace = Workplace::with_good_text();
    workplace.write("lines.jsonl", b"{\"text\": \"a \\u0000 b\"}\n{\"text\": \"\"}\n{\"text\": \" \\n \"}\n");
    assert_eq!(workplace.dropped(DropReason::Binary).0, 1);
    assert_eq!(workplace.dropped(DropReason::Empty).0, 2);
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_no_text_are_read_and_told_apart() {
    use std::os::unix::ffi::OsStrExt;
    let workplace = Workplace::with_good_text();
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.txt");
    fs::write(workplace.source().join(name), good_texts().concat().to_uppercase()).unwrap();
    assert_eq!(workplace.build().unwrap().report().files, GOOD + 1);
    fs::write(workplace.source().join(name), "other text").unwrap();
    assert!(matches!(workplace.build(), Err(CorpusError::Occupied { .. })));
}

#[test]
fn copies_are_dropped_and_counted() {
    let workplace = Workplace::with_good_text();
    let text = &good_texts()[0];
    fs::create_dir(workplace.source().join("vendor")).unwrap();
    workplace.write("vendor/copy.txt", text.as_bytes());
    workplace.write("lines.jsonl", serde_json::json!({ "text": text }).to_string().as_bytes());
    workplace.write("copy.txt.gz", &gzip(text.as_bytes()));
    assert_eq!(workplace.dropped(DropReason::Duplicate).0, 3);
    // The same source twice is no new text either.
    let sources = [workplace.source(), workplace.source()];
    let dir = workplace.folder.path().join("twice");
    let corpus = Corpus::build(&sources, &CorpusOptions::default(), &dir, &mut |_| {}).unwrap();
    assert_eq!(corpus.fingerprint(), workplace.build().unwrap().fingerprint());
}

#[test]
fn hidden_files_and_generated_files_are_counted() {
    let workplace = Workplace::with_good_text();
    fs::create_dir(workplace.source().join(".git")).unwrap();
    workplace.write(".git/config", b"[core]\n");
    workplace.write(".hidden.txt", b"hidden text");
    workplace.write("Cargo.lock", b"[[package]]\nname = \"a\"\n");
    let long = format!("// Code generated by protoc. DO NOT EDIT.\n{}", good_texts().concat());
    workplace.write("api.pb.go", long.as_bytes());
    assert_eq!(workplace.dropped(DropReason::Hidden).0, 2);
    assert_eq!(workplace.dropped(DropReason::Generated).0, 2);
    assert_eq!(workplace.build().unwrap().report().found, GOOD + 4);
}

#[cfg(unix)]
#[test]
fn links_cannot_catch_the_walk() {
    use std::os::unix::fs::symlink;
    let workplace = Workplace::with_good_text();
    let inside = |name: &str| workplace.source().join(name);
    symlink(workplace.source(), inside("loop")).unwrap();
    symlink(inside("self"), inside("self")).unwrap();
    symlink("nowhere", inside("dangling")).unwrap();
    symlink("good-0.txt", inside("link.txt")).unwrap();
    symlink("/dev/zero", inside("endless")).unwrap();
    assert_eq!(workplace.dropped(DropReason::LinkedFolder).0, 1);
    assert_eq!(workplace.dropped(DropReason::Unreadable).0, 2);
    assert_eq!(workplace.dropped(DropReason::Duplicate).0, 1);
    assert_eq!(workplace.dropped(DropReason::NotAFile).0, 1);
    // A link to a folder that is named as a source is followed.
    let link = workplace.folder.path().join("link");
    symlink(workplace.source(), &link).unwrap();
    let corpus = Corpus::build(&[link], &CorpusOptions::default(), &workplace.folder.path().join("2"), &mut |_| {});
    assert_eq!(corpus.unwrap().report().files, GOOD + 1);
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_fails_while_it_is_read_is_counted() {
    let workplace = Workplace::with_good_text();
    // Opens well, also for the superuser, and fails at the first read.
    std::os::unix::fs::symlink("/proc/self/mem", workplace.source().join("failing.txt")).unwrap();
    let (count, example) = workplace.dropped(DropReason::Unreadable);
    assert_eq!(count, 1);
    assert!(example.contains("failing.txt: "), "{example}");
}

#[cfg(unix)]
#[test]
fn unreadable_files_and_folders_are_counted_and_named() {
    use std::os::unix::fs::PermissionsExt;
    let close = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o000)).unwrap();
    let workplace = Workplace::with_good_text();
    workplace.write("closed.txt", b"secret");
    let closed = workplace.source().join("closed");
    fs::create_dir(&closed).unwrap();
    close(&closed);
    close(&workplace.source().join("closed.txt"));
    if fs::read_dir(&closed).is_ok() {
        // The superuser reads everything: nothing to see.
        return;
    }
    let outcome = std::panic::catch_unwind(|| workplace.dropped(DropReason::Unreadable));
    let dir = workplace.folder.path().join("alone");
    let alone = Corpus::build(std::slice::from_ref(&closed), &CorpusOptions::default(), &dir, &mut |_| {});
    // Or the temporary folder could not be removed.
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(outcome.unwrap().0, 2);
    let error = alone.unwrap_err().to_string();
    assert!(error.contains("closed"), "{error}");
}

#[test]
fn a_folder_that_cannot_be_made_is_a_typed_error() {
    let workplace = Workplace::with_good_text();
    let file = workplace.folder.path().join("file");
    fs::write(&file, b"in the way").unwrap();
    let error = Corpus::build(&[workplace.source()], &CorpusOptions::default(), &file.join("corpus"), &mut |_| {});
    assert!(matches!(error, Err(CorpusError::Write { .. })), "{error:?}");
    let error = Corpus::build(&[workplace.source()], &CorpusOptions::default(), &file, &mut |_| {});
    assert!(matches!(error, Err(CorpusError::Write { .. })), "{error:?}");
}

/// A disk of 64 KiB, where the system lets us mount one.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_a_typed_error_and_leaves_no_corpus() {
    let workplace = Workplace::with_good_text();
    let disk = workplace.folder.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let run = |program: &str, arguments: &[&str]| {
        let output = std::process::Command::new(program).args(arguments).arg(&disk).output();
        output.is_ok_and(|output| output.status.success())
    };
    if !run("mount", &["-t", "tmpfs", "-o", "size=64k", "tmpfs"]) {
        return;
    }
    let dir = disk.join("corpus");
    let outcome = Corpus::build(&[workplace.source()], &CorpusOptions::default(), &dir, &mut |_| {});
    let litter = fs::read_dir(&dir).map_or(0, Iterator::count);
    let opened = Corpus::open(&dir);
    assert!(run("umount", &[]));
    let full = std::io::ErrorKind::StorageFull;
    assert!(matches!(&outcome, Err(CorpusError::Write { source, .. }) if source.kind() == full), "{outcome:?}");
    assert!(matches!(opened, Err(CorpusError::NotACorpus { .. })));
    assert_eq!(litter, 0);
}

#[test]
fn an_unfinished_build_is_no_corpus_and_can_be_finished() {
    let workplace = Workplace::with_good_text();
    let fingerprint = workplace.build().unwrap().fingerprint().to_owned();
    fs::remove_file(workplace.dir().join("corpus.json")).unwrap();
    fs::write(workplace.dir().join("train.tokens"), b"half").unwrap();
    fs::write(workplace.dir().join("train.tokens.partial-0"), b"litter of a crash").unwrap();
    assert!(matches!(Corpus::open(&workplace.dir()), Err(CorpusError::NotACorpus { .. })));
    assert_eq!(workplace.build().unwrap().fingerprint(), fingerprint);
    assert!(matches!(Corpus::open(Path::new("/no/such/folder")), Err(CorpusError::NotACorpus { .. })));
}

#[test]
fn damage_to_any_file_is_found_and_a_build_repairs_it() {
    let workplace = Workplace::with_good_text();
    let options = CorpusOptions { tokenizer: TokenizerKind::Bpe { vocabulary: 300 }, ..CorpusOptions::default() };
    let fingerprint = workplace.build_with(&options).unwrap().fingerprint().to_owned();
    let path = |name: &str| workplace.dir().join(name);
    for name in ["train.tokens", "held_out.tokens", "tokenizer.json", "corpus.json"] {
        let whole = fs::read(path(name)).unwrap();
        let mut flipped = whole.clone();
        // In the manifest this hits a digit of a separator's place.
        let at = flipped
            .windows(12)
            .position(|bytes| bytes.starts_with(b"_separators\""))
            .map_or(whole.len() / 2, |at| at + flipped[at..].iter().position(u8::is_ascii_digit).unwrap());
        flipped[at] ^= 1;
        for (what, damaged) in [("cut", &whole[..whole.len() / 2]), ("emptied", &[][..]), ("flipped", &flipped)] {
            fs::write(path(name), damaged).unwrap();
            let error = Corpus::open(&workplace.dir()).unwrap_err();
            let is_named = matches!(&error, CorpusError::Damaged { path: found, .. } if *found == path(name));
            assert!(is_named || matches!(error, CorpusError::Read { .. }), "{name} {what}: {error}");
            assert_eq!(workplace.build_with(&options).unwrap().fingerprint(), fingerprint, "{name} {what}");
        }
        fs::remove_file(path(name)).unwrap();
        assert!(Corpus::open(&workplace.dir()).is_err(), "{name} removed");
        assert_eq!(workplace.build_with(&options).unwrap().fingerprint(), fingerprint);
    }
}

#[test]
fn the_length_of_a_cut_file_is_told() {
    let workplace = Workplace::with_good_text();
    let tokens = workplace.build().unwrap().report().training.tokens + 1;
    let path = workplace.dir().join("train.tokens");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
    match Corpus::open(&workplace.dir()).unwrap_err() {
        CorpusError::Damaged { damage: FileDamage::Length { expected, found }, .. } => {
            assert_eq!((expected, found), (2 * tokens, 2 * tokens - 3));
        }
        error => panic!("{error}"),
    }
}

#[test]
fn a_corpus_of_another_version_is_left_alone() {
    let workplace = Workplace::with_good_text();
    workplace.build().unwrap();
    let path = workplace.dir().join("corpus.json");
    fs::write(&path, b"{\"schema\": \"isoflop.corpus/99\", \"unknown\": true}").unwrap();
    assert!(matches!(Corpus::open(&workplace.dir()), Err(CorpusError::Schema { .. })));
    assert!(matches!(workplace.build(), Err(CorpusError::Occupied { .. })));
    assert!(fs::read_to_string(path).unwrap().contains("/99"));
}
