//! What can be typed.

mod compare;
mod figure;
mod lab;
mod next;
mod plan;
mod predict;
mod recipe;
mod record;
mod rental;
mod report;
mod sandbox;
mod train;
mod tune;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use isoflop::{Filter, Flops, Objective, Params, Tokens};

use crate::figure::FigureArguments;

pub(crate) use compare::CompareArguments;
pub(crate) use figure::{
    BoardFigure, DrawingArguments, EnvelopeFigure, FigureKind, FigureKindArguments, FitFigure, GainFigure,
    ParetoFigure, PlannedFigure, RolloutFigure, RunsFigure,
};
pub(crate) use lab::LabArguments;
pub(crate) use next::{DecisionArgument, NextArguments};
pub(crate) use plan::{PlanArguments, QuestionArguments};
pub(crate) use predict::PredictArguments;
pub(crate) use recipe::RecipeArguments;
pub(crate) use record::{ClaimArguments, RecordArguments, VerifyArguments};
pub(crate) use rental::RentalArguments;
pub(crate) use report::ReportArguments;
pub(crate) use sandbox::{
    SandboxAnswerArguments, SandboxArguments, SandboxGradeArguments, SandboxMove, SandboxNewArguments,
    SandboxTrainArguments,
};
pub(crate) use train::{SampleArguments, TrainArguments};
pub(crate) use tune::TuneArguments;

/// Measure your scaling law, plan the run you can afford, seal the prediction, and find out whether you were right.
#[derive(Debug, Parser)]
#[command(name = "isoflop", version, about, after_help = "Exit codes: 0 done, 1 claim missed, 2 could not answer.")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train a ladder of small models, fit their law, predict a bigger run, train it, and see: about a minute
    Demo(DemoArguments),
    /// The same on your own text and within your time: the largest ladder that this machine can train in it
    Lab(LabArguments),
    /// Train one run on a text: stopped, the same command goes on; ends with its loss on held-out documents
    Train(TrainArguments),
    /// Read what a run of `isoflop train` writes
    Sample(SampleArguments),
    /// Find a recipe's best learning rates and batch on your text, from its smallest models
    Tune(TuneArguments),
    /// Show what a recipe's widths count and how they are trained, or the recipe itself
    Recipe(RecipeArguments),
    /// Fit a scaling law to a table of runs
    Fit(FitArguments),
    /// Find what is wrong with runs, or with a fit, before anyone trusts it
    Diagnose(DiagnoseArguments),
    /// Find out which law would have forecast the larger of your runs best, and how far its bands can be trusted
    Backtest(BacktestArguments),
    /// Predict the loss of runs that have not been trained
    Predict(PredictArguments),
    /// Plan the best run under a budget, or the cheapest that reaches a goal, within limits
    Plan(Box<PlanArguments>),
    /// Write one page that answers the question: the plan, the figures, the doubts, the runs, and how to repeat it; or, of a folder, how the claims in it did or how far the sweep in it is
    Report(Box<ReportArguments>),
    /// Draw a figure of runs, a fit, a sweep: --help lists the kinds; .svg, .png, .pdf, numbers as .csv, or in the terminal
    #[command(alias = "figures")]
    Figure(FigureKindArguments),
    /// Choose the runs that leave least doubt about a bigger one; also designs a first sweep
    Next(NextArguments),
    /// Seal a prediction before its run
    Claim(ClaimArguments),
    /// Judge a sealed prediction by its run
    Verify(VerifyArguments),
    /// Show how sealed predictions did: how many held, how wide they were, whether the chain is whole
    Record(RecordArguments),
    /// Play against a hidden law: spend compute on runs, forecast a far larger one, see the truth
    Sandbox(SandboxArguments),
    /// List the laws that can be fitted, with formulas, sources and published coefficients
    Laws(LawsArguments),
    /// List accelerators with their peaks and sources, or say what a run costs on one
    Gpus(GpusArguments),
    /// List well-known models, and say which were under- or over-trained under a law
    Models(ModelsArguments),
    /// Compare recipes on their runs, or two well-known models under a law: which is better, and by how much
    Compare(CompareArguments),
}

#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// Learn these files and folders instead of the sources of this program's dependencies
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub text: Vec<PathBuf>,
    /// Folder for the results; the same folder again goes on where it was stopped
    #[arg(long, value_name = "DIR", default_value = "isoflop-demo")]
    pub out: PathBuf,
    /// Seed of initial weights, order of text and bootstrap
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Threads to train on, 0 for one per core; the result does not depend on it
    #[arg(long, default_value_t = 0)]
    pub threads: usize,
    #[command(flatten)]
    pub answer: AnswerArguments,
}

/// A table of runs and which of its rows to use.
#[derive(Debug, Args)]
pub(crate) struct TableArguments {
    /// Table of runs: CSV or JSON lines with params, tokens, loss (or flops for one of the first two); - reads standard input
    pub runs: PathBuf,
    /// Keep only rows whose COLUMN has this VALUE, or compares with it by !=, <, <=, > or >= (quoted: 'flops>=1e20'); may be given
    /// several times
    #[arg(long = "where", value_name = "COLUMN=VALUE")]
    pub filters: Vec<Filter>,
    /// Leave out rows that cannot be read, counted and named, instead of refusing the table
    #[arg(long)]
    pub skip_bad_rows: bool,
}

/// How answers are given.
#[derive(Debug, Args)]
pub(crate) struct AnswerArguments {
    /// Share of cases the intervals should hold
    #[arg(long, default_value_t = 0.9, value_parser = level)]
    pub level: f64,
    /// Print JSON with full precision
    #[arg(long)]
    pub json: bool,
}

/// How runs are weighed.
#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
pub(crate) enum WeightArgument {
    /// Alike
    #[default]
    Equal,
    /// By their standard errors
    Se,
    /// One mean for each setting, as certain as its replicates say
    Replicates,
}

impl From<WeightArgument> for isoflop::fit::Weights {
    fn from(argument: WeightArgument) -> Self {
        match argument {
            WeightArgument::Equal => Self::Equal,
            WeightArgument::Se => Self::StandardErrors,
            WeightArgument::Replicates => Self::Replicates,
        }
    }
}

/// What the bootstrap of a plain fit draws anew.
#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
pub(crate) enum ResamplingArgument {
    /// Strata from 20 runs on, residuals below
    #[default]
    Auto,
    /// Runs with replacement within strata of compute
    Strata,
    /// Runs with replacement, whatever their compute
    Cases,
    /// Every run with the residual of any run and a random sign
    Residuals,
    /// Every run with its own residual and a random sign
    Signs,
}

impl From<ResamplingArgument> for isoflop::fit::Resampling {
    fn from(argument: ResamplingArgument) -> Self {
        match argument {
            ResamplingArgument::Auto => Self::Automatic,
            ResamplingArgument::Strata => Self::Strata,
            ResamplingArgument::Cases => Self::Cases,
            ResamplingArgument::Residuals => Self::Residuals,
            ResamplingArgument::Signs => Self::Signs,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct FitArguments {
    #[command(flatten)]
    pub table: TableArguments,
    /// A plain fit of this law, such as hoffmann (`isoflop laws` lists them), instead of the posterior of the coupled law. It
    /// minimises huber:1e-3, which a back-test over six public sources chose, unless --objective says otherwise
    #[arg(long, value_name = "LAW")]
    pub law: Option<String>,
    /// A plain fit (of hoffmann, unless --law says otherwise) that minimises huber:1e-3, lad, log-ls, ls, student:4,
    /// quantile:0.3, asymmetric:10 or huber-loss:1e-3
    #[arg(long)]
    pub objective: Option<Objective>,
    /// Another belief of the posterior's prior, as NAME=CENTRE,SPREAD; names: exponent,
    /// exponent-difference, coupling, floor, balance, noise, noise-decay, repetition, worth, form-error; and as NAME=NUMBER
    /// floor-per-decade, form-error-per-decade
    #[arg(long, value_name = "BELIEF", conflicts_with_all = ["law", "objective"])]
    pub prior: Vec<String>,
    /// Keep runs whose columns (step and max_steps, progress, ...) say that their schedule has not ended; the posterior leaves
    /// them out, counted and named
    #[arg(long, conflicts_with_all = ["law", "objective"])]
    pub keep_unfinished: bool,
    /// Draws for the intervals: of the posterior, or bootstrap refits of a plain fit
    #[arg(long, default_value_t = 1_000)]
    pub draws: usize,
    /// How runs count in a plain fit: alike, or by the inverse square of loss_se
    #[arg(long, value_name = "WEIGHTS", value_enum, default_value_t)]
    pub weights: WeightArgument,
    /// What the bootstrap of a plain fit draws anew; the text and `resampled` in the JSON say what was drawn and why
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    pub resampling: ResamplingArgument,
    /// Profile-likelihood intervals (least squares on ln loss) beside a plain fit: of its parameters, of what follows from them
    /// (a, b, gamma), of the loss at --params and --tokens, and of the best size at --flops
    #[arg(long)]
    pub profile: bool,
    /// Size of the run whose expected loss to profile
    #[arg(long, requires_all = ["profile", "tokens"])]
    pub params: Option<Params>,
    /// Its training tokens
    #[arg(long, requires_all = ["profile", "params"])]
    pub tokens: Option<Tokens>,
    /// Compute whose best size to profile
    #[arg(long, requires = "profile")]
    pub flops: Option<Flops>,
    /// Seed of the draws
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Threads, 0 for one per core; the answer does not depend on it
    #[arg(long, default_value_t = 0)]
    pub threads: usize,
    /// Write the fit to this file
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub figure: FigureArguments,
    #[command(flatten)]
    pub answer: AnswerArguments,
}

#[derive(Debug, Args)]
pub(crate) struct DiagnoseArguments {
    /// A table of runs (CSV or JSON lines), or a fit: a file, - for standard input, or the name of a published fit
    pub input: PathBuf,
    /// Keep only rows whose COLUMN has this VALUE, or compares with it by !=, <, <=, > or >= (quoted: 'flops>=1e20'); may be given
    /// several times
    #[arg(long = "where", value_name = "COLUMN=VALUE")]
    pub filters: Vec<Filter>,
    /// Judge this fit against the runs as well
    #[arg(long, value_name = "FIT")]
    pub fit: Option<PathBuf>,
    /// Size of a run you want to know about, such as 70B: how far it is, and whether these runs can tell
    #[arg(long, requires = "tokens")]
    pub params: Option<Params>,
    /// Its training tokens, such as 1.4T
    #[arg(long, requires = "params")]
    pub tokens: Option<Tokens>,
    /// Print JSON with full precision
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BacktestArguments {
    #[command(flatten)]
    pub table: TableArguments,
    /// Compare this law (`isoflop laws` lists them; `posterior` is the default fit); may be given several times. Without it:
    /// posterior, coupled, hoffmann, hoffmann-tied, power-compute-floor, and laws of repeated text or of several recipes where
    /// the table has these
    #[arg(long, value_name = "LAW")]
    pub law: Vec<String>,
    /// What plain laws minimise: huber:1e-3 unless said otherwise; AICc is always that of log-ls
    #[arg(long)]
    pub objective: Option<Objective>,
    /// Fit the runs below this compute and judge the others; may be given several times. Without it: four cuts that leave 40 to
    /// 85 % of the runs below
    #[arg(long, value_name = "FLOP")]
    pub cut: Vec<Flops>,
    /// Size of the run at which to set the laws side by side, such as 70B
    #[arg(long, requires = "tokens")]
    pub params: Option<Params>,
    /// Its training tokens, such as 1.4T
    #[arg(long, requires = "params")]
    pub tokens: Option<Tokens>,
    /// Compute at which to set them side by side, spent as the best forecaster would; ten times the largest run's if nothing is said
    #[arg(long, conflicts_with = "params", allow_negative_numbers = true)]
    pub flops: Option<Flops>,
    /// Draws of each fit
    #[arg(long, default_value_t = 200, value_parser = draws)]
    pub draws: usize,
    /// Seed of the draws
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Threads, 0 for one per core; the answer does not depend on it
    #[arg(long, default_value_t = 0)]
    pub threads: usize,
    #[command(flatten)]
    pub answer: AnswerArguments,
}

/// What a fit is asked about, besides size and tokens.
#[derive(Debug, Args)]
pub(crate) struct ConditionArguments {
    /// Recipe, of a fit that tells several apart
    #[arg(long, value_name = "NAME")]
    pub recipe: Option<String>,
    /// Distinct tokens there are, such as 100B, of a fit that knows repeated text; what a run needs beyond them it repeats
    #[arg(long, value_name = "TOKENS")]
    pub unique_tokens: Option<Tokens>,
}

#[derive(Debug, Args)]
pub(crate) struct LawsArguments {
    /// Show this law alone, with its parameters and published coefficients
    pub law: Option<String>,
    /// Print JSON with full precision
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GpusArguments {
    /// Show this accelerator alone, such as h100
    pub gpu: Option<String>,
    /// Compute of a run, such as 1e24, to price on it
    #[arg(long, requires = "gpu", conflicts_with_all = ["params", "tokens", "model"])]
    pub flops: Option<Flops>,
    /// Size of a model to price, such as 70B
    #[arg(long, requires_all = ["gpu", "tokens"], conflicts_with = "model")]
    pub params: Option<Params>,
    /// Its training tokens
    #[arg(long, requires_all = ["gpu", "params"])]
    pub tokens: Option<Tokens>,
    /// A well-known model to price, such as chinchilla
    #[arg(long, requires = "gpu")]
    pub model: Option<String>,
    /// Number of accelerators, for the days it takes
    #[arg(long)]
    pub gpus: Option<u32>,
    /// Dollars per accelerator-hour
    #[arg(long, default_value_t = 2.0)]
    pub price: f64,
    /// Share of the accelerator's peak that training reaches
    #[arg(long, default_value_t = 0.4)]
    pub mfu: f64,
    /// Share of the time that is not lost to failures and restarts
    #[arg(long, default_value_t = 0.9)]
    pub goodput: f64,
    /// Energy the data centre draws for each unit that reaches the machines
    #[arg(long, value_parser = at_least_one)]
    pub pue: Option<f64>,
    /// Kilograms of CO2 for each kilowatt-hour
    #[arg(long, value_name = "KG", value_parser = at_least_zero)]
    pub grid: Option<f64>,
    /// Print JSON with full precision
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ModelsArguments {
    /// Show this model alone, with its source
    pub model: Option<String>,
    /// Judge each by this law: the name of a published fit such as besiroglu2024, or a fit's file
    #[arg(long, value_name = "FIT")]
    pub law: Option<PathBuf>,
    #[command(flatten)]
    pub answer: AnswerArguments,
}

fn at_least_one(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if value >= 1.0 && f64::is_finite(value) => Ok(value),
        _ => Err("the data centre draws at least what reaches the machines: 1.2, say".to_owned()),
    }
}

fn at_least_zero(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if value >= 0.0 && f64::is_finite(value) => Ok(value),
        _ => Err("a number of kilograms for each kilowatt-hour, such as 0.4".to_owned()),
    }
}

/// Enough draws for a band.
fn draws(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(draws) if draws >= 20 => Ok(draws),
        _ => Err("bands need at least 20 draws, such as 200".to_owned()),
    }
}

/// A share strictly between 0 and 1.
fn level(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(level) if level > 0.0 && level < 1.0 => Ok(level),
        _ => Err("a level is a share between 0 and 1, such as 0.9".to_owned()),
    }
}
