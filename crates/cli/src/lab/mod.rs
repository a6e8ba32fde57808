//! `isoflop lab`: a person's own law on their own text within their time: measure the machine, design the ladder, then each recipe's story.

mod notebook;
mod planned;
pub(crate) mod study;
pub(crate) mod text;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use isoflop::recipes::{RecipeComparison, RecipeOptions, compare_recipes};
use isoflop::{Runs, TableFormat, Verdict};
use isoflop_report::story::{ComparedRecipe, ComparedStory, comparison};
use isoflop_report::text::{LabPlan, lab_plan};
use isoflop_sweep::{Design, DesignError, Throughput, TimedQuestion, probes};
use isoflop_train::{BuildProgress, Recipe, TokenizerKind};
use serde::Serialize;

use crate::arguments::LabArguments;
use crate::watch::{Watch, stop_on_interrupt, workers};
use crate::{Outcome, input, output};
use notebook::{Notebook, Question};
use study::{JUDGED_TOKENS, Paths, Study, Told, Trainer};
use text::Text;

/// How long each shape is trained to measure the machine.
pub(crate) const WINDOW: Duration = Duration::from_millis(700);
/// Share of the time that is planned for: machines slow down when they are warm, and others use them too.
const PLANNED_SHARE: f64 = 0.9;
/// Seconds for a recipe's fit, claim, verdict and figures.
const FIT_SECONDS: f64 = 5.0;
/// Bytes of text to keep for each token that is wanted for training, a byte or a piece of a word: some of them are held out.
const BYTES_PER_BYTE: f64 = 1.25;
const BYTES_PER_PIECE: f64 = 6.0;
/// The least text that is read where there is more: small ladders are laid out again when the time is longer.
const LEAST_BYTES: u64 = 16 << 20;

/// Where each recipe's story stands, where there are several.
const RECIPES: &str = "recipes";

/// What `--json` prints.
#[derive(Serialize)]
struct Answer<'a> {
    schema: &'static str,
    plan: &'a LabPlan,
    seconds: f64,
    studies: Vec<StudyAnswer<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comparison: Option<&'a RecipeComparison>,
    report: PathBuf,
}

#[derive(Serialize)]
struct StudyAnswer<'a> {
    recipe: &'a str,
    verdict: &'a Verdict,
    noise: &'a Option<String>,
    paths: &'a Paths,
}

pub(crate) fn run(arguments: &LabArguments) -> Result<Outcome> {
    let begun = Instant::now();
    let question = question(arguments)?;
    let out = arguments.out.as_path();
    let watch = Watch::new(arguments.answer.json);
    let stop = stop_on_interrupt()?;
    let found = Notebook::find(out, &question)?;

    let resumed = found.is_some();
    let mut notebook = match found {
        Some(notebook) => notebook,
        None => {
            watch.say("measuring this machine");
            let speeds = measure(&question, workers(arguments.threads))?;
            Notebook::new(question, speeds)
        }
    };
    refuse_if_stopped(stop)?;
    // Without the text: an answer to a time that is too short should not wait for it.
    let whole = design(&notebook, None, arguments)?;
    // What a dry run reads is forgotten.
    let temporary =
        if arguments.dry_run { Some(tempfile::tempdir().context("cannot make a temporary folder")?) } else { None };
    let folder = temporary.as_ref().map_or(out, |folder| folder.path());
    if !arguments.dry_run {
        output::make_folder(out)?;
        notebook.write(out)?;
    }

    watch.stage("text");
    let (context, tokenizer) = notebook.question.corpus()?;
    let bytes_per_token = if tokenizer == TokenizerKind::Bytes { BYTES_PER_BYTE } else { BYTES_PER_PIECE };
    let max_bytes = ((bytes_per_token * whole.tokens() as f64) as u64).next_power_of_two().max(LEAST_BYTES);
    let progress = &mut |progress: &BuildProgress| watch.corpus(progress);
    let text = text::prepare(&notebook.question.text, context, tokenizer, max_bytes, &folder.join("corpus"), progress)?;
    watch.finish();
    if notebook.preparation.is_none() {
        notebook.preparation = Some(begun.elapsed().as_secs_f64());
        if !arguments.dry_run {
            notebook.write(out)?;
        }
    }
    refuse_if_stopped(stop)?;

    let design = design(&notebook, Some(text.label.training_tokens), arguments)?;
    let plan = planned::plan(&notebook, &design, &text.description, arguments.answer.level)?;
    if arguments.dry_run {
        let text = if arguments.answer.json { serde_json::to_string(&plan)? } else { lab_plan(&plan) };
        output::print(&text)?;
        return Ok(Outcome::Done);
    }
    if resumed {
        watch.say(&format!("going on in {}", out.display()));
    }
    watch.say(&lab_plan(&plan));
    let outcomes = tell(arguments, &design, text, &watch, stop)?;
    finish(arguments, &plan, &outcomes, begun.elapsed().as_secs_f64())
}

/// What is asked, with everything that can be refused at once refused.
fn question(arguments: &LabArguments) -> Result<Question> {
    let text = text::find(&arguments.text)?;
    let recipes = arguments.recipes.iter().map(|name| input::recipe(name)).collect::<Result<Vec<_>>>()?;
    let names: BTreeSet<&str> = recipes.iter().map(|recipe| recipe.name.as_str()).collect();
    if names.len() < recipes.len() {
        bail!("two recipes have the same name; give each a `name` of its own");
    }
    // Each has a folder of its own.
    let plain = |name: &&str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    if let Some(name) = names.iter().find(|name| !plain(name)) {
        bail!("the recipe's name `{name}` cannot name a folder: use letters, digits, - and _");
    }
    let question = Question { text, seconds: arguments.time.as_secs_f64(), recipes, seed: arguments.seed };
    question.corpus()?;
    Ok(question)
}

/// The machine's speed at each recipe.
fn measure(question: &Question, cores: usize) -> Result<Vec<Throughput>> {
    let start = Instant::now();
    let clock = || start.elapsed();
    let measure = |recipe: &Recipe| {
        let probes = probes(recipe, question.seconds * cores as f64)?;
        Ok(Throughput::measure(&probes, cores, WINDOW, &clock)?)
    };
    question.recipes.iter().map(measure).collect()
}

/// The ladder for the time that is left to train in.
fn design(notebook: &Notebook, training_tokens: Option<u64>, arguments: &LabArguments) -> Result<Design> {
    let question = &notebook.question;
    let recipes: Vec<(Recipe, Throughput)> =
        question.recipes.iter().cloned().zip(notebook.speeds.iter().cloned()).collect();
    let idle = notebook.preparation.unwrap_or(0.0) + FIT_SECONDS * recipes.len() as f64;
    let asked = TimedQuestion {
        recipes: &recipes,
        seconds: PLANNED_SHARE * (question.seconds - idle),
        training_tokens,
        judged_tokens: JUDGED_TOKENS,
        seed: question.seed,
    };
    asked.design().map_err(|error| match error {
        DesignError::TooShort { least } => {
            // Rounded up to what people type, with room for the speed to be measured a little lower the next time.
            let seconds = (1.1 * (least / PLANNED_SHARE + idle) / 5.0).ceil() * 5.0;
            let least = humantime::format_duration(Duration::from_secs(seconds as u64));
            let given = humantime::format_duration(arguments.time);
            anyhow::anyhow!("{given} are too short for an honest ladder: {error}, with what comes before and after: --time \"{least}\"")
        }
        other => other.into(),
    })
}

/// What came of a lab: each recipe's story under its name, and the comparison where there are several.
struct Outcomes {
    told: Vec<(String, Told)>,
    comparison: Option<RecipeComparison>,
}

/// Trains and tells all of it.
fn tell(
    arguments: &LabArguments,
    design: &Design,
    text: Text,
    watch: &Watch,
    stop: &'static AtomicBool,
) -> Result<Outcomes> {
    let out = arguments.out.as_path();
    let Text { corpus, label, description } = text;
    let level = arguments.answer.level;
    let source = Arc::new(corpus);
    let trainer = Trainer { source, label, description, watch, stop, workers: workers(arguments.threads), level };
    let several = design.ladders.len() > 1;
    let mut told = Vec::with_capacity(design.ladders.len());
    for designed in &design.ladders {
        let name = designed.ladder.recipe.name.clone();
        let study = Study {
            title: if several { format!("{name}: ") } else { String::new() },
            folder: if several { out.join(RECIPES).join(&name) } else { out.to_owned() },
            claims: out.join("claims"),
            claim_name: if several { format!("the lab's big run, {name}") } else { "the lab's big run".to_owned() },
            ladder: &designed.ladder,
            cells: &designed.cells,
            validation: design.validation,
            shards: designed.validation.spec.shards,
            seconds: Some((&designed.cell_seconds, designed.validation_seconds)),
        };
        output::make_folder(&study.folder)?;
        told.push((name, study.tell(&trainer)?));
    }
    let comparison = if several { Some(compare(arguments, &trainer.description, &told)?) } else { None };
    Ok(Outcomes { told, comparison })
}

/// Compares the recipes on all runs, the big ones included, and leaves the table of them and the report.
fn compare(arguments: &LabArguments, description: &str, told: &[(String, Told)]) -> Result<RecipeComparison> {
    let out = arguments.out.as_path();
    let mut table = String::new();
    for path in told.iter().flat_map(|(_, told)| [&told.paths.runs, &told.paths.big_run]) {
        let text = std::fs::read_to_string(path).with_context(|| format!("{}: cannot read", path.display()))?;
        // All have the same columns, and one header will do.
        let rows = if table.is_empty() { text.as_str() } else { text.split_once('\n').map_or("", |(_, rows)| rows) };
        table.push_str(rows);
    }
    let path = out.join("runs.csv");
    output::write(&path, &table)?;
    let runs = Runs::read(table.as_bytes(), &path.display().to_string(), TableFormat::Csv, false)?;
    let level = arguments.answer.level;
    let compared = compare_recipes(&runs, &RecipeOptions { level, seed: arguments.seed, ..RecipeOptions::default() })?;
    output::write(&out.join("comparison.json"), &serde_json::to_string(&compared)?)?;
    let recipes = told.iter().map(|(name, told)| ComparedRecipe {
        name: name.clone(),
        fit: &told.fit,
        verdict: &told.verdict,
        report: format!("{RECIPES}/{name}/report.md"),
    });
    let story = ComparedStory {
        subject: format!("Text: {description}"),
        comparison: &compared,
        recipes: recipes.collect(),
        level,
        reproduction: study::reproduction(),
    };
    output::write(&out.join("report.md"), &comparison(&story).to_markdown())?;
    Ok(compared)
}

fn finish(arguments: &LabArguments, plan: &LabPlan, outcomes: &Outcomes, seconds: f64) -> Result<Outcome> {
    let Outcomes { told, comparison } = outcomes;
    let report = arguments.out.join("report.md");
    if arguments.answer.json {
        let studies = told
            .iter()
            .map(|(recipe, told)| StudyAnswer {
                recipe,
                verdict: &told.verdict,
                noise: &told.noise,
                paths: &told.paths,
            })
            .collect();
        let answer =
            Answer { schema: "isoflop.lab/1", plan, seconds, studies, comparison: comparison.as_ref(), report };
        output::print(&serde_json::to_string(&answer)?)?;
    } else {
        for (_, told) in told {
            conclude(told, arguments.answer.level)?;
        }
        if let Some(compared) = comparison {
            output::print(&format!("\n{}", isoflop_report::text::recipes(compared)))?;
        }
        output::print(&format!("\nThe whole story: {}", report.display()))?;
    }
    let missed = told.iter().any(|(_, told)| !told.verdict.inside);
    Ok(if missed { Outcome::Missed } else { Outcome::Done })
}

/// The end of a story, in words.
pub(crate) fn conclude(told: &Told, level: f64) -> Result<()> {
    output::print(&isoflop_report::text::fit(&told.fit, level))?;
    if let Some(noise) = &told.noise {
        output::print(&format!("\n{noise}"))?;
    }
    output::print(&format!("\n{}", isoflop_report::text::verdict(&told.verdict)))
}

fn refuse_if_stopped(stop: &AtomicBool) -> Result<()> {
    if stop.load(Ordering::Relaxed) {
        bail!("stopped before training: `{}` goes on from here", output::command_line());
    }
    Ok(())
}
