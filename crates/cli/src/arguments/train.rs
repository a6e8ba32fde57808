//! What can be typed to train one run and to read what it writes.

use std::path::PathBuf;

use clap::Args;
use isoflop::{Params, Tokens};

#[derive(Debug, Args)]
pub(crate) struct TrainArguments {
    /// Files and folders to learn: UTF-8 text of any kind, .jsonl with a field `text`, .gz and .zst of these
    #[arg(required = true)]
    pub text: Vec<PathBuf>,
    /// Recipe: a TOML file, or one that is built in: default (bytes), muon, gpt2-like
    #[arg(long, value_name = "FILE|NAME", default_value = "default")]
    pub recipe: String,
    /// Parameters, embeddings included: the nearest shape is trained
    #[arg(long, value_name = "N")]
    pub params: Params,
    /// Tokens to train on, repetitions included
    #[arg(long, value_name = "D")]
    pub tokens: Tokens,
    /// Folder for the run; the same folder again goes on where it was stopped
    #[arg(long, short, value_name = "DIR", default_value = "isoflop-train")]
    pub out: PathBuf,
    /// Seed of initial weights and order of text
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Threads to train on, 0 for one per core; the result does not depend on it
    #[arg(long, default_value_t = 0)]
    pub threads: usize,
    /// Print JSON with full precision
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SampleArguments {
    /// Folder of a run that `isoflop train` has trained, or begun to
    #[arg(value_name = "DIR")]
    pub run: PathBuf,
    /// Text to go on from; without it a new document is begun
    #[arg(long, default_value = "")]
    pub prompt: String,
    /// Tokens to write
    #[arg(long, default_value_t = 200)]
    pub tokens: usize,
    /// 1 draws as the model predicts, less keeps to what it thinks likely, 0 always takes the likeliest
    #[arg(long, default_value_t = 0.8, allow_negative_numbers = true)]
    pub temperature: f64,
    /// Seed of the draws: the same seed writes the same text
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
}
