//! The seam to the trainer: all that the engine asks of a run in memory.

use std::path::Path;
use std::sync::Arc;

use isoflop_train::{Evaluation, EvaluationLimit, RunSpec, Session, TokenSource, TrainError};

use crate::metrics::StepMetrics;

/// Makes runs.
pub(crate) trait Trainer: Sync {
    /// A run at its beginning, on at most `threads` threads.
    fn begin<'a>(&'a self, spec: &RunSpec, threads: usize) -> Result<Box<dyn Training + 'a>, TrainingError>;

    /// A run as it was when `checkpoint` was saved.
    fn resume<'a>(
        &'a self,
        spec: &RunSpec,
        threads: usize,
        checkpoint: &Path,
    ) -> Result<Box<dyn Training + 'a>, TrainingError>;
}

/// One run in memory.
pub(crate) trait Training {
    /// Steps done, earlier attempts included.
    fn steps_done(&self) -> u64;

    /// Does one step.
    fn step(&mut self) -> Result<StepMetrics, TrainingError>;

    /// Judges the model on `limit` of the held-out text.
    fn evaluate(&mut self, limit: EvaluationLimit) -> Result<Evaluation, TrainingError>;

    /// Saves everything `resume` needs, as one file that is there whole or not at all.
    fn save(&self, path: &Path) -> Result<(), TrainingError>;
}

/// A run that cannot go on, by what the engine does about it.
#[derive(Debug)]
pub(crate) enum TrainingError {
    /// The loss is no longer a number, and would not be on a second try.
    Diverged(TrainError),
    /// The checkpoint is of no use; an earlier one, or none, may be.
    BadCheckpoint(TrainError),
    /// Anything else.
    Failed(TrainError),
}

impl TrainingError {
    /// The trainer's own words.
    pub(crate) fn into_source(self) -> TrainError {
        match self {
            Self::Diverged(source) | Self::BadCheckpoint(source) | Self::Failed(source) => source,
        }
    }
}

impl From<TrainError> for TrainingError {
    fn from(source: TrainError) -> Self {
        match source {
            TrainError::Diverged { .. } => Self::Diverged(source),
            TrainError::NotACheckpoint { .. }
            | TrainError::CheckpointDamaged { .. }
            | TrainError::CheckpointOfAnotherRun { .. } => Self::BadCheckpoint(source),
            // Also a checkpoint of another version: it is worth something, and who updates may rather go back than lose it.
            _ => Self::Failed(source),
        }
    }
}

/// The built-in trainer.
pub(crate) struct SessionTrainer {
    pub(crate) source: Arc<dyn TokenSource>,
}

impl Trainer for SessionTrainer {
    fn begin<'a>(&'a self, spec: &RunSpec, threads: usize) -> Result<Box<dyn Training + 'a>, TrainingError> {
        Ok(Box::new(Session::new(spec, Arc::clone(&self.source), threads)?))
    }

    fn resume<'a>(
        &'a self,
        spec: &RunSpec,
        threads: usize,
        checkpoint: &Path,
    ) -> Result<Box<dyn Training + 'a>, TrainingError> {
        Ok(Box::new(Session::resume(spec, Arc::clone(&self.source), threads, checkpoint)?))
    }
}

impl Training for Session {
    fn steps_done(&self) -> u64 {
        Session::steps_done(self)
    }

    fn step(&mut self) -> Result<StepMetrics, TrainingError> {
        let report = Session::step(self)?;
        Ok(StepMetrics {
            step: report.step + 1,
            loss: report.loss,
            gradient_norm: report.gradient_norm,
            rate_share: report.rate_share,
        })
    }

    fn evaluate(&mut self, limit: EvaluationLimit) -> Result<Evaluation, TrainingError> {
        Ok(Session::evaluate(self, limit)?)
    }

    fn save(&self, path: &Path) -> Result<(), TrainingError> {
        Ok(Session::save(self, path)?)
    }
}
