//! `isoflop diagnose`: what is wrong with runs, or with a fit, before anyone trusts it.

use anyhow::{Result, bail};
use isoflop::diagnose::{diagnose_fit, diagnose_for};

use crate::arguments::DiagnoseArguments;
use crate::input::{self, Subject};
use crate::{Outcome, output};

pub(crate) fn run(arguments: &DiagnoseArguments) -> Result<Outcome> {
    let target = arguments.params.zip(arguments.tokens);
    // Rows that cannot be read are a finding, not a reason to find nothing else.
    let diagnosis = match input::subject(&arguments.input, &arguments.filters, true)? {
        Subject::Runs(runs) => {
            let fit = arguments.fit.as_deref().map(input::fit).transpose()?;
            diagnose_for(&runs, fit.as_ref(), target)
        }
        Subject::Fit(_) if arguments.fit.is_some() => {
            bail!(
                "--fit judges a fit against runs, and {} is a fit itself: give the runs first",
                arguments.input.display()
            )
        }
        Subject::Fit(_) if !arguments.filters.is_empty() => {
            bail!(
                "--where selects runs, and {} is a fit: diagnose the runs it was made from",
                arguments.input.display()
            )
        }
        Subject::Fit(fit) => diagnose_fit(&fit, target),
    };
    let text =
        if arguments.json { serde_json::to_string(&diagnosis)? } else { isoflop_report::text::diagnosis(&diagnosis) };
    output::print(&text)?;
    Ok(Outcome::Done)
}
