//! `isoflop record`: how sealed predictions did, and whether their chain is whole.

use anyhow::Result;
use isoflop_report::figure::Page;
use isoflop_report::reliability;

use crate::arguments::RecordArguments;
use crate::{Outcome, output, record};

pub(crate) fn run(arguments: &RecordArguments) -> Result<Outcome> {
    let figure = arguments.figure.output(arguments.json)?;
    let record = record::track_record(&arguments.record)?;
    if let Some(hash) = &arguments.known {
        record.check_known(hash)?;
    }
    let drawn =
        figure.map(|figure| figure.draw(&reliability(&record), &Page::default())).transpose()?.unwrap_or_default();
    let text =
        if arguments.json { serde_json::to_string(&record)? } else { isoflop_report::text::track_record(&record) };
    output::print(&(text + &drawn))?;
    Ok(Outcome::Done)
}
