//! The ladder that fits a time: budgets, sizes, seeds and a run kept back to check them, from a machine's measured speed.
//!
//! ```text
//! time + Throughput + text  ->  Design  ->  ladder, validation run, seconds
//! ```

use isoflop::counting::TRAINING_FLOPS_PER_PARAM_TOKEN;
use isoflop::{Flops, Params, Tokens};
use isoflop_train::{Recipe, RunSpec, TOKENS_PER_PARAM};
use thiserror::Error;

use crate::cell::CellPlan;
use crate::ladder::{Ladder, LadderError};
use crate::throughput::Throughput;

/// Compute of the validation run over that of the largest budget.
pub const VALIDATION_FACTOR: f64 = 8.4;
/// Each budget over the one below it: a long lever at little cost.
const BUDGET_FACTOR: f64 = 4.0;
/// Sizes at each budget.
const SIZES: usize = 5;
/// A law of fewer budgets cannot be told from a straight line; more of them reach down to runs that are too small to be worth it.
const BUDGETS: std::ops::RangeInclusive<usize> = 3..=5;
/// Runs of less compute take so few steps that their losses follow no law.
const LEAST_BUDGET: f64 = 2e10;
/// No lab on CPU cores comes near.
const MOST_BUDGET: f64 = 1e21;
/// Seeds of one setting, at the second largest budget: their scatter is the noise that no law can be below.
const SEEDS: u64 = 4;
/// The validation run takes the size that the fit finds best, which may be this much smaller than expected, and then reads more text.
const SMALLER: f64 = 1.5;
/// FLOPs of the longest step that speed is measured on: about a tenth of a second of one core.
const PROBE_STEP: f64 = 2e9;
/// Halvings of the search for the largest ladder: far below the two digits that budgets are rounded to.
const HALVINGS: u32 = 50;

/// What a ladder has to fit.
#[derive(Debug, Clone, Copy)]
pub struct TimedQuestion<'a> {
    /// The recipes, each with the speed of the machine at it; they share the time and have the same budgets.
    pub recipes: &'a [(Recipe, Throughput)],
    /// Seconds for training and judging all runs.
    pub seconds: f64,
    /// Tokens of the training text, which no run is to read twice; none when it is not known yet.
    pub training_tokens: Option<u64>,
    /// Tokens that each run is judged on.
    pub judged_tokens: u64,
    /// Seed of the ladder; replicates have those that follow.
    pub seed: u64,
}

/// A ladder with its validation run for each recipe.
#[derive(Debug, Clone, PartialEq)]
pub struct Design {
    /// One for each recipe, in their order.
    pub ladders: Vec<DesignedLadder>,
    /// Compute of each validation run.
    pub validation: Flops,
    /// Seconds that all take.
    pub seconds: f64,
    /// How often the ladder that fits the time would have read the text, where that is why a smaller one was taken.
    pub text_limit: Option<f64>,
}

/// The runs of one recipe.
#[derive(Debug, Clone, PartialEq)]
pub struct DesignedLadder {
    /// How they are laid out.
    pub ladder: Ladder,
    /// The runs to fit: the ladder's, and replicates of one of them.
    pub cells: Vec<CellPlan>,
    /// The validation run, at the size that is expected to be best; the fit decides.
    pub validation: CellPlan,
    /// Seconds of each of `cells` on its core.
    pub cell_seconds: Vec<f64>,
    /// Seconds of the validation run on the cores it has.
    pub validation_seconds: f64,
    /// Seconds of all of them, packed on the cores.
    pub seconds: f64,
}

/// Why there is no ladder for a time and a text.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DesignError {
    /// The time is too short.
    #[error(
        "the least ladder worth fitting, three budgets of five sizes and a run of {VALIDATION_FACTOR} times the largest to check it, trains for {least:.0} s on this machine; give it that"
    )]
    TooShort {
        /// Seconds that the least ladder trains.
        least: f64,
    },
    /// The text is too short.
    #[error(
        "the text has {tokens:.3} tokens to train on, and the least ladder worth fitting would read it {epochs:.1} times: a law of text that is read once needs {needed:.3} tokens, so give it more text"
    )]
    TooLittleText {
        /// Tokens there are.
        tokens: Tokens,
        /// Tokens that the least ladder reads.
        needed: Tokens,
        /// One over the other.
        epochs: f64,
    },
    /// No recipe.
    #[error("a ladder needs a recipe")]
    NoRecipe,
    /// The recipe makes no models, or a budget is no quantity.
    #[error(transparent)]
    Ladder(#[from] LadderError),
}

impl TimedQuestion<'_> {
    /// The largest ladder that fits time and text.
    ///
    /// ```text
    /// budgets  C, C/4, ...   at least three, at most five, none below 2e10 FLOP
    /// sizes    five at each, centred on N = sqrt(C / (6 * 25)); four seeds at the centre of the second largest budget
    /// check    8.4 C in data-parallel shards on all cores
    /// ```
    ///
    /// # Errors
    /// [`DesignError`]: even the least ladder does not fit.
    pub fn design(&self) -> Result<Design, DesignError> {
        let least = self.least()?;
        if least.seconds > self.seconds {
            return Err(DesignError::TooShort { least: least.seconds });
        }
        let text = self.training_tokens.unwrap_or(u64::MAX);
        if least.tokens() > text {
            let count = |tokens: u64| Tokens::new(tokens.max(1) as f64).map_err(LadderError::from);
            let (tokens, needed) = (count(text)?, count(least.tokens())?);
            return Err(DesignError::TooLittleText { tokens, needed, epochs: needed.get() / tokens.get() });
        }
        let in_time = self.largest(least, |design| design.seconds <= self.seconds)?;
        if in_time.tokens() <= text {
            return Ok(in_time);
        }
        let epochs = in_time.tokens() as f64 / text as f64;
        let both = |design: &Design| design.seconds <= self.seconds && design.tokens() <= text;
        Ok(Design { text_limit: Some(epochs), ..self.largest(self.least()?, both)? })
    }

    /// The smallest ladder whose law is worth fitting.
    ///
    /// # Errors
    /// Those of the ladders.
    pub fn least(&self) -> Result<Design, DesignError> {
        self.lay_out(LEAST_BUDGET, *BUDGETS.start())
    }

    /// The largest design that `fits`; `least` does.
    fn largest(&self, least: Design, fits: impl Fn(&Design) -> bool) -> Result<Design, DesignError> {
        // With one budget more at the bottom the largest is hardly smaller, and the lever is longer.
        for rungs in BUDGETS.rev() {
            let (mut low, mut high) = (LEAST_BUDGET, MOST_BUDGET);
            let mut best = self.lay_out(low, rungs)?;
            if !fits(&best) {
                continue;
            }
            for _ in 0..HALVINGS {
                let middle = (low * high).sqrt();
                let design = self.lay_out(middle, rungs)?;
                if fits(&design) {
                    (low, best) = (middle, design);
                } else {
                    high = middle;
                }
            }
            return Ok(best);
        }
        Ok(least)
    }

    /// The design of so many budgets from `bottom` on, which is rounded down to two digits.
    fn lay_out(&self, bottom: f64, rungs: usize) -> Result<Design, DesignError> {
        let bottom = two_digits(bottom);
        let budgets: Vec<f64> = (0..rungs).map(|rung| bottom * BUDGET_FACTOR.powi(rung as i32)).collect();
        let top = budgets.iter().copied().fold(bottom, f64::max);
        let budgets = budgets.into_iter().map(Flops::new).collect::<Result<Vec<_>, _>>().map_err(LadderError::from)?;
        let validation = Flops::new(VALIDATION_FACTOR * top).map_err(LadderError::from)?;
        let ladders = self.recipes.iter().map(|(recipe, machine)| self.ladder(recipe, machine, &budgets, validation));
        let ladders = ladders.collect::<Result<Vec<_>, _>>()?;
        if ladders.is_empty() {
            return Err(DesignError::NoRecipe);
        }
        let seconds = ladders.iter().map(|ladder| ladder.seconds).sum();
        Ok(Design { ladders, validation, seconds, text_limit: None })
    }

    fn ladder(
        &self,
        recipe: &Recipe,
        machine: &Throughput,
        budgets: &[Flops],
        validation: Flops,
    ) -> Result<DesignedLadder, DesignError> {
        let ladder = ladder(recipe, budgets.to_vec(), self.seed);
        let mut cells = ladder.cells()?;
        let repeated = cells.len().saturating_sub(SIZES + SIZES.div_ceil(2));
        for seed in 1..SEEDS {
            let again = Ladder { seed: self.seed.wrapping_add(seed), ..ladder.clone() }.cells()?;
            cells.extend(again.into_iter().nth(repeated));
        }
        let validation = ladder.validation_run(validation, best_params(validation)?, machine.cores)?;
        let judged = self.judged_tokens as f64;
        let cell_seconds: Vec<f64> = cells.iter().map(|cell| machine.seconds(&cell.spec, judged)).collect();
        let validation_seconds = machine.seconds(&validation.spec, judged);
        let seconds = machine.packed(&cell_seconds) + validation_seconds;
        Ok(DesignedLadder { ladder, cells, validation, cell_seconds, validation_seconds, seconds })
    }
}

impl Design {
    /// The largest budget of the ladders.
    pub fn top_budget(&self) -> f64 {
        self.validation.get() / VALIDATION_FACTOR
    }

    /// Tokens that the run with most of them reads.
    pub fn tokens(&self) -> u64 {
        let most = |ladder: &DesignedLadder| {
            let cells = ladder.cells.iter().map(|cell| tokens(&cell.spec));
            cells.fold(SMALLER * tokens(&ladder.validation.spec), f64::max)
        };
        self.ladders.iter().map(most).fold(0.0, f64::max).ceil() as u64
    }
}

impl Ladder {
    /// The run that spends `budget` on the shape nearest to `params`, its gradient in as many shards as there are `cores`, but never so
    /// many that its batch would grow for them.
    ///
    /// # Errors
    /// Those of [`Ladder::big_run`].
    pub fn validation_run(&self, budget: Flops, params: Params, cores: usize) -> Result<CellPlan, LadderError> {
        let alone = self.big_run(budget, params, 1)?;
        self.big_run(budget, params, cores.clamp(1, alone.spec.batch_sequences))
    }
}

/// The ladder of `recipe` over `budgets`.
fn ladder(recipe: &Recipe, budgets: Vec<Flops>, seed: u64) -> Ladder {
    Ladder { recipe: recipe.clone(), budgets, sizes: SIZES, tokens_per_param: TOKENS_PER_PARAM, seed }
}

/// Short runs of three shapes of `recipe` on which to measure a machine's speed: the smallest there is, the best of a validation
/// run that `core_seconds` might pay for, and one between.
///
/// # Errors
/// Those of [`Ladder`].
pub fn probes(recipe: &Recipe, core_seconds: f64) -> Result<Vec<RunSpec>, LadderError> {
    /// FLOPs per second of a core, roughly; only the choice of the shapes rests on it.
    const ROUGHLY: f64 = 3e10;
    let least = Flops::new(LEAST_BUDGET)?;
    let ladder = ladder(recipe, vec![least], 0);
    let large = Flops::new((0.5 * ROUGHLY * core_seconds).clamp(100.0 * LEAST_BUDGET, MOST_BUDGET))?;
    let between = Flops::new((large.get() * LEAST_BUDGET).sqrt())?;
    let best = |budget: Flops| Ok::<_, LadderError>(ladder.big_run(budget, best_params(budget)?, 1)?.spec);
    let smallest = ladder.big_run(least, Params::new(1.0)?, 1)?.spec;
    let mut probes = vec![smallest, best(between)?, best(large)?];
    for probe in &mut probes {
        let sequence = probe.architecture.flop_groups().training_flops_per_token() * probe.architecture.context as f64;
        probe.batch_sequences = probe.batch_sequences.min((PROBE_STEP / sequence) as usize).max(1);
    }
    Ok(probes)
}

/// The size expected to be best at `budget`.
fn best_params(budget: Flops) -> Result<Params, LadderError> {
    Ok(Params::new((budget.get() / (TRAINING_FLOPS_PER_PARAM_TOKEN * TOKENS_PER_PARAM)).sqrt())?)
}

fn tokens(spec: &RunSpec) -> f64 {
    spec.steps as f64 * spec.batch_sequences as f64 * spec.architecture.context as f64
}

/// `value` with two significant digits, rounded down.
fn two_digits(value: f64) -> f64 {
    let unit = 10f64.powf(value.log10().floor() - 1.0);
    // A value that has two digits already must not lose one to rounding.
    (value / unit + 1e-9).floor() * unit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::throughput::Speed;

    /// Four cores of 2e10 FLOP per second.
    fn machine(cores: usize) -> Throughput {
        let speed = |cost| Speed { flops_per_token: cost, tokens_per_second: 2e10 / cost };
        Throughput { cores, speeds: vec![speed(1e4), speed(1e9)], together: 0.8 }
    }

    fn recipes(cores: usize, names: &[&str]) -> Vec<(Recipe, Throughput)> {
        let named = |name: &&str| Recipe { name: (*name).to_owned(), ..Recipe::default() };
        names.iter().map(|name| (named(name), machine(cores))).collect()
    }

    fn question(recipes: &[(Recipe, Throughput)], seconds: f64) -> TimedQuestion<'_> {
        TimedQuestion { recipes, seconds, training_tokens: None, judged_tokens: 100_000, seed: 0 }
    }

    #[test]
    fn ladders_fill_their_time_and_keep_within_it() {
        for cores in [1, 4, 64] {
            let recipes = recipes(cores, &["default"]);
            for seconds in [300.0, 3_600.0, 36_000.0, 1e6] {
                let design = question(&recipes, seconds).design().unwrap();
                assert!((0.85 * seconds..=seconds).contains(&design.seconds), "{cores} {seconds}: {}", design.seconds);
                let [ladder] = design.ladders.as_slice() else { panic!("one recipe") };
                let machine = &recipes[0].1;
                let again = machine.packed(&ladder.cell_seconds) + ladder.validation_seconds;
                assert_eq!(again, design.seconds);
                assert!(ladder.validation.spec.shards <= cores);
            }
        }
    }

    #[test]
    fn more_time_gives_a_longer_lever_and_then_larger_runs() {
        let recipes = recipes(4, &["default"]);
        let mut before = (0, 0.0);
        for seconds in [70.0, 150.0, 400.0, 2_000.0, 20_000.0] {
            let design = question(&recipes, seconds).design().unwrap();
            let budgets = &design.ladders[0].ladder.budgets;
            assert!(budgets.windows(2).all(|pair| pair[1].get() / pair[0].get() == BUDGET_FACTOR), "{budgets:?}");
            assert!(budgets[0].get() >= LEAST_BUDGET);
            assert!(budgets.len() >= before.0 && design.top_budget() > before.1, "{seconds}: {budgets:?}");
            before = (budgets.len(), design.top_budget());
        }
        assert_eq!(before.0, 5);
    }

    #[test]
    fn the_validation_run_is_eight_times_the_largest_and_shares_no_setting_with_them() {
        let recipes = recipes(4, &["default"]);
        let design = question(&recipes, 600.0).design().unwrap();
        let ladder = &design.ladders[0];
        let spent = |cell: &CellPlan| {
            let params = cell.spec.architecture.param_groups().count(isoflop::counting::ParamCounting::Total);
            TRAINING_FLOPS_PER_PARAM_TOKEN * params as f64 * tokens(&cell.spec)
        };
        let largest = ladder.cells.iter().map(spent).fold(0.0, f64::max);
        assert!(spent(&ladder.validation) >= 8.0 * largest, "{} {largest}", spent(&ladder.validation));
        assert_eq!(ladder.validation.spec.shards, 4);
    }

    #[test]
    fn one_setting_has_four_seeds_and_all_others_one() {
        let recipes = recipes(4, &["default"]);
        let design = question(&recipes, 600.0).design().unwrap();
        let cells = &design.ladders[0].cells;
        let alike =
            |a: &CellPlan, b: &CellPlan| RunSpec { seed: 0, ..a.spec.clone() } == RunSpec { seed: 0, ..b.spec.clone() };
        let mut seeds: Vec<usize> = cells.iter().map(|a| cells.iter().filter(|b| alike(a, b)).count()).collect();
        seeds.sort_unstable();
        assert_eq!(seeds.iter().filter(|count| **count == 4).count(), 4, "{seeds:?}");
        assert!(seeds[..cells.len() - 4].iter().all(|count| *count == 1));
        let repeated = cells.last().unwrap();
        let budgets = &design.ladders[0].ladder.budgets;
        assert_eq!(repeated.budget, Some(budgets[budgets.len() - 2]));
    }

    #[test]
    fn recipes_share_the_time_and_the_budgets() {
        let two = recipes(4, &["one", "other"]);
        let design = question(&two, 600.0).design().unwrap();
        assert!(design.seconds <= 600.0);
        let [one, other] = design.ladders.as_slice() else { panic!("two recipes") };
        assert_eq!(one.ladder.budgets, other.ladder.budgets);
        let alone = question(&two[..1], 600.0).design().unwrap();
        assert!(alone.top_budget() > 1.7 * design.top_budget());
    }

    #[test]
    fn too_little_time_names_the_least_that_does() {
        let recipes = recipes(1, &["default"]);
        let Err(DesignError::TooShort { least }) = question(&recipes, 5.0).design() else { panic!("five seconds") };
        assert!(question(&recipes, 0.999 * least).design().is_err());
        let design = question(&recipes, least).design().unwrap();
        assert_eq!(design, question(&recipes, least).least().unwrap());
        assert_eq!(design.ladders[0].ladder.budgets.len(), 3);
    }

    #[test]
    fn a_short_text_makes_a_smaller_ladder_and_a_tiny_one_none() {
        let recipes = recipes(4, &["default"]);
        let free = question(&recipes, 3_600.0).design().unwrap();
        let short = TimedQuestion { training_tokens: Some(free.tokens() / 4), ..question(&recipes, 3_600.0) };
        let design = short.design().unwrap();
        assert!((design.text_limit.unwrap() - 4.0).abs() < 0.01);
        assert!(design.tokens() <= free.tokens() / 4 && design.seconds < free.seconds);
        let enough = TimedQuestion { training_tokens: Some(free.tokens()), ..short };
        assert_eq!(enough.design().unwrap(), free);
        let tiny = TimedQuestion { training_tokens: Some(10_000), ..short };
        let Err(DesignError::TooLittleText { tokens, needed, epochs }) = tiny.design() else { panic!("a tiny text") };
        assert_eq!((tokens.get(), needed.get() / tokens.get()), (1e4, epochs));
        assert_eq!(needed.get(), short.least().unwrap().tokens() as f64);
    }

    #[test]
    fn nothing_to_train_is_refused() {
        assert!(matches!(question(&[], 600.0).design(), Err(DesignError::NoRecipe)));
    }

    #[test]
    fn shards_never_change_the_batch() {
        let ladder = ladder(&Recipe::default(), vec![Flops::new(1e12).unwrap()], 0);
        let run =
            |cores| ladder.validation_run(Flops::new(1e12).unwrap(), Params::new(8e4).unwrap(), cores).unwrap().spec;
        assert_eq!(run(256).batch_sequences, run(1).batch_sequences);
        assert_eq!(run(256).shards, run(1).batch_sequences);
    }

    #[test]
    fn probes_are_of_three_sizes_and_short() {
        for core_seconds in [1.0, 600.0, 1e6] {
            let probes = probes(&Recipe::default(), core_seconds).unwrap();
            let widths: Vec<usize> = probes.iter().map(|probe| probe.architecture.width).collect();
            assert!(widths.windows(2).all(|pair| pair[0] < pair[1]), "{widths:?}");
            let step = |probe: &RunSpec| {
                probe.architecture.flop_groups().training_flops_per_token()
                    * (probe.batch_sequences * probe.architecture.context) as f64
            };
            assert!(probes.iter().all(|probe| step(probe) <= PROBE_STEP || probe.batch_sequences == 1));
        }
    }

    #[test]
    fn two_digits_are_kept_and_never_raised() {
        for (value, expected) in [(4.8e11, 4.8e11), (4.87e11, 4.8e11), (1e10, 1e10), (9.99e12, 9.9e12)] {
            assert!((two_digits(value) / expected - 1.0).abs() < 1e-12, "{value:e} {:e}", two_digits(value));
        }
    }
}
