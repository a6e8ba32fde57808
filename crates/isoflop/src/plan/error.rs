//! Why there is no plan.

use super::infeasible::Infeasible;
use crate::fit::QuestionError;
use crate::hardware::{PriceError, Uncertain};
use crate::units::{Dollars, Flops, Nats, Tokens, UnitError, concise, significant};

/// The fewest parameters and tokens of a run that makes sense; below, a unit has been mistaken.
pub(super) const SMALLEST: f64 = 1e3;

/// The loss of a guess among a million tokens, more than any vocabulary has: nothing has been learnt.
pub(super) const GUESSING: f64 = 13.8;

/// Years beyond which no rate of progress is believed.
pub(super) const FORESEEABLE: f64 = 30.0;

/// Why a question makes no sense, whatever the law.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProblemError {
    /// Neither a budget nor a goal.
    #[error(
        "say what to plan for: a budget (--flops 1e24, or --usd 10M --gpu h100), or a goal (--loss 2.0, or --better 5%)"
    )]
    NothingAsked,
    /// A number of which more than zero is needed.
    #[error("{quantity} must be positive and finite, got {value}")]
    NotPositive {
        /// Which.
        quantity: &'static str,
        /// The number given.
        value: f64,
    },
    /// A share of the loss that no run can be better by.
    #[error("--better takes a share of the loss between 0 and 100 %, such as 5%, got {}%", 100.0 * .0)]
    NotAShare(f64),
    /// Better than which run is not known.
    #[error(
        "better than which run? The fit does not say how large its largest was: give --than-flops 1e24, or --than-params 70B --than-tokens 1.4T"
    )]
    NoBaseline,
    /// Money, hours, days or energy without devices.
    #[error("{0} needs to know the devices: add --gpu h100")]
    NeedsDevices(&'static str),
    /// Days without a number of devices.
    #[error("days need a number of devices: add --gpus 1024")]
    NeedsNumberOfDevices,
    /// Energy on a device whose power is not published.
    #[error(
        "the power of {0} is not published, so its energy cannot be counted: give the budget in dollars or device-hours"
    )]
    NoPower(String),
    /// Epochs of an unlimited text.
    #[error("epochs are passes over a limited text: say how much there is with --unique-tokens 100B")]
    EpochsOfWhat,
    /// Fewer than one pass.
    #[error("--max-epochs must be at least 1, got {0}; to train on less text, lower --unique-tokens")]
    LessThanOnePass(f64),
    /// A budget of one side, where both sides cost.
    #[error("with --serve the budget is for training and serving together: give it in {0}")]
    BudgetOfOneSide(&'static str),
    /// A share of the tokens that is none.
    #[error("--max-batch-waste takes a share of the tokens between 0 and 100 %, such as 20%, got {}%", 100.0 * .0)]
    NotAShareOfTokens(f64),
    /// Waste of no batch.
    #[error("the waste of which batch? Say how many tokens a step takes with --batch 4M")]
    WasteOfWhat,
    /// More tokens written than served.
    #[error(
        "the model writes {answers} of the {all} tokens it serves: --serve counts prompts and answers together, --serve-output the answers among them"
    )]
    MoreAnswersThanTokens {
        /// Tokens written.
        answers: Tokens,
        /// Tokens served.
        all: Tokens,
    },
    /// A goal that is reached by guessing.
    #[error(
        "a loss of {} nats per token is reached by guessing, without a model: ask for less than {GUESSING}, such as --loss 2.0",
        concise(.0.get(), 4)
    )]
    Guessing(Nats),
    /// A batch larger than any text.
    #[error("batches of {0} tokens are larger than any text: check the unit of --batch, such as 4M")]
    HugeBatch(Tokens),
    /// More tokens served than there are people to read them.
    #[error(
        "{0} tokens are more than a million a second for everyone alive, for ten years: check the unit of --serve, such as 5T"
    )]
    HugeDemand(Tokens),
    /// More compute than the world's energy pays for.
    #[error(
        "{0} FLOP are more than all the energy that people use in a year could compute, by the laws of physics: check the unit of --flops, such as 1e24"
    )]
    BeyondPhysics(Flops),
    /// No rate of progress.
    #[error(
        "--progress takes by how many times less compute a loss takes each year, 1 or more, such as 2.7 or 1.8..4, got {0}"
    )]
    NotProgress(Uncertain),
    /// Years that nobody can foresee.
    #[error("nobody knows what a loss costs in {0} years: ask for {FORESEEABLE} at most")]
    TooManyYears(f64),
    /// More money than there is.
    #[error("{0} is more than the world produces in ten years: a budget in FLOP is --flops")]
    MoreThanTheWorld(Dollars),
    /// Muennighoff's repetition for a law that is not of sizes and single passes.
    #[error(
        "the published law of repeated text goes with a hoffmann or coupled law of one recipe, and this fit's is {0}: leave --repetition out, or fit runs that repeat"
    )]
    NoPublishedRepetition(&'static str),
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The question makes no sense, whatever the fit.
    #[error(transparent)]
    Problem(#[from] ProblemError),
    /// The law has no interior optimum, or the budget is out of range.
    #[error(
        "the law has no compute-optimal size at this budget ({0}): it must fall both with parameters and with tokens; fit runs that vary both"
    )]
    NoOptimum(#[from] UnitError),
    /// No allowed run reaches the goal.
    #[error(transparent)]
    Infeasible(Box<Infeasible>),
    /// The best run is smaller than any model of language.
    #[error(
        "the best run would be {run} with loss {loss:.2}, and models of language have 1,000 parameters and tokens at the least, and losses below {GUESSING}: check the unit of the budget, the goal and the limits, such as --flops 1e21"
    )]
    TooSmall {
        /// The run, in words.
        run: String,
        /// Its loss, nats per token.
        loss: f64,
    },
    /// The budget is smaller than the smallest run.
    #[error(
        "a budget of {} FLOP is below the smallest sensible run, 1,000 parameters on 1,000 tokens: check its unit, such as --flops 1e21",
        concise(*.0, 4)
    )]
    BudgetTooSmall(f64),
    /// A limit that no model keeps to.
    #[error(
        "the limit of {0} leaves no model of 1,000 parameters or more: check its unit, such as --max-params 7B, --memory 80GB or --min-tokens-per-second 50"
    )]
    LimitTooSmall(String),
    /// The batch wastes more than is allowed.
    #[error(
        "batches of {batch} tokens waste {} % of the tokens at this loss, and {} % is allowed: take batches of at most {allowed:.2}, or allow more",
        significant(100.0 * .wasted, 2),
        significant(100.0 * .most, 2)
    )]
    Wasteful {
        /// The batch.
        batch: Tokens,
        /// Share of the tokens that it wastes.
        wasted: f64,
        /// Share that is allowed.
        most: f64,
        /// The batch that wastes so much.
        allowed: Tokens,
    },
    /// Serving costs more than there is.
    #[error("serving even the smallest model costs more than the budget: lower --serve, or raise the budget")]
    ServingAlone,
    /// The fit cannot say.
    #[error(transparent)]
    Question(QuestionError),
    /// The price is not one.
    #[error(transparent)]
    Price(#[from] PriceError),
}

impl From<QuestionError> for PlanError {
    fn from(error: QuestionError) -> Self {
        match error {
            QuestionError::Unit(error) => Self::NoOptimum(error),
            error => Self::Question(error),
        }
    }
}
