//! A run gives the same bits however it is threaded, saved and resumed; hostile input gives a typed error.

// The helpers below are called by tests only.
#![allow(clippy::unwrap_used)]

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use isoflop::counting::Architecture;
use isoflop_train::{
    Activation, AdamW, Block, Damage, Difference, EvaluationLimit, Muon, RunSpec, Schedule, Session, StepReport,
    TokenSource, TrainError,
};

/// A text in memory: symbols that follow from the one before, with some noise.
struct Text {
    vocabulary: usize,
    tokens: Vec<u16>,
    held_out: Vec<Range<usize>>,
    fingerprint: String,
}

impl Text {
    fn new(vocabulary: usize, held_out: &[usize]) -> Self {
        let mut state = 1u64;
        let mut tokens: Vec<u16> = vec![0];
        for i in 1..20_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let noise = if state >> 61 == 0 { state >> 40 } else { 0 };
            tokens.push(((u64::from(tokens[i - 1]) * 3 + 1 + noise) % vocabulary as u64) as u16);
        }
        let mut end = 10_000;
        let held_out = held_out.iter().map(|length| {
            end += length;
            end - length..end
        });
        Self { vocabulary, held_out: held_out.collect(), tokens, fingerprint: "text".into() }
    }
}

impl TokenSource for Text {
    fn vocabulary(&self) -> usize {
        self.vocabulary
    }
    fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
    fn window(&self, seed: u64, index: u64, context: usize) -> &[u16] {
        let windows = 9_000 / context as u64;
        let first = (index.wrapping_mul(31).wrapping_add(seed) % windows) as usize * context;
        &self.tokens[first..=first + context]
    }
    fn held_out_documents(&self) -> usize {
        self.held_out.len()
    }
    fn held_out_document(&self, document: usize) -> &[u16] {
        &self.tokens[self.held_out[document].clone()]
    }
    fn bytes_per_token(&self) -> f64 {
        1.5
    }
}

fn text() -> Arc<Text> {
    Arc::new(Text::new(40, &[100, 1, 0, 33, 7, 250, 2]))
}

fn spec() -> RunSpec {
    RunSpec {
        architecture: Architecture {
            depth: 2,
            width: 24,
            heads: 2,
            head_width: 12,
            feed_forward: 40,
            gated: true,
            vocabulary: 40,
            tied_head: false,
            context: 30,
        },
        block: Block::default(),
        optimizer: AdamW {
            hidden_rate: 0.01,
            embedding_rate: 0.01,
            beta1: 0.9,
            beta2: 0.95,
            epsilon: 1e-8,
            weight_decay: 0.1,
            clip_norm: 1.0,
        },
        muon: None,
        schedule: Schedule { warmup_steps: 4, cooldown_steps: 6 },
        batch_sequences: 11,
        steps: 24,
        seed: 5,
        shards: 4,
    }
}

/// Steps until `end` and returns the reports.
fn train(session: &mut Session, end: u64) -> Vec<StepReport> {
    (session.steps_done()..end).map(|_| session.step().unwrap()).collect()
}

/// All that a run is, as bytes.
fn bits(session: &Session) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bits");
    session.save(&path).unwrap();
    std::fs::read(path).unwrap()
}

#[test]
fn training_lowers_the_loss_on_held_out_documents() {
    let mut session = Session::new(&spec(), text(), 1).unwrap();
    let before = session.evaluate(EvaluationLimit::Everything).unwrap();
    train(&mut session, 24);
    assert!(session.is_finished());
    let after = session.evaluate(EvaluationLimit::Everything).unwrap();
    assert!((before.loss - 40f64.ln()).abs() < 0.5, "an untrained model knows nothing: {}", before.loss);
    assert!(after.loss < before.loss - 1.0, "{} -> {}", before.loss, after.loss);
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let run = |threads| {
        let mut session = Session::new(&spec(), text(), threads).unwrap();
        let reports = train(&mut session, 24);
        (reports, session.evaluate(EvaluationLimit::Everything).unwrap(), bits(&session))
    };
    let alone = run(1);
    for threads in [2, 3, 4, 9] {
        assert!(run(threads) == alone, "{threads} threads differ from one");
    }
}

#[test]
fn every_kind_of_model_learns_and_goes_on_bit_for_bit_on_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.checkpoint");
    let shape = Architecture { gated: false, tied_head: true, ..spec().architecture };
    for activation in [Activation::Gelu, Activation::ReluSquared, Activation::Silu] {
        let kind = RunSpec {
            architecture: shape.clone(),
            block: Block { activation, qk_norm: true },
            muon: (activation == Activation::ReluSquared).then_some(Muon { momentum: 0.9 }),
            steps: 48,
            ..spec()
        };
        let mut whole = Session::new(&kind, text(), 1).unwrap();
        let reports = train(&mut whole, 48);
        let (before, after) = (reports[0].loss, reports[47].loss);
        assert!((before - 40f64.ln()).abs() < 0.2, "{activation:?}: logits start small: {before}");
        assert!(after < before - 0.5, "{activation:?}: {before} -> {after}");
        let mut first = Session::new(&kind, text(), 3).unwrap();
        train(&mut first, 20);
        first.save(&path).unwrap();
        let mut second = Session::resume(&kind, text(), 2, &path).unwrap();
        train(&mut second, 48);
        assert!(bits(&second) == bits(&whole), "{activation:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bits_and_another_seed_others() {
    let run = |seed| {
        let mut session = Session::new(&RunSpec { seed, ..spec() }, text(), 1).unwrap();
        train(&mut session, 6)
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5), run(6));
}

#[test]
fn a_run_saved_and_resumed_at_any_step_goes_on_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let mut whole = Session::new(&spec(), text(), 1).unwrap();
    let reports = train(&mut whole, 24);
    for cut in [0, 1, 13, 23, 24] {
        let path = folder.path().join(format!("{cut}.checkpoint"));
        let mut first = Session::new(&spec(), text(), 2).unwrap();
        train(&mut first, cut);
        first.save(&path).unwrap();
        let mut second = Session::resume(&spec(), text(), 1, &path).unwrap();
        assert_eq!(second.steps_done(), cut);
        assert_eq!(train(&mut second, 24), reports[cut as usize..]);
        assert!(bits(&second) == bits(&whole), "cut at {cut}");
    }
}

#[test]
fn predictions_are_those_that_the_evaluation_scores() {
    let text = Arc::new(Text::new(40, &[25]));
    let mut session = Session::new(&spec(), Arc::clone(&text) as Arc<dyn TokenSource>, 2).unwrap();
    train(&mut session, 8);
    let document = text.held_out_document(0).to_vec();
    let mut nats = 0.0;
    for seen in 1..document.len() {
        let predicted = session.predict(&document[..seen]).unwrap();
        assert_eq!(predicted.len(), 40);
        assert!((predicted.iter().map(|ln_p| ln_p.exp()).sum::<f64>() - 1.0).abs() < 1e-12);
        nats -= predicted[usize::from(document[seen])];
    }
    let scored = session.evaluate(EvaluationLimit::Everything).unwrap();
    // The evaluation sums in single precision.
    assert!((nats / 24.0 / scored.loss - 1.0).abs() < 1e-5, "{} {}", nats / 24.0, scored.loss);
    let long: Vec<u16> = (0..100).map(|token| token % 40).collect();
    assert_eq!(session.predict(&long).unwrap(), session.predict(&long[70..]).unwrap(), "it sees its context only");
}

#[test]
fn a_sample_depends_on_its_seed_and_changes_nothing() {
    let mut session = Session::new(&spec(), text(), 1).unwrap();
    train(&mut session, 24);
    let before = bits(&session);
    let mut write = |temperature, seed| -> Vec<u16> {
        session.sample(&[3], temperature, seed).unwrap().take(80).map(Result::unwrap).collect()
    };
    assert_eq!(write(1.0, 7), write(1.0, 7));
    assert_ne!(write(1.0, 7), write(1.0, 8));
    assert_eq!(write(0.0, 7), write(0.0, 8), "nothing is left to chance");
    // Nine of ten symbols follow from the one before as 3 s + 1.
    let likeliest = write(0.0, 0);
    let follows = likeliest.windows(2).filter(|pair| pair[1] == (3 * pair[0] + 1) % 40).count();
    assert!(follows >= 60, "{follows} of 79: {likeliest:?}");
    assert!(bits(&session) == before);
    for temperature in [-0.1, f64::NAN, f64::INFINITY] {
        let refused = session.sample(&[3], temperature, 0).unwrap_err();
        assert!(matches!(refused, TrainError::OutOfRange { field: "temperature", .. }), "{refused}");
    }
    assert!(matches!(session.sample(&[], 1.0, 0).unwrap_err(), TrainError::EmptyPrompt));
    let unknown = session.sample(&[40], 1.0, 0).unwrap().next().unwrap();
    assert!(matches!(unknown, Err(TrainError::TokenOutOfRange { token: 40, .. })));
}

/// The run of [`spec`] with other steps and another cool-down.
fn branch(steps: u64, cooldown_steps: u64) -> RunSpec {
    RunSpec { steps, schedule: Schedule { cooldown_steps, ..spec().schedule }, ..spec() }
}

#[test]
fn a_branch_has_the_bits_of_a_run_trained_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trunk.checkpoint");
    for (trunk, branch, cut) in [
        (branch(24, 6), branch(40, 10), 19),
        (branch(24, 6), branch(40, 10), 7),
        (branch(40, 10), branch(24, 6), 19),
        (branch(24, 6), branch(19, 0), 19),
        (branch(24, 0), branch(31, 8), 24),
        (branch(24, 24), branch(30, 30), 1),
    ] {
        let mut first = Session::new(&trunk, text(), 2).unwrap();
        train(&mut first, cut);
        first.save(&path).unwrap();
        let mut second = Session::resume(&branch, text(), 1, &path).unwrap();
        let mut alone = Session::new(&branch, text(), 1).unwrap();
        let reports = train(&mut alone, branch.steps);
        assert_eq!(train(&mut second, branch.steps), reports[cut as usize..]);
        assert!(bits(&second) == bits(&alone), "{cut} steps of {} for {}", trunk.steps, branch.steps);
    }
}

#[test]
fn a_checkpoint_from_within_a_cooldown_is_no_branch_of_another_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trunk.checkpoint");
    let mut trunk = Session::new(&branch(24, 6), text(), 1).unwrap();
    for (done, agrees) in [(19, true), (20, false), (24, false)] {
        train(&mut trunk, done);
        trunk.save(&path).unwrap();
        for other in [branch(40, 10), branch(24, 5)] {
            let resumed = Session::resume(&other, text(), 1, &path);
            assert_eq!(resumed.is_ok(), agrees, "after {done} steps");
            if let Err(error) = resumed {
                assert!(matches!(error, TrainError::CheckpointOfAnotherRun { difference: Difference::Spec, .. }));
            }
        }
        let shorter = Session::resume(&branch(12, 2), text(), 1, &path);
        assert!(shorter.is_err(), "a checkpoint beyond the cool-down of the run that resumes is none of it");
    }
}

#[test]
fn saving_replaces_the_old_file_and_leaves_nothing_else_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.checkpoint");
    let mut session = Session::new(&spec(), text(), 1).unwrap();
    for _ in 0..3 {
        session.step().unwrap();
        session.save(&path).unwrap();
    }
    assert_eq!(Session::resume(&spec(), text(), 1, &path).unwrap().steps_done(), 3);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn every_truncation_and_every_flipped_byte_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let small = RunSpec {
        architecture: Architecture {
            depth: 1,
            width: 4,
            heads: 1,
            head_width: 4,
            feed_forward: 4,
            ..spec().architecture
        },
        ..spec()
    };
    let path = folder.path().join("run.checkpoint");
    let session = Session::new(&small, text(), 1).unwrap();
    session.save(&path).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let broken = folder.path().join("broken.checkpoint");
    let resume = |bytes: &[u8]| {
        std::fs::write(&broken, bytes).unwrap();
        Session::resume(&small, text(), 1, &broken)
    };
    assert!(resume(&whole).is_ok());
    for length in (0..whole.len()).step_by(7).chain([8, 12, 16, 20, whole.len() - 1]) {
        let error = resume(&whole[..length]).unwrap_err();
        assert!(
            matches!(error, TrainError::CheckpointDamaged { .. } | TrainError::NotACheckpoint { .. }),
            "cut at {length}: {error}"
        );
    }
    for position in (0..whole.len()).step_by(5).chain(0..20) {
        let mut bytes = whole.clone();
        bytes[position] ^= 0x40;
        let error = resume(&bytes).unwrap_err();
        assert!(
            matches!(
                error,
                TrainError::CheckpointDamaged { .. }
                    | TrainError::NotACheckpoint { .. }
                    | TrainError::CheckpointVersion { .. }
            ),
            "flip at {position}: {error}"
        );
    }
    let longer = [&whole[..], &[0; 3]].concat();
    assert!(matches!(resume(&longer), Err(TrainError::CheckpointDamaged { reason: Damage::Checksum, .. })));
}

#[test]
fn a_checkpoint_of_another_run_or_text_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.checkpoint");
    Session::new(&spec(), text(), 1).unwrap().save(&path).unwrap();
    let other_spec = RunSpec { seed: 6, ..spec() };
    let error = Session::resume(&other_spec, text(), 1, &path).unwrap_err();
    assert!(matches!(error, TrainError::CheckpointOfAnotherRun { difference: Difference::Spec, .. }), "{error}");
    let other_text = Text { fingerprint: "other".into(), ..Text::new(40, &[9]) };
    let error = Session::resume(&spec(), Arc::new(other_text), 1, &path).unwrap_err();
    assert!(matches!(error, TrainError::CheckpointOfAnotherRun { difference: Difference::Text, .. }), "{error}");
}

#[test]
fn unwritable_and_missing_paths_are_reported_with_their_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let session = Session::new(&spec(), text(), 1).unwrap();
    for path in [file.join("below-a-file"), folder.path().join("missing/run"), folder.path().to_owned(), "/".into()] {
        assert!(matches!(session.save(&path), Err(TrainError::Io { action: "write", .. })), "{}", path.display());
        assert!(matches!(Session::resume(&spec(), text(), 1, &path), Err(TrainError::Io { .. })), "{}", path.display());
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_and_leaves_the_old_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let session = Session::new(&spec(), text(), 1).unwrap();
    session.save(&path).unwrap();
    let before = std::fs::read(&path).unwrap();
    // The temporary name leads to a device that is always full.
    std::os::unix::fs::symlink("/dev/full", folder.path().join("run.partial")).unwrap();
    let error = session.save(&path).unwrap_err();
    assert!(
        matches!(&error, TrainError::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull),
        "{error}"
    );
    assert!(std::fs::read(&path).unwrap() == before);
    assert!(Path::new("/dev/full").exists());
}

#[test]
fn every_held_out_token_is_scored_once_and_the_limit_cuts_exactly() {
    let mut session = Session::new(&spec(), text(), 3).unwrap();
    train(&mut session, 3);
    let all = session.evaluate(EvaluationLimit::Everything).unwrap();
    assert_eq!((all.documents, all.tokens), (5, 99 + 32 + 6 + 249 + 1));
    assert!((all.bits_per_byte - all.loss / 2f64.ln() / 1.5).abs() < 1e-12);
    let cut = session.evaluate(EvaluationLimit::Tokens(120)).unwrap();
    assert_eq!((cut.documents, cut.tokens), (2, 120));
    let first = session.evaluate(EvaluationLimit::Tokens(99)).unwrap();
    assert_eq!((first.documents, first.tokens, first.standard_error), (1, 99, None));
    assert_eq!(session.evaluate(EvaluationLimit::Tokens(1 << 40)).unwrap(), all);
    let error = session.evaluate(EvaluationLimit::Tokens(0)).unwrap_err();
    assert!(matches!(error, TrainError::NothingHeldOut), "{error}");
}

#[test]
fn a_sample_takes_a_little_of_every_document() {
    let lengths = [400; 20];
    let mut session = Session::new(&spec(), Arc::new(Text::new(40, &lengths)), 1).unwrap();
    let sample = session.evaluate(EvaluationLimit::Sample(2_000)).unwrap();
    assert_eq!(sample.documents, 20);
    assert!((1_500..2_500).contains(&sample.tokens), "{}", sample.tokens);
    let all = session.evaluate(EvaluationLimit::Everything).unwrap();
    assert_eq!(session.evaluate(EvaluationLimit::Sample(1 << 40)).unwrap(), all);
    let error = session.evaluate(EvaluationLimit::Sample(0)).unwrap_err();
    assert!(matches!(error, TrainError::NothingHeldOut), "{error}");
}

#[test]
fn the_standard_error_is_that_of_the_ratio_over_documents() {
    let lengths = [100, 33, 7, 250];
    let mut session = Session::new(&spec(), Arc::new(Text::new(40, &lengths)), 1).unwrap();
    train(&mut session, 2);
    // A limit that ends with a document gives the sums of the first documents; differences give each one's own.
    let mut limit = 0;
    let mut sums = vec![0.0];
    for length in lengths {
        limit += length as u64 - 1;
        let part = session.evaluate(EvaluationLimit::Tokens(limit)).unwrap();
        sums.push(part.loss * part.tokens as f64);
    }
    let all = session.evaluate(EvaluationLimit::Everything).unwrap();
    let squares: f64 = (0..4).map(|i| (sums[i + 1] - sums[i] - all.loss * (lengths[i] - 1) as f64).powi(2)).sum();
    let expected = (4.0 / 3.0 * squares).sqrt() / all.tokens as f64;
    assert!((all.standard_error.unwrap() / expected - 1.0).abs() < 1e-9);
}

#[test]
fn a_context_longer_than_every_document_is_evaluated_without_padding() {
    let long = RunSpec { architecture: Architecture { context: 700, ..spec().architecture }, ..spec() };
    let mut session = Session::new(&long, text(), 1).unwrap();
    assert_eq!(session.evaluate(EvaluationLimit::Everything).unwrap().tokens, 387);
    session.step().unwrap();
}

#[test]
fn no_steps_and_one_sequence_are_runs_too() {
    let mut session = Session::new(&RunSpec { steps: 0, ..spec() }, text(), 1).unwrap();
    assert!(session.is_finished());
    assert!(matches!(session.step(), Err(TrainError::Finished { steps: 0 })));
    assert!(session.evaluate(EvaluationLimit::Everything).is_ok());
    let mut session = Session::new(&RunSpec { batch_sequences: 1, shards: 1, steps: 2, ..spec() }, text(), 4).unwrap();
    train(&mut session, 2);
    assert!(matches!(session.step(), Err(TrainError::Finished { steps: 2 })));
}

#[test]
fn a_run_that_blows_up_is_called_diverged_and_keeps_its_finite_weights() {
    let mut optimizer = spec().optimizer;
    (optimizer.hidden_rate, optimizer.embedding_rate) = (1e30, 1e30);
    let mut session = Session::new(&RunSpec { optimizer, ..spec() }, text(), 1).unwrap();
    let diverged = (0..24).find_map(|_| session.step().err()).unwrap();
    assert!(matches!(diverged, TrainError::Diverged { step } if step == session.steps_done()), "{diverged}");
    assert!(matches!(session.step(), Err(TrainError::Diverged { .. })));
}

#[test]
fn a_specification_that_cannot_be_trained_is_refused_by_name() {
    type Change<'a> = &'a dyn Fn(&mut RunSpec);
    let refuse = |change: Change| {
        let mut changed = spec();
        change(&mut changed);
        Session::new(&changed, text(), 1).unwrap_err().to_string()
    };
    let cases: [(&str, Change); 12] = [
        ("architecture.depth", &|s| s.architecture.depth = 0),
        ("architecture.context", &|s| s.architecture.context = 0),
        ("batch_sequences", &|s| s.batch_sequences = 0),
        ("shards", &|s| s.shards = 0),
        ("12 shards for 11 sequences", &|s| s.shards = 12),
        ("architecture.head_width must be even", &|s| s.architecture.head_width = 7),
        ("vocabulary of 41, the text one of 40", &|s| s.architecture.vocabulary = 41),
        ("at most 65536", &|s| s.architecture.vocabulary = 70_000),
        ("optimizer.hidden_rate", &|s| s.optimizer.hidden_rate = f64::NAN),
        ("optimizer.beta2", &|s| s.optimizer.beta2 = 1.0),
        ("muon.momentum", &|s| s.muon = Some(Muon { momentum: 1.0 })),
        ("optimizer.clip_norm", &|s| s.optimizer.clip_norm = 0.0),
    ];
    for (part, change) in cases {
        let message = refuse(change);
        assert!(message.contains(part), "{message} should name {part}");
    }
}

#[test]
fn a_text_that_breaks_its_promises_is_an_error_not_a_panic() {
    let text = Text { vocabulary: 40, ..Text::new(44, &[50]) };
    let mut session = Session::new(&spec(), Arc::new(text), 1).unwrap();
    assert!(matches!(session.step(), Err(TrainError::TokenOutOfRange { vocabulary: 40, .. })));
    assert!(matches!(session.evaluate(EvaluationLimit::Everything), Err(TrainError::TokenOutOfRange { .. })));
}

#[test]
fn widths_that_no_register_divides_train_as_well() {
    let mut odd = spec();
    odd.architecture =
        Architecture { width: 19, heads: 3, head_width: 6, feed_forward: 37, context: 29, ..odd.architecture };
    let mut session = Session::new(&odd, text(), 2).unwrap();
    let reports = train(&mut session, 24);
    assert!(reports[23].loss < reports[0].loss - 0.5);
}
