//! What can be typed after `isoflop lab`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::AnswerArguments;

#[derive(Debug, Args)]
pub(crate) struct LabArguments {
    /// Files and folders to learn: any UTF-8 text, .jsonl with a field text, .gz and .zst of these
    #[arg(required = true)]
    pub text: Vec<PathBuf>,
    /// Time for everything, such as 90s, 10m or 2h; the largest ladder that fits is trained
    #[arg(long, default_value = "10m", value_parser = time)]
    pub time: Duration,
    /// Recipe of the models: a TOML file, or one of default, muon and gpt2-like; given several times, they share the time and are
    /// compared
    #[arg(long = "recipe", value_name = "RECIPE", default_value = "default")]
    pub recipes: Vec<String>,
    /// Folder for the results; the same command goes on where it was stopped
    #[arg(short, long, value_name = "DIR", default_value = "isoflop-lab")]
    pub out: PathBuf,
    /// Show what would be trained, and how long it would take, and train nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Seed of initial weights, order of text and draws
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Cores to train on, 0 for all
    #[arg(long, default_value_t = 0)]
    pub threads: usize,
    #[command(flatten)]
    pub answer: AnswerArguments,
}

/// A time to spend.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if time.is_zero() => Err("no time: give it 10m, say".to_owned()),
        Ok(time) => Ok(time),
        Err(error) => Err(format!("{error}; write it as 90s, 10m or 2h")),
    }
}
