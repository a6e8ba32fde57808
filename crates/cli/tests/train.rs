//! Does one run train, go on after Ctrl-C, say how good it is, and write; and what do careless hands get told?

#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::isoflop_with;

/// Text of a few words, which a small model learns in seconds.
fn write_text(dir: &Path) {
    let words = ["the cat", "a dog", "the bird", "sees", "hears", "likes", "one tree", "two naïve fish", "no cloud"];
    let mut state = 1u64;
    for document in 0..120 {
        let mut text = String::new();
        for _ in 0..160 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text += words[(state >> 33) as usize % words.len()];
            text += if state >> 61 == 0 { ".\n" } else { " " };
        }
        std::fs::create_dir_all(dir.join("text")).unwrap();
        std::fs::write(dir.join(format!("text/{document}.txt")), text).unwrap();
    }
}

fn run(dir: &Path, arguments: &str) -> Output {
    let output = isoflop_with(dir, &arguments.split(' ').collect::<Vec<_>>(), "");
    assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"), "{arguments}: {output:?}");
    output
}

fn done(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn refused(dir: &Path, arguments: &str, word: &str) {
    let output = run(dir, arguments);
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{arguments}: {complaint}");
    assert!(complaint.contains(word), "{arguments}: {complaint} says nothing of {word}");
}

const TRAIN: &str = "train text --params 20K --tokens 300K --threads 2";

#[test]
fn a_run_ends_with_its_loss_and_can_be_read() {
    let dir = tempfile::tempdir().unwrap();
    write_text(dir.path());
    let answer: Value = serde_json::from_str(&done(&run(dir.path(), &format!("{TRAIN} --json -o out")))).unwrap();
    let number = |key: &str| answer["evaluation"].get(key).unwrap_or(&answer[key]).as_f64().unwrap();
    assert!((number("bits_per_byte") - number("loss") / 2f64.ln()).abs() < 1e-9, "bytes are tokens: {answer}");
    // Words in any order, once spelling is learnt, take about 0.3 to 0.6 nats a byte; nothing learnt takes more than 3.
    assert!(number("loss") < 1.5 && number("standard_error") > 0.0, "{answer}");
    assert!(
        (number("params") / 2e4 - 1.0).abs() < 0.25 && (answer["tokens"].as_f64().unwrap() / 3e5 - 1.0).abs() < 0.01,
        "{answer}"
    );
    assert!(Path::new(&dir.path().join(answer["checkpoint"].as_str().unwrap())).exists());

    // The finished run answers again, at once, in words.
    let words = done(&run(dir.path(), &format!("{TRAIN} -o out")));
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in ["nats per token", "bits per byte", "held-out documents", "next: isoflop sample out"] {
        assert!(words.contains(part), "{words}");
    }

    let sample = |more: &str| done(&run(dir.path(), &format!("sample out --tokens 120{more}")));
    let text = sample(" --prompt the");
    assert!(text.starts_with("the"), "{text}");
    assert!(["cat", "dog", "bird", "tree", "fish", "cloud"].iter().any(|word| text.contains(word)), "{text}");
    assert_eq!(text, sample(" --prompt the"));
    assert_ne!(text, sample(" --prompt the --seed 1"));
    assert_eq!(sample(" --temperature 0"), sample(" --temperature 0 --seed 9"));
    // Hot enough to write bytes that are no text.
    assert!(sample(" --temperature 50").contains('\u{fffd}'));
    assert_eq!(done(&run(dir.path(), "sample out --tokens 0 --prompt ab")), "ab\n");
    refused(dir.path(), "sample out --temperature -1", "temperature");
    refused(dir.path(), "sample text", "isoflop train");
    refused(dir.path(), "sample nowhere", "isoflop train");
    // The folder belongs to its run.
    refused(dir.path(), "train text --params 40K --tokens 300K -o out", "choose another folder");
}

#[test]
fn a_recipe_of_ones_own_may_learn_its_tokens() {
    let dir = tempfile::tempdir().unwrap();
    write_text(dir.path());
    let recipe = "name = \"pieces\"\ncontext = 32\n[tokenizer.bpe]\nvocabulary = 4000\n";
    std::fs::write(dir.path().join("pieces.toml"), recipe).unwrap();
    let train = "train text --params 40K --tokens 100K --recipe pieces.toml --json -o out";
    let answer: Value = serde_json::from_str(&done(&run(dir.path(), train))).unwrap();
    assert_eq!(answer["recipe"], "pieces");
    let number = |key: &str| answer["evaluation"][key].as_f64().unwrap();
    // A few words are a few hundred tokens at most, of several bytes each.
    assert!(number("bits_per_byte") < 0.6 * number("loss") / 2f64.ln(), "{answer}");
    let text = done(&run(dir.path(), "sample out --prompt naïve --tokens 40"));
    assert!(text.starts_with("naïve") && text.contains(' '), "{text}");
}

#[test]
fn what_cannot_be_trained_is_refused_with_its_remedy() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("short.txt"), "too short to learn from").unwrap();
    std::fs::write(dir.path().join("bad.toml"), "name = \"x\"\nwidht = 3\n").unwrap();
    write_text(dir.path());
    refused(dir.path(), "train nothing.txt --params 20K --tokens 300K", "nothing.txt");
    refused(dir.path(), "train short.txt --params 20K --tokens 300K -o short", "text");
    refused(dir.path(), "train text --params 20K --tokens 300K --recipe bad.toml", "widht");
    refused(dir.path(), "train text --params 20K --tokens 300K --recipe none.toml", "none.toml");
    refused(dir.path(), "train text --params -3 --tokens 300K", "params");
    refused(dir.path(), "train --params 20K --tokens 300K", "TEXT");
    refused(dir.path(), "train text --params 20K --tokens 300K -o short.txt", "short.txt");
}

#[cfg(unix)]
#[test]
fn a_run_stopped_by_ctrl_c_goes_on_to_the_same_result() {
    let dir = tempfile::tempdir().unwrap();
    write_text(dir.path());
    let whole = done(&run(dir.path(), "train text --params 20K --tokens 1M --threads 1 --json -o whole"));
    let mut child = Command::new(env!("CARGO_BIN_EXE_isoflop"))
        .args("train text --params 20K --tokens 1M --threads 1 --json -o cut".split(' '))
        .current_dir(dir.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let curve = || {
        let cells = std::fs::read_dir(dir.path().join("cut/run/cells")).ok()?;
        std::fs::metadata(cells.flatten().next()?.path().join("metrics.jsonl")).ok().map(|file| file.len())
    };
    let begin = Instant::now();
    while curve().is_none_or(|bytes| bytes < 2000) && begin.elapsed() < Duration::from_secs(120) {
        std::thread::sleep(Duration::from_millis(2));
    }
    let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    assert_eq!(child.wait().unwrap().code(), Some(2), "it was over before it could be stopped");
    let resumed = done(&run(dir.path(), "train text --params 20K --tokens 1M --threads 1 --json -o cut"));
    assert_eq!(resumed.replace("cut/", "whole/"), whole);
}
