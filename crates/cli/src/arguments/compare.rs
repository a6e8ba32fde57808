//! Recipes compared on their runs, or two well-known models under a law.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use isoflop::{Filter, Flops};

use super::{AnswerArguments, draws};

#[derive(Debug, Args)]
pub(crate) struct CompareArguments {
    /// A table of runs of several recipes (with --by), or a well-known model such as gopher
    pub first: String,
    /// Another well-known model, such as chinchilla
    #[arg(required_unless_present = "by")]
    pub second: Option<String>,
    /// Compare the recipes that this column names: architectures, optimizers, texts; the first in the table is the reference
    #[arg(long, value_name = "COLUMN", conflicts_with = "second")]
    pub by: Option<String>,
    /// Keep only rows whose COLUMN has this VALUE; may be given several times
    #[arg(long = "where", value_name = "COLUMN=VALUE", requires = "by")]
    pub filters: Vec<Filter>,
    /// Leave out rows that cannot be read, counted and named, instead of refusing the table
    #[arg(long, requires = "by")]
    pub skip_bad_rows: bool,
    /// Compute at which to compare recipes; ten times the largest run's if nothing is said
    #[arg(long, requires = "by")]
    pub flops: Option<Flops>,
    /// What a FLOP costs under a recipe, as RECIPE=NUMBER, relative to the others; may be given several times
    #[arg(long, value_name = "RECIPE=NUMBER", requires = "by")]
    pub cost: Vec<Cost>,
    /// Draws of the bootstrap over the runs
    #[arg(long, default_value_t = 500, value_parser = draws)]
    pub draws: usize,
    /// Seed of the draws
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Threads, 0 for one per core; the answer does not depend on it
    #[arg(long, default_value_t = 0)]
    pub threads: usize,
    /// The law that judges models: the name of a published fit, or a fit's file; a fit with draws gives intervals
    #[arg(long, value_name = "FIT", default_value = "besiroglu2024", conflicts_with = "by")]
    pub law: PathBuf,
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
