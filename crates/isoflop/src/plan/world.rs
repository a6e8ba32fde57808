//! The possible truths that a plan is judged under: what the law may be, with what the devices may do and cost.

use std::borrow::Cow;

use isoflop_numerics::elementary::ln;
use isoflop_numerics::quantile::Bell;
use isoflop_numerics::resample::{standard_normal, stream};

use super::asked::Asked;
use super::error::{GUESSING, PlanError};
use super::problem::{Demand, Problem};
use super::search::Optimum;
use super::space::Space;
use crate::fit::{Draw, Warning};
use crate::hardware::Rental;
use crate::law::Setting;
use crate::predict::Extrapolation;
use crate::units::significant;

/// Draws of uncertain devices where the law has none of its own.
const DRAWS: usize = 1_000;

/// Sets the stream of the devices apart from that of the law's draws, which may have the same seed.
const DEVICES: u64 = 0x6465_7669_6365_7300;

/// One possible truth, and the best run in it.
pub(super) struct World<'a> {
    /// The law's draw, where it has draws.
    pub(super) draw: Option<&'a Draw>,
    /// The law's parameters.
    pub(super) parameters: &'a [f64],
    /// The problem, its devices as they turned out to be.
    pub(super) problem: Cow<'a, Problem>,
    /// What it allows.
    pub(super) space: Space,
    /// The best run; `None` where no allowed run reaches the goal.
    pub(super) best: Option<Optimum>,
}

impl Problem {
    /// Whether all devices do and cost what is known.
    pub(super) fn is_certain(&self) -> bool {
        self.rentals().all(Rental::is_certain)
    }

    fn rentals(&self) -> impl Iterator<Item = &Rental> {
        let serving = self.demand.as_ref().and_then(|demand| demand.rental.as_ref());
        self.rental.iter().chain(serving)
    }

    /// The problem with the devices of draw `number`: what a plan solves beside that draw of its law, for its intervals.
    ///
    /// What makes devices dear or slow in training makes them so in serving too.
    pub fn drawn(&self, number: usize) -> Self {
        let mut generator = stream(self.seed ^ DEVICES, number as u64);
        let deviates = [(); 3].map(|()| standard_normal(&mut generator));
        let drawn = |rental: &Rental| rental.drawn(deviates);
        let demand = self.demand.as_ref();
        Self {
            rental: self.rental.as_ref().map(drawn),
            demand: demand.map(|demand| Demand { rental: demand.rental.as_ref().map(drawn), ..demand.clone() }),
            ..self.clone()
        }
    }
}

impl World<'_> {
    /// Whether its best run can be paid for.
    pub(super) fn is_within_budget(&self) -> bool {
        self.best.is_some_and(|best| best.cost <= self.space.budget)
    }

    /// Training compute of its best run; infinite where there is none.
    pub(super) fn flops(&self) -> f64 {
        self.best.map_or(f64::INFINITY, |best| best.flops())
    }
}

impl Asked<'_> {
    /// Every draw of the law, each with a draw of the devices and with its best run; none where everything is taken for known.
    pub(super) fn worlds(&self) -> Result<Vec<World<'_>>, PlanError> {
        let (draws, certain) = (self.fit.draws(), self.problem.is_certain());
        let count = if draws.is_empty() && !certain { DRAWS } else { draws.len() };
        if count == 0 {
            return Ok(Vec::new());
        }
        let near = self.solve(self.fit.point(), None).map(|optimum| optimum.params);
        let world = |number: usize| {
            let draw = draws.get(number);
            let parameters = draw.map_or(self.fit.point(), |draw| draw.parameters.as_slice());
            let (problem, space) = if certain {
                (Cow::Borrowed(self.problem), self.space.clone())
            } else {
                let problem = self.problem.drawn(number);
                let space = Space::new(&problem, &self.fit.law().reach())?;
                (Cow::Owned(problem), space)
            };
            let best = self.solve_in(&space, parameters, near);
            Ok(World { draw, parameters, problem, space, best })
        };
        (0..count).map(world).collect()
    }

    /// The planned run as it would be trained in a world: of the size planned, on the tokens that budget and limits leave it there. Where
    /// serving leaves it none, or so few that its batches waste all of them, it guesses.
    pub(super) fn trained(&self, plan: &Optimum, world: &World) -> Optimum {
        let is_goal = self.goal(self.fit.point()).is_some();
        let tokens = if self.problem.is_certain() {
            plan.tokens
        } else {
            let most = world.space.most_tokens(plan.params).max(world.space.tokens.0);
            let all = !is_goal && !self.search(&world.space).can_hurt();
            if all { most } else { plan.tokens.min(most) }
        };
        let run = self.search(&world.space).optimum(world.parameters, plan.params, tokens);
        Optimum { loss: run.loss.min(GUESSING), ..run }
    }

    /// In which share of the worlds the planned run guesses, in words; `None` where in none.
    pub(super) fn guessing_doubt(&self, plan: &Optimum, worlds: &[World]) -> Option<Warning> {
        let guesses = worlds.iter().filter(|world| self.trained(plan, world).loss >= GUESSING).count();
        let percent = significant(100.0 * guesses as f64 / worlds.len() as f64, 2);
        let message = format!(
            "in {percent} % of the draws of price, MFU and goodput the budget leaves this size nothing to be trained with: a loss of \
             {GUESSING} stands there for a model that guesses; plan for a smaller one (--max-params), or narrow the ranges"
        );
        (guesses > 0).then(|| Warning::new("nothing_left", message))
    }

    /// What a world says of the ln loss of the planned run; `None` where the law has no draws.
    pub(super) fn bell(&self, plan: &Optimum, world: &World, extrapolation: &Extrapolation) -> Option<Bell> {
        let run = self.trained(plan, world);
        let at = Setting::single_pass(run.params, run.tokens / self.search(&world.space).tokens_factor(run.loss));
        let bell = self.fit.bell_under(world.draw?, &at, extrapolation);
        Some(Bell { centre: bell.centre.min(ln(GUESSING)), ..bell })
    }
}
