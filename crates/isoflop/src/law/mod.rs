//! Scaling laws: formulas from (params, tokens, ...) to loss, one file each, all under one contract.

mod broken;
mod coupled;
mod farseer;
mod gadre;
mod hoffmann;
pub mod kaplan;
mod lovelace;
mod muennighoff;
mod multiplicative;
mod power;
mod published;
mod restricted;
mod saturating;
mod sigmoidal;
mod starting;
mod valley;
mod volkova;
mod worth;

use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::Arc;

use serde::Serialize;

use crate::counting::TRAINING_FLOPS_PER_PARAM_TOKEN;
use crate::names::UnknownName;

pub use crate::sources::Trust;
pub use broken::Broken;
pub use coupled::{Coupled, CoupledCoefficients};
pub use farseer::Farseer;
pub use gadre::Gadre;
pub use hoffmann::Hoffmann;
pub use lovelace::Lovelace;
pub(crate) use muennighoff::Repetitions;
pub use muennighoff::{Muennighoff, MuennighoffRepetition};
pub use multiplicative::Multiplicative;
pub use power::{Power, through_three_points};
pub use published::{PUBLISHED, Published, published};
pub use restricted::{HOFFMANN_TIED, KAPLAN_JOINT, KAPLAN_STEPS, Restricted};
pub use saturating::Saturating;
pub use sigmoidal::Sigmoidal;
pub use valley::best_ln_params_of_unique_tokens;
pub(crate) use valley::reached_from;
pub use volkova::Volkova;
pub use worth::{Limited, Resources, Worth};

/// What a law is evaluated at, as bare numbers in the counting of the runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Setting {
    /// N, parameters.
    pub params: f64,
    /// D, tokens seen in training.
    pub tokens: f64,
    /// U, distinct tokens among them; equal to `tokens` when nothing is repeated.
    pub unique_tokens: f64,
    /// C, training compute, FLOP.
    pub flops: f64,
    /// Which of [`Law::recipes`]; 0 for laws of one recipe.
    pub recipe: usize,
}

impl Setting {
    /// `params` trained once over `tokens`, with C = 6ND.
    pub fn single_pass(params: f64, tokens: f64) -> Self {
        let flops = TRAINING_FLOPS_PER_PARAM_TOKEN * params * tokens;
        Self { params, tokens, unique_tokens: tokens, flops, recipe: 0 }
    }
}

/// Units in which quantities are measured: a law fitted in one set of units gives the same losses in any other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scales {
    /// Unit of N, parameters.
    pub params: f64,
    /// Unit of D and U, tokens.
    pub tokens: f64,
    /// Unit of C, FLOP.
    pub flops: f64,
}

/// One run in the units of a fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation {
    /// Where.
    pub at: Setting,
    /// Loss seen there, nats per token.
    pub loss: f64,
}

/// A quantity a law may depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Variable {
    /// N.
    Params,
    /// D, tokens seen.
    Tokens,
    /// U, distinct tokens.
    UniqueTokens,
    /// C, training compute.
    Flops,
}

impl Variable {
    /// Its name, as a column of a table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Params => "params",
            Self::Tokens => "tokens",
            Self::UniqueTokens => "unique_tokens",
            Self::Flops => "flops",
        }
    }

    /// Its value at a setting.
    pub fn at(self, setting: &Setting) -> f64 {
        match self {
            Self::Params => setting.params,
            Self::Tokens => setting.tokens,
            Self::UniqueTokens => setting.unique_tokens,
            Self::Flops => setting.flops,
        }
    }

    /// The unit it is measured in.
    pub fn unit(self, units: &Scales) -> f64 {
        match self {
            Self::Params => units.params,
            Self::Tokens | Self::UniqueTokens => units.tokens,
            Self::Flops => units.flops,
        }
    }
}

/// Where a law was meant to hold; outside it may do anything, even rise with size.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Reach {
    /// Smallest and largest N.
    pub params: (f64, f64),
    /// Smallest and largest D.
    pub tokens: (f64, f64),
}

impl Reach {
    /// No bounds.
    pub const EVERYWHERE: Self = Self { params: (0.0, f64::INFINITY), tokens: (0.0, f64::INFINITY) };

    /// Whether N = `params`, D = `tokens` lies in it.
    pub fn contains(&self, params: f64, tokens: f64) -> bool {
        let within = |(low, high): (f64, f64), value: f64| low <= value && value <= high;
        within(self.params, params) && within(self.tokens, tokens)
    }
}

/// A scaling law: a family of curves from a [`Setting`] to a loss.
///
/// Implementations hold no parameters; these are passed in, in the order of [`Law::parameters`].
pub trait Law: Debug + Send + Sync {
    /// The name that files and the command line use, such as `hoffmann`.
    fn name(&self) -> &'static str;

    /// The formula, for people.
    fn formula(&self) -> &'static str;

    /// Paper and equation, with how far it was checked.
    fn source(&self) -> &'static str;

    /// How far its form was checked against the source.
    fn trust(&self) -> Trust;

    /// When to use it, and where it holds.
    fn use_when(&self) -> &'static str;

    /// The quantities it depends on; runs must differ in each of them for a fit.
    fn variables(&self) -> &'static [Variable] {
        &[Variable::Params, Variable::Tokens]
    }

    /// Where it holds.
    fn reach(&self) -> Reach {
        Reach::EVERYWHERE
    }

    /// Whether it has multipliers for each recipe; such a law is made for the recipes at hand by [`by_name`].
    fn tells_recipes_apart(&self) -> bool {
        false
    }

    /// This law with multipliers for `recipes`; `None` for a law of one recipe.
    fn for_recipes(&self, _recipes: &[String]) -> Option<Arc<dyn Law>> {
        None
    }

    /// The law of one of its recipes alone, with its parameters; `None` for a law of one recipe.
    fn of_recipe(&self, _recipe: usize, _parameters: &[f64]) -> Option<(Arc<dyn Law>, Vec<f64>)> {
        None
    }

    /// The units a fit may measure in, given those that put the centre of the runs at 1.
    ///
    /// Most forms are closed under a change of units; one that is not says which it needs.
    fn fitting_units(&self, centre: Scales) -> Scales {
        centre
    }

    /// The parameters, in order.
    fn parameters(&self) -> Cow<'_, [Parameter]>;

    /// Loss in nats per token, writing its derivative with respect to each parameter into `gradient`.
    ///
    /// Both slices are as long as [`Law::parameters`].
    fn loss_and_gradient(&self, parameters: &[f64], at: &Setting, gradient: &mut [f64]) -> f64;

    /// Loss in nats per token.
    fn loss(&self, parameters: &[f64], at: &Setting) -> f64 {
        self.loss_and_gradient(parameters, at, &mut vec![0.0; parameters.len()])
    }

    /// The parameters for bare numbers of a curve whose `parameters` are for numbers measured in `units`.
    ///
    /// ```text
    /// loss(in_bare_units(p, u), (N, D)) = loss(p, (N/u.params, D/u.tokens))
    /// ```
    fn in_bare_units(&self, parameters: &[f64], units: &Scales) -> Vec<f64>;

    /// Starting points for a search, the most promising first; `runs` are in units that put their centre at 1.
    fn starts(&self, runs: &[Observation]) -> Vec<Vec<f64>>;

    /// Names of the recipes the law tells apart; empty for laws of one recipe.
    fn recipes(&self) -> &[String] {
        &[]
    }

    /// Tokens on which a model of `params` reaches `loss` where there are `unique_tokens` distinct ones, of which there may be infinitely
    /// many; infinite where none are enough, `None` where the law has no closed form for it.
    fn tokens_for_loss(&self, _parameters: &[f64], _params: f64, _unique_tokens: f64, _loss: f64) -> Option<f64> {
        None
    }

    /// Whether more passes over the same text can raise the loss.
    fn repetition_can_hurt(&self) -> bool {
        false
    }

    /// Where more passes can raise the loss: the tokens, more than the `unique_tokens`, at which a model of `params` has its lowest loss
    /// among runs that repeat; `None` where loss rises from the first repetition on, and of laws in which it never does.
    fn best_repeated_tokens(&self, _parameters: &[f64], _params: f64, _unique_tokens: f64) -> Option<f64> {
        None
    }

    /// Compute-optimal quantities that follow from the parameters, with their names, for reports.
    fn derived(&self, _parameters: &[f64]) -> Vec<(&'static str, f64)> {
        Vec::new()
    }

    /// ln of the model size with the lowest loss under C = 6ND = `flops`; `None` where loss has no minimum along that line.
    fn best_ln_params(&self, parameters: &[f64], flops: f64) -> Option<f64> {
        valley::best_ln_params(|at| self.loss(parameters, at), flops, &self.reach())
    }

    /// Compute with which the best model would reach `loss`; infinite where none does, `None` where the law has no best model.
    fn equivalent_flops(&self, parameters: &[f64], loss: f64) -> Option<f64> {
        valley::equivalent_flops(|flops| {
            let params = isoflop_numerics::elementary::exp(self.best_ln_params(parameters, flops)?);
            let tokens = flops / TRAINING_FLOPS_PER_PARAM_TOKEN / params;
            Some(self.loss(parameters, &Setting::single_pass(params, tokens)) - loss)
        })
    }
}

/// A parameter of a law.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// The name, as the paper writes it.
    pub name: Cow<'static, str>,
    /// What it is, with its unit.
    pub meaning: &'static str,
    /// The values it can take.
    pub domain: Domain,
}

impl Parameter {
    /// A parameter of a law of fixed form.
    pub const fn new(name: &'static str, meaning: &'static str, domain: Domain) -> Self {
        Self { name: Cow::Borrowed(name), meaning, domain }
    }
}

/// The values a parameter can take; searches run in coordinates that keep to it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Domain {
    /// Above zero; searched in its logarithm.
    Positive,
    /// Any number.
    Real,
    /// Strictly between two bounds; searched in its logit.
    Between(f64, f64),
}

impl Domain {
    /// Whether `value` is in it.
    pub fn contains(self, value: f64) -> bool {
        match self {
            Self::Positive => value > 0.0 && value.is_finite(),
            Self::Real => value.is_finite(),
            Self::Between(low, high) => low < value && value < high,
        }
    }
}

/// The quantities that a law of one variable may be in.
const SINGLE: [Variable; 3] = [Variable::Params, Variable::Tokens, Variable::Flops];

/// Every law that can be asked for by name; laws of several recipes are there without any, see [`by_name`].
pub fn all() -> Vec<Arc<dyn Law>> {
    let mut laws: Vec<Arc<dyn Law>> = vec![
        Arc::new(Coupled),
        Arc::new(Hoffmann),
        Arc::new(HOFFMANN_TIED),
        Arc::new(Gadre),
        Arc::new(Farseer),
        Arc::new(Muennighoff),
        Arc::new(MuennighoffRepetition),
        Arc::new(Lovelace),
        Arc::new(Volkova::new(&[])),
        Arc::new(Worth::new(Resources::ParamsAndTokens, true, None)),
        Arc::new(Worth::new(Resources::ParamsAndTokens, false, Some(&[]))),
        Arc::new(Worth::new(Resources::ParamsAndTokens, true, Some(&[]))),
        Arc::new(Worth::new(Resources::Compute, false, Some(&[]))),
        Arc::new(KAPLAN_JOINT),
        Arc::new(KAPLAN_STEPS),
        Arc::new(Multiplicative { with_floor: true }),
        Arc::new(Multiplicative { with_floor: false }),
    ];
    for variable in SINGLE {
        laws.push(Arc::new(Power::with_floor(variable)));
        laws.push(Arc::new(Power::of(variable)));
        laws.push(Arc::new(Saturating::of(variable)));
        laws.push(Arc::new(Sigmoidal::of(variable)));
        laws.push(Arc::new(Broken::of(variable)));
    }
    laws
}

/// The law called `name`, for runs of `recipes` (see [`crate::fit::recipes`]); `None` when there is none.
pub fn by_name(name: &str, recipes: &[String]) -> Option<Arc<dyn Law>> {
    let law = all().into_iter().find(|law| law.name() == name)?;
    Some(law.for_recipes(recipes).unwrap_or(law))
}

/// The law called `name`, for runs of `recipes`.
///
/// # Errors
/// [`UnknownName`] where no law is called `name`.
pub fn named(name: &str, recipes: &[String]) -> Result<Arc<dyn Law>, UnknownName> {
    by_name(name, recipes).ok_or_else(|| UnknownName::new("law", name, all().iter().map(|law| law.name())))
}
