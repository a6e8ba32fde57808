//! What can be typed after `isoflop figure`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use isoflop::Filter;

use super::{QuestionArguments, TableArguments, level};

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
