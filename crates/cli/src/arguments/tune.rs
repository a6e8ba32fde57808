//! What can be typed after `isoflop tune`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use isoflop::{Flops, Tokens};

use super::AnswerArguments;
use super::lab::time;

#[derive(Debug, Args)]
pub(crate) struct TuneArguments {
    /// Files and folders to learn: any UTF-8 text, .jsonl with a field text, .gz and .zst of these
    #[arg(required = true)]
    pub text: Vec<PathBuf>,
    /// Recipe to begin from: a TOML file, or one that is built in (default, muon, gpt2-like)
    #[arg(long, value_name = "RECIPE", default_value = "default")]
    pub recipe: String,
    /// Time for all runs, such as 90s, 5m or 1h
    #[arg(long, default_value = "5m", value_parser = time, conflicts_with = "flops")]
    pub time: Duration,
    /// Training compute of all runs instead, such as 1e12
    #[arg(long)]
    pub flops: Option<Flops>,
    /// Find out whether the tuned hidden rate is best at this width too: five rates a step apart, which neither --time nor --flops
    /// counts; a recipe that was tuned is only probed; may be given several times
    #[arg(long, value_name = "WIDTH")]
    pub probe: Vec<usize>,
    /// Seeds of each rate of a probe: more tell more
    #[arg(long, value_name = "COUNT", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=100), requires = "probe")]
    pub probe_seeds: u64,
    /// Tokens of each run of a probe; 25 per parameter where left out
    #[arg(long, value_name = "TOKENS", requires = "probe")]
    pub probe_tokens: Option<Tokens>,
    /// Folder for the results; the same command goes on where it was stopped, and with more --flops goes further
    #[arg(short, long, value_name = "DIR", default_value = "isoflop-tune")]
    pub out: PathBuf,
    /// First seed of initial weights and order of text
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Cores to train on, 0 for all; the result does not depend on it
    #[arg(long, default_value_t = 0)]
    pub threads: usize,
    #[command(flatten)]
    pub answer: AnswerArguments,
}
