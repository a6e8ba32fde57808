//! What recipes may share: floor and exponents, the floor alone, or nothing; each form fitted, and tested against the next freer one.

use std::sync::Arc;

use isoflop_numerics::elementary::ln;
use isoflop_numerics::fisher::fisher_tail;
use serde::{Deserialize, Serialize};

use super::curve::Curve;
use super::shared_floor::SharedFloor;
use crate::fit::{Fit, FitError, FitOptions, Method, Objective, Warning, fit};
use crate::law::{Hoffmann, Law, Volkova};
use crate::runs::{Run, Runs};

/// What the laws of the recipes have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Everything: the recipes are the same.
    Equal,
    /// Floor and exponents; a parameter and a token are worth more or less (Volkova et al. 2026, arXiv:2602.07712).
    Tied,
    /// The floor.
    SharedFloor,
    /// Nothing.
    Free,
}

/// How one form did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FormTest {
    /// The form.
    pub form: Form,
    /// Its number of unknowns.
    pub unknowns: usize,
    /// Standard deviation of ln loss around it.
    pub scatter: f64,
    /// Probability that the next freer form fits better by so much if this one is true (F test); `None` for the freest.
    pub p_value: Option<f64>,
}

/// A form fitted to the runs.
pub(super) struct Fitted {
    pub(super) form: Form,
    pub(super) unknowns: usize,
    squares: f64,
    /// The recipes at the optimum.
    pub(super) point: Vec<Curve>,
    /// The same in each draw of a bootstrap over all runs.
    pub(super) draws: Vec<Vec<Curve>>,
    pub(super) warnings: Vec<Warning>,
}

impl Fitted {
    /// Every form for the `recipes` of `runs`, the most restricted first.
    pub(super) fn all(runs: &Runs, recipes: &[String], options: &FitOptions) -> Result<Vec<Self>, FitError> {
        let one = |runs: &Runs, law: Arc<dyn Law>, draws: usize, seed: u64| {
            let method = Method::Plain { law, objective: Objective::LogLeastSquares };
            fit(runs, &FitOptions { method, draws, seed, certify: false, ..options.clone() })
        };
        let own = |name: &String| {
            let kept: Vec<Run> = runs.kept.iter().filter(|run| run.recipe() == Some(name)).cloned().collect();
            Runs { kept, ..runs.clone() }
        };
        // Free recipes are fitted by themselves, each with its own stream of resamples.
        let alone: Vec<Fit> = recipes
            .iter()
            .zip(options.seed..)
            .map(|(name, seed)| one(&own(name), Arc::new(Hoffmann), options.draws, seed))
            .collect::<Result<_, _>>()?;
        let tied = one(runs, Arc::new(Volkova::new(recipes)), options.draws, options.seed)?;
        let shared = one(runs, Arc::new(SharedFloor::new(recipes)), options.draws, options.seed)?;
        let equal = one(runs, Arc::new(Hoffmann), 0, options.seed)?;

        let together = |fit: &Fit, parameters: &[f64]| -> Option<Vec<Curve>> {
            (0..recipes.len()).map(|recipe| Curve::of(&fit.law().of_recipe(recipe, parameters)?.1)).collect()
        };
        let of_one_fit = |form: Form, fit: &Fit| {
            let point = together(fit, fit.point())?;
            let draws = fit.draws().iter().filter_map(|draw| together(fit, &draw.parameters)).collect();
            Some(Self::new(form, fit.point().len(), point, draws, fit.warnings().to_vec(), runs, recipes))
        };
        let free = || {
            let point = alone.iter().map(|fit| Curve::of(fit.point())).collect::<Option<Vec<Curve>>>()?;
            let count = alone.iter().map(|fit| fit.draws().len()).min().unwrap_or(0);
            let draw = |number: usize| {
                alone.iter().map(|fit| Curve::of(&fit.draws()[number].parameters)).collect::<Option<Vec<Curve>>>()
            };
            let warnings = alone.iter().flat_map(|fit| fit.warnings().to_vec()).collect();
            let unknowns = alone.iter().map(|fit| fit.point().len()).sum();
            Some(Self::new(Form::Free, unknowns, point, (0..count).filter_map(draw).collect(), warnings, runs, recipes))
        };
        let equal = Curve::of(equal.point()).map(|curve| {
            let point = vec![curve; recipes.len()];
            Self::new(Form::Equal, equal.point().len(), point, Vec::new(), Vec::new(), runs, recipes)
        });
        let forms = [equal, of_one_fit(Form::Tied, &tied), of_one_fit(Form::SharedFloor, &shared), free()];
        Ok(forms.into_iter().flatten().collect())
    }

    fn new(
        form: Form,
        unknowns: usize,
        point: Vec<Curve>,
        draws: Vec<Vec<Curve>>,
        warnings: Vec<Warning>,
        runs: &Runs,
        recipes: &[String],
    ) -> Self {
        let residual = |run: &Run| {
            let recipe = recipes.iter().position(|name| run.recipe() == Some(name)).unwrap_or(0);
            ln(point[recipe].loss(run.params.get(), run.tokens.get())) - ln(run.loss.get())
        };
        let squares = runs.kept.iter().map(|run| residual(run) * residual(run)).sum();
        Self { form, unknowns, squares, point, draws, warnings }
    }

    /// Standard deviation of ln loss around it, of `runs`.
    pub(super) fn scatter(&self, runs: usize) -> f64 {
        (self.squares / runs.saturating_sub(self.unknowns).max(1) as f64).sqrt()
    }

    /// Probability that the `freer` form fits better by so much if this one is true.
    pub(super) fn p_value(&self, freer: &Self, runs: usize) -> f64 {
        let (more, left) = (freer.unknowns - self.unknowns, runs.saturating_sub(freer.unknowns));
        if left == 0 || freer.squares <= 0.0 {
            return 1.0;
        }
        let f = ((self.squares - freer.squares) / more as f64) / (freer.squares / left as f64);
        fisher_tail(f, more as u32, left as u32)
    }
}

/// Each form against the next freer one.
pub(super) fn tests(forms: &[Fitted], runs: usize) -> Vec<FormTest> {
    let next = forms.iter().skip(1).map(Some).chain(std::iter::once(None));
    let test = |(form, freer): (&Fitted, Option<&Fitted>)| FormTest {
        form: form.form,
        unknowns: form.unknowns,
        scatter: form.scatter(runs),
        p_value: freer.map(|freer| form.p_value(freer, runs)),
    };
    forms.iter().zip(next).map(test).collect()
}
