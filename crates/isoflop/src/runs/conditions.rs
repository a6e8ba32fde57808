//! What a run was trained under besides its size and tokens: which recipe, how often it saw its text, whether it ended its schedule.

use super::{DropReason, Dropped, Run, Runs};
use crate::units::parse_count;

/// Columns that say which share of its schedule a run has behind it.
const SHARES: [&str; 6] =
    ["fraction", "progress", "schedule_fraction", "fraction_complete", "completed_fraction", "done"];
/// Pairs of columns of which the first reaches the second when a run is finished.
const STEPS: [(&str, &str); 4] =
    [("step", "max_steps"), ("step", "total_steps"), ("steps", "max_steps"), ("iteration", "iterations")];
/// Share of a schedule that is as good as all of it.
const WHOLE: f64 = 0.99;
/// Epochs that are one pass but for rounding.
pub(crate) const ONE_PASS: f64 = 1.05;

impl Run {
    /// The cell `recipe`: architecture, optimizer and text by one name.
    pub fn recipe(&self) -> Option<&str> {
        self.covariates.get("recipe").map(String::as_str)
    }

    /// The cell `trunk`: runs with the same one are one run until their cool-downs, and share what that part left to chance.
    pub fn trunk(&self) -> Option<&str> {
        self.covariates.get("trunk").map(String::as_str).filter(|trunk| !trunk.is_empty())
    }

    /// How often the run saw its text, at least once; `None` where the table says neither `unique_tokens` nor `epochs`.
    ///
    /// # Example
    /// ```
    /// use isoflop::{Runs, TableFormat};
    /// let table = "params,tokens,unique_tokens,loss\n1e9,8e10,2e10,2.9\n";
    /// let runs = Runs::read(table.as_bytes(), "t", TableFormat::Csv, false)?;
    /// assert_eq!(runs.kept[0].epochs(), Some(4.0));
    /// # Ok::<(), isoflop::RunsError>(())
    /// ```
    pub fn epochs(&self) -> Option<f64> {
        self.unique_tokens.map(|unique| self.tokens.get() / unique.get())
    }

    /// Distinct tokens that the run saw: all its tokens, where the table does not say.
    pub(crate) fn distinct_tokens(&self) -> f64 {
        self.unique_tokens.unwrap_or(self.tokens).get()
    }

    /// How much of its schedule an unfinished run has behind it, in the words of its columns, such as `step is 400 of 1000`.
    ///
    /// `None` for a run that has ended, and for one whose columns do not say.
    pub fn unfinished_schedule(&self) -> Option<String> {
        let cell = |column: &str| {
            self.covariates.iter().find(|(name, _)| name.eq_ignore_ascii_case(column)).map(|(_, text)| text.trim())
        };
        let number = |column: &str| cell(column).and_then(parse_count);
        let by_share = SHARES.iter().find_map(|column| {
            number(column).filter(|share| *share < WHOLE).map(|share| format!("{column} is {share}"))
        });
        let by_steps = || {
            STEPS.iter().find_map(|(now, last)| {
                let (reached, wanted) = (number(now)?, number(last)?);
                (reached < WHOLE * wanted).then(|| format!("{now} is {reached} of {wanted}"))
            })
        };
        by_share.or_else(by_steps)
    }
}

impl Runs {
    /// These runs without those whose columns say that their schedule has not ended; they join the dropped ones.
    ///
    /// The loss before the end of a decay is too high for its tokens (Hoffmann et al. 2022, arXiv:2203.15556, section 3.1).
    pub fn finished(&self) -> Self {
        let mut finished = self.clone();
        finished.kept.retain(|run| match run.unfinished_schedule() {
            None => true,
            Some(reached) => {
                let reason = DropReason::UnfinishedSchedule { reached };
                finished.dropped.push(Dropped::of_run(run.clone(), reason));
                false
            }
        });
        finished
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::TableFormat;

    fn read(table: &str) -> Runs {
        Runs::read(table.as_bytes(), "t", TableFormat::Csv, false).unwrap()
    }

    #[test]
    fn runs_before_the_end_of_their_schedule_are_dropped_with_what_they_reached() {
        let table = "run,params,tokens,loss,step,max_steps,progress\na,1e9,2e10,2,1000,1000,\nb,1e9,2e10,2,400,1000,\nc,1e9,2e10,2,,,0.5\n";
        let runs = read(table).finished();
        assert_eq!(runs.kept.len(), 1);
        let reasons: Vec<String> = runs.dropped.iter().map(|dropped| dropped.reason.to_string()).collect();
        assert_eq!(
            reasons,
            ["its schedule has not ended: step is 400 of 1000", "its schedule has not ended: progress is 0.5"]
        );
    }

    #[test]
    fn tables_that_say_nothing_lose_no_run() {
        let runs = read("params,tokens,loss,step,batch\n1e9,2e10,2,5,1\n");
        assert_eq!(runs.finished(), runs);
        assert_eq!((runs.kept[0].epochs(), runs.kept[0].recipe()), (None, None));
    }
}
