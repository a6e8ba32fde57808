//! The one optimiser: the best allowed run under any law, by a closed form where that is exact, else by a search in ln N.

use std::cell::Cell;

use isoflop_numerics::bracket::{self, Height};
use isoflop_numerics::elementary::{exp, ln};

use super::batch;
use super::space::Space;
use crate::counting::TRAINING_FLOPS_PER_PARAM_TOKEN;
use crate::law::{Law, Setting};
use crate::units::Params;

/// A best run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Optimum {
    pub(super) params: f64,
    pub(super) tokens: f64,
    /// Nats per token.
    pub(super) loss: f64,
    /// Training and serving together, in FLOP of training.
    pub(super) cost: f64,
}

impl Optimum {
    /// Compute of training.
    pub(super) fn flops(&self) -> f64 {
        TRAINING_FLOPS_PER_PARAM_TOKEN * self.params * self.tokens
    }

    /// What is trained, in words.
    pub(super) fn run(&self) -> String {
        let count = |value: f64| Params::new(value).map_or_else(|_| value.to_string(), |value| format!("{value:.3}"));
        format!("{} on {} tokens", count(self.params), count(self.tokens))
    }
}

/// A law among the runs that are allowed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Search<'a> {
    pub(super) law: &'a dyn Law,
    pub(super) space: &'a Space,
    /// What repeated text does.
    pub(super) text: Text,
    /// Good to this in ln N; what is minimised is flat there to its square, but at a limit.
    pub(super) tolerance: f64,
    /// Tokens seen for each that the law counts, where that is known; else the batch wastes by the loss that each run ends at.
    pub(super) factor: Option<f64>,
}

/// What more tokens do to the loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Text {
    /// They lower it, and the law's closed forms hold.
    Fresh,
    /// They lower it ever less, for they repeat what was seen.
    Repeated,
    /// Beyond this many they repeat what was seen, and may raise it: at once, and less and less, or in the end.
    CanHurt(f64),
}

/// For the run to act on, and for what is compared with it.
pub(super) const FINE: f64 = 1e-7;

/// For each of many draws.
pub(super) const COARSE: f64 = 1e-4;

/// Step in ln N of the first look: limits make the loss along them bend more than once, but no sharper than this.
const STEP: f64 = 0.5;

/// How far around a known optimum a look goes before it goes everywhere, e-folds of N.
const NEAR: f64 = 1.5;

/// A step in ln N that tells which way is down.
const SLIGHTLY: f64 = 1e-3;

/// Good to this in ln D.
const TOKENS_TOLERANCE: f64 = 1e-10;

/// Loss rises with the first repetitions and may fall with the next: sizes that can afford so many passes are looked at.
const PASSES: [f64; 9] = [1.0, 1.02, 1.06, 1.15, 1.4, 2.0, 4.0, 8.0, 16.0];

/// Of the distinct tokens: rounding must not make a repetition of the last one.
const ONCE: f64 = 1.0 - 1e-11;

/// Good to this in ln N, for the smallest size that reaches a goal in one pass.
const SIZE_TOLERANCE: f64 = 1e-13;

impl Search<'_> {
    /// The same among runs that are to reach `goal`.
    pub(super) fn reaching(self, goal: f64) -> Self {
        Self { factor: Some(self.tokens_factor(goal)), ..self }
    }

    /// The allowed run of lowest loss, looked for near a size first where one is known; `None` where no run is allowed, or none has a
    /// finite loss.
    pub(super) fn lowest_loss(&self, parameters: &[f64], near: Option<f64>) -> Option<Optimum> {
        if self.space.batch.is_none() || self.factor.is_some() || self.can_hurt() {
            return self.lowest_under_factor(parameters, near);
        }
        // The run of lowest loss is also that of lowest loss under what its own loss wastes, which hardly depends on the size.
        let start = near.map(|params| self.loss_at_size(parameters, params)).filter(|loss| loss.is_finite());
        let mut factor = start.map_or(1.0, |loss| self.tokens_factor(loss));
        let mut near = near;
        for _ in 0..batch::ROUNDS {
            let under_factor = Self { factor: Some(factor), ..*self }.lowest_under_factor(parameters, near);
            let settled = under_factor.map(|lowest| self.optimum(parameters, lowest.params, lowest.tokens));
            let Some(lowest) = settled.filter(|lowest| lowest.loss.is_finite()) else { break };
            let before = std::mem::replace(&mut factor, self.tokens_factor(lowest.loss));
            if (factor / before - 1.0).abs() < 0.1 * self.tolerance {
                return Some(lowest);
            }
            near = Some(lowest.params);
        }
        // Wasteful batches may leave no text for the size that would be best with less waste.
        self.lowest_under_factor(parameters, None)
    }

    /// The same under a known factor, or with each run's own counted at every look.
    fn lowest_under_factor(&self, parameters: &[f64], near: Option<f64>) -> Option<Optimum> {
        if let Some(optimum) = self.lowest_loss_in_closed_form(parameters) {
            return Some(optimum);
        }
        let height = |ln_params: f64| self.loss_at_size(parameters, self.size(ln_params));
        let mut corners = self.space.corners().to_vec();
        corners.extend(PASSES.into_iter().filter_map(|passes| self.largest_size_of_passes(parameters, passes)));
        let params = self.lowest_over_sizes(height, &corners, near)?;
        let (tokens, loss) = self.best_at_size(parameters, params)?;
        Some(Optimum { params, tokens, loss, cost: self.space.cost(params, tokens) })
    }

    /// The cheapest allowed run whose loss is at most `goal`; `None` where none is.
    pub(super) fn cheapest(&self, parameters: &[f64], goal: f64, near: Option<f64>) -> Option<Optimum> {
        let reaching = self.reaching(goal);
        match reaching.cheapest_in_closed_form(parameters, goal) {
            ClosedForm::Found(optimum) => return Some(optimum),
            ClosedForm::Impossible => return None,
            ClosedForm::Unknown => {}
        }
        let last_tokens = Cell::new(None);
        let height = |ln_params: f64| {
            let params = self.size(ln_params);
            let tokens = reaching.fewest_tokens(parameters, params, goal, &last_tokens);
            tokens.map_or(f64::INFINITY, |tokens| ln(self.space.cost(params, tokens)))
        };
        let mut corners = self.space.corners().to_vec();
        corners.extend(reaching.least_size_of_one_pass(parameters, goal).into_iter().flat_map(below));
        // The sizes that can reach the goal may lie between two looks; the size of lowest loss is one of them if any is.
        let params = self.lowest_over_sizes(height, &corners, near).or_else(|| {
            let lowest = reaching.lowest_loss(parameters, near).filter(|lowest| lowest.loss <= goal)?;
            let at = ln(lowest.params);
            let from = Height { at, value: height(at) };
            Some(self.size(bracket::lowest(height, at - STEP, from, at + STEP, self.tolerance).at))
        })?;
        let tokens = reaching.fewest_tokens(parameters, params, goal, &last_tokens)?;
        Some(self.optimum(parameters, params, tokens))
    }

    /// Whether more tokens may raise the loss.
    pub(super) fn can_hurt(&self) -> bool {
        matches!(self.text, Text::CanHurt(_))
    }

    /// Loss of a run.
    pub(super) fn loss(&self, parameters: &[f64], params: f64, tokens: f64) -> f64 {
        let under = |factor: f64| self.law.loss(parameters, &Setting::single_pass(params, tokens / factor));
        match (self.space.batch, self.factor) {
            (None, _) => under(1.0),
            (Some(_), Some(factor)) => under(factor),
            (Some(_), None) if self.can_hurt() => {
                let factor = batch::settled_factor(|factor| self.tokens_factor(under(factor)));
                factor.map_or(f64::INFINITY, under)
            }
            (Some(_), None) => batch::settled(under(1.0), |loss| under(self.tokens_factor(loss))),
        }
    }

    /// Tokens that a run sees for each that the law counts, where it ends at `loss`.
    pub(super) fn tokens_factor(&self, loss: f64) -> f64 {
        let of = |batch| self.factor.unwrap_or_else(|| batch::LAW.factor(batch, loss));
        self.space.batch.map_or(1.0, of)
    }

    /// Loss at the best tokens that a size may see; infinite where it may see none.
    pub(super) fn loss_at_size(&self, parameters: &[f64], params: f64) -> f64 {
        self.best_at_size(parameters, params).map_or(f64::INFINITY, |(_, loss)| loss)
    }

    /// What the cheapest run of a size that reaches `goal` costs; infinite where none does.
    pub(super) fn cost_at_size(&self, parameters: &[f64], params: f64, goal: f64) -> f64 {
        let tokens = self.reaching(goal).fewest_tokens(parameters, params, goal, &Cell::new(None));
        tokens.map_or(f64::INFINITY, |tokens| self.space.cost(params, tokens))
    }

    /// The size of a logarithm; at the end of what is allowed, that end to the last bit.
    fn size(&self, ln_params: f64) -> f64 {
        exp(ln_params).clamp(self.space.params.0, self.space.params.1)
    }

    /// A run with what it comes to.
    pub(super) fn optimum(&self, parameters: &[f64], params: f64, tokens: f64) -> Optimum {
        let loss = self.loss(parameters, params, tokens);
        Optimum { params, tokens, loss, cost: self.space.cost(params, tokens) }
    }

    /// Where nothing but compute is limited, the law's own best size.
    fn lowest_loss_in_closed_form(&self, parameters: &[f64]) -> Option<Optimum> {
        let compute = self.space.compute_alone().filter(|_| self.text == Text::Fresh)?;
        // Each run's own factor has no closed form.
        let factor = if self.space.batch.is_some() { self.factor? } else { 1.0 };
        let params = exp(self.law.best_ln_params(parameters, compute / factor)?);
        let tokens = compute / TRAINING_FLOPS_PER_PARAM_TOKEN / params;
        self.space.allows(params, tokens).then(|| self.optimum(parameters, params, tokens))
    }

    fn cheapest_in_closed_form(&self, parameters: &[f64], goal: f64) -> ClosedForm {
        if self.text != Text::Fresh || self.space.serving > 0.0 {
            return ClosedForm::Unknown;
        }
        let Some(compute) = self.law.equivalent_flops(parameters, goal) else { return ClosedForm::Unknown };
        if compute.is_infinite() {
            return ClosedForm::Impossible;
        }
        let Some(ln_params) = self.law.best_ln_params(parameters, compute) else { return ClosedForm::Unknown };
        let params = exp(ln_params);
        let tokens = self.tokens_factor(goal) * compute / TRAINING_FLOPS_PER_PARAM_TOKEN / params;
        if self.space.allows(params, tokens) {
            return ClosedForm::Found(self.optimum(parameters, params, tokens));
        }
        ClosedForm::Unknown
    }

    /// The tokens of lowest loss that a size may see.
    fn best_tokens(&self, parameters: &[f64], params: f64) -> Option<f64> {
        self.best_at_size(parameters, params).map(|(tokens, _)| tokens)
    }

    /// The tokens of lowest loss that a size may see, and that loss: all that are allowed, unless loss has risen by then.
    fn best_at_size(&self, parameters: &[f64], params: f64) -> Option<(f64, f64)> {
        let most = self.space.most_tokens(params);
        if most < self.space.tokens.0 || !(self.space.params.0..=self.space.params.1).contains(&params) {
            return None;
        }
        let Text::CanHurt(unique) = self.text else { return Some((most, self.loss(parameters, params, most))) };
        // In the tokens that count, which decide the loss, and with it how many are seen. The first repetition may cost more than any:
        // loss is lowest before it, and once more beyond.
        let loss = |counted: f64| self.law.loss(parameters, &Setting::single_pass(params, counted));
        let once = (ONCE * unique).min(most);
        let repeated = self.law.best_repeated_tokens(parameters, params, unique).unwrap_or(once).min(most);
        let [once, repeated] = [once, repeated].map(|counted| self.affordable(loss, counted, most));
        [once, repeated].into_iter().flatten().min_by(|one, other| one.1.total_cmp(&other.1))
    }

    /// The run on which `counted` tokens count, or as many below that as need no more than `most`: the tokens that it sees, and its loss.
    fn affordable(&self, loss: impl Fn(f64) -> f64, counted: f64, most: f64) -> Option<(f64, f64)> {
        let seen = |counted: f64| counted * self.tokens_factor(loss(counted));
        let within = |tokens: f64, counted: f64| (tokens.max(self.space.tokens.0), loss(counted));
        if seen(counted) <= most {
            return Some(within(seen(counted), counted));
        }
        if let Some(factor) = self.factor {
            return Some(within(most, most / factor));
        }
        // Down until they can be paid, or until fewer cost more again, for they waste more than they spare.
        let excess = |ln_counted: f64| ln(seen(exp(ln_counted)) / most);
        let (mut before, mut lower) = (ln(counted), ln(counted));
        let mut least = excess(lower);
        while least > 0.0 {
            let at = lower - STEP;
            let value = excess(at);
            if value >= least {
                let bottom = bracket::lowest(excess, at, Height { at: lower, value: least }, before, self.tolerance);
                lower = if bottom.value <= 0.0 { bottom.at } else { return None };
                break;
            }
            (before, lower, least) = (lower, at, value);
        }
        let at = bracket::root(excess, lower, before, TOKENS_TOLERANCE)?;
        Some(within(most, exp(at)))
    }

    /// The tokens seen when a size has read everything once, where reading more may hurt.
    fn one_pass(&self, parameters: &[f64], params: f64) -> Option<f64> {
        let Text::CanHurt(unique) = self.text else { return None };
        let loss = self.law.loss(parameters, &Setting::single_pass(params, unique));
        Some(ONCE * unique * self.tokens_factor(loss))
    }

    /// The fewest tokens on which a size reaches `goal`; `None` where it cannot. The search begins at the tokens found last.
    fn fewest_tokens(&self, parameters: &[f64], params: f64, goal: f64, last: &Cell<Option<f64>>) -> Option<f64> {
        let most = self.best_tokens(parameters, params)?;
        if let Some(tokens) = self.law.tokens_for_loss(parameters, params, f64::INFINITY, goal) {
            let tokens = self.tokens_factor(goal) * tokens;
            // Rounding must not forbid the size of lowest loss, which may be the only one that reaches the goal.
            let is_enough = tokens <= most * (1.0 + 1e-10);
            return is_enough.then(|| tokens.max(self.space.tokens.0).min(most));
        }
        let excess = |ln_tokens: f64| self.loss(parameters, params, exp(ln_tokens)) - goal;
        // Loss at the goal to rounding is the goal: the size of lowest loss may be the only one that reaches it.
        let reaches = |tokens: f64| self.loss(parameters, params, tokens) <= goal * (1.0 + 1e-13);
        let (mut least, mut most) = (self.space.tokens.0, most);
        // Loss falls within one pass, and beyond the rise after it.
        if let Some(once) = self.one_pass(parameters, params).filter(|once| (least..most).contains(once)) {
            *(if reaches(once) { &mut most } else { &mut least }) = once;
        }
        if !reaches(most) {
            return None;
        }
        let (fewest, top) = (ln(least), ln(most));
        if excess(top) >= 0.0 {
            return Some(most);
        }
        // Widening steps from the tokens of the size before: neighbours need nearly the same.
        let (mut low, mut high) = (fewest, top);
        if let Some(start) = last.get().filter(|start| *start > fewest && *start < top) {
            let (mut at, mut step) = (start, 0.125);
            if excess(at) > 0.0 {
                while at < top && excess(at) > 0.0 {
                    (low, at, step) = (at, at + step, 2.0 * step);
                }
                high = at.min(top);
            } else {
                while at > fewest && excess(at) <= 0.0 {
                    (high, at, step) = (at, at - step, 2.0 * step);
                }
                low = at.max(fewest);
            }
        }
        if low == fewest && excess(fewest) <= 0.0 {
            return Some(least);
        }
        let ln_tokens = bracket::root(excess, low, high, TOKENS_TOLERANCE)?;
        last.set(Some(ln_tokens));
        Some(exp(ln_tokens).min(most))
    }

    /// The smallest size that reaches `goal` before reading more may hurt: smaller ones may need many times the tokens.
    fn least_size_of_one_pass(&self, parameters: &[f64], goal: f64) -> Option<f64> {
        /// Rounding must not make it one that just fails to.
        const AMPLE: f64 = 1.0 + 1e-11;
        let excess = |ln_params: f64| {
            let params = exp(ln_params);
            let tokens = self.one_pass(parameters, params).unwrap_or(f64::NAN);
            self.loss(parameters, params, tokens) - goal
        };
        let ln_params = bracket::root(excess, ln(self.space.params.0), ln(self.space.params.1), SIZE_TOLERANCE)?;
        Some(AMPLE * exp(ln_params))
    }

    /// The largest size whose cost leaves it so many passes over the text; `None` where nothing limits tokens but their number.
    fn largest_size_of_passes(&self, parameters: &[f64], passes: f64) -> Option<f64> {
        let excess = |ln_params: f64| {
            let params = exp(ln_params);
            let needed = passes * self.one_pass(parameters, params).unwrap_or(f64::NAN);
            ln(self.space.most_tokens(params).max(1.0) / needed)
        };
        let (least, most) = (self.space.params.0, self.space.most_params());
        bracket::root(excess, ln(least), ln(most), SIZE_TOLERANCE).map(exp)
    }

    /// The size at which `height` of ln N is lowest among those allowed; `None` where it is infinite at every look. At the `corners` it
    /// may bend or jump.
    fn lowest_over_sizes(&self, height: impl Fn(f64) -> f64, corners: &[f64], near: Option<f64>) -> Option<f64> {
        let (low, high) = (ln(self.space.params.0), ln(self.space.most_params()));
        if low > high {
            return None;
        }
        let everywhere = || self.lowest_between(&height, corners, low, high);
        // One pass and many may each have a size of lowest loss.
        let near = near.map(ln).filter(|near| (low..=high).contains(near) && !self.can_hurt());
        let Some(near) = near else { return everywhere() };
        let (from, to) = ((near - NEAR).max(low), (near + NEAR).min(high));
        match self.lowest_between(&height, corners, from, to) {
            Some(params) if is_inside(ln(params), (from, low), (to, high)) => Some(params),
            _ => everywhere(),
        }
    }

    fn lowest_between(&self, height: impl Fn(f64) -> f64, corners: &[f64], low: f64, high: f64) -> Option<f64> {
        let steps = ((high - low) / STEP).ceil().max(1.0);
        let grid = (0..=steps as usize).map(|step| low + (high - low) * step as f64 / steps);
        let corners: Vec<f64> = corners.iter().copied().map(ln).collect();
        let inside = corners.iter().copied().filter(|corner| *corner > low && *corner < high);
        let mut looks: Vec<Height> = grid.chain(inside).map(|at| Height { at, value: height(at) }).collect();
        looks.sort_by(|one, other| one.at.total_cmp(&other.at));
        // A loss that is no number is none to be had.
        let value = |place: usize| Some(looks.get(place)?.value).filter(|value| value.is_finite());
        let is_above = |place: usize, height: f64| value(place).is_none_or(|value| value > height);
        let is_valley = |place: &usize| {
            let beside = place.checked_sub(1).is_none_or(|before| is_above(before, looks[*place].value));
            value(*place)
                .is_some_and(|height| beside && (is_above(place + 1, height) || value(place + 1) == Some(height)))
        };
        let bottom = |place: usize| {
            let look = looks[place];
            let before = looks[place.saturating_sub(1)].at;
            let after = looks[(place + 1).min(looks.len() - 1)].at;
            // A limit that a slight step away from is worse is the answer, to the last bit.
            let is_worse = |at: f64| at < before || at > after || height(at) > look.value;
            let at_a_limit = look.at == low || look.at == high || corners.contains(&look.at);
            if at_a_limit && is_worse(look.at - SLIGHTLY) && is_worse(look.at + SLIGHTLY) {
                return look;
            }
            bracket::lowest(&height, before, look, after, self.tolerance)
        };
        let bottoms = (0..looks.len()).filter(is_valley).map(bottom);
        bottoms.min_by(|one, other| one.value.total_cmp(&other.value)).map(|bottom| self.size(bottom.at))
    }
}

/// A size, and those below it that are a few repetitions away: loss rises with the first of them, and may fall with the next.
fn below(params: f64) -> impl Iterator<Item = f64> {
    (0..=12).map(move |step| params * exp(-0.125 * f64::from(step)))
}

/// What a closed form says.
enum ClosedForm {
    /// The best run.
    Found(Optimum),
    /// No run reaches the goal, at any cost.
    Impossible,
    /// Nothing: its best run is not allowed, or it does not hold.
    Unknown,
}

/// What is found this near the end of a window may lie beyond it.
const EDGE: f64 = 1e-3;

/// Whether a point found between `from` and `to` is not at an end of that window behind which more sizes are allowed.
fn is_inside(at: f64, (from, low): (f64, f64), (to, high): (f64, f64)) -> bool {
    (from <= low || at > from + EDGE) && (to >= high || at < to - EDGE)
}
