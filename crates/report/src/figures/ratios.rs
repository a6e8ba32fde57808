//! Tokens for each parameter: where runs, best runs and known models stand between the diagonals.

use isoflop::models::Model;
use isoflop::{Fit, Plan, Run, Runs};

use super::shared::{self, Best};
use crate::budgets;
use crate::figure::{Axis, Color, Dot, Extent, Figure, Label, Mark, Marker, Panel, Quantity, Side, Size, Weight};
use crate::numbers::{self, Rounded};
use crate::words;

/// What the figure shows.
#[derive(Debug, Clone, Copy)]
pub struct RatiosInput<'a> {
    /// The runs the law was fitted to.
    pub runs: &'a Runs,
    /// The law, with its draws.
    pub fit: &'a Fit,
    /// Level of the band around the best runs.
    pub level: f64,
    /// What is planned.
    pub plan: Option<&'a Plan>,
    /// Known models, of which those not too far beyond the runs are shown.
    pub models: &'a [Model],
}

/// Tokens for each parameter along the diagonals.
const DIAGONALS: [f64; 4] = [5.0, 20.0, 100.0, 1_000.0];
/// Best runs.
const SAMPLES: usize = 48;
/// The line of best runs goes so far beyond the largest run, and to the largest model or plan that is shown.
const BEYOND: f64 = 30.0;
/// Models of more compute than the largest run times this are another world.
const FARTHEST: f64 = 1e5;

/// Model size across, training tokens upwards, with diagonals of equal tokens for each parameter.
///
/// # Source
/// Hoffmann et al. 2022, arXiv:2203.15556, figure 1, with the ratios that later models chose.
///
/// # Example
/// ```
/// use isoflop::{Fit, Runs, TableFormat, law::published, models::models};
/// use isoflop_report::{RatiosInput, csv, ratios};
///
/// let table = "params,tokens,loss\n1e8,2e9,3.03\n2e8,4e9,2.77\n4e9,8e10,2.2\n";
/// let runs = Runs::read(table.as_bytes(), "runs.csv", TableFormat::Csv, false)?;
/// let fit = Fit::from_published(published("besiroglu2024").unwrap());
/// let models = models()?;
/// let figure = ratios(&RatiosInput { runs: &runs, fit: &fit, level: 0.9, plan: None, models: &models });
/// assert!(csv(&figure).contains("Chinchilla"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn ratios(input: &RatiosInput) -> Figure {
    let fitted = shared::fitted_compute(input.runs);
    let largest = if fitted.1 > 0.0 { fitted.1 } else { input.fit.largest_flops().unwrap_or(1e22) };
    let known =
        |model: &&Model| model.flops().is_ok_and(|flops| (fitted.0..=FARTHEST * largest).contains(&flops.get()));
    let models: Vec<&Model> = input.models.iter().filter(known).collect();
    let shown = models.iter().filter_map(|model| Some(model.flops().ok()?.get()));
    let farthest = shown.chain(input.plan.map(|plan| plan.flops.value)).fold(BEYOND * largest, f64::max);
    let smallest = if fitted.0 > 0.0 { fitted.0 } else { largest / 1e3 };
    let best = shared::best_runs(input.fit, (smallest, farthest), SAMPLES, input.level);

    let mut panel = Panel::new(
        Axis::logarithmic("model size N, parameters", Quantity::Count),
        Axis::logarithmic("training tokens D", Quantity::Count),
    );
    panel.height = 480.0;
    panel.marks.extend(DIAGONALS.map(diagonal));
    let [band, line] = shared::frontier(&best, fitted);
    panel.push(band);
    panel.push(line.stretching(Extent::All, Extent::All).labelled(Label::beside("compute-optimal", 0.3, Side::Below)));
    panel.push(known_models(&models));
    let dot = |run: &Run| Some(Dot::at(run.params.get(), run.tokens.get()).named(shared::run_words(run)));
    let runs = shared::runs_by_budget(&budgets::group(&input.runs.kept), dot);
    panel.marks.extend(runs.into_iter().map(|mark| mark.sized(Size::Small).stretching(Extent::All, Extent::All)));
    panel.marks.extend(input.plan.map(planned));
    Figure {
        title: title(input, largest, &best),
        subtitle: shared::counted(input.runs),
        caption: caption(input, models.len(), best.is_empty()),
        ..Figure::of(panel)
    }
}

/// A diagonal through the whole frame, labelled at its upper end.
fn diagonal(ratio: f64) -> Mark {
    // Smaller and larger than any model: the frame cuts it.
    let ends = [1.0, 1e18].map(|params| (params, ratio * params));
    let text = format!("{} tokens/param", numbers::whole(ratio as usize));
    let line = Mark::line(text.as_str(), Color::Muted, ends.to_vec()).dashed().weighing(Weight::Thin);
    line.labelled(Label::beside(text, 0.0, Side::Right)).stretching(Extent::Nothing, Extent::Nothing)
}

fn known_models(models: &[&Model]) -> Mark {
    let dot = |model: &&Model| {
        let (params, tokens) = (model.active().get(), model.tokens.get());
        let name = format!("{}: {} on {} tokens", model.title, numbers::count(params), numbers::count(tokens));
        Dot::at(params, tokens).named(name).labelled(model.name.as_str())
    };
    Mark::dots("known models", Color::Muted, Marker::Cross, models.iter().map(dot).collect()).sized(Size::Small)
}

fn planned(plan: &Plan) -> Mark {
    let text = format!("planned: {} tokens a parameter", Rounded::ratio(&plan.tokens_per_param).value);
    let star = Dot::at(plan.params.value, plan.tokens.value).named(text.as_str()).labelled(text);
    Mark::dots("planned", Color::Accent, Marker::Star, vec![star]).sized(Size::Large)
}

fn title(input: &RatiosInput, largest: f64, best: &[Best]) -> String {
    let ratio = |best: &Best| best.tokens(best.params.value) / best.params.value;
    let at_largest = best.iter().min_by(|one, other| {
        let off = |best: &Best| (best.flops / largest).ln().abs();
        off(one).total_cmp(&off(other))
    });
    let (whose, flops, ratio) = match (input.plan, at_largest) {
        (Some(plan), _) => ("the planned", plan.flops.value, plan.tokens_per_param.value),
        (None, Some(best)) => ("the largest run's", largest, ratio(best)),
        (None, None) => return "Training tokens for each parameter".to_owned(),
    };
    format!(
        "At {whose} compute, {} FLOP, {} tokens for each parameter are best",
        numbers::compute(flops, 2),
        numbers::general(ratio, 2)
    )
}

fn caption(input: &RatiosInput, models: usize, no_best: bool) -> String {
    let fit = input.fit;
    let mut sentences = vec!["Small filled marks: runs, coloured by training budget.".to_owned()];
    if no_best {
        sentences.push("There is no line of best runs: these runs do not tell size from tokens.".to_owned());
    } else {
        let band = match fit.draws().len() {
            0 => String::new(),
            _ => {
                format!("; band: {} interval of the best size from {}", numbers::level(input.level), words::draws(fit))
            }
        };
        sentences.push(format!(
            "Bold line: the best run at each compute of {}, {}, dashed beyond the compute of the runs{band}.",
            fit.law().formula(),
            shared::method(fit)
        ));
    }
    if models > 0 {
        sentences.push(format!(
            "Crosses: {models} known models, mixtures of experts at the parameters that a token passes through; they learnt other texts under \
             other laws. Names where there is room."
        ));
    }
    sentences.push(shared::conventions(fit));
    sentences.join(" ")
}
