//! Claims, their verdicts, and the record of both.

use std::path::PathBuf;

use clap::Args;
use isoflop::{Params, Tokens};

use crate::figure::FigureArguments;

use super::{AnswerArguments, ConditionArguments, TableArguments};

#[derive(Debug, Args)]
pub(crate) struct ClaimArguments {
    /// A fit with draws: a file, or - for standard input
    pub fit: PathBuf,
    /// Model size of the run to come
    #[arg(long)]
    pub params: Params,
    /// Its training tokens
    #[arg(long)]
    pub tokens: Tokens,
    #[command(flatten)]
    pub conditions: ConditionArguments,
    /// What the claim is about, in your words
    #[arg(long, default_value = "claim")]
    pub name: String,
    /// Folder of the record of claims; each is chained to the one before
    #[arg(long, default_value = "claims")]
    pub record: PathBuf,
    #[command(flatten)]
    pub answer: AnswerArguments,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    /// The claim's file; a verdict on a claim of a record is kept beside it, the first one for good
    pub claim: PathBuf,
    #[command(flatten)]
    pub table: TableArguments,
    /// Write the verdict to this file too
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Print JSON with full precision
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RecordArguments {
    /// A record's folder, or its claims in their order and the verdicts on them
    #[arg(default_value = "claims")]
    pub record: Vec<PathBuf>,
    /// Check that the claim with this hash, made known earlier, is still in the record; claims removed from the end leave no other trace
    #[arg(long, value_name = "HASH")]
    pub known: Option<String>,
    #[command(flatten)]
    pub figure: FigureArguments,
    /// Print JSON with full precision
    #[arg(long)]
    pub json: bool,
}
