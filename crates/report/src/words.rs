//! The words and tables that the text and the Markdown report share: conventions, distance from the data, status, parameters.

use std::fmt::Write;

use isoflop::counting::FlopCounting;
use isoflop::fit::{Beside, Conventions, SamplingQuality, Tails};
use isoflop::predict::BesideLoss;
use isoflop::{Claim, Extrapolation, Fit, Light, Reduction, Status, Tokens, Verdict};

use crate::escape;
use crate::numbers::{self, Rounded};
use crate::resampling;
use crate::table::{Align, Table};

/// How compute was counted.
pub(crate) fn flops_counted(counting: FlopCounting) -> &'static str {
    match counting {
        FlopCounting::SixNd => "6 N D, forward and backward",
        FlopCounting::Exact => "every matrix product of the architecture, forward and backward",
        FlopCounting::Measured => "as given in the table, not 6 N D",
        _ => "in a counting this version has no words for",
    }
}

/// How far a point lies from the data, with its light.
pub(crate) fn reach(extrapolation: &Extrapolation) -> String {
    let light = match extrapolation.light {
        Light::Green => "green: close to the data",
        Light::Amber => "amber: beyond the data",
        Light::Red => "red: far beyond the data, or unknown",
    };
    match extrapolation.compute_factor {
        Some(factor) => format!("{} the compute of the largest fitted run ({light})", numbers::factor(factor)),
        None => format!("unknown, for the source does not state its largest run ({light})"),
    }
}

/// How the fit ended.
pub(crate) fn status(status: &Status) -> String {
    match status {
        Status::Converged => "converged".to_owned(),
        Status::AtBound { parameter, bound } => format!("{parameter} ended at its bound {bound}"),
        Status::Unconverged { relative_gradient } => {
            format!("not converged, relative gradient {relative_gradient:.1e}")
        }
        Status::Unmixed { rhat, effective_draws } => {
            format!("chains disagree: R-hat {rhat:.2}, {effective_draws:.0} independent draws")
        }
        Status::Published => "published, not fitted here".to_owned(),
        _ => "ended in a way this version has no words for".to_owned(),
    }
}

/// Why an estimate has no interval, where it has none.
pub(crate) const NO_INTERVAL: &str =
    "no intervals: the fit has no draws (published coefficients come without; else fit with --draws 1000)";

/// Parameters of the law and what follows from them, with intervals.
pub(crate) fn fit_table(fit: &Fit, level: f64) -> Table {
    let interval = format!("{} interval", numbers::level(level));
    let mut table =
        Table::new([("", Align::Left), ("value", Align::Right), (&interval, Align::Left), ("is", Align::Left)]);
    let meaning = |name: &str| {
        let parameters = fit.law().parameters();
        parameters.iter().find(|parameter| parameter.name == name).map_or_else(|| derived_meaning(name), |p| p.meaning)
    };
    let derived = fit.derived(level).into_iter().map(|(name, estimate)| (name.to_owned(), estimate));
    for (name, estimate) in fit.parameters(level).into_iter().chain(derived) {
        let rounded = Rounded::parameter(&estimate);
        table.row([&name, &rounded.value, &rounded.interval(), meaning(&name)]);
    }
    table
}

fn derived_meaning(name: &str) -> &'static str {
    match name {
        "a" => "best params grow as C^a",
        "b" => "best tokens grow as C^b",
        "gamma" => "loss above E of the best run falls as C^-gamma",
        "G" => "best params at C = 6 FLOP",
        _ => "",
    }
}

/// An amount of money: `$10M`.
pub(crate) fn dollars(amount: f64) -> String {
    format!("${}", numbers::count(amount))
}

/// How runs scatter around the law of `fit`.
pub(crate) fn scatter(fit: &Fit, noise: f64) -> String {
    let tails = fit.draws().first().map(|draw| match draw.scatter.tails {
        Tails::Heavy => ", with heavy tails (Student-t, 4 degrees of freedom)",
        Tails::Moderate => ", with moderate tails (Student-t, 8 degrees of freedom)",
        Tails::Light => ", nearly normal (Student-t, 30 degrees of freedom)",
    });
    format!("{} of the loss{}", numbers::percent(noise), tails.unwrap_or_default())
}

/// A fit in one sentence, without its end.
pub(crate) fn fit_answer(fit: &Fit, level: f64) -> String {
    let text = |estimate: &isoflop::Estimate| Rounded::parameter(estimate).sentence(level);
    let derived = fit.derived(level);
    let allocation = derived.iter().find(|(name, _)| *name == "a");
    let allocation = allocation.map(|(_, a)| format!("best model size grows as compute^{}", text(a)));
    let parameters = fit.parameters(level);
    let floor = parameters.iter().find(|(name, _)| name == "E");
    let floor = floor.map(|(_, floor)| format!("loss falls toward {} nats per token", text(floor)));
    let parts: Vec<String> = [allocation, floor].into_iter().flatten().collect();
    if parts.is_empty() { format!("the law {} is fitted", fit.law().name()) } else { parts.join(", and ") }
}

/// What a reduction of the default law is about, in a word.
pub(crate) fn reduction_name(reduction: &Reduction) -> &'static str {
    match reduction {
        Reduction::OneRay(_) => "reduced",
        Reduction::RepeatedText { .. } => "repetition",
        Reduction::SeveralRecipes { .. } => "recipes",
        Reduction::Replicates { .. } => "replicates",
        Reduction::UnfinishedSchedules { .. } => "unfinished",
        _ => "form",
    }
}

/// The law that stands beside the default, with its parameters.
pub(crate) fn beside(beside: &Beside) -> String {
    let parameters: Vec<String> =
        beside.params.iter().map(|(name, value)| format!("{name} {}", numbers::general(*value, 3))).collect();
    format!(
        "{}, a plain fit ({}) without intervals, in which repetition can hurt: {}; the runs scatter by {} around it",
        beside.law,
        beside.objective,
        parameters.join(", "),
        numbers::percent(beside.scatter)
    )
}

/// What the law beside the default predicts.
pub(crate) fn beside_loss(beside: &BesideLoss) -> String {
    format!("{:.4} by the plain fit of {}, in which repetition can hurt", beside.loss, beside.law)
}

/// How often text is seen.
pub(crate) fn epochs(unique_tokens: Tokens, tokens: Tokens) -> String {
    let epochs = (tokens.get() / unique_tokens.get()).max(1.0);
    format!("{unique_tokens:.3} distinct tokens, seen {} times", numbers::general(epochs, 3))
}

/// What to ask a fit next, and why.
pub(crate) fn after_fit(fit: &Fit) -> (String, String) {
    let largest = fit.largest_flops().unwrap_or(1e23);
    let recipe = fit.law().recipes().first().map(|recipe| format!(" --recipe {recipe}")).unwrap_or_default();
    match fit.path() {
        Some(path) => {
            let params = path.params_at(10.0 * largest);
            let (params, tokens) = (numbers::count(params), numbers::count(path.tokens_at(params)));
            (
                format!("isoflop predict FIT --params {params} --tokens {tokens}{recipe}"),
                "ten times the compute, along the line of the runs".to_owned(),
            )
        }
        None => (
            format!("isoflop plan FIT --flops {}{recipe}", numbers::compute(10.0 * largest, 2)),
            "what to train with that compute".to_owned(),
        ),
    }
}

/// A claim in one sentence, without its end.
pub(crate) fn claim_answer(claim: &Claim) -> String {
    format!(
        "{} on {} tokens will reach loss {}",
        numbers::count(claim.params.get()),
        numbers::count(claim.tokens.get()),
        Rounded::loss(&claim.loss).sentence(claim.level)
    )
}

/// A verdict in one sentence, without its end.
pub(crate) fn verdict_answer(verdict: &Verdict) -> String {
    let predicted = Rounded::loss(&verdict.predicted);
    let observed = observed(verdict);
    let (lo, hi) = predicted.ends.clone().unwrap_or_else(|| ("-".to_owned(), "-".to_owned()));
    let level = numbers::level(verdict.level);
    let error = error(verdict);
    if verdict.inside {
        return format!(
            "inside: observed loss {observed} lies in the {level} interval {lo}-{hi}; the prediction {} was {error}",
            predicted.value
        );
    }
    // An interval without ends cannot be left on a side; a claim always has both.
    let side = if verdict.predicted.lo.is_some_and(|lo| verdict.observed.get() < lo) { "below" } else { "above" };
    format!(
        "MISSED: observed loss {observed} lies {side} the {level} interval {lo}-{hi}; the prediction {} was {error}",
        predicted.value
    )
}

/// The observed loss with the digits of the prediction.
pub(crate) fn observed(verdict: &Verdict) -> String {
    Rounded::loss(&isoflop::Estimate { value: verdict.observed.get(), ..verdict.predicted }).value
}

/// Predicted minus observed, with its sign: `+0.0097`.
pub(crate) fn error_nats(verdict: &Verdict) -> String {
    format!("{:+.4}", verdict.error_nats)
}

/// The error of a prediction: `0.33 % too high`.
pub(crate) fn error(verdict: &Verdict) -> String {
    let side = if verdict.error > 0.0 { "too high" } else { "too low" };
    if verdict.error == 0.0 {
        return "exact".to_owned();
    }
    format!("{} {side}", numbers::percent(verdict.error.abs()))
}

/// Where a run lies among those that a claim expected: `42 %`; beyond the outermost quantile that was kept, `under 0.5 %`.
pub(crate) fn percentile(percentile: f64) -> String {
    match percentile {
        share if share <= 0.005 => "under 0.5 %".to_owned(),
        share if share >= 0.995 => "over 99.5 %".to_owned(),
        share => numbers::percent(share),
    }
}

/// How a fit's numbers were counted, and what its runs have in common.
pub(crate) fn conventions(conventions: &Conventions) -> String {
    let mut text = format!(
        "N: {}; C: {}; loss in {}",
        conventions.params,
        flops_counted(conventions.flops),
        conventions.loss.replace('_', " ")
    );
    for (column, value) in &conventions.common {
        let _ = write!(text, "; {column} {}", escape::shorten(value, 40));
    }
    text
}

/// What one verdict is worth.
pub(crate) fn worth_of_one(level: f64) -> String {
    let misses = 1.0 / (1.0 - level);
    format!(
        "one verdict says little: at {} about one claim in {} should miss; the record of many tells",
        numbers::level(level),
        numbers::general(misses, 2)
    )
}

/// What was minimised, by name.
pub(crate) fn objective(fit: &Fit) -> String {
    match fit.objective() {
        Some(objective) => objective.to_string(),
        None if fit.prior().is_some() => "posterior".to_owned(),
        None => "none".to_owned(),
    }
}

/// What a posterior believed before it saw the runs and believes after, with how much of each belief's width is left.
pub(crate) fn beliefs_table(sampling: &SamplingQuality) -> Table {
    let mut table = Table::new([
        ("belief", Align::Left),
        ("before the runs, 90 %", Align::Left),
        ("after", Align::Left),
        ("width left", Align::Right),
    ]);
    for learnt in &sampling.learnt {
        let sentence = |estimate: &isoflop::Estimate| {
            let rounded = Rounded::parameter(estimate);
            format!("{} ({})", rounded.value, rounded.interval())
        };
        let left = numbers::percent(learnt.remaining);
        table.row([&learnt.quantity, &sentence(&learnt.before), &sentence(&learnt.after), &left]);
    }
    table
}

/// How far to believe the draws of a posterior.
pub(crate) fn sampling(sampling: &SamplingQuality) -> String {
    let rehearsals = match sampling.rehearsals.len() {
        0 => "too few runs to rehearse a forecast on".to_owned(),
        1 => "one rehearsal below a cut of the runs sets the error of form".to_owned(),
        count => format!("{count} rehearsals below cuts of the runs set the error of form"),
    };
    let effective = numbers::whole(sampling.effective_draws as usize);
    format!("{effective} independent draws, R-hat {:.3}; {rehearsals}", sampling.rhat)
}

/// What a fit's draws are.
pub(crate) fn draws(fit: &Fit) -> String {
    let count = numbers::whole(fit.draws().len());
    match fit.resampled() {
        _ if fit.prior().is_some() => format!("{count} draws of the posterior"),
        Some(resampled) => format!("{count} bootstrap refits: {}", resampling::words(resampled)),
        None => format!("{count} bootstrap refits by run"),
    }
}

/// How far from optimal a fit can be, and what was done to know.
pub(crate) fn certificate(certificate: &isoflop::fit::Certificate, basins: usize) -> String {
    let (low, high) = certificate.exponents;
    if certificate.is_closed {
        format!(
            "no exponents in {low} to {high} lower the objective by more than {} ({} cells examined)",
            numbers::percent(certificate.gap),
            numbers::whole(certificate.cells)
        )
    } else {
        format!(
            "not closed after {} cells: a gap of {} remains; the searches ended in {basins} distinct place{}",
            numbers::whole(certificate.cells),
            numbers::percent(certificate.gap),
            if basins == 1 { "" } else { "s" }
        )
    }
}
