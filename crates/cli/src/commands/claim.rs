//! `isoflop claim`: seals a prediction before its run, chained to the claims before it.

use anyhow::Result;
use isoflop::Sealing;

use crate::arguments::ClaimArguments;
use crate::record::Record;
use crate::{Outcome, input, output};

pub(crate) fn run(arguments: &ClaimArguments) -> Result<Outcome> {
    let fit = input::fit_under(&arguments.fit, &arguments.conditions)?;
    let sealed_at = output::now();
    let seal = |previous| {
        let sealing = Sealing { name: &arguments.name, sealed_at: &sealed_at, previous };
        fit.claim(arguments.params, arguments.tokens, arguments.answer.level, &sealing)
    };
    // What cannot be claimed leaves no folder behind.
    seal(None)?;
    let record = Record::open_or_start(&arguments.record)?;
    let claim = seal(record.last())?;
    let path = record.append(&claim)?;
    if arguments.answer.json {
        output::print(&claim.to_json())?;
    } else {
        output::print(&format!("{}\nsealed in {}", isoflop_report::text::claim(&claim), path.display()))?;
    }
    Ok(Outcome::Done)
}
