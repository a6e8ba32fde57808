//! One run in memory: take a step, judge the model, save it, resume it.

use std::path::Path;
use std::sync::Arc;

use crate::checkpoint::{self, Header};
use crate::error::TrainError;
use crate::evaluation::{Evaluation, EvaluationLimit, Windows};
use crate::source::TokenSource;
use crate::spec::{Muon, RunSpec};
use crate::trainer::Trainer;

/// What one optimizer step did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepReport {
    /// Number of the step, counted from 0.
    pub step: u64,
    /// Mean loss of the step's batch before the step, in nats per token.
    pub loss: f64,
    /// Norm of the whole gradient before clipping.
    pub gradient_norm: f64,
    /// Share of the peak learning rates that was applied.
    pub rate_share: f64,
}

/// A training run in memory. Its bits depend on the specification and the text only, not on the number of threads nor on
/// how often it was saved and resumed.
pub struct Session {
    spec: RunSpec,
    source: Arc<dyn TokenSource>,
    trainer: Trainer<f32>,
    steps_done: u64,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("spec", &self.spec)
            .field("steps_done", &self.steps_done)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// A run with initial weights, before its first step. Up to `threads` threads work on a step, at most one per shard.
    ///
    /// # Errors
    /// A [`TrainError`] that names the field, when the specification cannot be trained or does not fit the text.
    pub fn new(spec: &RunSpec, source: Arc<dyn TokenSource>, threads: usize) -> Result<Self, TrainError> {
        check(spec)?;
        let (model, text) = (spec.architecture.vocabulary, source.vocabulary());
        if model != text {
            return Err(TrainError::VocabularyMismatch { model, text });
        }
        let trainer = Trainer::new(spec, threads);
        Ok(Self { spec: spec.clone(), source, trainer, steps_done: 0 })
    }

    /// A run where [`save`](Self::save) left it: its next steps are those it would have taken.
    ///
    /// The file may be of another run that [agrees](RunSpec::agrees_until) with `spec` until it was saved: the bits are those of
    /// a run that was trained by itself.
    ///
    /// # Errors
    /// Those of [`new`](Self::new), and a [`TrainError`] when the file is unreadable, damaged, of another text, or of a run that
    /// is another by then.
    pub fn resume(
        spec: &RunSpec,
        source: Arc<dyn TokenSource>,
        threads: usize,
        checkpoint: &Path,
    ) -> Result<Self, TrainError> {
        let mut session = Self::new(spec, source, threads)?;
        let Trainer { model, weights, first_moment, second_moment, .. } = &mut session.trainer;
        let sections = [&mut *weights.values, &mut *first_moment, &mut *second_moment];
        session.steps_done = checkpoint::read(checkpoint, spec, session.source.fingerprint(), sections)?;
        weights.refresh(&model.layout);
        Ok(session)
    }

    /// What the run was made from.
    pub fn spec(&self) -> &RunSpec {
        &self.spec
    }

    /// Optimizer steps done so far.
    pub fn steps_done(&self) -> u64 {
        self.steps_done
    }

    /// Whether all steps are done.
    pub fn is_finished(&self) -> bool {
        self.steps_done >= self.spec.steps
    }

    /// Takes the next optimizer step.
    ///
    /// # Errors
    /// [`TrainError::Diverged`] when loss or gradient is not finite, the weights being left as they were;
    /// [`TrainError::Finished`] after the last step; [`TrainError::WindowLength`] and [`TrainError::TokenOutOfRange`]
    /// when the text breaks its promises.
    pub fn step(&mut self) -> Result<StepReport, TrainError> {
        let RunSpec { architecture, schedule, batch_sequences, steps, seed, .. } = &self.spec;
        let step = self.steps_done;
        if step >= *steps {
            return Err(TrainError::Finished { steps: *steps });
        }
        let first = step * *batch_sequences as u64;
        let windows: Vec<&[u16]> = (first..first + *batch_sequences as u64)
            .map(|index| {
                let window = self.source.window(*seed, index, architecture.context);
                let expected = architecture.context + 1;
                if window.len() != expected {
                    return Err(TrainError::WindowLength { index, expected, got: window.len() });
                }
                in_vocabulary(window, architecture.vocabulary)
            })
            .collect::<Result<_, _>>()?;
        let loss = self.trainer.gradient(&windows);
        let gradient_norm = self.trainer.gradient_norm();
        if !(loss.is_finite() && gradient_norm.is_finite()) {
            return Err(TrainError::Diverged { step });
        }
        let rate_share = schedule.rate_share(step, *steps);
        self.trainer.update(&self.spec, step, rate_share, gradient_norm);
        self.steps_done += 1;
        Ok(StepReport { step, loss, gradient_norm, rate_share })
    }

    /// The model's loss on the held-out documents, every token scored once and none twice.
    ///
    /// # Errors
    /// [`TrainError::NothingHeldOut`] without a token to score, [`TrainError::TokenOutOfRange`] on a broken text.
    pub fn evaluate(&mut self, limit: EvaluationLimit) -> Result<Evaluation, TrainError> {
        let windows = Windows::new(&*self.source, self.spec.architecture.context, limit);
        for window in &windows.tokens {
            in_vocabulary(window, self.spec.architecture.vocabulary)?;
        }
        let losses = self.trainer.losses(&windows.tokens);
        windows.evaluation(&losses, self.source.bytes_per_token())
    }

    /// ln of the probability of each token after `tokens`, in nats; of many tokens the model sees the last `context`.
    ///
    /// # Errors
    /// [`TrainError::EmptyPrompt`] without tokens, [`TrainError::TokenOutOfRange`] for one that the model does not know.
    pub fn predict(&mut self, tokens: &[u16]) -> Result<Vec<f64>, TrainError> {
        let shape = &self.spec.architecture;
        let seen = &tokens[tokens.len().saturating_sub(shape.context)..];
        if seen.is_empty() {
            return Err(TrainError::EmptyPrompt);
        }
        Ok(self.trainer.predict(in_vocabulary(seen, shape.vocabulary)?))
    }

    /// Writes the run to `path`, all or nothing: a crash leaves the old file or the new one.
    ///
    /// # Errors
    /// [`TrainError::Io`] when the file system refuses; what stood at `path` is then untouched.
    pub fn save(&self, path: &Path) -> Result<(), TrainError> {
        let text = self.source.fingerprint().to_owned();
        let header = Header { spec: self.spec.clone(), text, step: self.steps_done };
        let Trainer { weights, first_moment, second_moment, .. } = &self.trainer;
        checkpoint::write(path, &header, [&weights.values, first_moment, second_moment])
    }
}

/// Refuses a specification that cannot be trained.
fn check(spec: &RunSpec) -> Result<(), TrainError> {
    let shape = &spec.architecture;
    let sizes = [
        ("architecture.depth", shape.depth),
        ("architecture.width", shape.width),
        ("architecture.heads", shape.heads),
        ("architecture.head_width", shape.head_width),
        ("architecture.feed_forward", shape.feed_forward),
        ("architecture.vocabulary", shape.vocabulary),
        ("architecture.context", shape.context),
        ("batch_sequences", spec.batch_sequences),
        ("shards", spec.shards),
    ];
    if let Some((field, _)) = sizes.into_iter().find(|(_, size)| *size == 0) {
        return Err(TrainError::ZeroSize { field });
    }
    let head_width = shape.head_width;
    if head_width % 2 == 1 {
        return Err(TrainError::OddHeadWidth { head_width });
    }
    if shape.vocabulary > 1 << u16::BITS {
        return Err(TrainError::VocabularyTooLarge { vocabulary: shape.vocabulary });
    }
    let (shards, batch_sequences) = (spec.shards, spec.batch_sequences);
    if shards > batch_sequences {
        return Err(TrainError::TooManyShards { shards, batch_sequences });
    }
    spec.optimizer.check()?;
    spec.muon.iter().try_for_each(Muon::check)
}

/// The tokens themselves, if all are below `vocabulary`.
fn in_vocabulary(tokens: &[u16], vocabulary: usize) -> Result<&[u16], TrainError> {
    match tokens.iter().find(|&&token| usize::from(token) >= vocabulary) {
        Some(&token) => Err(TrainError::TokenOutOfRange { token, vocabulary }),
        None => Ok(tokens),
    }
}
