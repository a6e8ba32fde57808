//! What an answer was worth: the run it chose, trained, beside the best there was and beside what this program makes of the same compute.

use isoflop_numerics::elementary::ln;
use serde::{Deserialize, Serialize};

use super::{Assignment, Ledger, SandboxError, World};
use crate::counting::TRAINING_FLOPS_PER_PARAM_TOKEN;
use crate::design::NextOptions;
use crate::fit::{Fit, FitOptions, fit};
use crate::law::published;
use crate::runs::{Runs, TableFormat};
use crate::units::{Flops, Params, Tokens};

/// The schema of a grade.
pub const GRADE_SCHEMA: &str = "isoflop.grade/1";

/// Share of cases that an answer's interval is to hold.
const LEVEL: f64 = 0.9;
/// The law that the reference places its runs by.
const REFERENCE_LAW: &str = "besiroglu2024";

/// The size to train at the target's compute, and the loss it will reach: its value and the interval that is to hold it nine times of ten.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Size; the tokens follow from the compute.
    pub params: Params,
    /// Forecast loss, in nats per token.
    pub loss: f64,
    /// Lower end of its interval.
    pub lo: f64,
    /// Upper end.
    pub hi: f64,
}

impl Answer {
    /// An answer whose interval holds its loss.
    ///
    /// # Errors
    /// [`SandboxError::NoInterval`] otherwise, and for what are no losses.
    pub fn new(params: Params, loss: f64, lo: f64, hi: f64) -> Result<Self, SandboxError> {
        if 0.0 < lo && lo <= loss && loss <= hi && hi.is_finite() {
            return Ok(Self { params, loss, lo, hi });
        }
        Err(SandboxError::NoInterval { value: loss, lo, hi })
    }

    /// What `fit` would train at `target`, and what it forecasts of it.
    ///
    /// # Errors
    /// [`SandboxError::Question`] when the fit cannot tell, [`SandboxError::NoInterval`] when it comes without draws.
    pub fn of_fit(fit: &Fit, target: Flops) -> Result<Self, SandboxError> {
        let (params, tokens) = fit.best_allocation(target)?;
        let loss = fit.predict(params, tokens, LEVEL)?.loss;
        Self::new(params, loss.value, loss.lo.unwrap_or(f64::NAN), loss.hi.unwrap_or(f64::NAN))
    }
}

/// A run of the target's compute.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Big {
    /// Size.
    pub params: Params,
    /// Tokens.
    pub tokens: Tokens,
    /// What the law says of it, in nats per token.
    pub expected_loss: f64,
}

/// An answer against what came out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The answer.
    pub answer: Answer,
    /// The run that it chose.
    pub run: Big,
    /// The loss it reached.
    pub loss: f64,
    /// ln of the forecast over the loss reached.
    pub error: f64,
    /// Whether the interval held it.
    pub held: bool,
    /// Interval score of ln loss: the width, and twenty times the distance of a miss (Gneiting & Raftery 2007,
    /// doi:10.1198/016214506000001437); lower is better.
    pub interval_score: f64,
    /// Share of the compute that the best size would have needed less for the same loss.
    pub wasted: f64,
}

/// The truth, and what an answer was worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Grade {
    /// `isoflop.grade/1`.
    pub schema: String,
    /// What was asked.
    pub assignment: Assignment,
    /// Runs trained.
    pub runs: usize,
    /// Compute spent on them.
    pub spent: f64,
    /// E, A, B, alpha, beta and k of the world's law, [`crate::law::Coupled`]'s.
    pub truth: [f64; 6],
    /// The best run of the target's compute.
    pub best: Big,
    /// What the player's answer was worth.
    pub score: Score,
    /// What this program's first sweep and default fit would have been worth for the same compute; none where they refuse the task.
    pub reference: Option<Score>,
}

impl Grade {
    /// Judges `answer` to `assignment` after the runs of `ledger`.
    ///
    /// # Errors
    /// [`SandboxError::Unit`] when the answer's size leaves no tokens to train on.
    pub fn of(assignment: &Assignment, ledger: &Ledger, answer: Answer) -> Result<Self, SandboxError> {
        let world = World::of(assignment);
        let target = assignment.target;
        let best_params = Params::new(world.best_params(target).unwrap_or(f64::NAN))?;
        Ok(Self {
            schema: GRADE_SCHEMA.to_owned(),
            assignment: assignment.clone(),
            runs: ledger.runs().len(),
            spent: ledger.spent(),
            truth: world.parameters(),
            best: big(&world, target, best_params)?,
            score: score(&world, target, answer)?,
            reference: reference(assignment).ok().and_then(|answer| score(&world, target, answer).ok()),
        })
    }
}

fn big(world: &World, target: Flops, params: Params) -> Result<Big, SandboxError> {
    let tokens = Tokens::new(target.get() / (TRAINING_FLOPS_PER_PARAM_TOKEN * params.get()))?;
    Ok(Big { params, tokens, expected_loss: world.expected_loss(params, tokens) })
}

fn score(world: &World, target: Flops, answer: Answer) -> Result<Score, SandboxError> {
    let run = big(world, target, answer.params)?;
    let loss = world.train_with_care(run.params, run.tokens);
    let beyond = ln(answer.lo / loss).max(ln(loss / answer.hi)).max(0.0);
    let needed = world.least_flops(run.expected_loss).map_or(1.0, |flops| flops / target.get());
    Ok(Score {
        answer,
        run,
        loss,
        error: ln(answer.loss / loss),
        held: beyond == 0.0,
        interval_score: ln(answer.hi / answer.lo) + 2.0 / (1.0 - LEVEL) * beyond,
        wasted: (1.0 - needed).clamp(0.0, 1.0),
    })
}

/// What the first sweep that a published law designs, and the default fit of it, answer.
fn reference(assignment: &Assignment) -> Result<Answer, SandboxError> {
    let mut ledger = Ledger::new(assignment);
    if let Some(law) = published(REFERENCE_LAW)
        && let Ok(belief) = Fit::published_in_doubt(law, assignment.budget)
    {
        let options = NextOptions { target: Some(assignment.target), ..NextOptions::default() };
        for run in belief.next_runs(assignment.budget, &options)?.runs {
            // Shares of the budget that add up to it in another order may exceed it by a rounding.
            if run.flops.get() <= ledger.left() {
                ledger.train(run.params, run.tokens)?;
            }
        }
    }
    let runs = Runs::read(ledger.to_csv().as_bytes(), "the reference's runs", TableFormat::Csv, false)?;
    Answer::of_fit(&fit(&runs, &FitOptions::default())?, assignment.target)
}
