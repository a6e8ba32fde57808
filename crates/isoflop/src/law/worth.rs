//! Laws in what parameters, tokens and compute are worth: repeated text counts less, and each recipe makes more or less of them.

use std::borrow::Cow;
use std::sync::Arc;

use isoflop_numerics::elementary::{exp, ln};

use super::muennighoff::Repetitions;
use super::{Coupled, Domain, Law, Observation, Parameter, Power, Scales, Setting, Trust, Variable, valley};
use crate::counting::TRAINING_FLOPS_PER_PARAM_TOKEN;

/// The coupled law, or the power law of compute with a floor, in what a run's resources are worth.
///
/// ```text
/// L_r = E + [(A (rho_N,r N)^-alpha)^(1/k) + (B (rho_D,r D')^-beta)^(1/k)]^k
/// L_r = E + A (rho_C,r C)^-alpha
/// D'  = U (1 + R_D* (1 - e^(-R/R_D*))),   R = D/U - 1
/// ```
///
/// | symbol | is | unit |
/// |---|---|---|
/// | rho_N,r, rho_D,r, rho_C,r | worth of a parameter, a token, a FLOP under recipe r; 1 for the first recipe | 1 |
/// | U | distinct tokens among the D seen | tokens |
/// | R_D* | repetitions after which what is gained has fallen to 1/e | 1 |
///
/// Without recipes there are no rho, and without repetition D' = D: then it is the law underneath.
#[derive(Debug, Clone, PartialEq)]
pub struct Worth {
    resources: Resources,
    repeats: bool,
    recipes: Option<Vec<String>>,
    parameters: Vec<Parameter>,
}

/// What the law underneath falls with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resources {
    /// N and D: the coupled law.
    ParamsAndTokens,
    /// C: the power law with a floor.
    Compute,
}

/// One resource of the law underneath: which of its parameters are its scale and its exponent.
#[derive(Debug, Clone, Copy)]
struct Resource {
    variable: Variable,
    multiplier: &'static str,
    meaning: &'static str,
    scale: usize,
    exponent: usize,
}

const PARAMS_AND_TOKENS: [Resource; 2] = [
    Resource {
        variable: Variable::Params,
        multiplier: "rho_N",
        meaning: "worth of a parameter, relative to the first recipe",
        scale: 1,
        exponent: 3,
    },
    Resource {
        variable: Variable::Tokens,
        multiplier: "rho_D",
        meaning: "worth of a token, relative to the first recipe",
        scale: 2,
        exponent: 4,
    },
];

const COMPUTE: [Resource; 1] = [Resource {
    variable: Variable::Flops,
    multiplier: "rho_C",
    meaning: "worth of compute, relative to the first recipe",
    scale: 1,
    exponent: 2,
}];

impl Resources {
    fn list(self) -> &'static [Resource] {
        match self {
            Self::ParamsAndTokens => &PARAMS_AND_TOKENS,
            Self::Compute => &COMPUTE,
        }
    }

    /// The law underneath.
    pub fn law(self) -> Arc<dyn Law> {
        match self {
            Self::ParamsAndTokens => Arc::new(Coupled),
            Self::Compute => Arc::new(Power::with_floor(Variable::Flops)),
        }
    }
}

/// Where the published fit of repetition puts R_D*: a search starts there.
const USUAL_REPETITIONS: f64 = 15.0;

impl Worth {
    /// The law of `resources` with R_D* where text `repeats`, and with multipliers for all `recipes`, where there are any, but the first.
    ///
    /// ```
    /// use isoflop::law::{Coupled, Law, Resources, Setting, Worth};
    ///
    /// let law = Worth::new(Resources::ParamsAndTokens, true, Some(&["adamw".to_owned(), "muon".to_owned()]));
    /// // R_D* = 15.4; a parameter is worth one, a token two under the second recipe.
    /// let parameters = [1.8, 480.0, 2000.0, 0.35, 0.37, 0.7, 15.4, 1.0, 2.0];
    /// let muon = Setting { recipe: 1, ..Setting::single_pass(1e9, 1e10) };
    /// let twice = Setting::single_pass(1e9, 2e10);
    /// assert!((law.loss(&parameters, &muon) - Coupled.loss(&parameters[..6], &twice)).abs() < 1e-12);
    /// ```
    pub fn new(resources: Resources, repeats: bool, recipes: Option<&[String]>) -> Self {
        let mut parameters = resources.law().parameters().into_owned();
        if repeats {
            let meaning = "repetitions of text after which the gain has fallen to 1/e";
            parameters.push(Parameter::new("R_D*", meaning, Domain::Positive));
        }
        for resource in resources.list() {
            parameters.extend(recipes.unwrap_or_default().iter().skip(1).map(|recipe| Parameter {
                name: Cow::Owned(format!("{}:{recipe}", resource.multiplier)),
                meaning: resource.meaning,
                domain: Domain::Positive,
            }));
        }
        Self { resources, repeats, recipes: recipes.map(<[String]>::to_vec), parameters }
    }

    /// Recipes with multipliers of their own.
    fn others(&self) -> usize {
        self.recipes().len().saturating_sub(1)
    }

    /// How many of the parameters are those of the law underneath.
    fn underneath(&self) -> usize {
        self.parameters.len() - usize::from(self.repeats) - self.others() * self.resources.list().len()
    }

    /// Where the multiplier of resource number `resource` under `recipe` stands; the first recipe has none.
    fn multiplier(&self, resource: usize, recipe: usize) -> Option<usize> {
        let first = self.underneath() + usize::from(self.repeats) + resource * self.others();
        recipe.checked_sub(1).map(|other| first + other)
    }

    /// Effective tokens of a setting, and how their logarithm answers to R_D*.
    fn effective_tokens(&self, parameters: &[f64], at: &Setting) -> (f64, f64) {
        if !self.repeats || at.unique_tokens >= at.tokens {
            return (at.tokens, 0.0);
        }
        let repeats = Repetitions::new(at.tokens / at.unique_tokens - 1.0, parameters[self.underneath()]);
        (at.unique_tokens * (1.0 + repeats.value), repeats.along_scale / (1.0 + repeats.value))
    }
}

impl Law for Worth {
    fn name(&self) -> &'static str {
        match (self.resources, self.repeats) {
            (Resources::ParamsAndTokens, false) => "coupled-recipes",
            (Resources::ParamsAndTokens, true) if self.recipes.is_none() => "coupled-repeated",
            (Resources::ParamsAndTokens, true) => "coupled-repeated-recipes",
            (Resources::Compute, _) => "power-compute-recipes",
        }
    }

    fn formula(&self) -> &'static str {
        match (self.resources, self.repeats) {
            (Resources::ParamsAndTokens, false) => {
                "L_r = E + [(A/(rho_N,r N)^alpha)^(1/k) + (B/(rho_D,r D)^beta)^(1/k)]^k"
            }
            (Resources::ParamsAndTokens, true) if self.recipes.is_none() => {
                "L = E + [(A/N^alpha)^(1/k) + (B/D'^beta)^(1/k)]^k, D' = U (1 + R_D* (1 - exp(-R_D/R_D*)))"
            }
            (Resources::ParamsAndTokens, true) => {
                "L_r = E + [(A/(rho_N,r N)^alpha)^(1/k) + (B/(rho_D,r D')^beta)^(1/k)]^k, D' = U (1 + R_D* (1 - exp(-R_D/R_D*)))"
            }
            (Resources::Compute, _) => "L_r = E + A/(rho_C,r C)^alpha",
        }
    }

    fn source(&self) -> &'static str {
        match (self.resources, self.repeats) {
            (_, false) => "Volkova et al. 2026, arXiv:2602.07712, over Videau et al. 2026, arXiv:2608.07222",
            (_, true) => {
                "Muennighoff et al. 2023, arXiv:2305.16264, equation 5, over Videau et al. 2026, arXiv:2608.07222"
            }
        }
    }

    fn trust(&self) -> Trust {
        Trust::Secondary
    }

    fn use_when(&self) -> &'static str {
        match (self.resources, self.repeats) {
            (Resources::ParamsAndTokens, false) => {
                "runs of several recipes (column recipe): what a parameter and a token are worth under each; the default fit takes it by itself"
            }
            (Resources::ParamsAndTokens, true) => {
                "some runs repeat their text (column unique_tokens or epochs); the default fit takes it by itself"
            }
            (Resources::Compute, _) => {
                "runs of several recipes along one line of sizes and tokens; it answers nothing off that line"
            }
        }
    }

    fn variables(&self) -> &'static [Variable] {
        match (self.resources, self.repeats) {
            (Resources::ParamsAndTokens, false) => &[Variable::Params, Variable::Tokens],
            (Resources::ParamsAndTokens, true) => &[Variable::Params, Variable::Tokens, Variable::UniqueTokens],
            (Resources::Compute, _) => &[Variable::Flops],
        }
    }

    fn tells_recipes_apart(&self) -> bool {
        self.recipes.is_some()
    }

    fn for_recipes(&self, recipes: &[String]) -> Option<Arc<dyn Law>> {
        self.recipes.as_ref()?;
        Some(Arc::new(Self::new(self.resources, self.repeats, Some(recipes))))
    }

    fn recipes(&self) -> &[String] {
        self.recipes.as_deref().unwrap_or_default()
    }

    fn of_recipe(&self, recipe: usize, parameters: &[f64]) -> Option<(Arc<dyn Law>, Vec<f64>)> {
        if parameters.len() != self.parameters.len() || recipe >= self.recipes().len() {
            return None;
        }
        let mut own = parameters[..self.underneath() + usize::from(self.repeats)].to_vec();
        for (number, resource) in self.resources.list().iter().enumerate() {
            let worth = self.multiplier(number, recipe).map_or(1.0, |place| parameters[place]);
            own[resource.scale] *= exp(-parameters[resource.exponent] * ln(worth));
        }
        let law = if self.repeats { Arc::new(Self::new(self.resources, true, None)) } else { self.resources.law() };
        Some((law, own))
    }

    fn parameters(&self) -> Cow<'_, [Parameter]> {
        Cow::Borrowed(&self.parameters)
    }

    fn loss_and_gradient(&self, parameters: &[f64], at: &Setting, gradient: &mut [f64]) -> f64 {
        let underneath = self.underneath();
        if parameters.len() != self.parameters.len() || at.recipe > self.others() {
            return f64::NAN;
        }
        let (tokens, along_repetitions) = self.effective_tokens(parameters, at);
        let mut worth = Setting { tokens, ..*at };
        for (number, resource) in self.resources.list().iter().enumerate() {
            let multiplier = self.multiplier(number, at.recipe).map_or(1.0, |place| parameters[place]);
            match resource.variable {
                Variable::Params => worth.params *= multiplier,
                Variable::Flops => worth.flops *= multiplier,
                Variable::Tokens | Variable::UniqueTokens => worth.tokens *= multiplier,
            }
        }
        gradient.fill(0.0);
        let loss =
            self.resources.law().loss_and_gradient(&parameters[..underneath], &worth, &mut gradient[..underneath]);
        for (number, resource) in self.resources.list().iter().enumerate() {
            // A x^-alpha answers to ln x as it answers to -alpha ln A.
            let along = -parameters[resource.exponent] * parameters[resource.scale] * gradient[resource.scale];
            if let Some(place) = self.multiplier(number, at.recipe) {
                gradient[place] = along / parameters[place];
            }
            if self.repeats && resource.variable == Variable::Tokens {
                gradient[underneath] = along * along_repetitions;
            }
        }
        loss
    }

    fn in_bare_units(&self, parameters: &[f64], units: &Scales) -> Vec<f64> {
        let (underneath, own) = parameters.split_at(self.underneath().min(parameters.len()));
        [&self.resources.law().in_bare_units(underneath, units), own].concat()
    }

    fn starts(&self, runs: &[Observation]) -> Vec<Vec<f64>> {
        let mut own = vec![USUAL_REPETITIONS; usize::from(self.repeats)];
        own.resize(self.parameters.len() - self.underneath(), 1.0);
        let underneath = self.resources.law().starts(runs);
        underneath.into_iter().map(|start| [start, own.clone()].concat()).collect()
    }

    /// Of the first recipe, like what follows; [`Law::of_recipe`] gives the others.
    fn derived(&self, parameters: &[f64]) -> Vec<(&'static str, f64)> {
        parameters.get(..self.underneath()).map_or_else(Vec::new, |own| self.resources.law().derived(own))
    }

    /// Of one pass.
    fn best_ln_params(&self, parameters: &[f64], flops: f64) -> Option<f64> {
        self.resources.law().best_ln_params(parameters.get(..self.underneath())?, flops)
    }

    fn tokens_for_loss(&self, parameters: &[f64], params: f64, unique_tokens: f64, loss: f64) -> Option<f64> {
        let own = parameters.get(..self.underneath())?;
        let worth = self.resources.law().tokens_for_loss(own, params, unique_tokens, loss)?;
        if !self.repeats {
            return Some(worth);
        }
        Some(Repetitions::tokens_worth(worth, unique_tokens, *parameters.get(self.underneath())?))
    }

    fn equivalent_flops(&self, parameters: &[f64], loss: f64) -> Option<f64> {
        self.resources.law().equivalent_flops(parameters.get(..self.underneath())?, loss)
    }
}

/// A law asked about text of which there are only so many distinct tokens; what a run needs beyond them it repeats.
#[derive(Debug, Clone)]
pub struct Limited {
    law: Arc<dyn Law>,
    unique_tokens: f64,
}

impl Limited {
    /// `law` with `unique_tokens` distinct tokens, one above zero.
    pub(crate) fn new(law: Arc<dyn Law>, unique_tokens: f64) -> Self {
        Self { law, unique_tokens }
    }
}

/// The best size and what follows from it are searched for, from where the law would be best without the limit: no closed form knows
/// of it.
impl Law for Limited {
    fn name(&self) -> &'static str {
        self.law.name()
    }

    fn formula(&self) -> &'static str {
        self.law.formula()
    }

    fn source(&self) -> &'static str {
        self.law.source()
    }

    fn trust(&self) -> Trust {
        self.law.trust()
    }

    fn use_when(&self) -> &'static str {
        self.law.use_when()
    }

    fn variables(&self) -> &'static [Variable] {
        self.law.variables()
    }

    fn parameters(&self) -> Cow<'_, [Parameter]> {
        self.law.parameters()
    }

    fn loss_and_gradient(&self, parameters: &[f64], at: &Setting, gradient: &mut [f64]) -> f64 {
        let at = Setting { unique_tokens: self.unique_tokens.min(at.tokens), ..*at };
        self.law.loss_and_gradient(parameters, &at, gradient)
    }

    fn in_bare_units(&self, parameters: &[f64], units: &Scales) -> Vec<f64> {
        self.law.in_bare_units(parameters, units)
    }

    fn starts(&self, runs: &[Observation]) -> Vec<Vec<f64>> {
        self.law.starts(runs)
    }

    fn repetition_can_hurt(&self) -> bool {
        self.law.repetition_can_hurt()
    }

    fn best_repeated_tokens(&self, parameters: &[f64], params: f64, unique_tokens: f64) -> Option<f64> {
        self.law.best_repeated_tokens(parameters, params, unique_tokens.min(self.unique_tokens))
    }

    fn tokens_for_loss(&self, parameters: &[f64], params: f64, unique_tokens: f64, loss: f64) -> Option<f64> {
        self.law.tokens_for_loss(parameters, params, unique_tokens.min(self.unique_tokens), loss)
    }

    fn best_ln_params(&self, parameters: &[f64], flops: f64) -> Option<f64> {
        let loss = |at: &Setting| self.loss(parameters, at);
        let near = self.law.best_ln_params(parameters, flops);
        near.and_then(|near| valley::best_ln_params_near(loss, flops, near))
            .or_else(|| valley::best_ln_params(loss, flops, &self.law.reach()))
    }

    /// Repetition only costs, so no less than without the limit.
    fn equivalent_flops(&self, parameters: &[f64], loss: f64) -> Option<f64> {
        let least = self.law.equivalent_flops(parameters, loss).filter(|least| *least > 0.0)?;
        if least.is_infinite() {
            return Some(least);
        }
        let excess = |flops: f64| {
            let params = exp(self.best_ln_params(parameters, flops)?);
            let tokens = flops / TRAINING_FLOPS_PER_PARAM_TOKEN / params;
            Some(self.loss(parameters, &Setting::single_pass(params, tokens)) - loss)
        };
        valley::reached_from(excess, least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipes() -> [String; 2] {
        ["adamw", "muon"].map(str::to_owned)
    }

    #[test]
    fn a_recipe_by_itself_gives_the_same_losses() {
        for (resources, parameters) in [
            (Resources::ParamsAndTokens, vec![1.8, 480.0, 2000.0, 0.35, 0.37, 0.7, 15.4, 1.3, 2.1]),
            (Resources::Compute, vec![1.6, 900.0, 0.17, 1.7]),
        ] {
            let law = Worth::new(resources, resources == Resources::ParamsAndTokens, Some(&recipes()));
            for recipe in [0, 1] {
                let at = Setting { recipe, unique_tokens: 2e9, ..Setting::single_pass(1e9, 1e10) };
                let (own, own_parameters) = law.of_recipe(recipe, &parameters).unwrap();
                let alone = own.loss(&own_parameters, &Setting { recipe: 0, ..at });
                assert!((law.loss(&parameters, &at) / alone - 1.0).abs() < 1e-13, "{recipe} {}", own.name());
            }
            assert!(law.of_recipe(2, &parameters).is_none());
        }
    }

    #[test]
    fn repeated_tokens_are_worth_the_worked_numbers() {
        let law = Worth::new(Resources::ParamsAndTokens, true, None);
        let parameters = [1.8, 480.0, 2000.0, 0.35, 0.37, 0.7, 15.387_756];
        for (epochs, worth) in [(2.0, 1.968_199), (4.0, 3.725_673), (16.0, 10.582_457), (40.0, 15.167_465)] {
            let at = Setting { unique_tokens: 1e11, ..Setting::single_pass(1e8, epochs * 1e11) };
            let expected = Coupled.loss(&parameters[..6], &Setting::single_pass(1e8, worth * 1e11));
            assert!((law.loss(&parameters, &at) - expected).abs() < 1e-7);
        }
    }

    #[test]
    fn tokens_for_a_loss_give_that_loss() {
        let law = Worth::new(Resources::ParamsAndTokens, true, None);
        let parameters = [1.8, 480.0, 2000.0, 0.35, 0.37, 0.7, 8.0];
        for epochs in [0.3, 1.0, 1.01, 6.0, 30.0] {
            let at =
                Setting { unique_tokens: f64::min(1e10, epochs * 1e10), ..Setting::single_pass(1e9, epochs * 1e10) };
            let tokens = law.tokens_for_loss(&parameters, 1e9, 1e10, law.loss(&parameters, &at)).unwrap();
            assert!((tokens / at.tokens - 1.0).abs() < 1e-9, "{epochs}: {tokens:e}");
        }
        let for_ever = law.loss(&parameters, &Setting { unique_tokens: 1e10, ..Setting::single_pass(1e9, 1e14) });
        assert_eq!(law.tokens_for_loss(&parameters, 1e9, 1e10, for_ever - 1e-3), Some(f64::INFINITY));
    }

    /// What is found near agrees with the search everywhere.
    #[test]
    fn the_best_of_little_text_is_the_best_of_all() {
        let law = Worth::new(Resources::ParamsAndTokens, true, None);
        for coupling in [0.1, 0.75] {
            let parameters = [1.8, 480.0, 2000.0, 0.35, 0.37, coupling, 8.0];
            for (flops, unique_tokens) in [(1e20, 1e12), (1e20, 1e9), (1e22, 1e10)] {
                let limited = Limited::new(Arc::new(law.clone()), unique_tokens);
                let best = limited.best_ln_params(&parameters, flops).unwrap();
                let loss = |at: &Setting| limited.loss(&parameters, at);
                let everywhere = valley::best_ln_params(loss, flops, &super::super::Reach::EVERYWHERE).unwrap();
                assert!(
                    (best - everywhere).abs() < 1e-4,
                    "{coupling} {flops:e} {unique_tokens:e}: {best} {everywhere}"
                );
                let lowest = loss(&Setting::single_pass(best.exp(), flops / 6.0 / best.exp()));
                let equivalent = limited.equivalent_flops(&parameters, lowest).unwrap();
                assert!((equivalent / flops - 1.0).abs() < 1e-6, "{equivalent:e} for {flops:e}");
            }
        }
    }

    #[test]
    fn little_text_moves_the_best_size_as_in_the_law_it_limits() {
        let set = super::super::published("muennighoff2023-repeated").unwrap();
        let limited = Limited::new(set.law(), 1e11);
        let best = limited.best_ln_params(set.parameters, 1e23).unwrap();
        assert!((best.exp() / 2.306_08e10 - 1.0).abs() < 1e-5);
        let loss = limited.loss(set.parameters, &Setting::single_pass(best.exp(), 1e23 / 6.0 / best.exp()));
        assert!((limited.equivalent_flops(set.parameters, loss).unwrap() / 1e23 - 1.0).abs() < 1e-6);
    }
}
