//! What a fit or a plan says, in parts that a page lays out itself: the words of the report, one answer at a time.

use isoflop::{Fit, Plan, Warning};
use serde::Serialize;

use crate::numbers;
use crate::plan_words;
use crate::story::capitalised;
use crate::table::Table;
use crate::words;

/// An answer in parts. Nothing in it is escaped: whatever shows it does that.
#[derive(Debug, Clone, Serialize)]
pub struct Brief {
    /// The answer in one sentence.
    answer: String,
    /// What it is made of.
    table: Table,
    /// What else belongs to it, a sentence each.
    remarks: Vec<String>,
    /// Why to be careful, a sentence each.
    doubts: Vec<String>,
}

impl Brief {
    /// A fit: its exponents, its parameters with `level` intervals, how it was made.
    pub fn of_fit(fit: &Fit, level: f64) -> Self {
        let (kept, dropped) = fit.run_counts();
        let made = match fit.source() {
            Some(source) => source.to_owned(),
            None => format!(
                "{} runs fitted, {} dropped; objective: {}, {}",
                numbers::whole(kept),
                numbers::whole(dropped),
                words::objective(fit),
                words::status(fit.status())
            ),
        };
        let mut remarks = vec![format!("Law: {}", fit.law().formula()), made];
        remarks.extend(fit.reductions().iter().map(ToString::to_string));
        if fit.draws().is_empty() {
            remarks.push(words::NO_INTERVAL.to_owned());
        } else {
            remarks.push(format!("intervals: {}, from {}", numbers::level(level), words::draws(fit)));
        }
        Self::new(&words::fit_answer(fit, level), words::fit_table(fit, level), remarks, fit.warnings())
    }

    /// A plan: what to train, its numbers, and what could have been chosen as well.
    pub fn of_plan(plan: &Plan) -> Self {
        let mut remarks: Vec<String> = plan_words::goal(plan).into_iter().collect();
        remarks.push(format!("regret: {}", plan_words::regret(plan)));
        remarks.extend(plan_words::limits(plan));
        remarks.push(words::reach(&plan.extrapolation));
        remarks.extend(
            plan.blueprint.iter().flat_map(plan_words::blueprint).map(|(name, text)| format!("{name}: {text}")),
        );
        remarks.extend(plan.assumptions.iter().map(|assumption| format!("assumed: {assumption}")));
        remarks.extend(plan.ruled_out.iter().map(|reason| format!("ruled out: {reason}")));
        Self::new(&plan_words::answer(plan), plan_words::table(plan), remarks, &plan.warnings)
    }

    fn new(answer: &str, table: Table, remarks: Vec<String>, doubts: &[Warning]) -> Self {
        let sentence = |text: &str| format!("{}.", capitalised(text).trim_end_matches('.'));
        Self {
            answer: sentence(answer),
            table,
            remarks: remarks.iter().map(|remark| sentence(remark)).collect(),
            doubts: doubts.iter().map(|doubt| sentence(&doubt.message)).collect(),
        }
    }
}
