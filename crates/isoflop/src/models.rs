//! Well-known public models, and what a law makes of how each was trained: too large, too long, or as it would.

use serde::{Deserialize, Serialize};

use crate::counting::training_flops;
use crate::fit::{Estimate, Fit, QuestionError};
use crate::law::Setting;
use crate::names::UnknownName;
use crate::plan::FLAT_TOLERANCE;
use crate::predict::Extrapolation;
use crate::sources::Trust;
use crate::units::{Flops, Params, Tokens, UnitError};

/// The table of models, each row with its source and trust.
pub const MODELS_TABLE: &str = include_str!("../../../data/models.csv");

/// A public language model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Short name, as typed.
    pub name: String,
    /// Name in full.
    pub title: String,
    /// Parameters, all of them.
    pub params: Params,
    /// Those a token passes through; `None` where it is all of them.
    pub active_params: Option<Params>,
    /// Training tokens.
    pub tokens: Tokens,
    /// Training compute as the source gives it, under its own counting.
    pub reported_flops: Option<Flops>,
    /// When it was published.
    pub year: u16,
    /// How far the row was checked.
    pub trust: Trust,
    /// Where the row comes from.
    pub source: String,
    /// What to know about it.
    pub note: String,
}

impl Model {
    /// Parameters a token passes through.
    pub fn active(&self) -> Params {
        self.active_params.unwrap_or(self.params)
    }

    /// Training compute.
    ///
    /// ```text
    /// C = 6 N_active D
    /// ```
    ///
    /// # Errors
    /// [`UnitError::NotPositive`] when the product leaves the range of numbers.
    ///
    /// # Example
    /// ```
    /// let llama = isoflop::models::model("llama3.1-405b")?;
    /// assert!((llama.flops()?.get() / 3.7908e25 - 1.0).abs() < 1e-12);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn flops(&self) -> Result<Flops, UnitError> {
        training_flops(self.active(), self.tokens)
    }

    /// Tokens for each parameter that a token passes through.
    pub fn tokens_per_param(&self) -> f64 {
        self.tokens.get() / self.active().get()
    }

    /// What `fit` makes of it.
    ///
    /// # Errors
    /// [`ModelError::Mixture`] for a mixture of experts, and those of [`Standing::new`].
    pub fn standing(&self, fit: &Fit, level: f64) -> Result<Standing, ModelError> {
        if self.active_params.is_some() {
            return Err(ModelError::Mixture { name: self.name.clone(), law: fit.law().name() });
        }
        Standing::new(fit, self.params, self.tokens, level)
    }
}

/// Why there is nothing to say about a model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// No model of that name.
    #[error("{0}; `isoflop models` says where each comes from")]
    Unknown(#[from] UnknownName),
    /// The built-in table cannot be read; a test keeps this from happening.
    #[error("the table of models cannot be read: {0}")]
    Table(#[from] csv::Error),
    /// A mixture of experts under a law of dense models.
    #[error(
        "{name} is a mixture of experts, and {law} is a law of dense models: it says nothing about it; compare dense models"
    )]
    Mixture {
        /// The model.
        name: String,
        /// The law.
        law: &'static str,
    },
    /// A law without a best size.
    #[error(
        "{law} has no best size for a budget, so it cannot say what was given up: name a law that falls both with parameters and with tokens, such as besiroglu2024"
    )]
    NoBestSize {
        /// The law.
        law: &'static str,
    },
    /// The fit cannot say.
    #[error(transparent)]
    Question(QuestionError),
    /// A model compared with itself.
    #[error("{name} is compared with itself: name two models")]
    Same {
        /// The model.
        name: String,
    },
}

/// The known models, in order of their year.
///
/// # Errors
/// [`csv::Error`] when the built-in table is malformed, which a test keeps from happening.
pub fn models() -> Result<Vec<Model>, csv::Error> {
    let mut table = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(MODELS_TABLE.as_bytes());
    table.deserialize().collect()
}

/// The model called `name`, whatever its case.
///
/// # Errors
/// [`ModelError::Unknown`] with the nearest names.
///
/// # Example
/// ```
/// let chinchilla = isoflop::models::model("chinchilla")?;
/// assert_eq!((chinchilla.params.get(), chinchilla.tokens.get()), (70e9, 1.4e12));
/// let error = isoflop::models::model("chinchila").unwrap_err();
/// assert!(error.to_string().starts_with("no model `chinchila`; did you mean chinchilla?"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn model(name: &str) -> Result<Model, ModelError> {
    let known = models()?;
    if let Some(found) = known.iter().find(|model| model.name.eq_ignore_ascii_case(name)) {
        return Ok(found.clone());
    }
    Err(UnknownName::new("model", name, known.iter().map(|model| model.name.as_str())).into())
}

/// How a run's tokens per parameter stand to the best at its compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Training {
    /// Too large for its compute: fewer tokens per parameter than best.
    Under,
    /// Within [`FLAT_TOLERANCE`] of the best in compute.
    Balanced,
    /// Smaller than best, trained for longer: what pays when a model is served a lot.
    Over,
}

/// A run beside the best run of its compute, under one law.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Standing {
    /// Its training compute, 6 N D.
    pub flops: Flops,
    /// Its tokens per parameter.
    pub tokens_per_param: f64,
    /// The best size for that compute.
    pub best_params: Estimate,
    /// The tokens that go with it.
    pub best_tokens: Estimate,
    /// Their ratio.
    pub best_tokens_per_param: Estimate,
    /// Its loss as the law has it, nats per token: what the law's own text and recipe would give, not the model's own loss.
    pub loss: Estimate,
    /// The loss of the best run.
    pub best_loss: Estimate,
    /// Loss that was given up, nats per token.
    pub given_up: Estimate,
    /// Share of the compute that was wasted: the best run reaches the same loss without it.
    pub wasted: Estimate,
    /// What that comes to.
    pub training: Training,
    /// Share of the draws on the same side of their own best ratio; `None` without draws.
    pub agreement: Option<f64>,
    /// Distance from the runs that the law was fitted to.
    pub extrapolation: Extrapolation,
}

impl Standing {
    /// A run of `params` on `tokens`, read once, beside the best run of its compute.
    ///
    /// ```text
    /// given up = L(N, D) - L*(C)     wasted = 1 - C_eq(L(N, D)) / C     C = 6 N D
    /// ```
    ///
    /// with `C_eq` the compute at which the best run has that loss ([`crate::Law::equivalent_flops`]).
    ///
    /// # Errors
    /// [`ModelError::NoBestSize`] for laws without an optimum, [`ModelError::Question`] when the runs cannot tell.
    ///
    /// # Example
    /// ```
    /// use isoflop::{Fit, law::published, models::{Training, model}};
    /// let fit = Fit::from_published(published("besiroglu2024").unwrap());
    /// let gopher = model("gopher")?.standing(&fit, 0.9)?;
    /// assert_eq!(gopher.training, Training::Under);
    /// assert!((gopher.best_tokens_per_param.value - 18.45).abs() < 0.01);
    /// assert!((gopher.wasted.value - 0.5030).abs() < 1e-4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(fit: &Fit, params: Params, tokens: Tokens, level: f64) -> Result<Self, ModelError> {
        let flops = training_flops(params, tokens).map_err(|error| ModelError::Question(error.into()))?;
        let no_best_size = || ModelError::NoBestSize { law: fit.law().name() };
        let (best_params, _) = fit.best_allocation(flops).map_err(|error| match error {
            QuestionError::Unit(_) => no_best_size(),
            error => ModelError::Question(error),
        })?;
        let law = fit.law();
        let budget = flops.get();
        let product = params.get() * tokens.get();
        let loss =
            |parameters: &[f64], params: f64| law.loss(parameters, &Setting::single_pass(params, product / params));
        let best_size =
            |parameters: &[f64]| law.best_ln_params(parameters, budget).map(isoflop_numerics::elementary::exp);
        let estimate = |quantity: &dyn Fn(&[f64]) -> Option<f64>| {
            fit.estimate(quantity, level).filter(|estimate| estimate.value.is_finite()).ok_or_else(no_best_size)
        };
        let ratio_of_best = |parameters: &[f64]| best_size(parameters).map(|best| product / best / best);
        let best_tokens_per_param = estimate(&ratio_of_best)?;
        let wasted = estimate(&|parameters| {
            let equivalent = law.equivalent_flops(parameters, loss(parameters, params.get()))?;
            Some((1.0 - equivalent / budget).max(0.0))
        })?;
        let tokens_per_param = tokens.get() / params.get();
        let under = params.get() > best_params.get();
        let training = if wasted.value <= FLAT_TOLERANCE {
            Training::Balanced
        } else if under {
            Training::Under
        } else {
            Training::Over
        };
        let sides: Vec<bool> =
            fit.draws().iter().filter_map(|draw| Some(ratio_of_best(&draw.parameters)? > tokens_per_param)).collect();
        let agreement = (!sides.is_empty())
            .then(|| sides.iter().filter(|side| **side == under).count() as f64 / sides.len() as f64);
        Ok(Self {
            flops,
            tokens_per_param,
            best_params: estimate(&best_size)?,
            best_tokens: estimate(&|parameters| best_size(parameters).map(|best| product / best))?,
            best_tokens_per_param,
            loss: estimate(&|parameters| Some(loss(parameters, params.get())))?,
            best_loss: estimate(&|parameters| Some(loss(parameters, best_size(parameters)?)))?,
            given_up: estimate(&|parameters| {
                Some(loss(parameters, params.get()) - loss(parameters, best_size(parameters)?))
            })?,
            wasted,
            training,
            agreement,
            extrapolation: Extrapolation::new(flops, fit.largest_flops()),
        })
    }
}

/// Two models under one law.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The first model and what the law makes of it.
    pub first: Contender,
    /// The second.
    pub second: Contender,
    /// The one with the lower loss.
    pub winner: String,
    /// The other.
    pub loser: String,
    /// By how much the winner's loss is lower, nats per token; interval over the draws, pair by pair.
    pub lead: Estimate,
    /// Share of the draws in which the winner wins; `None` without draws.
    pub probability: Option<f64>,
    /// The winner's training compute over the loser's.
    pub compute_ratio: f64,
    /// How many times the compute a best run needs to reach the winner's loss instead of the loser's.
    pub worth: Estimate,
    /// Level of the intervals.
    pub level: f64,
    /// What the intervals cover.
    pub covers: String,
}

/// One side of a [`Comparison`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Contender {
    /// The model.
    pub model: Model,
    /// What the law makes of it.
    pub standing: Standing,
}

impl Comparison {
    /// Who should have the lower loss if both were trained on the law's text with its recipe, and by how much.
    ///
    /// # Errors
    /// [`ModelError`] when they are the same, one is a mixture of experts, or the fit cannot say.
    ///
    /// # Example
    /// ```
    /// use isoflop::{Fit, law::published, models::{Comparison, model}};
    /// let fit = Fit::from_published(published("besiroglu2024").unwrap());
    /// let comparison = Comparison::new(&fit, model("gopher")?, model("chinchilla")?, 0.9)?;
    /// assert_eq!(comparison.winner, "chinchilla");
    /// assert!(comparison.lead.lo.is_none(), "a published law has no draws");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(fit: &Fit, first: Model, second: Model, level: f64) -> Result<Self, ModelError> {
        if first.name == second.name {
            return Err(ModelError::Same { name: first.name });
        }
        let law = fit.law();
        let contender = |model: Model| {
            let standing = model.standing(fit, level)?;
            Ok::<_, ModelError>(Contender { model, standing })
        };
        let (first, second) = (contender(first)?, contender(second)?);
        let second_wins = second.standing.loss.value < first.standing.loss.value;
        let (winner, loser) = if second_wins { (&second, &first) } else { (&first, &second) };
        let loss = |parameters: &[f64], contender: &Contender| {
            let Model { params, tokens, .. } = &contender.model;
            law.loss(parameters, &Setting::single_pass(params.get(), tokens.get()))
        };
        let lead_of = |parameters: &[f64]| loss(parameters, loser) - loss(parameters, winner);
        let worth_of = |parameters: &[f64]| {
            let equivalent = |contender| law.equivalent_flops(parameters, loss(parameters, contender));
            Some(equivalent(winner)? / equivalent(loser)?)
        };
        let no_best_size = || ModelError::NoBestSize { law: law.name() };
        let wins = fit.draws().iter().filter(|draw| lead_of(&draw.parameters) > 0.0).count();
        Ok(Self {
            winner: winner.model.name.clone(),
            loser: loser.model.name.clone(),
            lead: fit.estimate(|parameters| Some(lead_of(parameters)), level).ok_or_else(no_best_size)?,
            probability: (!fit.draws().is_empty()).then(|| wins as f64 / fit.draws().len() as f64),
            compute_ratio: winner.standing.flops.get() / loser.standing.flops.get(),
            worth: fit.estimate(worth_of, level).ok_or_else(no_best_size)?,
            level,
            covers: if fit.draws().is_empty() {
                "nothing: the law comes without draws".to_owned()
            } else {
                "doubt about the law's parameters, its form taken as right; the scatter of single runs is not in it"
                    .to_owned()
            },
            first,
            second,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::published;

    fn law(name: &str) -> Fit {
        Fit::from_published(published(name).unwrap())
    }

    #[test]
    fn every_row_of_the_table_is_readable_sourced_and_in_order() {
        let rows = models().unwrap();
        assert!(rows.len() >= 50, "{}", rows.len());
        assert!(rows.windows(2).all(|pair| pair[0].year <= pair[1].year));
        for row in &rows {
            assert!(row.source.len() > 15, "{row:?}");
            assert_eq!(rows.iter().filter(|other| other.name == row.name).count(), 1, "{row:?}");
            assert!(row.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c)));
            // A misplaced zero or a swap would leave this range.
            assert!((0.5..10_000.0).contains(&row.tokens_per_param()), "{row:?}");
            assert!(row.active().get() <= row.params.get());
            assert_eq!(model(&row.name.to_uppercase()).unwrap(), *row);
        }
    }

    /// Sources count in their own way: attention, embeddings, or recomputation; within a fifth it is the same run.
    #[test]
    fn reported_compute_is_near_six_n_d() {
        let reported: Vec<(Model, Flops)> = models()
            .unwrap()
            .into_iter()
            .filter_map(|model| model.reported_flops.map(|flops| (model, flops)))
            .collect();
        assert!(reported.len() >= 5);
        for (model, flops) in reported {
            let ratio = flops.get() / model.flops().unwrap().get();
            assert!((0.95..1.2).contains(&ratio), "{}: {ratio}", model.name);
        }
    }

    /// The comparison that made the field change course: closed forms evaluated independently with the published coefficients.
    #[test]
    fn gopher_was_too_large_and_chinchilla_was_not() {
        let fit = law("besiroglu2024");
        let comparison = Comparison::new(&fit, model("gopher").unwrap(), model("chinchilla").unwrap(), 0.9).unwrap();
        let loss = |params: f64, tokens: f64| 1.8172 + 482.01 / params.powf(0.3478) + 2085.43 / tokens.powf(0.3658);
        let [gopher, chinchilla] = [&comparison.first.standing, &comparison.second.standing];
        assert!((gopher.loss.value - loss(280e9, 300e9)).abs() < 1e-12);
        assert!((chinchilla.loss.value - loss(70e9, 1.4e12)).abs() < 1e-12);
        assert_eq!((gopher.training, chinchilla.training), (Training::Under, Training::Balanced));
        assert!((comparison.lead.value - (loss(280e9, 300e9) - loss(70e9, 1.4e12))).abs() < 1e-12);
        assert_eq!((comparison.winner.as_str(), comparison.probability), ("chinchilla", None));
        assert!((comparison.compute_ratio - 7.0 / 6.0).abs() < 1e-12);

        // gamma = alpha beta / (alpha + beta) turns reducible losses into compute.
        let gamma = 0.3478 * 0.3658 / (0.3478 + 0.3658);
        let worth = ((gopher.loss.value - 1.8172) / (chinchilla.loss.value - 1.8172)).powf(1.0 / gamma);
        assert!((comparison.worth.value / worth - 1.0).abs() < 1e-9);
        let wasted = 1.0 - ((gopher.best_loss.value - 1.8172) / (gopher.loss.value - 1.8172)).powf(1.0 / gamma);
        assert!((gopher.wasted.value - wasted).abs() < 1e-9);
    }

    /// At the best allocation of its own compute a run gives up nothing.
    #[test]
    fn the_best_run_gives_up_nothing() {
        for name in ["besiroglu2024", "hoffmann2022", "muennighoff2023"] {
            let fit = law(name);
            let (params, tokens) = fit.best_allocation(Flops::new(5.76e23).unwrap()).unwrap();
            let standing = Standing::new(&fit, params, tokens, 0.9).unwrap();
            assert!(standing.given_up.value.abs() < 1e-9 && standing.wasted.value < 1e-6, "{standing:?}");
            assert_eq!(standing.training, Training::Balanced);
            for (factor, training) in [(4.0, Training::Under), (0.25, Training::Over)] {
                let params = Params::new(factor * params.get()).unwrap();
                let tokens = Tokens::new(tokens.get() / factor).unwrap();
                let standing = Standing::new(&fit, params, tokens, 0.9).unwrap();
                assert_eq!(standing.training, training, "{name} x {factor}");
                assert!(standing.wasted.value > 0.2 && standing.given_up.value > 0.0);
            }
        }
    }

    /// Size doubled or quartered at fixed compute: C/C_eq = 1.185785 and 1.184136 (Besiroglu et al. 2024 at 3.8e25 FLOP).
    #[test]
    fn waste_is_the_worked_waste() {
        let fit = law("besiroglu2024");
        let (params, tokens) = fit.best_allocation(Flops::new(3.8e25).unwrap()).unwrap();
        for (factor, cost) in [(2.0, 1.185_785), (0.5, 1.184_136), (4.0, 1.943_873)] {
            let params = Params::new(factor * params.get()).unwrap();
            let tokens = Tokens::new(tokens.get() / factor).unwrap();
            let wasted = Standing::new(&fit, params, tokens, 0.9).unwrap().wasted.value;
            assert!((1.0 / (1.0 - wasted) - cost).abs() < 1e-5, "{wasted}");
        }
        // 1.6 times the tokens at the same compute give up 0.00104649 nats and waste 7.5251 %.
        let (params, tokens) = (Params::new(params.get() / 1.6).unwrap(), Tokens::new(tokens.get() * 1.6).unwrap());
        let standing = Standing::new(&fit, params, tokens, 0.9).unwrap();
        assert!((standing.wasted.value / 0.075_251 - 1.0).abs() < 1e-4, "{standing:?}");
        assert!((standing.given_up.value / 0.001_046_49 - 1.0).abs() < 1e-4, "{standing:?}");
    }

    #[test]
    fn what_cannot_be_judged_is_refused() {
        let fit = law("besiroglu2024");
        let mixture = model("deepseek-v3").unwrap().standing(&fit, 0.9).unwrap_err();
        assert!(mixture.to_string().contains("mixture of experts"));
        let kaplan = model("gopher").unwrap().standing(&law("kaplan2020-params"), 0.9).unwrap_err();
        assert!(kaplan.to_string().contains("no best size"), "{kaplan}");
        let gopher = || model("gopher").unwrap();
        assert!(matches!(Comparison::new(&fit, gopher(), gopher(), 0.9), Err(ModelError::Same { .. })));
    }
}
