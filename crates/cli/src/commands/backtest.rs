//! `isoflop backtest`: how laws would have forecast the larger of these runs.

use anyhow::Result;
use isoflop::backtest::{BacktestOptions, Candidate, Cut, Target, backtest};
use isoflop::fit::recipes;
use isoflop::{Runs, law};

use crate::arguments::BacktestArguments;
use crate::watch::Watch;
use crate::{Outcome, input, output};

/// The name of the default fit among the laws.
const POSTERIOR: &str = "posterior";

pub(crate) fn run(arguments: &BacktestArguments) -> Result<Outcome> {
    let runs = input::runs(&arguments.table)?;
    let target = match (arguments.params.zip(arguments.tokens), arguments.flops) {
        (Some((params, tokens)), _) => Target::Run(params, tokens),
        (None, Some(flops)) => Target::Compute(flops),
        (None, None) => Target::TenTimes,
    };
    let options = BacktestOptions {
        candidates: arguments.law.iter().map(|name| candidate(name, &runs)).collect::<Result<_>>()?,
        cuts: arguments.cut.iter().copied().map(Cut::at).collect(),
        target,
        objective: arguments.objective.unwrap_or_default(),
        draws: arguments.draws,
        level: arguments.answer.level,
        seed: arguments.seed,
        threads: arguments.threads,
        ..BacktestOptions::default()
    };
    let watch = Watch::new(arguments.answer.json);
    watch.stage("backtest");
    let tested = backtest(&runs, &options, &|done, all| watch.share(done as f64, all as f64));
    watch.finish();
    let tested = tested?;
    let text =
        if arguments.answer.json { serde_json::to_string(&tested)? } else { isoflop_report::text::backtest(&tested) };
    output::print(&text)?;
    Ok(Outcome::Done)
}

/// The law called `name`, or the default fit.
pub(crate) fn candidate(name: &str, runs: &Runs) -> Result<Candidate> {
    if name == POSTERIOR {
        return Ok(Candidate::Posterior);
    }
    Ok(Candidate::Plain(law::named(name, &recipes(runs))?))
}
