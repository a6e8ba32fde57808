//! What can be typed after `isoflop next`.

use std::path::PathBuf;

use clap::Args;
use isoflop::{Dollars, Flops};

use super::{ConditionArguments, RentalArguments};

#[derive(Debug, Args)]
pub(crate) struct NextArguments {
    /// A fit with draws: a file, or - for standard input; not with --law
    pub fit: Option<PathBuf>,
    /// Design a first sweep from nothing but this published law, such as besiroglu2024, taken with the doubt of another corpus
    #[arg(long, value_name = "NAME", conflicts_with_all = ["fit", "recipe", "unique_tokens"])]
    pub law: Option<String>,
    /// What the runs are to decide
    #[arg(long, value_enum, default_value_t)]
    pub decide: DecisionArgument,
    /// Compute that the next runs may cost together, such as 1e20; may be left out with --decide regret, which finds what is worth spending
    #[arg(long, allow_negative_numbers = true)]
    pub flops: Option<Flops>,
    /// The same in dollars, such as 50k; needs --gpu
    #[arg(long, conflicts_with = "flops", requires = "gpu")]
    pub usd: Option<Dollars>,
    #[command(flatten)]
    pub rental: RentalArguments,
    /// Compute of the run that the next ones are for, such as 1e24; runs that are not worth their cost to it are then left out.
    /// Without it: a hundred times the largest run that the budget allows, and the whole budget is spent
    #[arg(long, value_name = "FLOP", allow_negative_numbers = true)]
    pub target_flops: Option<Flops>,
    /// The same as what that run may cost, such as 5M; needs --gpu
    #[arg(long, value_name = "USD", conflicts_with = "target_flops", requires = "gpu")]
    pub target_usd: Option<Dollars>,
    /// With --decide gain: the recipe that the one named by --recipe is compared with; both may be left out where there are two
    #[arg(long, value_name = "NAME")]
    pub over: Option<String>,
    /// Choose among the rows of this table (id, params, tokens, flops where a run does not cost 6ND, recipe for --decide gain; CSV or JSON lines).
    /// Without it: sizes and tokens per parameter around those of the fitted runs
    #[arg(long, value_name = "TABLE")]
    pub candidates: Option<PathBuf>,
    /// The most runs
    #[arg(long, default_value_t = 45, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub max_runs: u32,
    /// Set one run aside, of up to a quarter of the budget and no smaller than the others, to check their forecast
    #[arg(long)]
    pub validate: bool,
    #[command(flatten)]
    pub conditions: ConditionArguments,
    /// Print JSON with full precision
    #[arg(long)]
    pub json: bool,
}

/// What the runs are to decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum DecisionArgument {
    /// The target's loss and its size
    #[default]
    Both,
    /// What the target's loss will be
    Loss,
    /// Which size is best
    Size,
    /// What a wrong size wastes at the target against what the runs cost, in FLOP, and in dollars with --gpu
    Regret,
    /// Which of two recipes is better, and by how much compute; of a fit of runs with a column recipe
    Gain,
}
