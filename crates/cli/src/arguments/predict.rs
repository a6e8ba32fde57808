//! What a fit is asked: the loss of a run, the run for a loss, or whether finished runs lie on the curve.

use std::path::PathBuf;

use clap::Args;
use isoflop::{Filter, Nats, Params, Tokens};

use super::{AnswerArguments, ConditionArguments};

#[derive(Debug, Args)]
pub(crate) struct PredictArguments {
    /// A fit: a file, - for standard input, or the name of a published one such as besiroglu2024
    pub fit: PathBuf,
    /// Model size, such as 70B
    #[arg(long)]
    pub params: Option<Params>,
    /// Training tokens, such as 1.4T
    #[arg(long)]
    pub tokens: Option<Tokens>,
    /// What a loss takes, in nats per token: the least compute; with --params the tokens, with --tokens the size
    #[arg(long, value_name = "LOSS", value_parser = nats)]
    pub loss: Option<Nats>,
    /// Predict every row of this table instead (params and tokens, and recipe and unique_tokens where the fit knows them; CSV or
    /// JSON lines)
    #[arg(long, value_name = "TABLE", conflicts_with_all = ["params", "tokens", "loss"])]
    pub runs: Option<PathBuf>,
    /// Say whether the finished runs of this table lie on the curve, below or above it; a run of the fit is left out of it first
    #[arg(long, value_name = "TABLE", conflicts_with_all = ["params", "tokens", "loss", "runs", "unique_tokens", "recipe"])]
    pub against: Option<PathBuf>,
    /// Keep only rows of --against whose COLUMN has this VALUE, or compares with it by !=, <, <=, > or >=; may be given several times
    #[arg(long = "where", value_name = "COLUMN=VALUE", requires = "against")]
    pub filters: Vec<Filter>,
    /// The table of runs that was fitted, so that those of --against can be left out; not needed where both are the same
    #[arg(long, value_name = "TABLE", requires = "against")]
    pub fitted: Option<PathBuf>,
    /// The filters that the fit had
    #[arg(long, value_name = "COLUMN=VALUE", requires = "fitted")]
    pub fitted_where: Vec<Filter>,
    /// Threads for --against, 0 for one per core; the answer does not depend on it
    #[arg(long, default_value_t = 0)]
    pub threads: usize,
    #[command(flatten)]
    pub conditions: ConditionArguments,
    #[command(flatten)]
    pub answer: AnswerArguments,
}

fn nats(text: &str) -> Result<Nats, String> {
    let number = text.parse().map_err(|_| "a loss in nats per token, such as 2.0".to_owned());
    number.and_then(|number| Nats::new(number).map_err(|error| error.to_string()))
}
