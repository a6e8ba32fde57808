//! What a fit can be asked: one recipe of several, text that runs out, and nothing off the line that its runs lie on.

use std::sync::Arc;

use super::reduction::{Path, Reduction, RunsToAdd};
use super::{Draw, Fit};
use crate::counting::ParamCounting;
use crate::law::{self, Law, Limited, Muennighoff, Resources, Variable, Worth};
use crate::units::{Flops, Params, Tokens, UnitError};

/// Why a fit does not answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum QuestionError {
    /// The law gives no number there.
    #[error(transparent)]
    Unit(#[from] UnitError),
    /// Sizes, or draws, so extreme that the loss is no number.
    #[error(
        "the fit gives no finite loss for {params} on {tokens} tokens: check their units, or fit the runs again if the fit's file was edited"
    )]
    NoLoss {
        /// Size asked for.
        params: Params,
        /// Tokens asked for.
        tokens: Tokens,
    },
    /// A run beside the line that all fitted runs lie on.
    #[error(
        "{params:.3} on {tokens:.3} tokens lies off the fitted runs, which all lie on {path}: they cannot tell what is gained or lost there; ask for {params:.3} on {tokens_on_line:.3} tokens, or add runs such as {add} and fit again"
    )]
    OffRay {
        /// Size asked for.
        params: Params,
        /// Tokens asked for.
        tokens: Tokens,
        /// The line.
        path: Path,
        /// What the line has at that size.
        tokens_on_line: Tokens,
        /// Runs that would tell.
        add: RunsToAdd,
    },
    /// A best size from runs along one line.
    #[error(
        "all fitted runs lie on {path}: no best size can be told from them; add runs such as {add} and fit again; along the line, {flops} FLOP are {params:.3} on {tokens:.3} tokens: `isoflop predict FIT --params {params:.3} --tokens {tokens:.3}` gives their loss"
    )]
    NoBestSize {
        /// The line.
        path: Path,
        /// The budget.
        flops: Flops,
        /// Its size on the line.
        params: Params,
        /// Its tokens there.
        tokens: Tokens,
        /// Runs that would tell.
        add: RunsToAdd,
    },
    /// Several recipes, and none was named.
    #[error("the fit tells several recipes apart: say which with --recipe NAME; there are {}", recipes.join(", "))]
    WhichRecipe {
        /// Their names.
        recipes: Vec<String>,
    },
    /// A recipe that the fit does not know.
    #[error("the fit knows no recipe `{name}`: {}", known(recipes))]
    UnknownRecipe {
        /// The name.
        name: String,
        /// The names it knows; none where it tells no recipes apart.
        recipes: Vec<String>,
    },
    /// Runs whose parameters are counted in another way than those of the fit.
    #[error(
        "the table counts {asked}, and the fit counts {fitted}: count them alike, for a law of the one says nothing of the other"
    )]
    OtherCounting {
        /// The counting of the runs asked about.
        asked: ParamCounting,
        /// That of the fitted runs.
        fitted: ParamCounting,
    },
    /// A loss that no run reaches.
    #[error(
        "the fit gives no run a loss of {loss}{}: it expects more than {lowest:.4} from any; ask for more than that",
        with(held)
    )]
    OutOfReach {
        /// The loss asked for, nats per token.
        loss: f64,
        /// Parameters or tokens that were held, in words; `None` where nothing was.
        held: Option<String>,
        /// What the loss falls towards.
        lowest: f64,
    },
    /// A loss asked for of a law that has no best size.
    #[error("{law} has no best size, so no least compute for a loss: hold --params or --tokens")]
    NoLeastCompute {
        /// The law.
        law: &'static str,
    },
    /// Size or tokens held, of a fit along one line.
    #[error(
        "all fitted runs lie on {path}, where tokens follow from size: ask for the loss alone, or add runs such as {add} and fit again"
    )]
    OnLine {
        /// The line.
        path: Path,
        /// Runs that would tell.
        add: RunsToAdd,
    },
    /// Text that runs out, asked of a law of single passes.
    #[error(
        "the fit knows nothing of repeated text (its law is {law}), so it cannot say what happens when distinct tokens run out: fit runs that repeat (column unique_tokens or epochs), or ask without --unique-tokens; `isoflop plan` can borrow what is published (--repetition published)"
    )]
    NoRepetition {
        /// The law.
        law: &'static str,
    },
}

fn with(held: &Option<String>) -> String {
    held.as_ref().map(|held| format!(" with {held}")).unwrap_or_default()
}

fn known(recipes: &[String]) -> String {
    match recipes {
        [] => "it tells no recipes apart; leave --recipe out".to_owned(),
        names => format!("there are {}", names.join(", ")),
    }
}

impl Fit {
    /// This fit for one of the recipes that it tells apart: its law, draws and reach are those of that recipe alone.
    ///
    /// # Errors
    /// [`QuestionError::UnknownRecipe`].
    pub fn of_recipe(&self, name: &str) -> Result<Self, QuestionError> {
        let recipes = self.law.recipes();
        let unknown = || QuestionError::UnknownRecipe { name: name.to_owned(), recipes: recipes.to_vec() };
        let recipe = recipes.iter().position(|recipe| recipe == name).ok_or_else(unknown)?;
        let own = |parameters: &[f64]| self.law.of_recipe(recipe, parameters).ok_or_else(unknown);
        let (law, point) = own(&self.point)?;
        let draw = |draw: &Draw| Ok(Draw { parameters: own(&draw.parameters)?.1, ..draw.clone() });
        let draws = self.draws.iter().map(draw).collect::<Result<_, QuestionError>>()?;
        let mut fit = Self { law, point, draws, recipe: Some(name.to_owned()), ..self.clone() };
        for reduction in &self.reductions {
            if let Reduction::SeveralRecipes { recipes } = reduction
                && let Some(reach) = recipes.iter().find(|reach| reach.name == name)
            {
                fit.largest_flops = Some(reach.largest_flops);
                fit.ratio_range = Some(reach.tokens_per_param);
            }
        }
        fit.reductions.retain(|reduction| !matches!(reduction, Reduction::SeveralRecipes { .. }));
        Ok(fit)
    }

    /// This fit where there are only so many distinct tokens, and what a run needs beyond them it repeats.
    ///
    /// # Errors
    /// [`QuestionError::NoRepetition`] when the law does not know what repetition costs.
    pub fn with_unique_tokens(&self, unique_tokens: Tokens) -> Result<Self, QuestionError> {
        if !self.law.variables().contains(&Variable::UniqueTokens) {
            return Err(QuestionError::NoRepetition { law: self.law.name() });
        }
        let law = Arc::new(Limited::new(Arc::clone(&self.law), unique_tokens.get()));
        Ok(Self { law, unique_tokens: Some(unique_tokens), ..self.clone() })
    }

    /// This fit with what Muennighoff et al. found repeated text to be worth; `None` where its law is not of sizes and single passes.
    ///
    /// Their law with this fit's coefficients for a fit of Hoffmann's; for a coupled one their effective tokens, and parameters as they
    /// are, for its size that text can fill has no closed form.
    ///
    /// # Source
    /// Muennighoff et al. 2023, arXiv:2305.16264, equations 5 and 6: R_D* = 15.39, R_N* = 5.31.
    pub(crate) fn with_published_repetition(&self) -> Option<Self> {
        let published = law::published("muennighoff2023-repeated")?.parameters;
        let (law, scales): (Arc<dyn Law>, &[f64]) = match self.law.name() {
            "hoffmann" => (Arc::new(Muennighoff), &published[5..]),
            "coupled" => (Arc::new(Worth::new(Resources::ParamsAndTokens, true, None)), &published[5..6]),
            _ => return None,
        };
        let with_scales = |parameters: &[f64]| [parameters, scales].concat();
        let draws = self.draws.iter().map(|draw| Draw { parameters: with_scales(&draw.parameters), ..draw.clone() });
        Some(Self { law, point: with_scales(&self.point), draws: draws.collect(), ..self.clone() })
    }

    /// The recipe that [`Fit::of_recipe`] took out of several.
    pub fn recipe(&self) -> Option<&str> {
        self.recipe.as_deref()
    }

    /// The distinct tokens that there are, where they are limited.
    pub fn unique_tokens(&self) -> Option<Tokens> {
        self.unique_tokens
    }

    /// The line that all fitted runs lie on; `None` where they tell size from data.
    pub fn path(&self) -> Option<&Path> {
        self.reductions.iter().find_map(|reduction| match reduction {
            Reduction::OneRay(path) => Some(path),
            _ => None,
        })
    }

    /// Whether one recipe is meant.
    pub(crate) fn check_recipe(&self) -> Result<(), QuestionError> {
        match self.law.recipes() {
            [] | [_] => Ok(()),
            recipes => Err(QuestionError::WhichRecipe { recipes: recipes.to_vec() }),
        }
    }

    /// Whether runs whose parameters are counted so can be set beside the fitted ones.
    ///
    /// # Errors
    /// [`QuestionError::OtherCounting`] where they cannot.
    pub fn check_counting(&self, asked: ParamCounting) -> Result<(), QuestionError> {
        let fitted = self.conventions.params;
        if asked == fitted { Ok(()) } else { Err(QuestionError::OtherCounting { asked, fitted }) }
    }

    /// Whether the fit can say anything about a run of `params` on `tokens`.
    pub(crate) fn check_run(&self, params: Params, tokens: Tokens) -> Result<(), QuestionError> {
        self.check_recipe()?;
        match self.path() {
            Some(path) if !path.holds(params.get(), tokens.get()) => Err(QuestionError::OffRay {
                params,
                tokens,
                path: *path,
                tokens_on_line: Tokens::new(path.tokens_at(params.get()))?,
                add: path.runs_to_add(),
            }),
            _ => Ok(()),
        }
    }

    /// Whether the fit tells size from tokens.
    pub(crate) fn check_off_line(&self) -> Result<(), QuestionError> {
        match self.path() {
            Some(path) => Err(QuestionError::OnLine { path: *path, add: path.runs_to_add() }),
            None => Ok(()),
        }
    }

    /// Whether the fit can say which size is best at a budget.
    pub(crate) fn check_best_size(&self, budget: Flops) -> Result<(), QuestionError> {
        self.check_recipe()?;
        let Some(path) = self.path() else { return Ok(()) };
        let params = Params::new(path.params_at(budget.get()))?;
        Err(QuestionError::NoBestSize {
            path: *path,
            flops: budget,
            params,
            tokens: Tokens::new(path.tokens_at(params.get()))?,
            add: path.runs_to_add(),
        })
    }
}
