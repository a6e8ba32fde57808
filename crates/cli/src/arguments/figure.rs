//! What can be typed after `isoflop figure`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use isoflop::Filter;

use super::{QuestionArguments, TableArguments, draws, level};

#[derive(Debug, Args)]
#[command(arg_required_else_help = true, subcommand_value_name = "KIND", subcommand_help_heading = "Kinds")]
pub(crate) struct FigureKindArguments {
    #[command(subcommand)]
    pub kind: FigureKind,
}

/// One kind of figure with what it is drawn from.
#[derive(Debug, Subcommand)]
pub(crate) enum FigureKind {
    /// Of runs: loss against model size, a valley for each training budget, and the best sizes
    Valleys(RunsFigure),
    /// Of runs: lines of equal loss over model size and tokens, the best runs, and where the runs end
    Contour(Box<PlannedFigure>),
    /// Of runs: loss against compute, size and tokens, and the same above the floor
    Panels(RunsFigure),
    /// Of runs: tokens for each parameter, beside those of known models
    Ratios(Box<PlannedFigure>),
    /// Of runs: the loss of best runs beyond the largest, with bands
    Forecast(Box<PlannedFigure>),
    /// Of runs: what the law leaves unexplained, against compute, size and tokens
    Residuals(RunsFigure),
    /// Of runs or a fit: exponents and floor in pairs, beside published ones
    Exponents(FitFigure),
    /// Of runs: whether the forecast of the largest came to rest as smaller ones were added
    Rollout(RolloutFigure),
    /// Of a fit and a plan: what training and serving cost along the sizes of one loss
    Pareto(Box<ParetoFigure>),
    /// Of tables of runs, one a recipe: the compute that the others save or waste
    Gain(GainFigure),
    /// Of a sweep: budgets and sizes, what is done, and how losses lie to the law
    Board(BoardFigure),
    /// Of a sweep, or a table of checkpoints: training curves and their envelope
    Envelope(EnvelopeFigure),
    /// Of `isoflop tune`: loss against learning rates and batch, width by width
    Basins(TuneFigure),
    /// Of `isoflop tune`: whether one learning rate is best at all widths
    Transfer(TuneFigure),
    /// Of a record of claims: how often intervals held, against how often they should
    Reliability(RecordFigure),
}

/// Where a figure goes, and how it looks.
#[derive(Debug, Args)]
pub(crate) struct DrawingArguments {
    /// The figure, as .svg, .png or .pdf, or its exact numbers as .csv; - draws in the terminal
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    pub output: PathBuf,
    /// Light ink on a dark page
    #[arg(long)]
    pub dark: bool,
    /// Width of a .svg, .png or .pdf, pixels; on narrow ones panels stand below each other
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u16).range(280..=4000))]
    pub width: Option<u16>,
    /// Print title, caption and the file's name as JSON
    #[arg(long)]
    pub json: bool,
}

/// A figure of runs and the law fitted to them.
#[derive(Debug, Args)]
pub(crate) struct RunsFigure {
    #[command(flatten)]
    pub table: TableArguments,
    /// The fit of these runs, as `isoflop fit` wrote it, or a published one, instead of the default fit
    #[arg(long, value_name = "FIT")]
    pub fit: Option<PathBuf>,
    /// Share of cases the intervals should hold
    #[arg(long, default_value_t = 0.9, value_parser = level)]
    pub level: f64,
    #[command(flatten)]
    pub drawing: DrawingArguments,
}

/// The same with a plan, where a budget or a goal is given.
#[derive(Debug, Args)]
pub(crate) struct PlannedFigure {
    #[command(flatten)]
    pub of: RunsFigure,
    #[command(flatten)]
    pub question: QuestionArguments,
}

/// A figure of a fit alone.
#[derive(Debug, Args)]
pub(crate) struct FitFigure {
    /// A fit (a file, - for standard input, or the name of a published one such as besiroglu2024), or the table of runs to fit
    #[arg(value_name = "FIT|RUNS")]
    pub input: PathBuf,
    /// Keep only rows of a table whose COLUMN has this VALUE; may be given several times
    #[arg(long = "where", value_name = "COLUMN=VALUE")]
    pub filters: Vec<Filter>,
    /// Share of cases the intervals should hold
    #[arg(long, default_value_t = 0.9, value_parser = level)]
    pub level: f64,
    #[command(flatten)]
    pub drawing: DrawingArguments,
}

/// A back-test of the largest runs.
#[derive(Debug, Args)]
pub(crate) struct RolloutFigure {
    #[command(flatten)]
    pub table: TableArguments,
    /// Forecast by this law (`isoflop laws` lists them; posterior is the default fit); may be given several times
    #[arg(long, value_name = "LAW", default_value = "posterior")]
    pub law: Vec<String>,
    /// Draws of each fit
    #[arg(long, default_value_t = 200, value_parser = draws)]
    pub draws: usize,
    /// Seed of the draws
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Share of cases the intervals should hold
    #[arg(long, default_value_t = 0.9, value_parser = level)]
    pub level: f64,
    #[command(flatten)]
    pub drawing: DrawingArguments,
}

/// A plan, and other ways to its loss.
#[derive(Debug, Args)]
pub(crate) struct ParetoFigure {
    /// A fit: a file, - for standard input, or the name of a published one such as besiroglu2024
    pub fit: PathBuf,
    #[command(flatten)]
    pub question: QuestionArguments,
    /// Share of cases the intervals should hold
    #[arg(long, default_value_t = 0.9, value_parser = level)]
    pub level: f64,
    #[command(flatten)]
    pub drawing: DrawingArguments,
}

/// Recipes compared.
#[derive(Debug, Args)]
pub(crate) struct GainFigure {
    /// Tables of runs, one for each recipe, the first being the reference; or one table with --by
    #[arg(required = true, value_name = "TABLE")]
    pub compared: Vec<String>,
    /// Compare the recipes that this column of one table names; the first in the table is the reference
    #[arg(long, value_name = "COLUMN")]
    pub by: Option<String>,
    /// Keep only rows whose COLUMN has this VALUE; may be given several times
    #[arg(long = "where", value_name = "COLUMN=VALUE")]
    pub filters: Vec<Filter>,
    /// Draws of the bootstrap over the runs
    #[arg(long, default_value_t = 500, value_parser = draws)]
    pub draws: usize,
    /// Share of cases the intervals should hold
    #[arg(long, default_value_t = 0.9, value_parser = level)]
    pub level: f64,
    #[command(flatten)]
    pub drawing: DrawingArguments,
}

/// A sweep as it is now.
#[derive(Debug, Args)]
pub(crate) struct BoardFigure {
    /// Folder of a sweep, such as the one that `isoflop lab` or `isoflop demo` fills
    #[arg(value_name = "SWEEP")]
    pub sweep: PathBuf,
    /// The law to compare losses with, instead of the default fit of what is done
    #[arg(long, value_name = "FIT")]
    pub fit: Option<PathBuf>,
    #[command(flatten)]
    pub drawing: DrawingArguments,
}

/// Training curves.
#[derive(Debug, Args)]
pub(crate) struct EnvelopeFigure {
    /// Folder of a sweep; or a table with a row for each checkpoint: params, tokens (or flops), loss, and the run's name
    #[arg(value_name = "SWEEP|TABLE")]
    pub input: PathBuf,
    /// Column of the table that tells its runs apart
    #[arg(long, value_name = "COLUMN", default_value = "run")]
    pub by: String,
    /// Keep only rows whose COLUMN has this VALUE; may be given several times
    #[arg(long = "where", value_name = "COLUMN=VALUE")]
    pub filters: Vec<Filter>,
    #[command(flatten)]
    pub drawing: DrawingArguments,
}

/// What a tuning tried.
#[derive(Debug, Args)]
pub(crate) struct TuneFigure {
    /// Folder that `isoflop tune` filled
    #[arg(value_name = "TUNE")]
    pub folder: PathBuf,
    /// Share of cases the intervals should hold
    #[arg(long, default_value_t = 0.9, value_parser = level)]
    pub level: f64,
    #[command(flatten)]
    pub drawing: DrawingArguments,
}

/// What claims came to.
#[derive(Debug, Args)]
pub(crate) struct RecordFigure {
    /// A record's folder, or its claims in their order and the verdicts on them
    #[arg(default_value = "claims")]
    pub record: Vec<PathBuf>,
    #[command(flatten)]
    pub drawing: DrawingArguments,
}
