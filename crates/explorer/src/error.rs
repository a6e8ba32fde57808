//! Why there is no answer, with a code for the page and words for people.

use isoflop::fit::{FitFileError, UnknownObjective};
use isoflop::law::PUBLISHED;
use isoflop::names::UnknownName;
use isoflop::plan::RequestError;
use isoflop::{FitError, QuestionError, RunsError, UnitError};

use crate::request::{LARGEST_REQUEST, MOST_RUNS};

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExplorerError {
    #[error(
        "the request has {found} bytes, and at most {LARGEST_REQUEST} are read here: filter the table, or use `isoflop fit`"
    )]
    LongRequest { found: usize },
    #[error("the request cannot be read: {0}")]
    Request(#[from] serde_json::Error),
    #[error("the request is not UTF-8: {0}")]
    Encoding(#[from] std::str::Utf8Error),
    #[error(
        "the table has {found} lines, and at most {MOST_RUNS} runs are fitted here: keep fewer rows, or use `isoflop fit`, which has no such limit"
    )]
    ManyRuns { found: usize },
    #[error(transparent)]
    Runs(#[from] RunsError),
    #[error("there are no runs yet: read a table of runs first")]
    NoRuns,
    #[error("there is no fit yet: fit the runs first")]
    NoFit,
    #[error(transparent)]
    Fit(#[from] FitError),
    #[error(transparent)]
    Objective(#[from] UnknownObjective),
    #[error(transparent)]
    Name(#[from] UnknownName),
    #[error(transparent)]
    FitFile(#[from] FitFileError),
    #[error("this fit was made of other runs than those that are loaded: fit these runs instead")]
    OtherRuns,
    #[error(transparent)]
    Question(#[from] QuestionError),
    #[error(transparent)]
    Plan(#[from] RequestError),
    #[error(transparent)]
    Unit(#[from] UnitError),
    #[error("the law has no two exponents to show in a pair: fit one that has, such as hoffmann")]
    NoExponents,
    #[error("a level is a share between 0 and 1, such as 0.9, not {0}")]
    Level(f64),
}

impl ExplorerError {
    /// What kind of error it is, for a page that acts on it.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::LongRequest { .. } | Self::ManyRuns { .. } => "too_large",
            Self::Request(_) | Self::Encoding(_) | Self::Level(_) | Self::Unit(_) => "request",
            Self::Objective(_) | Self::Name(_) => "name",
            Self::Runs(_) => "table",
            Self::NoRuns => "no_runs",
            Self::NoFit => "no_fit",
            Self::Fit(_) => "fit",
            Self::FitFile(_) | Self::OtherRuns => "fit_file",
            Self::NoExponents => "figure",
            Self::Question(_) => "question",
            Self::Plan(_) => "plan",
        }
    }

    /// That there is no published fit called `name`.
    pub(crate) fn unpublished(name: &str) -> Self {
        let names = PUBLISHED.iter().map(|set| set.name);
        UnknownName::new("published fit", name, names).into()
    }
}
