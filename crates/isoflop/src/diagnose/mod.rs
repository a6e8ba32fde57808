//! What is wrong with runs, before anyone trusts a fit of them: one small check a file, findings sorted the worst first.

mod conventions;
mod design;
mod duplicates;
mod evidence;
mod finding;
mod fitted;
mod identifiability;
mod least_squares;
mod noise;
mod outliers;
mod reach;
mod repetition;
mod rows;
mod schedule;
mod statistics;
mod structure;
mod tuning;

use crate::crosscheck::{CrossChecks, cross_check};
use crate::fit::Fit;
use crate::law::{self, Law};
use crate::names::list;
use crate::runs::{Run, Runs};
use crate::units::{Params, Tokens};
use evidence::Evidence;

pub use design::ray_variance;
pub use finding::{DIAGNOSIS_SCHEMA, Diagnosis, Finding, Severity};
pub use identifiability::{DIRECTIONS, Information};
pub use reach::Reach;

/// Exponent of tokens that a design is judged with when its runs give none: the middle of published fits.
const ORDINARY_BETA: f64 = 0.37;

/// What is wrong with `runs`, doubtful, or worth knowing; with `fit`, also about that fit and whether it belongs to them.
///
/// Every check looks at the runs themselves. Residuals are those of the law that the bulk of the runs follows, found by least
/// trimmed squares so that wrong rows cannot hide behind each other: Hoffmann's, or the coupled law where that is decisively better.
///
/// # Trust
/// On simulated clean worlds (45 runs, 0.3 % scatter) fewer than one table in twenty raises a problem; wrong units, wrong columns and
/// wrong laws are named in nine of ten. `tests/diagnose_worlds.rs` measures both.
///
/// # Example
/// ```
/// use isoflop::{Runs, TableFormat, diagnose::{Severity, diagnose}};
/// let rows: String = (1..10).map(|i| format!("{i}e8,{i}e9,{}\n", 4.0 - 0.1 * f64::from(i))).collect();
/// let runs = Runs::read(format!("params,tokens,loss\n{rows}").as_bytes(), "ray.csv", TableFormat::Csv, false)?;
/// let diagnosis = diagnose(&runs, None);
/// assert_eq!(diagnosis.findings[0].severity, Severity::Problem);
/// assert!(diagnosis.finding("single_ray").is_some());
/// # Ok::<(), isoflop::RunsError>(())
/// ```
pub fn diagnose(runs: &Runs, fit: Option<&Fit>) -> Diagnosis {
    diagnose_for(runs, fit, None)
}

/// The same with `target`, a run that somebody wants to know about: how far it is, and whether these runs can tell.
pub fn diagnose_for(runs: &Runs, fit: Option<&Fit>, target: Option<(Params, Tokens)>) -> Diagnosis {
    let kept = &runs.kept;
    if kept.is_empty() {
        let message = format!("there are no runs: {} rows were left out", runs.dropped.len());
        let finding =
            Finding::problem("no_runs", message).remedy("loosen --where, or look at why the rows were left out");
        let mut diagnosis = Diagnosis::new(0, runs.dropped.len(), vec![finding]);
        diagnosis.cross_checks = Some(cross_check(&[], None));
        return diagnosis;
    }
    // A law is one of tuned runs: where rates were tried out, what the best of them did is looked at.
    let tuned = tuning::tuned(kept);
    let evidence = Evidence::new(&tuned);
    let reading = evidence.as_ref().map(|evidence| &evidence.reading);
    let beta = reading.and_then(|reading| reading.parameters.get(4)).copied().unwrap_or(ORDINARY_BETA);

    let mut findings = conventions::check(kept);
    findings.extend(design::check(kept, beta));
    findings.extend(duplicates::check(kept, evidence.as_ref()));
    findings.extend(rows::check(runs));
    findings.extend(schedule::check(runs));
    findings.extend(tuning::check(kept));
    findings.extend(repetition::check(kept));
    findings.extend(recipes(kept));
    if let Some(evidence) = &evidence {
        findings.extend(outliers::check(&tuned, evidence));
        findings.extend(structure::check(&tuned, evidence));
        let target = target.map(|(params, tokens)| (params.get(), tokens.get()));
        findings.extend(identifiability::check(&tuned, &evidence.reading, target));
    }
    if let Some(fit) = fit {
        let seen: Vec<String> = findings.iter().map(|finding| finding.code.clone()).collect();
        let about_fit = fitted::check(fit).into_iter().filter(|finding| !seen.contains(&finding.code));
        findings.extend(about_fit.filter(|finding| finding.code != "reach"));
        findings.extend(fitted::against_runs(fit, runs));
        let additive = fit.law().name() == law::Hoffmann.name();
        // What is a hint before a fit is a fault of one that was made without heeding it.
        findings
            .iter_mut()
            .filter(|finding| finding.code == "coupled_terms" && additive)
            .for_each(|finding| finding.severity = Severity::Problem);
    }
    if let Some((params, tokens)) = target {
        findings.extend(fitted::off_ray(runs, params, tokens));
        findings.extend(reach::check(&tuned, reading, params, tokens));
    }
    let cross_checks = checked(&tuned, evidence.as_ref());
    findings.extend(minima(&cross_checks));

    let mut diagnosis = Diagnosis::new(kept.len(), runs.dropped.len(), findings);
    diagnosis.cross_checks = Some(cross_checks);
    diagnosis
}

/// What a fit says about itself, without its runs; with `target`, also how far that is from them.
pub fn diagnose_fit(fit: &Fit, target: Option<(Params, Tokens)>) -> Diagnosis {
    let mut findings = fitted::check(fit);
    findings.extend(target.and_then(|(params, tokens)| fitted::extrapolation(fit, params, tokens)));
    let (kept, dropped) = fit.run_counts();
    Diagnosis::new(kept, dropped, findings)
}

/// Tables of several recipes, which no single law describes.
fn recipes(runs: &[Run]) -> Option<Finding> {
    ["recipe", "dataset", "corpus", "corpus_fingerprint", "architecture", "condition"].iter().find_map(|column| {
        let mut values: Vec<&str> =
            runs.iter().filter_map(|run| run.covariates.get(*column).map(String::as_str)).collect();
        values.sort_unstable();
        values.dedup();
        if values.len() < 2 {
            return None;
        }
        let shown: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        let message = format!(
            "the table has {} values of {column} ({}): one law for all of them describes none",
            values.len(),
            list(&shown)
        );
        let one_at_a_time = format!("diagnose and fit one at a time, with --where {column}={}", values[0]);
        let remedy = match *column {
            "recipe" => {
                format!("fit without --law, which tells what size and data are worth under each, or {one_at_a_time}")
            }
            _ => one_at_a_time,
        };
        Some(Finding::warning("several_recipes", message).remedy(remedy).value("count", values.len() as f64))
    })
}

/// Chinchilla's approaches 1 and 2 on the runs that take part in the law.
fn checked(runs: &[Run], evidence: Option<&Evidence>) -> CrossChecks {
    let Some(reading) = evidence.map(|evidence| &evidence.reading) else { return cross_check(runs, None) };
    let taking_part: Vec<Run> = runs
        .iter()
        .zip(&reading.taking_part)
        .filter(|(_, takes_part)| **takes_part)
        .map(|(run, _)| run.clone())
        .collect();
    match law::by_name(reading.law, &[]) {
        Some(law) => cross_check(&taking_part, Some((law.as_ref(), &reading.parameters))),
        None => cross_check(&taking_part, None),
    }
}

/// Budgets whose runs do not bracket their best size.
fn minima(checks: &CrossChecks) -> Option<Finding> {
    use crate::crosscheck::Refusal;
    let open: Vec<_> = checks
        .parabola
        .refused
        .iter()
        .filter(|budget| matches!(budget.reason, Refusal::FallsTowardsLarge | Refusal::FallsTowardsSmall))
        .collect();
    let too_few = checks.parabola.refused.iter().filter(|budget| budget.reason == Refusal::TooFewSizes).count();
    let first = open.first()?;
    let places: Vec<String> = open.iter().map(|budget| format!("{:.2e}", budget.flops)).collect();
    let message = format!(
        "{} of {} budgets do not bracket their best size ({} FLOP): at {:.2e} {}",
        open.len(),
        checks.parabola.optima.len() + checks.parabola.refused.len() - too_few,
        list(&places),
        first.flops,
        first.reason.to_string().split(':').next().unwrap_or_default()
    );
    Some(
        Finding::warning("no_interior_minimum", message)
            .remedy("train sizes beyond the edge at these budgets; until then their best size rests on the law alone")
            .value("count", open.len() as f64),
    )
}
