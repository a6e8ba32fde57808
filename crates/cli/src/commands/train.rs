//! `isoflop train`: one run on a text, in a folder that another call goes on from.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Result, bail};
use isoflop_report::text::Trained;
use isoflop_sweep::{CellPlan, CellResult, CorpusLabel, Event, LocalEngine, Progress, Sweep, SweepPlan};
use isoflop_train::{Corpus, CorpusOptions, Evaluation, EvaluationLimit, Recipe, TokenSource, TokenizerKind};
use serde::Serialize;

use crate::arguments::TrainArguments;
use crate::watch::{Watch, stop_on_interrupt, workers};
use crate::{Outcome, input, output};

/// Parts of a run's gradient: a constant, so that the result does not depend on the machine's cores.
const SHARDS: usize = 4;

/// The folder of the corpus in a run's folder.
pub(crate) const CORPUS: &str = "corpus";
/// That of the sweep of one cell.
pub(crate) const SWEEP: &str = "run";

/// What `--json` prints.
#[derive(Serialize)]
struct Answer<'a> {
    schema: &'static str,
    run: &'a str,
    recipe: &'a str,
    params: u64,
    tokens: f64,
    /// On the held-out documents; it has tokens of its own.
    evaluation: &'a Evaluation,
    checkpoint: Option<&'a Path>,
}

pub(crate) fn run(arguments: &TrainArguments) -> Result<Outcome> {
    let out = arguments.out.as_path();
    let mut recipe = input::recipe(&arguments.recipe)?;
    output::make_folder(out)?;
    let watch = Watch::new(arguments.json);
    let stop = stop_on_interrupt()?;

    watch.stage("text");
    let corpus = corpus(&arguments.text, &recipe, &out.join(CORPUS), &watch)?;
    if let TokenizerKind::Bpe { vocabulary } = &mut recipe.tokenizer {
        // A small text may hold fewer tokens than the recipe allows.
        *vocabulary = corpus.vocabulary();
    }
    watch.say(&format!("text: {:.1} MB to train on", corpus.report().training.bytes as f64 / 1e6));

    let cell = CellPlan::of_size(&recipe, arguments.params, arguments.tokens, arguments.seed, SHARDS)?;
    let plan = SweepPlan {
        question: "How well does one run learn this text?".to_owned(),
        recipe: recipe.name.clone(),
        budgets: Vec::new(),
        corpus: CorpusLabel {
            name: "text".to_owned(),
            fingerprint: corpus.fingerprint().to_owned(),
            training_tokens: corpus.report().training.tokens,
        },
        evaluation: EvaluationLimit::Everything,
        cells: vec![cell],
    };
    let sweep = Sweep::create(&out.join(SWEEP), &plan)?;
    let source: Arc<dyn TokenSource> = Arc::new(corpus);
    watch.stage("training");
    let mut result = None;
    let mut follow = |progress: &Progress<'_>| {
        watch.run(progress);
        if let Event::CellDone { result: done, .. } = &progress.event {
            result = Some((*done).clone());
        }
    };
    let engine = LocalEngine::new(workers(arguments.threads), &SystemTime::now);
    let summary = sweep.run(&engine, source, stop, &mut follow)?;
    watch.finish();
    if let Some(failure) = summary.failed.into_iter().next() {
        return Err(failure.error.into());
    }
    let evaluation = match result {
        Some(CellResult::Finished { evaluation, .. }) => evaluation,
        Some(_) => bail!("the run diverged: its loss is no longer a number; lower the rates of the recipe"),
        None => bail!("stopped; the same command goes on from here"),
    };
    sweep.write_runs(&out.join("runs.csv"))?;
    let cell = only_cell(&sweep)?;
    let checkpoint: Option<PathBuf> = sweep.checkpoint(cell.name())?;
    if arguments.json {
        let answer = Answer {
            schema: "isoflop.train/1",
            run: cell.name(),
            recipe: sweep.recipe(),
            params: cell.params(),
            tokens: cell.tokens().get(),
            evaluation: &evaluation,
            checkpoint: checkpoint.as_deref(),
        };
        output::print(&serde_json::to_string(&answer)?)?;
    } else {
        output::print(&isoflop_report::text::trained(&Trained {
            params: cell.params() as f64,
            tokens: cell.tokens().get(),
            loss: evaluation.loss,
            standard_error: evaluation.standard_error,
            bits_per_byte: evaluation.bits_per_byte,
            documents: evaluation.documents,
            folder: out.display().to_string(),
        }))?;
    }
    Ok(Outcome::Done)
}

fn corpus(text: &[PathBuf], recipe: &Recipe, dir: &Path, watch: &Watch) -> Result<Corpus> {
    let options = CorpusOptions { tokenizer: recipe.tokenizer, context: recipe.context, ..CorpusOptions::default() };
    Ok(Corpus::build(text, &options, dir, &mut |progress| watch.corpus(progress))?)
}

/// The cell of a run's sweep.
pub(crate) fn only_cell(sweep: &Sweep) -> Result<isoflop_sweep::Cell> {
    match sweep.cells()?.into_iter().next() {
        Some((_, cell)) => Ok(cell?),
        None => bail!("{}: has no run; train it again with isoflop train", sweep.dir().display()),
    }
}
