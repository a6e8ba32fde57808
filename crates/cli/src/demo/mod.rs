//! `isoflop demo`: the whole story on one machine in a minute: ladder, fit, plan, sealed claim, big run, verdict.

mod ladder;
mod text;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use isoflop::{Claim, Fit, FitOptions, Params, Run, Runs, Sealing, TableFormat, Tokens, Verdict};
use isoflop_report::figures::{Theme, ValleysInput, valleys};
use isoflop_report::markdown::{FigureFile, Reproduction, Story, report};
use isoflop_sweep::{CellPlan, CorpusLabel, Ladder, LocalEngine, Sweep, SweepPlan};
use isoflop_train::TokenSource;
use serde::Serialize;

use crate::arguments::DemoArguments;
use crate::commands::fit::provenance;
use crate::record::Record;
use crate::watch::Watch;
use crate::{Outcome, output, record};
use text::Text;

/// The files a demo leaves.
#[derive(Serialize)]
struct Paths {
    runs: PathBuf,
    fit: PathBuf,
    plan: PathBuf,
    claim: PathBuf,
    big_run: PathBuf,
    verdict: PathBuf,
    report: PathBuf,
    figure: PathBuf,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Answer<'a> {
    schema: &'static str,
    verdict: &'a Verdict,
    paths: &'a Paths,
}

pub(crate) fn run(arguments: &DemoArguments) -> Result<Outcome> {
    let out = arguments.out.as_path();
    text::make_folder(out)?;
    let watch = Watch::new(arguments.answer.json);
    let stop = stop_on_interrupt()?;

    watch.stage("text");
    let ladder = ladder::ladder(arguments.seed)?;
    let text = text::prepare(&arguments.text, ladder.recipe.context, &out.join("corpus"), &mut |progress| {
        watch.corpus(progress)
    })?;
    watch.say(&format!("text: {}", text.description));
    let label = CorpusLabel {
        name: text.name.to_owned(),
        fingerprint: text.corpus.fingerprint().to_owned(),
        training_tokens: text.corpus.report().training.tokens,
    };
    let Text { corpus, description, .. } = text;
    let source: Arc<dyn TokenSource> = Arc::new(corpus);
    let trainer =
        Trainer { source, label, recipe: ladder.recipe.name.clone(), watch: &watch, stop, workers: workers(arguments) };

    watch.stage("ladder");
    watch.say("ladder: three budgets of five sizes, one run a core");
    let runs_path = out.join("runs.csv");
    let runs =
        trainer.train("How does loss fall with size and data?", &ladder.cells()?, &out.join("ladder"), &runs_path)?;

    watch.stage("fit");
    let fit = isoflop::fit(&runs, &FitOptions { seed: arguments.seed, ..FitOptions::default() })?;
    let fit_path = out.join("fit.json");
    output::write(&fit_path, &fit.to_json(arguments.answer.level, &provenance()))?;
    let plan = fit.plan(ladder::big_budget()?, None, arguments.answer.level)?;
    let plan_path = out.join("plan.json");
    output::write(&plan_path, &serde_json::to_string(&plan)?)?;

    let big = big_run(&ladder, plan.params.value, &runs)?;
    let (claim, claim_path) = seal(&fit, &big, arguments.answer.level, &out.join("claims"))?;
    watch.say(&format!("sealed: {}", first_line(&isoflop_report::text::claim(&claim))));

    watch.stage("big run");
    let big_path = out.join("big_run.csv");
    let judged =
        trainer.train("Does the big run land where the ladder says?", &[big], &out.join("big_run"), &big_path)?;
    watch.finish();
    let Some(big_run) = judged.kept.first() else {
        bail!("the big run did not finish; its record is in {}", big_path.display())
    };

    let paths = Paths {
        runs: runs_path,
        fit: fit_path,
        plan: plan_path,
        claim: claim_path,
        big_run: big_path,
        verdict: out.join("verdict.json"),
        report: out.join("report.md"),
        figure: out.join("valleys.svg"),
    };
    let verdict = judge(&claim, big_run, &paths.claim, &paths.verdict)?;
    for (theme, name) in [(Theme::Light, "valleys.svg"), (Theme::Dark, "valleys-dark.svg")] {
        let input = ValleysInput {
            runs: &runs,
            fit: &fit,
            level: arguments.answer.level,
            claim: Some(&claim),
            verdict: Some(&verdict),
            theme,
        };
        output::write(&out.join(name), &valleys(&input))?;
    }
    let story = Story {
        corpus: description,
        runs: &runs,
        fit: &fit,
        level: arguments.answer.level,
        plan: Some(&plan),
        claim: Some(&claim),
        verdict: Some(&verdict),
        figures: vec![FigureFile {
            light: "valleys.svg".to_owned(),
            dark: Some("valleys-dark.svg".to_owned()),
            description: "Loss against model size for three budgets, the fitted valleys, and the big run".to_owned(),
        }],
        reproduction: Reproduction {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commands: vec![output::command_line()],
        },
    };
    output::write(&paths.report, &report(&story))?;

    if arguments.answer.json {
        let answer = Answer { schema: "isoflop.demo/1", verdict: &verdict, paths: &paths };
        output::print(&serde_json::to_string(&answer)?)?;
    } else {
        output::print(&isoflop_report::text::fit(&fit, arguments.answer.level))?;
        output::print(&format!("\n{}", isoflop_report::text::verdict(&verdict)))?;
        output::print(&format!("\nThe whole story: {}", paths.report.display()))?;
    }
    Ok(if verdict.inside { Outcome::Done } else { Outcome::Missed })
}

/// What every sweep of the demo shares.
struct Trainer<'a> {
    source: Arc<dyn TokenSource>,
    label: CorpusLabel,
    recipe: String,
    watch: &'a Watch,
    stop: &'static AtomicBool,
    workers: usize,
}

impl Trainer<'_> {
    /// Trains the cells in `dir`, going on where an earlier call was stopped, and leaves their table at `table`.
    fn train(&self, question: &str, cells: &[CellPlan], dir: &Path, table: &Path) -> Result<Runs> {
        let plan = SweepPlan {
            question: question.to_owned(),
            recipe: self.recipe.clone(),
            budgets: budgets(cells),
            corpus: self.label.clone(),
            evaluation: ladder::EVALUATION,
            cells: cells.to_vec(),
        };
        let sweep = Sweep::create(dir, &plan)?;
        let engine = LocalEngine::new(self.workers, &SystemTime::now);
        let mut watch = |progress: &isoflop_sweep::Progress<'_>| self.watch.sweep(progress);
        let summary = sweep.run(&engine, Arc::clone(&self.source), self.stop, &mut watch)?;
        if let Some(failure) = summary.failed.into_iter().next() {
            return Err(failure.error).with_context(|| format!("run {} failed", failure.cell));
        }
        if summary.remaining > 0 {
            self.watch.finish();
            bail!("stopped with {} runs to go; the same command goes on from here", summary.remaining);
        }
        let written = sweep.write_runs(table)?;
        let name = table.display().to_string();
        Ok(Runs::read(written.csv.as_bytes(), &name, TableFormat::Csv, false)?)
    }
}

/// The distinct budgets of the cells, in order.
fn budgets(cells: &[CellPlan]) -> Vec<isoflop::Flops> {
    let mut budgets: Vec<isoflop::Flops> = cells.iter().filter_map(|cell| cell.budget).collect();
    budgets.dedup();
    budgets
}

/// The big run at the planned size, held to what the ladder makes plausible: fifteen small runs may put the optimum anywhere.
fn big_run(ladder: &Ladder, planned: f64, runs: &Runs) -> Result<CellPlan> {
    /// Four times the largest size trained is as far as eight times the compute can reasonably move the optimum.
    const REACH: f64 = 4.0;
    let sizes = runs.kept.iter().map(|run| run.params.get());
    let (smallest, largest) = sizes.fold((f64::INFINITY, 0.0f64), |(low, high), size| (low.min(size), high.max(size)));
    let params = Params::new(planned.clamp(smallest, REACH * largest))?;
    Ok(ladder.big_run(ladder::big_budget()?, params, ladder::BIG_SHARDS)?)
}

/// Seals the prediction for the big run, or finds it sealed by an earlier call that was interrupted.
fn seal(fit: &Fit, big: &CellPlan, level: f64, folder: &Path) -> Result<(Claim, PathBuf)> {
    let shape = big.spec.architecture.param_groups();
    let params = Params::new(shape.count(isoflop::counting::ParamCounting::Total) as f64)?;
    let tokens: Tokens = big.spec.tokens()?;
    let record = Record::open_or_start(folder)?;
    let (name, sealed_at) = ("the demo's big run", output::now());
    let sealed = fit.claim(params, tokens, level, &Sealing { name, sealed_at: &sealed_at, previous: record.last() })?;
    let same = |claim: &Claim| (claim.params, claim.tokens, claim.loss) == (sealed.params, sealed.tokens, sealed.loss);
    if let Some((claim, path)) = record.find(same) {
        return Ok((claim.clone(), path));
    }
    let path = record.append(&sealed)?;
    Ok((sealed, path))
}

fn judge(claim: &Claim, run: &Run, claim_path: &Path, path: &Path) -> Result<Verdict> {
    let verdict = claim.judge(run, &output::now())?;
    record::keep(&verdict, claim_path)?;
    output::write(path, &verdict.to_json())?;
    Ok(verdict)
}

/// A flag that Ctrl-C and a polite kill raise.
fn stop_on_interrupt() -> Result<&'static AtomicBool> {
    static STOP: AtomicBool = AtomicBool::new(false);
    ctrlc::set_handler(|| STOP.store(true, Ordering::Relaxed)).context("cannot listen for Ctrl-C")?;
    Ok(&STOP)
}

fn workers(arguments: &DemoArguments) -> usize {
    match arguments.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
