//! What can be typed after `isoflop plan`.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use isoflop::blueprint::Given;
use isoflop::hardware::{Precision, Uncertain};
use isoflop::plan::{Progress, Repetition, Request};
use isoflop::{Dollars, Flops, Nats, Params, Tokens, parse_bytes, parse_count, parse_share};

use super::{AnswerArguments, ConditionArguments, RentalArguments};

#[derive(Debug, Args)]
pub(crate) struct PlanArguments {
    /// A fit: a file, - for standard input, or the name of a published one such as besiroglu2024
    pub fit: PathBuf,
    #[command(flatten)]
    pub question: QuestionArguments,
    #[command(flatten)]
    pub later: LaterArguments,
    #[command(flatten)]
    pub answer: AnswerArguments,
    /// Write the plan to this file
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// What is to be planned, within which limits.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("budget").args(["flops", "usd", "gpu_hours", "days", "kwh"]),
    group = ArgGroup::new("goal").args(["loss", "better"])
)]
pub(crate) struct QuestionArguments {
    #[command(flatten)]
    pub budget: BudgetArguments,
    #[command(flatten)]
    pub goal: GoalArguments,
    #[command(flatten)]
    pub devices: DeviceArguments,
    #[command(flatten)]
    pub limits: LimitArguments,
    #[command(flatten)]
    pub conditions: ConditionArguments,
    #[command(flatten)]
    pub demand: DemandArguments,
    #[command(flatten)]
    pub shape: ShapeArguments,
}

impl QuestionArguments {
    /// Whether there is a budget or a goal to plan for.
    pub(crate) fn is_asked(&self) -> bool {
        let BudgetArguments { flops, usd, gpu_hours, days, kwh } = &self.budget;
        let budget = flops.is_some() || usd.is_some() || [gpu_hours, days, kwh].into_iter().any(Option::is_some);
        budget || self.goal.loss.is_some() || self.goal.better.is_some()
    }
}

/// What may be spent; one of them.
#[derive(Debug, Args)]
#[command(next_help_heading = "Budget, one of")]
pub(crate) struct BudgetArguments {
    /// Budget in FLOP, such as 1e24
    #[arg(long, allow_hyphen_values = true)]
    pub flops: Option<Flops>,
    /// Budget in dollars, such as 10M; needs --gpu
    #[arg(long, requires = "gpu", allow_hyphen_values = true)]
    pub usd: Option<Dollars>,
    /// Budget in hours of one accelerator, such as 5M; needs --gpu
    #[arg(long, value_name = "HOURS", requires = "gpu", value_parser = amount, allow_hyphen_values = true)]
    pub gpu_hours: Option<f64>,
    /// Budget in days of all accelerators; needs --gpu and --gpus
    #[arg(long, requires_all = ["gpu", "gpus"], value_parser = amount, allow_hyphen_values = true)]
    pub days: Option<f64>,
    /// Budget in kilowatt-hours, such as 4M; needs --gpu
    #[arg(long, requires = "gpu", value_parser = amount, allow_hyphen_values = true)]
    pub kwh: Option<f64>,
}

/// What is given about the model that is to be built.
#[derive(Debug, Args)]
#[command(next_help_heading = "Shape")]
pub(crate) struct ShapeArguments {
    /// Size of the vocabulary
    #[arg(long, value_name = "TOKENS", default_value_t = 32_000, value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    pub vocabulary: u32,
    /// Context length
    #[arg(long, value_name = "TOKENS", default_value_t = 4_096, value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    pub context: u32,
    /// The head shares the embedding matrix
    #[arg(long)]
    pub tied_head: bool,
    /// Tokens a step, such as 4M: what such batches waste is then counted, by the critical batch of Kaplan et al. 2020. Without it the
    /// batch is what papers advise, and nothing is counted
    #[arg(long, value_name = "TOKENS", allow_hyphen_values = true)]
    pub batch: Option<Tokens>,
    /// Largest share of the tokens that the batch may waste, such as 20%
    #[arg(long, value_name = "SHARE", requires = "batch", value_parser = share, allow_hyphen_values = true)]
    pub max_batch_waste: Option<f64>,
}

/// What the same loss would cost later; an assumption beside the fit.
#[derive(Debug, Args)]
#[command(next_help_heading = "Later")]
pub(crate) struct LaterArguments {
    /// Also say what the same loss would cost so many years later
    #[arg(long, value_parser = amount, allow_hyphen_values = true)]
    pub years: Option<f64>,
    /// By how many times less compute a loss takes each year: a number or a range; Ho et al. 2024 found 2.7 in the past
    #[arg(long, value_name = "FACTOR", default_value_t = Progress::default().yearly, requires = "years", allow_hyphen_values = true)]
    pub progress: Uncertain,
}

impl ShapeArguments {
    pub(crate) fn given(&self) -> Given {
        Given {
            vocabulary: self.vocabulary as usize,
            context: self.context as usize,
            tied_head: self.tied_head,
            batch: self.batch,
            ..Given::default()
        }
    }
}

/// What is to be reached, as cheaply as can be; within the budget, where there is one.
#[derive(Debug, Args)]
#[command(next_help_heading = "Goal, reached as cheaply as can be")]
pub(crate) struct GoalArguments {
    /// Loss to reach, nats per token
    #[arg(long, value_parser = loss, allow_hyphen_values = true)]
    pub loss: Option<Nats>,
    /// Share by which the loss is to be lower than that of another run, such as 5%: the best run of the largest fitted compute,
    /// unless --than-params and --than-tokens, or --than-flops, name one
    #[arg(long, value_name = "SHARE", value_parser = share, allow_hyphen_values = true)]
    pub better: Option<f64>,
    /// Size of that run
    #[arg(long, value_name = "PARAMS", requires_all = ["better", "than_tokens"], allow_hyphen_values = true)]
    pub than_params: Option<Params>,
    /// Its training tokens
    #[arg(long, value_name = "TOKENS", requires_all = ["better", "than_params"], allow_hyphen_values = true)]
    pub than_tokens: Option<Tokens>,
    /// Compute of which the best run is meant
    #[arg(long, value_name = "FLOP", requires = "better", conflicts_with = "than_params", allow_hyphen_values = true)]
    pub than_flops: Option<Flops>,
}

/// What trains.
#[derive(Debug, Args)]
#[command(next_help_heading = "Accelerators")]
pub(crate) struct DeviceArguments {
    #[command(flatten)]
    pub rental: RentalArguments,
    /// Number of accelerators, for the days it takes
    #[arg(long, requires = "gpu", value_parser = clap::value_parser!(u32).range(1..))]
    pub gpus: Option<u32>,
    /// Seed of the draws of price, MFU and goodput, where these are ranges
    #[arg(long, default_value_t = 0, requires = "gpu")]
    pub seed: u64,
}

/// What else limits the run.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArguments {
    /// Largest model, such as 8B
    #[arg(long, value_name = "PARAMS", allow_hyphen_values = true)]
    pub max_params: Option<Params>,
    /// Memory that a serving device may use for the weights, such as 80GB
    #[arg(long, value_name = "BYTES", value_parser = bytes, allow_hyphen_values = true)]
    pub memory: Option<f64>,
    /// Fewest tokens a second that one --gpu must be able to decode of one sequence, at the bound of its bandwidth
    #[arg(long, value_name = "TOKENS", requires = "gpu", value_parser = amount, allow_hyphen_values = true)]
    pub min_tokens_per_second: Option<f64>,
    /// Format of weights and products when serving, for --serve, --memory and --min-tokens-per-second
    #[arg(long, value_enum, default_value_t)]
    pub precision: PrecisionArgument,
    /// Most passes over the distinct tokens
    #[arg(long, value_name = "EPOCHS", requires = "unique_tokens", value_parser = amount, allow_hyphen_values = true)]
    pub max_epochs: Option<f64>,
    /// Whose word on repeated text counts: the fit's, or that of Muennighoff et al. 2023
    #[arg(long, value_enum, default_value_t, requires = "unique_tokens")]
    pub repetition: RepetitionArgument,
    /// Most days of training; needs --gpu and --gpus
    #[arg(long, value_name = "DAYS", requires_all = ["gpu", "gpus"], conflicts_with = "days", value_parser = amount, allow_hyphen_values = true)]
    pub max_days: Option<f64>,
}

/// What the model is to serve once it is trained.
#[derive(Debug, Args)]
#[command(next_help_heading = "Serving")]
pub(crate) struct DemandArguments {
    /// Tokens to serve over the model's life, such as 5T: the budget, or the cost of the goal, is then for training and serving
    #[arg(long, value_name = "TOKENS", allow_hyphen_values = true)]
    pub serve: Option<Tokens>,
    /// How many of these tokens the model writes: the others are prompts, read at --serve-mfu, while answers wait for the weights to be
    /// read from memory, once for --serve-sequences. Without it all tokens are alike
    #[arg(long, value_name = "TOKENS", requires_all = ["serve", "gpu"], allow_hyphen_values = true)]
    pub serve_output: Option<Tokens>,
    /// Sequences that one accelerator decodes at once
    #[arg(long, value_name = "COUNT", default_value_t = Request::SEQUENCES, requires = "serve_output", value_parser = amount, allow_hyphen_values = true)]
    pub serve_sequences: f64,
    /// Share of the accelerator's peak that serving reaches; 0.1 unless said otherwise, and with --serve-output that of training, for
    /// prompts alone
    #[arg(long, value_name = "MFU", requires_all = ["serve", "gpu"], allow_hyphen_values = true)]
    pub serve_mfu: Option<Uncertain>,
    /// Dollars per accelerator-hour of serving; those of training unless said otherwise
    #[arg(long, value_name = "PRICE", requires_all = ["serve", "gpu"], allow_hyphen_values = true)]
    pub serve_price: Option<Uncertain>,
}

/// The format of a weight.
#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
pub(crate) enum PrecisionArgument {
    /// Two bytes
    #[default]
    Bf16,
    /// One byte
    Fp8,
    /// One byte
    Int8,
    /// Half a byte
    Fp4,
}

impl From<PrecisionArgument> for Precision {
    fn from(argument: PrecisionArgument) -> Self {
        match argument {
            PrecisionArgument::Bf16 => Self::Bf16,
            PrecisionArgument::Fp8 => Self::Fp8,
            PrecisionArgument::Int8 => Self::Int8,
            PrecisionArgument::Fp4 => Self::Fp4,
        }
    }
}

/// What is known of repeated text.
#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
pub(crate) enum RepetitionArgument {
    /// What the fitted runs that repeat say
    #[default]
    Fitted,
    /// What Muennighoff et al. 2023 found, for a hoffmann or coupled fit of single passes
    Published,
}

impl From<RepetitionArgument> for Repetition {
    fn from(argument: RepetitionArgument) -> Self {
        match argument {
            RepetitionArgument::Fitted => Self::Fitted,
            RepetitionArgument::Published => Self::Published,
        }
    }
}

/// A number such as `5M` or `30`; whether it makes sense is the library's to say.
fn amount(text: &str) -> Result<f64, String> {
    parse_count(text).ok_or_else(|| "a number such as 30, 1.5 or 5M".to_owned())
}

fn loss(text: &str) -> Result<Nats, String> {
    let nats = text
        .parse::<f64>()
        .map_err(|_| "a loss in nats per token, such as 2.0; for a share use --better 5%".to_owned())?;
    Nats::new(nats).map_err(|error| error.to_string())
}

fn share(text: &str) -> Result<f64, String> {
    parse_share(text).ok_or_else(|| "a share, such as 5% or 0.05".to_owned())
}

fn bytes(text: &str) -> Result<f64, String> {
    parse_bytes(text).ok_or_else(|| "a number of bytes, such as 80GB".to_owned())
}
