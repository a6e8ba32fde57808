//! `isoflop demo`: the story of [`crate::lab`] with a ladder that is the same on every machine: about a minute.

mod ladder;

use anyhow::Result;
use serde::Serialize;

use crate::arguments::DemoArguments;
use crate::lab::conclude;
use crate::lab::study::{Paths, Study, Trainer};
use crate::lab::text::{self, Text};
use crate::watch::{Watch, stop_on_interrupt, workers};
use crate::{Outcome, output};

/// Text enough for every run to read fresh text, and little enough to be read in seconds.
const MAX_BYTES: u64 = 48 << 20;

/// What `--json` prints.
#[derive(Serialize)]
struct Answer<'a> {
    schema: &'static str,
    verdict: &'a isoflop::Verdict,
    paths: &'a Paths,
}

pub(crate) fn run(arguments: &DemoArguments) -> Result<Outcome> {
    let out = arguments.out.as_path();
    output::make_folder(out)?;
    let watch = Watch::new(arguments.answer.json);
    let stop = stop_on_interrupt()?;

    watch.stage("text");
    let ladder = ladder::ladder(arguments.seed)?;
    let progress = &mut |progress: &isoflop_train::BuildProgress| watch.corpus(progress);
    let text = text::prepare(
        &arguments.text,
        ladder.recipe.context,
        ladder.recipe.tokenizer,
        MAX_BYTES,
        &out.join("corpus"),
        progress,
    )?;
    watch.say(&format!("text: {}", text.description));
    watch.say("ladder: three budgets of five sizes, one run a core");
    let Text { corpus, label, description } = text;
    let trainer = Trainer {
        source: std::sync::Arc::new(corpus),
        label,
        description,
        watch: &watch,
        stop,
        workers: workers(arguments.threads),
        level: arguments.answer.level,
    };
    let told = Study {
        title: String::new(),
        folder: out.to_owned(),
        claims: out.join("claims"),
        claim_name: "the demo's big run".to_owned(),
        cells: &ladder.cells()?,
        ladder: &ladder,
        validation: ladder::big_budget()?,
        shards: ladder::BIG_SHARDS,
        seconds: None,
    }
    .tell(&trainer)?;

    if arguments.answer.json {
        let answer = Answer { schema: "isoflop.demo/1", verdict: &told.verdict, paths: &told.paths };
        output::print(&serde_json::to_string(&answer)?)?;
    } else {
        conclude(&told, arguments.answer.level)?;
        output::print(&format!("\nThe whole story: {}", told.paths.report.display()))?;
    }
    Ok(if told.verdict.inside { Outcome::Done } else { Outcome::Missed })
}
