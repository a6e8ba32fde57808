//! Recipes compared on their runs, or two well-known models under a law.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use isoflop::{Filter, Flops};

use crate::figure::FigureArguments;

use super::{AnswerArguments, draws};

#[derive(Debug, Args)]
pub(crate) struct CompareArguments {
    /// Tables of runs, one for each recipe, the first being the reference; or one table with --by; or two well-known models, such as gopher
    /// chinchilla
    #[arg(required = true, value_name = "TABLE|MODEL")]
    pub compared: Vec<String>,
    /// Compare the recipes that this column of one table names: architectures, optimizers, texts; the first in the table is the reference
    #[arg(long, value_name = "COLUMN")]
    pub by: Option<String>,
    /// Keep only rows whose COLUMN has this VALUE, or compares with it by !=, <, <=, > or >= (quoted: 'flops>=1e20'); may be given
    /// several times
    #[arg(long = "where", value_name = "COLUMN=VALUE")]
    pub filters: Vec<Filter>,
    /// Leave out rows that cannot be read, counted and named, instead of refusing the table
    #[arg(long)]
    pub skip_bad_rows: bool,
    /// Compute at which to compare recipes; ten times the largest run's if nothing is said
    #[arg(long)]
    pub flops: Option<Flops>,
    /// What a FLOP costs under a recipe, as RECIPE=NUMBER, relative to the others; may be given several times
    #[arg(long, value_name = "RECIPE=NUMBER")]
    pub cost: Vec<Cost>,
    #[command(flatten)]
    pub figure: FigureArguments,
    /// Draws of the bootstrap over the runs
    #[arg(long, default_value_t = 500, value_parser = draws)]
    pub draws: usize,
    /// Seed of the draws
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Threads, 0 for one per core; the answer does not depend on it
    #[arg(long, default_value_t = 0)]
    pub threads: usize,
    /// The law that judges models: the name of a published fit (besiroglu2024 if nothing is said), or a fit's file; a fit with draws gives
    /// intervals
    #[arg(long, value_name = "FIT")]
    pub law: Option<PathBuf>,
    #[command(flatten)]
    pub answer: AnswerArguments,
}

/// What a FLOP costs under a recipe.
#[derive(Debug, Clone)]
pub(crate) struct Cost {
    pub recipe: String,
    pub cost: f64,
}

impl FromStr for Cost {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (recipe, cost) = text.rsplit_once('=').ok_or("write RECIPE=NUMBER, for example muon=1.3")?;
        match cost.parse() {
            Ok(cost) if cost > 0.0 && f64::is_finite(cost) => Ok(Self { recipe: recipe.to_owned(), cost }),
            _ => Err(format!("a cost is a number above zero, got `{cost}`")),
        }
    }
}
