//! `isoflop tune`: the best learning rates and batch of a recipe on a text, from the smallest models of its ladders.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use anyhow::{Result, bail};
use isoflop::Flops;
use isoflop::tuning::{Factor, Surface, Transfer};
use isoflop_report::figure::{Page, Theme};
use isoflop_report::text::{TunedFactor, TunedRecipe, transferred, tuned};
use isoflop_report::{svg, transfer};
use isoflop_sweep::{CellPlan, Sweep, SweepPlan, Throughput, TuningPlan, TuningState, probes};
use isoflop_train::{BuildProgress, EvaluationLimit, Recipe};
use serde::Serialize;

use crate::arguments::TuneArguments;
use crate::lab::WINDOW;
use crate::lab::study::{JUDGED_TOKENS, Trainer};
use crate::lab::text::{self, Text};
use crate::watch::{Expected, Watch, stop_on_interrupt, workers};
use crate::{Outcome, input, output};

/// What a tuned recipe's file says of itself.
const ORIGIN: &str = "# Written by `isoflop tune`. Lists of [tuning] are hidden rate, embedding rate, batch; a step is a factor of 1.5.\n";
/// The most text that is read: far more than small models learn.
const MAX_BYTES: u64 = 64 << 20;
/// Share of the time that is planned for: the last round never fills all cores.
const PLANNED_SHARE: f64 = 0.8;

/// What `--json` prints of probes alone.
#[derive(Serialize)]
struct Probed<'a> {
    schema: &'static str,
    recipe: &'a str,
    transfers: &'a [Transfer],
}

pub(crate) fn run(arguments: &TuneArguments) -> Result<Outcome> {
    let recipe = input::recipe(&arguments.recipe)?;
    text::find(&arguments.text)?;
    let watch = Watch::new(arguments.answer.json);
    let stop = stop_on_interrupt()?;
    if recipe.tuning.is_some() && !arguments.probe.is_empty() {
        let trainer = trainer(arguments, &recipe, &watch, stop)?;
        let transfers = probe(arguments, &trainer, &recipe)?;
        let answer = Probed { schema: "isoflop.probe/1", recipe: &recipe.name, transfers: &transfers };
        let words = || transfers.iter().map(transferred).collect::<Vec<_>>().join("\n");
        output::print(&if arguments.answer.json { serde_json::to_string(&answer)? } else { words() })?;
        return Ok(Outcome::Done);
    }

    let out = arguments.out.as_path();
    let folder = out.join("runs");
    let begun = TuningPlan::of_folder(&folder, &recipe, arguments.seed)?;
    let budget = match (&begun, arguments.flops) {
        (_, Some(flops)) => flops,
        // What the machine was measured at when it was begun decides: the same command ends the same.
        (Some((_, Some(budget))), None) => *budget,
        (_, None) => within(arguments, &recipe, &watch)?,
    };
    let plan = match begun {
        Some((plan, _)) => plan,
        None => TuningPlan::within(recipe, budget, arguments.seed)?,
    };
    let trainer = trainer(arguments, &plan.recipe, &watch, stop)?;
    let sweep = sweep(&trainer, &folder, &plan.recipe, Some(budget), plan.first_round()?)?;
    let state = train(&trainer, &sweep, &plan, budget)?;
    let tuned_recipe = plan.tuned(&state);
    let path = out.join("tuned.toml");
    output::write(&path, &format!("{ORIGIN}{}", tuned_recipe.to_toml()))?;
    sweep.write_runs(&out.join("runs.csv"))?;
    draw(&state.surface, out, "transfer")?;
    let found = TunedRecipe {
        transfers: probe(arguments, &trainer, &tuned_recipe)?,
        path: path.display().to_string(),
        ..found(&plan, &state, &tuned_recipe, budget, arguments.answer.level)
    };
    output::print(&if arguments.answer.json { serde_json::to_string(&found)? } else { tuned(&found) })?;
    Ok(Outcome::Done)
}

/// Reads the text into the folder of results.
fn trainer<'a>(
    arguments: &TuneArguments,
    recipe: &Recipe,
    watch: &'a Watch,
    stop: &'static AtomicBool,
) -> Result<Trainer<'a>> {
    let out = arguments.out.as_path();
    output::make_folder(out)?;
    watch.stage("text");
    let progress = &mut |progress: &BuildProgress| watch.corpus(progress);
    let text = &arguments.text;
    let prepared = text::prepare(text, recipe.context, recipe.tokenizer, MAX_BYTES, &out.join("corpus"), progress);
    watch.finish();
    let Text { corpus, label, description } = prepared?;
    watch.say(&format!("text: {description}"));
    let workers = workers(arguments.threads);
    let level = arguments.answer.level;
    Ok(Trainer { source: Arc::new(corpus), label, description, watch, stop, workers, level })
}

/// Trains five rates at each width that was asked for, and draws them together.
fn probe(arguments: &TuneArguments, trainer: &Trainer<'_>, recipe: &Recipe) -> Result<Vec<Transfer>> {
    let seeds = arguments.seed..arguments.seed.saturating_add(arguments.probe_seeds);
    let plan = |width: &usize| isoflop_sweep::probe(recipe, *width, arguments.probe_tokens, seeds.clone());
    // All of them before the first is trained: a width that the recipe does not have costs nothing.
    let plans: Vec<Vec<CellPlan>> = arguments.probe.iter().map(plan).collect::<Result<_, _>>()?;
    let (mut transfers, mut trials) = (Vec::new(), Vec::new());
    for (width, cells) in arguments.probe.iter().zip(plans) {
        let sweep = sweep(trainer, &arguments.out.join(format!("probe-{width}")), recipe, None, cells)?;
        trainer.work(&sweep, &format!("probe of width {width}"), &expected(trainer))?;
        let probed = isoflop_sweep::probed(recipe, &sweep, trainer.level)?;
        transfers.push(probed.transfer);
        trials.extend(probed.trials);
    }
    if !trials.is_empty() {
        draw(&Surface::fit(&trials)?, &arguments.out, "probe")?;
    }
    Ok(transfers)
}

/// The loss against the hidden rate, in light and dark.
fn draw(surface: &Surface, out: &Path, name: &str) -> Result<()> {
    for (theme, suffix) in [(Theme::Light, ""), (Theme::Dark, "-dark")] {
        output::write(
            &out.join(format!("{name}{suffix}.svg")),
            &svg(&transfer(surface), &Page { theme, width: None }),
        )?;
    }
    Ok(())
}

/// The compute that fits the time.
fn within(arguments: &TuneArguments, recipe: &Recipe, watch: &Watch) -> Result<Flops> {
    watch.say("measuring this machine");
    let cores = workers(arguments.threads);
    let seconds = PLANNED_SHARE * arguments.time.as_secs_f64();
    let start = Instant::now();
    let clock = || start.elapsed();
    let machine = Throughput::measure(&probes(recipe, seconds)?, cores, WINDOW, &clock)?;
    let flops = TuningPlan::flops_within(recipe, seconds, &machine, JUDGED_TOKENS as f64)?;
    watch.say(&format!("{:.1e} FLOP in {}", flops.get(), humantime::format_duration(arguments.time)));
    Ok(flops)
}

/// The sweep in `folder`, begun or gone on with: it keeps the budget that it was begun with.
fn sweep(
    trainer: &Trainer<'_>,
    folder: &Path,
    recipe: &Recipe,
    budget: Option<Flops>,
    cells: Vec<CellPlan>,
) -> Result<Sweep> {
    let begun = folder.join("sweep.toml").exists().then(|| Sweep::open(folder)).transpose()?;
    let plan = SweepPlan {
        question: "Which learning rates and batch are best?".to_owned(),
        recipe: recipe.name.clone(),
        budgets: begun.map_or_else(|| budget.into_iter().collect(), |sweep| sweep.budgets().to_vec()),
        corpus: trainer.label.clone(),
        evaluation: EvaluationLimit::Sample(JUDGED_TOKENS),
        cells,
    };
    Ok(Sweep::create(folder, &plan)?)
}

/// Trains round after round until the best is known, or nothing more can be paid.
fn train(trainer: &Trainer<'_>, sweep: &Sweep, plan: &TuningPlan, budget: Flops) -> Result<TuningState> {
    for round in 1.. {
        trainer.work(sweep, &format!("round {round}"), &expected(trainer))?;
        let state = plan.state(sweep, budget)?;
        if state.next.is_empty() {
            return Ok(state);
        }
        sweep.add_cells(&state.next)?;
    }
    bail!("tuning went on for more rounds than can be counted")
}

fn expected(trainer: &Trainer<'_>) -> Expected {
    Expected { seconds: None, cores: trainer.workers }
}

/// What was found, for people.
fn found(plan: &TuningPlan, state: &TuningState, recipe: &Recipe, budget: Flops, level: f64) -> TunedRecipe {
    let values = |recipe: &Recipe| [recipe.optimizer.hidden_rate, recipe.optimizer.embedding_rate, recipe.batch.tokens];
    let (before, best) = (values(&plan.recipe), values(recipe));
    let (moved, intervals) = (state.surface.best(plan.target()), state.surface.intervals(plan.target(), level));
    let curvature = state.surface.curvature();
    let factor = |index: usize| TunedFactor {
        factor: Factor::ALL[index],
        before: before[index],
        best: best[index],
        moved: moved[index],
        low: intervals[index].0,
        high: intervals[index].1,
        step_costs: 0.5 * curvature.factors[index],
    };
    TunedRecipe {
        schema: "isoflop.tune/1",
        recipe: plan.recipe.name.clone(),
        settled: state.settled,
        factors: (0..3).map(factor).collect(),
        drift: state.surface.drift(),
        noise: state.surface.noise(),
        widths: plan.widths.clone(),
        runs: state.surface.trials().len() + state.diverged,
        diverged: state.diverged,
        flops: state.spent,
        budget: budget.get(),
        level,
        transfers: Vec::new(),
        path: String::new(),
    }
}
