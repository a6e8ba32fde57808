//! One recipe's story: ladder, fit, plan, sealed claim, validation run, verdict, report. The demo is one with a fixed ladder.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use isoflop::diagnose::diagnose;
use isoflop::{Claim, Fit, FitOptions, Flops, Params, Run, Runs, Sealing, TableFormat, Tokens, Verdict};
use isoflop_report::figure::{Page, Theme};
use isoflop_report::{FigureFile, Reproduction, Story, ValleysInput, report, svg, valleys};
use isoflop_sweep::{CellPlan, CorpusLabel, Ladder, LocalEngine, Sweep, SweepPlan};
use isoflop_train::{EvaluationLimit, TokenSource};
use serde::Serialize;

use crate::commands::fit::provenance;
use crate::record::Record;
use crate::watch::{Expected, Live, Watch};
use crate::{output, record};

/// What judges a run: a little of every held-out document, so that a few odd ones do not decide.
pub(crate) const JUDGED_TOKENS: u64 = 100_000;

/// What every story of one call shares.
pub(crate) struct Trainer<'a> {
    pub source: Arc<dyn TokenSource>,
    pub label: CorpusLabel,
    /// What the text is, in words.
    pub description: String,
    pub watch: &'a Watch,
    pub stop: &'static AtomicBool,
    /// Runs trained at once.
    pub workers: usize,
    /// Level of all intervals.
    pub level: f64,
}

/// What one recipe is to be trained on, and where.
pub(crate) struct Study<'a> {
    /// Goes before the titles of its stages, where there are several.
    pub title: String,
    pub folder: PathBuf,
    /// Where its claim is sealed.
    pub claims: PathBuf,
    /// What the claim is about.
    pub claim_name: String,
    pub ladder: &'a Ladder,
    /// The runs to fit.
    pub cells: &'a [CellPlan],
    /// Compute of the validation run.
    pub validation: Flops,
    /// Most parts of the validation run's gradient.
    pub shards: usize,
    /// Seconds of each cell, and of the validation run, where the machine's speed was measured.
    pub seconds: Option<(&'a [f64], f64)>,
}

/// The files a study leaves.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Paths {
    pub runs: PathBuf,
    pub fit: PathBuf,
    pub plan: PathBuf,
    pub claim: PathBuf,
    pub big_run: PathBuf,
    pub verdict: PathBuf,
    pub report: PathBuf,
    pub figure: PathBuf,
}

/// What came of a study.
pub(crate) struct Told {
    pub fit: Fit,
    pub verdict: Verdict,
    /// What seeds say about the law, where a setting was trained with several.
    pub noise: Option<String>,
    pub paths: Paths,
}

impl Study<'_> {
    /// Trains what is not trained yet, and tells the rest.
    pub(crate) fn tell(&self, trainer: &Trainer<'_>) -> Result<Told> {
        let folder = &self.folder;
        let runs_path = folder.join("runs.csv");
        let ladder = Part {
            title: format!("{}ladder", self.title),
            question: "How does loss fall with size and data?",
            budgets: self.ladder.budgets.clone(),
            cells: self.cells,
            folder: folder.join("ladder"),
            expected: Expected { seconds: self.seconds.map(|(cells, _)| cells.to_vec()), cores: trainer.workers },
        };
        let runs = trainer.train(&ladder, &self.ladder.recipe.name, &runs_path)?;

        trainer.watch.stage("fit");
        let fit = isoflop::fit(&runs, &FitOptions { seed: self.ladder.seed, ..FitOptions::default() })?;
        let fit_path = folder.join("fit.json");
        output::write(&fit_path, &fit.to_json(trainer.level, &provenance()))?;
        let plan = fit.plan(self.validation, None, trainer.level)?;
        let plan_path = folder.join("plan.json");
        output::write(&plan_path, &serde_json::to_string(&plan)?)?;

        let big = self.big_run(plan.params.value, &runs)?;
        let (claim, claim_path) = self.seal(&fit, &big, trainer.level)?;
        trainer.watch.say(&format!("sealed: {}", first_line(&isoflop_report::text::claim(&claim))));

        let big_path = folder.join("big_run.csv");
        let part = Part {
            title: format!("{}big run", self.title),
            question: "Does the big run land where the ladder says?",
            budgets: vec![self.validation],
            cells: std::slice::from_ref(&big),
            folder: folder.join("big_run"),
            // It has all cores, and its seconds count them.
            expected: Expected { seconds: self.seconds.map(|(_, seconds)| vec![seconds]), cores: 1 },
        };
        let judged = trainer.train(&part, &self.ladder.recipe.name, &big_path)?;
        trainer.watch.finish();
        let Some(big_run) = judged.kept.first() else {
            bail!("the big run did not finish; its record is in {}", big_path.display())
        };

        let paths = Paths {
            runs: runs_path,
            fit: fit_path,
            plan: plan_path,
            claim: claim_path,
            big_run: big_path,
            verdict: folder.join("verdict.json"),
            report: folder.join("report.md"),
            figure: folder.join("valleys.svg"),
        };
        let verdict = judge(&claim, big_run, &paths)?;
        let noise = diagnose(&runs, Some(&fit)).finding("replicates").map(|finding| finding.message.clone());
        let (claimed, judged) = (Some(&claim), Some(&verdict));
        let input = ValleysInput { runs: &runs, fit: &fit, level: trainer.level, claim: claimed, verdict: judged };
        let figure = valleys(&input);
        for (theme, name) in [(Theme::Light, "valleys.svg"), (Theme::Dark, "valleys-dark.svg")] {
            output::write(&folder.join(name), &svg(&figure, &Page { theme, width: None }))?;
        }
        let story = Story {
            subject: format!("Text: {}", trainer.description),
            runs: &runs,
            fit: &fit,
            level: trainer.level,
            noise: noise.clone(),
            plan: Some(&plan),
            claim: Some(&claim),
            verdict: Some(&verdict),
            figures: vec![FigureFile {
                light: "valleys.svg".to_owned(),
                dark: Some("valleys-dark.svg".to_owned()),
                description: format!(
                    "Loss against model size for {} budgets, the fitted valleys, and the big run",
                    in_words(self.ladder.budgets.len())
                ),
                ..FigureFile::default()
            }],
            reproduction: reproduction(),
        };
        output::write(&paths.report, &report(&story).to_markdown())?;
        Ok(Told { fit, verdict, noise, paths })
    }

    /// The big run at the planned size, held to what the ladder makes plausible: so few small runs may put the optimum anywhere.
    fn big_run(&self, planned: f64, runs: &Runs) -> Result<CellPlan> {
        /// Four times the largest size trained is as far as eight times the compute can reasonably move the optimum.
        const REACH: f64 = 4.0;
        let sizes = runs.kept.iter().map(|run| run.params.get());
        let (smallest, largest) =
            sizes.fold((f64::INFINITY, 0.0f64), |(low, high), size| (low.min(size), high.max(size)));
        let params = Params::new(planned.clamp(smallest, REACH * largest))?;
        Ok(self.ladder.validation_run(self.validation, params, self.shards)?)
    }

    /// Seals the prediction for the big run, or finds it sealed by an earlier call that was interrupted.
    fn seal(&self, fit: &Fit, big: &CellPlan, level: f64) -> Result<(Claim, PathBuf)> {
        let shape = big.spec.architecture.param_groups();
        let params = Params::new(shape.count(isoflop::counting::ParamCounting::Total) as f64)?;
        let tokens: Tokens = big.spec.tokens()?;
        let record = Record::open_or_start(&self.claims)?;
        let (name, sealed_at) = (self.claim_name.as_str(), output::now());
        let sealed =
            fit.claim(params, tokens, level, &Sealing { name, sealed_at: &sealed_at, previous: record.last() })?;
        let same =
            |claim: &Claim| (claim.params, claim.tokens, claim.loss) == (sealed.params, sealed.tokens, sealed.loss);
        if let Some((claim, path)) = record.find(same) {
            return Ok((claim.clone(), path));
        }
        let path = record.append(&sealed)?;
        Ok((sealed, path))
    }
}

/// Runs to train together.
struct Part<'a> {
    title: String,
    question: &'static str,
    budgets: Vec<Flops>,
    cells: &'a [CellPlan],
    folder: PathBuf,
    expected: Expected,
}

impl Trainer<'_> {
    /// Trains the cells of `part`, going on where an earlier call was stopped, and leaves their table at `table`.
    fn train(&self, part: &Part<'_>, recipe: &str, table: &Path) -> Result<Runs> {
        let plan = SweepPlan {
            question: part.question.to_owned(),
            recipe: recipe.to_owned(),
            budgets: part.budgets.clone(),
            corpus: self.label.clone(),
            evaluation: EvaluationLimit::Sample(JUDGED_TOKENS),
            cells: part.cells.to_vec(),
        };
        let sweep = Sweep::create(&part.folder, &plan)?;
        self.work(&sweep, &part.title, &part.expected)?;
        let written = sweep.write_runs(table)?;
        let name = table.display().to_string();
        Ok(Runs::read(written.csv.as_bytes(), &name, TableFormat::Csv, false)?)
    }

    /// Trains what is not trained yet of `sweep`, on a board under `title`.
    pub(crate) fn work(&self, sweep: &Sweep, title: &str, expected: &Expected) -> Result<()> {
        let mut cells = Vec::new();
        for (name, cell) in sweep.cells()? {
            cells.push((cell?, sweep.metrics(&name)?));
        }
        self.watch.board(Live::new(title, &cells, expected));
        let engine = LocalEngine::new(self.workers, &SystemTime::now);
        let mut watch = |progress: &isoflop_sweep::Progress<'_>| self.watch.sweep(progress);
        let summary = sweep.run(&engine, Arc::clone(&self.source), self.stop, &mut watch)?;
        self.watch.finish();
        if let Some(failure) = summary.failed.into_iter().next() {
            return Err(failure.error).with_context(|| format!("run {} failed", failure.cell));
        }
        if summary.remaining > 0 {
            let runs = if summary.remaining == 1 { "run" } else { "runs" };
            bail!(
                "stopped with {} {runs} to go, and what they learnt is saved: `{}` goes on from here",
                summary.remaining,
                output::command_line()
            );
        }
        Ok(())
    }
}

fn judge(claim: &Claim, run: &Run, paths: &Paths) -> Result<Verdict> {
    let verdict = claim.judge(run, &output::now())?;
    record::keep(&verdict, &paths.claim)?;
    output::write(&paths.verdict, &verdict.to_json())?;
    Ok(verdict)
}

/// How to get what this call leaves once more.
pub(crate) fn reproduction() -> Reproduction {
    Reproduction { version: env!("CARGO_PKG_VERSION").to_owned(), commands: vec![output::command_line()] }
}

/// A small number as a word.
pub(crate) fn in_words(count: usize) -> String {
    const WORDS: [&str; 7] = ["no", "one", "two", "three", "four", "five", "six"];
    WORDS.get(count).map_or_else(|| count.to_string(), |word| (*word).to_owned())
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
