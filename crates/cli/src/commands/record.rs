//! `isoflop record`: how sealed predictions did, and whether their chain is whole.

use anyhow::Result;
use isoflop_report::figure::Page;
use isoflop_report::{reliability, svg};

use crate::arguments::RecordArguments;
use crate::output::{self, OutputFile};
use crate::{Outcome, record};

pub(crate) fn run(arguments: &RecordArguments) -> Result<Outcome> {
    let figure = arguments.figure.as_deref().map(OutputFile::create).transpose()?;
    let record = record::track_record(&arguments.record)?;
    if let Some(hash) = &arguments.known {
        record.check_known(hash)?;
    }
    if let Some(figure) = figure {
        figure.write(&svg(&reliability(&record), &Page::default()))?;
    }
    let text =
        if arguments.json { serde_json::to_string(&record)? } else { isoflop_report::text::track_record(&record) };
    output::print(&text)?;
    Ok(Outcome::Done)
}
