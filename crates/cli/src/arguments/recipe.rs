//! What can be typed after `isoflop recipe`.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct RecipeArguments {
    /// Recipe: a TOML file, - for standard input, or one that is built in (default, muon, gpt2-like)
    #[arg(value_name = "RECIPE", default_value = "default")]
    pub recipe: String,
    /// Show this width; several may be given. Without it: the twelve smallest
    #[arg(long, value_name = "WIDTH", num_args = 1..)]
    pub width: Vec<usize>,
    /// Training tokens for each parameter, embeddings included: they decide batch and rates
    #[arg(long, value_name = "RATIO", allow_negative_numbers = true, default_value_t = isoflop_train::TOKENS_PER_PARAM)]
    pub tokens_per_param: f64,
    /// Print the recipe itself as TOML, every key written
    #[arg(long, conflicts_with_all = ["json", "width", "tokens_per_param"])]
    pub toml: bool,
    /// Print JSON with full precision
    #[arg(long)]
    pub json: bool,
}
