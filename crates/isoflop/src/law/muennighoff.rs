//! The law of Muennighoff et al. 2023: text seen again is worth ever less, and so are parameters beyond what it can fill.

use std::borrow::Cow;

use isoflop_numerics::elementary::{exp, ln};

use super::published::MUENNIGHOFF_ONCE;
use super::{
    Coupled, CoupledCoefficients, Domain, Hoffmann, Law, Observation, Parameter, Scales, Setting, Trust, Variable,
};

/// Hoffmann's law in effective parameters and tokens.
///
/// ```text
/// L  = E + A/N'^alpha + B/D'^beta
/// D' = U (1 + R_D* (1 - e^(-R_D/R_D*))),      R_D = D/U - 1
/// N' = U_N (1 + R_N* (1 - e^(-R_N/R_N*))),    R_N = N/U_N - 1,   U_N = min(N, [(alpha A / beta B) U^beta]^(1/alpha))
/// ```
///
/// | symbol | is | unit |
/// |---|---|---|
/// | U | distinct tokens among the D seen | tokens |
/// | U_N | size that is compute-optimal for U tokens under C = 6ND | parameters |
/// | R_D*, R_N* | repetitions after which what is gained has fallen to 1/e | 1 |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Muennighoff;

static PARAMETERS: [Parameter; 7] = [
    Parameter::new("E", "floor, nats per token", Domain::Positive),
    Parameter::new("A", "nats per token at one parameter", Domain::Positive),
    Parameter::new("B", "nats per token at one token", Domain::Positive),
    Parameter::new("alpha", "exponent of parameters", Domain::Positive),
    Parameter::new("beta", "exponent of tokens", Domain::Positive),
    Parameter::new("R_D*", "repetitions of text after which the gain has fallen to 1/e", Domain::Positive),
    Parameter::new("R_N*", "the same for parameters beyond what the text fills", Domain::Positive),
];

/// A saturating count of repetitions, and its slopes.
pub(crate) struct Repetitions {
    /// R* (1 - e^(-R/R*)).
    pub(crate) value: f64,
    /// d value / d R.
    along: f64,
    /// d value / d R*.
    pub(crate) along_scale: f64,
}

impl Repetitions {
    pub(crate) fn new(repetitions: f64, scale: f64) -> Self {
        let ratio = repetitions / scale;
        let decay = exp(-ratio);
        // 1 - e^(-x) of a small x by its series, where the difference would lose every digit.
        let gone = if ratio < 1e-5 { ratio * (1.0 - 0.5 * ratio) } else { 1.0 - decay };
        Self { value: scale * gone, along: decay, along_scale: gone - ratio * decay }
    }

    /// Tokens that are worth `worth` fresh ones where `unique` are distinct; infinite where none are.
    pub(crate) fn tokens_worth(worth: f64, unique: f64, scale: f64) -> f64 {
        if worth <= unique {
            return worth;
        }
        // What is left to gain from repetition.
        let left = 1.0 - (worth / unique - 1.0) / scale;
        if left > 0.0 { unique * (1.0 - scale * ln(left)) } else { f64::INFINITY }
    }
}

impl Muennighoff {
    /// Effective parameters N' and tokens D' at a setting; `None` for parameters of another length.
    ///
    /// ```
    /// use isoflop::law::{Muennighoff, Setting, published};
    /// let set = published("muennighoff2023-repeated").unwrap();
    /// let at = Setting { unique_tokens: 1e11, ..Setting::single_pass(8e9, 4e11) };
    /// let (params, tokens) = Muennighoff::effective(set.parameters, &at).unwrap();
    /// assert!((params / 7.849940e9 - 1.0).abs() < 1e-6 && (tokens / 3.725673e11 - 1.0).abs() < 1e-6);
    /// ```
    pub fn effective(parameters: &[f64], at: &Setting) -> Option<(f64, f64)> {
        let &[_, a, b, alpha, beta, tokens_scale, params_scale] = parameters else { return None };
        let filled = at.params.min(exp(ln_filled(a, b, alpha, beta, ln(at.unique_tokens))));
        let repeats = Repetitions::new(at.tokens / at.unique_tokens - 1.0, tokens_scale);
        let excess = Repetitions::new(at.params / filled - 1.0, params_scale);
        Some((filled * (1.0 + excess.value), at.unique_tokens * (1.0 + repeats.value)))
    }
}

/// ln of the size that is compute-optimal for e^`ln_unique` tokens.
fn ln_filled(a: f64, b: f64, alpha: f64, beta: f64, ln_unique: f64) -> f64 {
    (ln(alpha * a) - ln(beta * b) + beta * ln_unique) / alpha
}

impl Law for Muennighoff {
    fn name(&self) -> &'static str {
        "muennighoff"
    }

    fn formula(&self) -> &'static str {
        "L = E + A/N'^alpha + B/D'^beta, D' = U (1 + R_D* (1 - exp(-R_D/R_D*))), N' alike"
    }

    fn source(&self) -> &'static str {
        "Muennighoff et al. 2023, arXiv:2305.16264, equations 5 and 6, against the authors' notebook"
    }

    fn trust(&self) -> Trust {
        Trust::Verified
    }

    fn use_when(&self) -> &'static str {
        "some runs repeat their text (column unique_tokens or epochs); it says what repetition gains, and cannot say that it hurts"
    }

    fn variables(&self) -> &'static [Variable] {
        &[Variable::Params, Variable::Tokens, Variable::UniqueTokens]
    }

    fn parameters(&self) -> Cow<'_, [Parameter]> {
        Cow::Borrowed(&PARAMETERS)
    }

    fn loss_and_gradient(&self, parameters: &[f64], at: &Setting, gradient: &mut [f64]) -> f64 {
        let &[floor, a, b, alpha, beta, tokens_scale, params_scale] = parameters else { return f64::NAN };
        let (unique, ln_unique) = (at.unique_tokens, ln(at.unique_tokens));
        let ln_optimal = ln_filled(a, b, alpha, beta, ln_unique);
        let optimal = exp(ln_optimal);
        let in_excess = at.params > optimal;
        let filled = if in_excess { optimal } else { at.params };

        let repeats = Repetitions::new(at.tokens / unique - 1.0, tokens_scale);
        let excess = Repetitions::new(at.params / filled - 1.0, params_scale);
        let tokens = unique * (1.0 + repeats.value);
        let params = filled * (1.0 + excess.value);
        let (x, y) = (ln(params), ln(tokens));
        let (params_power, tokens_power) = (exp(-alpha * x), exp(-beta * y));
        let (params_term, tokens_term) = (a * params_power, b * tokens_power);

        // How the loss answers to ln N' and ln D', and ln N' to ln U_N.
        let (along_params, along_tokens) = (-alpha * params_term, -beta * tokens_term);
        let through_filled = if in_excess {
            along_params * (1.0 + excess.value - excess.along * at.params / filled) / (1.0 + excess.value)
        } else {
            0.0
        };
        gradient.copy_from_slice(&[
            1.0,
            params_power + through_filled / (alpha * a),
            tokens_power - through_filled / (alpha * b),
            -params_term * x + through_filled * (1.0 / alpha - ln_optimal) / alpha,
            -tokens_term * y + through_filled * (ln_unique - 1.0 / beta) / alpha,
            along_tokens * repeats.along_scale / (1.0 + repeats.value),
            along_params * excess.along_scale / (1.0 + excess.value),
        ]);
        floor + params_term + tokens_term
    }

    fn in_bare_units(&self, parameters: &[f64], units: &Scales) -> Vec<f64> {
        Coupled.in_bare_units(parameters, units)
    }

    fn starts(&self, runs: &[Observation]) -> Vec<Vec<f64>> {
        let repetition = repetition_starts();
        let once = Hoffmann.starts(runs);
        repetition
            .iter()
            .flat_map(|scales| once.iter().map(|once| [once.as_slice(), scales.as_slice()].concat()))
            .collect()
    }

    /// Of one pass: there the law is Hoffmann's below U_N, and above it for every size that could be best.
    fn best_ln_params(&self, parameters: &[f64], flops: f64) -> Option<f64> {
        CoupledCoefficients::from_slice(parameters.get(..5)?)?.best_ln_params(flops)
    }

    fn equivalent_flops(&self, parameters: &[f64], loss: f64) -> Option<f64> {
        CoupledCoefficients::from_slice(parameters.get(..5)?)?.equivalent_flops(loss)
    }

    /// Once the text repeats: before, the size that it fills grows with it.
    fn tokens_for_loss(&self, parameters: &[f64], params: f64, unique_tokens: f64, loss: f64) -> Option<f64> {
        if unique_tokens.is_infinite() {
            return None;
        }
        let all_seen = Setting { unique_tokens, ..Setting::single_pass(params, unique_tokens) };
        let (effective, _) = Self::effective(parameters, &all_seen)?;
        let worth = CoupledCoefficients::from_slice(parameters.get(..5)?)?.tokens_for_loss(effective, loss)?;
        (worth > unique_tokens).then(|| Repetitions::tokens_worth(worth, unique_tokens, parameters[5]))
    }
}

/// Starting values of R_D* and R_N*.
fn repetition_starts() -> Vec<[f64; 2]> {
    [5.0, 30.0, 150.0].into_iter().flat_map(|tokens| [1.5, 6.0, 30.0].map(|params| [tokens, params])).collect()
}

/// [`Muennighoff`]'s law with only R_D* and R_N* unknown: the rest is held at the published fit of text seen once.
///
/// This is what the authors fitted: `muennighoff2023` first, then the two scales of repetition on the runs that repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MuennighoffRepetition;

impl MuennighoffRepetition {
    fn all(parameters: &[f64]) -> Vec<f64> {
        [&MUENNIGHOFF_ONCE, parameters].concat()
    }
}

impl Law for MuennighoffRepetition {
    fn name(&self) -> &'static str {
        "muennighoff-repetition"
    }

    fn formula(&self) -> &'static str {
        "L of muennighoff, with E, A, B, alpha, beta of muennighoff2023"
    }

    fn source(&self) -> &'static str {
        Muennighoff.source()
    }

    fn trust(&self) -> Trust {
        Muennighoff.trust()
    }

    fn use_when(&self) -> &'static str {
        "repeated runs on the text, tokenizer and recipe of Muennighoff et al. only: everything but repetition is held at their values"
    }

    fn variables(&self) -> &'static [Variable] {
        Muennighoff.variables()
    }

    fn parameters(&self) -> Cow<'_, [Parameter]> {
        Cow::Borrowed(&PARAMETERS[5..])
    }

    /// What is held is held in bare units.
    fn fitting_units(&self, _centre: Scales) -> Scales {
        Scales { params: 1.0, tokens: 1.0, flops: 1.0 }
    }

    fn loss_and_gradient(&self, parameters: &[f64], at: &Setting, gradient: &mut [f64]) -> f64 {
        if parameters.len() != 2 {
            return f64::NAN;
        }
        let mut slopes = [0.0; 7];
        let loss = Muennighoff.loss_and_gradient(&Self::all(parameters), at, &mut slopes);
        gradient.copy_from_slice(&slopes[5..]);
        loss
    }

    fn in_bare_units(&self, parameters: &[f64], _units: &Scales) -> Vec<f64> {
        parameters.to_vec()
    }

    fn starts(&self, _runs: &[Observation]) -> Vec<Vec<f64>> {
        repetition_starts().iter().map(|scales| scales.to_vec()).collect()
    }

    fn best_ln_params(&self, parameters: &[f64], flops: f64) -> Option<f64> {
        Muennighoff.best_ln_params(&Self::all(parameters), flops)
    }

    fn equivalent_flops(&self, parameters: &[f64], loss: f64) -> Option<f64> {
        Muennighoff.equivalent_flops(&Self::all(parameters), loss)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{best_ln_params_of_unique_tokens, published};
    use super::*;

    fn set() -> &'static [f64] {
        published("muennighoff2023-repeated").unwrap().parameters
    }

    fn repeated(params: f64, tokens: f64, unique_tokens: f64) -> Setting {
        Setting { unique_tokens, ..Setting::single_pass(params, tokens) }
    }

    #[test]
    fn repeated_tokens_are_worth_the_worked_numbers() {
        for (epochs, worth) in
            [(2.0, 1.968_199), (4.0, 3.725_673), (8.0, 6.624_119), (16.0, 10.582_457), (40.0, 15.167_465)]
        {
            let (_, tokens) = Muennighoff::effective(set(), &repeated(1e8, epochs * 1e11, 1e11)).unwrap();
            assert!((tokens / 1e11 / worth - 1.0).abs() < 1e-6, "{epochs}: {tokens}");
        }
        assert!((Muennighoff.loss(set(), &repeated(8e9, 4e11, 1e11)) - 2.161_410).abs() < 1e-6);
        assert!((Muennighoff.loss(set(), &Setting::single_pass(8e9, 4e11)) - 2.157_230).abs() < 1e-6);
    }

    #[test]
    fn the_authors_predictions_are_reproduced_to_the_last_digit() {
        for (params, tokens, loss) in
            [(6.34e9, 242e9, 2.225_644_088_998_447_7), (8.67e9, 178e9, 2.226_963_407_508_786_7)]
        {
            let got = Muennighoff.loss(set(), &repeated(params, tokens, 25e9));
            assert!((got - loss).abs() < 1e-14, "{got:?} for {loss}");
        }
    }

    #[test]
    fn with_little_text_the_best_model_is_smaller_and_repeats_it() {
        for (flops, unique, params, epochs, loss) in [
            (1e22, 1e11, 8.559_20e9, 1.947_22, 2.190_372),
            (1e23, 1e11, 2.306_08e10, 7.2273, 2.098_200),
            (1e22, 25e9, 7.026_159e9, 9.4884, 2.222_129_275),
        ] {
            let best = best_ln_params_of_unique_tokens(&Muennighoff, set(), flops, unique).unwrap().exp();
            let tokens = flops / 6.0 / best;
            // Along the isoflop loss is flat to rounding over 1e-6 of the size.
            assert!((best / params - 1.0).abs() < 1e-5, "{best:e} for {params:e}");
            assert!((tokens / unique / epochs - 1.0).abs() < 1e-5, "{}", tokens / unique);
            assert!((Muennighoff.loss(set(), &repeated(best, tokens, unique)) - loss).abs() < 1e-6);
        }
    }

    #[test]
    fn tokens_for_a_loss_give_that_loss_once_text_repeats() {
        for (params, tokens) in [(8e9, 1.1e11), (8e9, 4e11), (8e10, 4e12)] {
            let loss = Muennighoff.loss(set(), &repeated(params, tokens, 1e11));
            let found = Muennighoff.tokens_for_loss(set(), params, 1e11, loss).unwrap();
            assert!((found / tokens - 1.0).abs() < 1e-9, "{found:e} for {tokens:e}");
        }
        let once = Muennighoff.loss(set(), &Setting::single_pass(8e9, 9e10));
        assert_eq!(Muennighoff.tokens_for_loss(set(), 8e9, 1e11, once), None);
    }

    #[test]
    fn one_small_repetition_loses_no_digits() {
        let tiny = Repetitions::new(1e-9, 15.0);
        assert!((tiny.value / 1e-9 - 1.0).abs() < 1e-9 && tiny.along_scale.abs() < 1e-18);
    }
}
