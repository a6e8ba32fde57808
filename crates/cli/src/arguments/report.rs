//! What can be typed after `isoflop report`.

use std::path::PathBuf;

use clap::Args;

use super::{AnswerArguments, QuestionArguments, TableArguments};

#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    // A folder of claims is taken too, and told as a track record.
    #[command(flatten)]
    pub table: TableArguments,
    /// The fit of these runs, as `isoflop fit` wrote it, instead of the default fit
    #[arg(long, value_name = "FILE")]
    pub fit: Option<PathBuf>,
    #[command(flatten)]
    pub question: QuestionArguments,
    #[command(flatten)]
    pub answer: AnswerArguments,
    /// The page: FILE.html holds everything in itself; FILE.md has its figures beside it
    #[arg(short, long, value_name = "FILE", default_value = "report.html")]
    pub output: PathBuf,
}
