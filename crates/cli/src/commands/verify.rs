//! `isoflop verify`: judges a sealed prediction by the run it was about.

use anyhow::{Result, bail};

use crate::arguments::VerifyArguments;
use crate::output::{self, OutputFile};
use crate::record::{self, Kept};
use crate::{Outcome, input};

pub(crate) fn run(arguments: &VerifyArguments) -> Result<Outcome> {
    let file = arguments.output.as_deref().map(OutputFile::create).transpose()?;
    let claim = input::claim(&arguments.claim)?;
    let runs = input::runs(&arguments.table)?;
    let [run] = runs.kept.as_slice() else {
        bail!(
            "{}: {} finished runs, and a claim is judged by one: choose it with --where run=NAME",
            arguments.table.runs.display(),
            runs.kept.len()
        );
    };
    let verdict = claim.judge(run, &output::now())?;
    let kept = record::keep(&verdict, &arguments.claim)?;
    if let Some(file) = file {
        file.write(verdict.to_json())?;
    }
    output::print(&if arguments.json { verdict.to_json() } else { isoflop_report::text::verdict(&verdict) })?;
    match kept {
        Kept::Here(path) if !arguments.json => output::print(&format!("\nkept in {}", path.display()))?,
        Kept::First(path) => output::remark(&format!(
            "not kept: the claim was judged by another run before, and {} stays; if that run was the wrong one, remove the file and judge again",
            path.display()
        )),
        _ => {}
    }
    Ok(if verdict.inside { Outcome::Done } else { Outcome::Missed })
}
