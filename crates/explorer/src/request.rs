//! What can be asked, as JSON: `{"do": "plan", "question": {"flops": "1e21"}}`.

use isoflop::plan;
use isoflop_report::figure::Theme;
use serde::Deserialize;

/// Longest request that is read, bytes.
pub const LARGEST_REQUEST: usize = 32 << 20;

/// Most rows of a table that are read: one fit of more would take minutes on the one thread of a page.
pub const MOST_RUNS: usize = 5_000;

/// Level of intervals where none is named.
const LEVEL: f64 = 0.9;

/// Draws of a fit where none are named.
const DRAWS: usize = 1_000;

/// One request; the tag is its verb.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Request {
    /// What the library knows by name: accelerators, laws, published fits.
    Known {},
    /// Reads a table of runs and forgets what was known of others.
    Runs(RunsRequest),
    /// Fits the runs.
    Fit(FitRequest),
    /// Takes a fit instead: a file's text, or a published one.
    Load(LoadRequest),
    /// Plans with the fit.
    Plan(Box<PlanRequest>),
    /// Predicts one run with the fit.
    Predict(PredictRequest),
    /// Draws one figure of runs, fit and plan.
    Figure(FigureRequest),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunsRequest {
    /// The table's text.
    pub(crate) table: String,
    /// Its file name: errors call it so, and its ending tells the format.
    #[serde(default = "table_name")]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) skip_bad_rows: bool,
    /// Filters such as `recipe=baseline`.
    #[serde(default, rename = "where")]
    pub(crate) filters: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FitRequest {
    #[serde(default)]
    pub(crate) law: Option<String>,
    #[serde(default)]
    pub(crate) objective: Option<String>,
    #[serde(default = "draws")]
    pub(crate) draws: usize,
    #[serde(default)]
    pub(crate) seed: u64,
    #[serde(default)]
    pub(crate) keep_unfinished: bool,
    /// Runs to leave out, by their position among the kept ones.
    #[serde(default)]
    pub(crate) without: Vec<usize>,
    /// Recipe to ask about, of a fit that tells several apart.
    #[serde(default)]
    pub(crate) recipe: Option<String>,
    #[serde(default = "level")]
    pub(crate) level: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoadRequest {
    pub(crate) fit: FitSource,
    /// Recipe to ask about, of a fit that tells several apart.
    #[serde(default)]
    pub(crate) recipe: Option<String>,
    #[serde(default = "level")]
    pub(crate) level: f64,
}

/// Where a fit comes from.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FitSource {
    /// The text of `fit.json`.
    File(String),
    /// The name of a published fit.
    Published(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanRequest {
    #[serde(default)]
    pub(crate) question: plan::Request,
    /// At most so many draws of the fit: rougher intervals while someone drags a slider.
    #[serde(default)]
    pub(crate) draws: Option<usize>,
    #[serde(default = "level")]
    pub(crate) level: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PredictRequest {
    pub(crate) params: String,
    pub(crate) tokens: String,
    #[serde(default = "level")]
    pub(crate) level: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FigureRequest {
    pub(crate) kind: FigureKind,
    #[serde(default)]
    pub(crate) theme: ThemeName,
    /// Pixels; the figure's own where none is named.
    #[serde(default)]
    pub(crate) width: Option<f64>,
    #[serde(default)]
    pub(crate) format: FigureFormat,
    #[serde(default)]
    pub(crate) draws: Option<usize>,
    #[serde(default = "level")]
    pub(crate) level: f64,
}

/// The figures that can be drawn of runs, fit and plan.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FigureKind {
    Valleys,
    Forecast,
    Contour,
    Ratios,
    Panels,
    Residuals,
    Exponents,
}

/// How a figure is written.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FigureFormat {
    #[default]
    Svg,
    Csv,
}

/// The colours of a figure.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ThemeName {
    Light,
    Dark,
    /// Those of the page that shows it.
    #[default]
    Adaptive,
}

impl From<ThemeName> for Theme {
    fn from(name: ThemeName) -> Self {
        match name {
            ThemeName::Light => Self::Light,
            ThemeName::Dark => Self::Dark,
            ThemeName::Adaptive => Self::Adaptive,
        }
    }
}

fn table_name() -> String {
    "runs.csv".to_owned()
}

fn draws() -> usize {
    DRAWS
}

fn level() -> f64 {
    LEVEL
}
