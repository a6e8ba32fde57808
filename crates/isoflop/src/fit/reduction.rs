//! What the default law gives up or takes on for the runs at hand, in data and in one line of words.

use std::fmt;

use isoflop_numerics::elementary::{exp, ln};
use serde::{Deserialize, Serialize};

use super::ONE_RAY;
use crate::runs::{Run, Runs};
use crate::units::{Params, Tokens, UnitError, significant};

/// One departure of the default fit from the coupled law of single passes under one recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reduction {
    /// All runs lie on one line of sizes and tokens: the law is one of compute along it, and nothing is known off it.
    OneRay(Path),
    /// Some runs see their text more than once: repeated tokens count for what Muennighoff's R_D* makes of them.
    RepeatedText {
        /// Runs that repeat.
        runs: usize,
        /// The most epochs of any.
        most_epochs: f64,
    },
    /// Several recipes: one floor, one coupling and the same exponents, and multipliers of parameters and tokens for each.
    SeveralRecipes {
        /// The recipes, the reference first.
        recipes: Vec<RecipeReach>,
    },
    /// Settings trained more than once, which the law misses by more than seeds differ: their runs count for less than one each.
    Replicates {
        /// Runs that share a setting.
        runs: usize,
        /// How much each counts, on average.
        worth: f64,
    },
    /// Runs whose schedule has not ended were left out.
    UnfinishedSchedules {
        /// How many.
        dropped: usize,
        /// Why the first of them.
        example: String,
    },
}

impl Reduction {
    /// The most epochs of any run, of a fit of repeated text.
    pub(crate) fn most_epochs(&self) -> Option<f64> {
        match self {
            Self::RepeatedText { most_epochs, .. } => Some(*most_epochs),
            _ => None,
        }
    }

    /// What runs that share a setting come to, where `witnesses` says how much each run counts; `None` where that is nearly one.
    pub(super) fn replicates(witnesses: &[f64]) -> Option<Self> {
        /// Runs that count for more than this are as good as one.
        const NEARLY_ONE: f64 = 0.9;
        let shared: Vec<f64> = witnesses.iter().copied().filter(|worth| *worth < 1.0).collect();
        let worth = shared.iter().sum::<f64>() / shared.len() as f64;
        (worth < NEARLY_ONE).then_some(Self::Replicates { runs: shared.len(), worth })
    }

    /// What leaving out unfinished runs came to; `None` where there were none.
    pub(super) fn unfinished(runs: &Runs, finished: &Runs) -> Option<Self> {
        let example = finished.dropped.get(runs.dropped.len())?;
        let dropped = finished.dropped.len() - runs.dropped.len();
        Some(Self::UnfinishedSchedules { dropped, example: format!("{}: {}", example.name, example.reason) })
    }
}

/// What the runs of one recipe reach.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecipeReach {
    /// The recipe.
    pub name: String,
    /// Its runs.
    pub n_runs: usize,
    /// Largest training compute among them, FLOP.
    pub largest_flops: f64,
    /// Smallest and largest tokens per parameter among them.
    pub tokens_per_param: (f64, f64),
}

impl RecipeReach {
    pub(super) fn of<'a>(name: &str, runs: impl Iterator<Item = &'a Run>) -> Self {
        let mut reach =
            Self { name: name.to_owned(), n_runs: 0, largest_flops: 0.0, tokens_per_param: (f64::INFINITY, 0.0) };
        for run in runs {
            let (low, high) = reach.tokens_per_param;
            let ratio = run.tokens.get() / run.params.get();
            reach.n_runs += 1;
            reach.largest_flops = reach.largest_flops.max(run.flops.get());
            reach.tokens_per_param = (low.min(ratio), high.max(ratio));
        }
        reach
    }
}

/// A line of sizes and tokens: `ln D = ln D0 + slope (ln N - ln N0)`. A ray of equal tokens per parameter has slope 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Path {
    /// N0, the geometric mean of the runs' sizes.
    pub params: f64,
    /// D0, that of their tokens.
    pub tokens: f64,
    /// Exponent with which tokens grow with size.
    pub slope: f64,
    /// Smallest and largest tokens of a run over those of the line at its size.
    pub width: (f64, f64),
    /// Smallest and largest size of a run.
    pub sizes: (f64, f64),
}

impl Path {
    /// The ray through the middle of `runs`, of which there is at least one.
    pub(super) fn ray(runs: &[Run]) -> Self {
        Self::of(runs, 1.0)
    }

    /// The line through `runs` by least squares; `None` where they lie beside it, or where tokens do not grow along it.
    pub(super) fn line(runs: &[Run]) -> Option<Self> {
        let middle = Self::ray(runs);
        let centred =
            || runs.iter().map(|run| (ln(run.params.get() / middle.params), ln(run.tokens.get() / middle.tokens)));
        let (squares, products) = centred().fold((0.0, 0.0), |(xx, xy), (x, y)| (xx + x * x, xy + x * y));
        let path = Self::of(runs, products / squares);
        (path.slope > 0.0 && path.width.1 / path.width.0 < ONE_RAY).then_some(path)
    }

    fn of(runs: &[Run], slope: f64) -> Self {
        let mean = |of: fn(&Run) -> f64| exp(runs.iter().map(|run| ln(of(run))).sum::<f64>() / runs.len() as f64);
        let mut path = Self {
            params: mean(|run| run.params.get()),
            tokens: mean(|run| run.tokens.get()),
            slope,
            width: (1.0, 1.0),
            sizes: (f64::INFINITY, 0.0),
        };
        for run in runs {
            let (params, beside) = (run.params.get(), run.tokens.get() / path.tokens_at(run.params.get()));
            path.width = (path.width.0.min(beside), path.width.1.max(beside));
            path.sizes = (path.sizes.0.min(params), path.sizes.1.max(params));
        }
        path
    }

    /// Tokens of the line at a size.
    pub fn tokens_at(&self, params: f64) -> f64 {
        self.tokens * exp(self.slope * ln(params / self.params))
    }

    /// Size of the line at a budget of 6ND FLOP.
    pub fn params_at(&self, flops: f64) -> f64 {
        let product = flops / crate::counting::TRAINING_FLOPS_PER_PARAM_TOKEN;
        self.params * exp(ln(product / (self.params * self.tokens)) / (1.0 + self.slope))
    }

    /// Whether a run of `params` on `tokens` would leave the runs on one line.
    pub fn holds(&self, params: f64, tokens: f64) -> bool {
        let beside = tokens / self.tokens_at(params);
        beside.max(self.width.1) / beside.min(self.width.0) < ONE_RAY
    }

    /// Two runs that would tell size from tokens: a middle size on a quarter and on four times the tokens.
    pub(super) fn runs_to_add(&self) -> RunsToAdd {
        RunsToAdd { params: self.params, tokens: [0.25, 4.0].map(|factor| factor * self.tokens) }
    }

    /// The line in words: `one ray of 20 tokens per parameter`.
    fn words(&self) -> String {
        let ratio = |params: f64| significant(self.tokens_at(params) / params, 3);
        if self.slope == 1.0 {
            format!("one ray of {} tokens per parameter", ratio(self.params))
        } else {
            format!("one line of {} to {} tokens per parameter", ratio(self.sizes.0), ratio(self.sizes.1))
        }
    }
}

/// Runs of one size that would tell the effect of size from that of tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RunsToAdd {
    /// Their size.
    pub params: f64,
    /// Their tokens.
    pub tokens: [f64; 2],
}

impl fmt::Display for RunsToAdd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tokens = self.tokens.map(|tokens| shown(Tokens::new(tokens), tokens));
        write!(f, "{} on {} and on {} tokens", shown(Params::new(self.params), self.params), tokens[0], tokens[1])
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words())
    }
}

/// A count as people write it; the bare number where it is none.
pub(crate) fn shown<Count: fmt::Display>(count: Result<Count, UnitError>, number: f64) -> String {
    count.map_or_else(|_| format!("{number:.3e}"), |count| format!("{count:.3}"))
}

impl fmt::Display for Reduction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneRay(path) => write!(
                f,
                "all runs lie on {path}: only questions along it can be answered; add runs such as {} to tell size from data",
                path.runs_to_add()
            ),
            Self::RepeatedText { runs, most_epochs } => write!(
                f,
                "{runs} runs see their text more than once, up to {} times: repeated tokens count less, as R_D* says; predict and plan take --unique-tokens",
                significant(*most_epochs, 3)
            ),
            Self::SeveralRecipes { recipes } => {
                let names: Vec<&str> = recipes.iter().map(|recipe| recipe.name.as_str()).collect();
                write!(
                    f,
                    "{} recipes ({}) share floor, coupling and exponents, and differ in what size and data are worth (rho, relative to {}); predict and plan take --recipe",
                    names.len(),
                    names.join(", "),
                    names.first().unwrap_or(&"the first")
                )
            }
            Self::Replicates { runs, worth } => write!(
                f,
                "{runs} runs repeat settings that the law misses by more than seeds differ: each counts as {} of a run",
                significant(*worth, 2)
            ),
            Self::UnfinishedSchedules { dropped, example } => write!(
                f,
                "{dropped} runs whose schedule has not ended are left out ({example}): their loss is too high for their tokens; --keep-unfinished keeps them"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TableFormat;

    fn runs(rows: &[(f64, f64)]) -> Vec<Run> {
        let rows: String = rows.iter().map(|(params, tokens)| format!("{params},{tokens},2\n")).collect();
        Runs::read(format!("params,tokens,loss\n{rows}").as_bytes(), "t", TableFormat::Csv, false).unwrap().kept
    }

    #[test]
    fn a_ray_holds_what_keeps_it_one() {
        let ray = Path::ray(&runs(&[(1e8, 2e9), (4e8, 8.4e9), (1e9, 2e10)]));
        assert!(ray.holds(1e10, 2e11) && ray.holds(1e10, 2.4e11) && !ray.holds(1e10, 2.8e11) && !ray.holds(1e10, 1e11));
        let params = ray.params_at(1.2e22);
        assert!((6.0 * params * ray.tokens_at(params) / 1.2e22 - 1.0).abs() < 1e-12);
        assert!(ray.to_string().starts_with("one ray of 20.3 tokens"), "{ray}");
    }

    #[test]
    fn a_line_need_not_be_a_ray_but_must_be_straight_and_rise() {
        let line = Path::line(&runs(&[(1e8, 1e9), (4e8, 8e9), (1.6e9, 6.4e10)])).unwrap();
        assert!((line.slope - 1.5).abs() < 1e-12, "{line:?}");
        assert!((line.tokens_at(4e8) / 8e9 - 1.0).abs() < 1e-12);
        assert_eq!(Path::line(&runs(&[(1e8, 1e9), (4e8, 3e10), (1.6e9, 6.4e10)])), None);
        assert_eq!(Path::line(&runs(&[(1e8, 6.4e10), (4e8, 8e9), (1.6e9, 1e9)])), None);
    }
}
