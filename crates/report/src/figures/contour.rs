//! The plane of size and tokens: lines of equal loss, the best runs, the runs at hand and how far they reach.

use isoflop::counting::TRAINING_FLOPS_PER_PARAM_TOKEN;
use isoflop::models::Model;
use isoflop::{Fit, Params, Plan, Run, Runs, Tokens};

use super::shared::{self, Best};
use crate::budgets::{self, Budgets};
use crate::figure::{
    Axis, Color, Dot, Extent, Figure, Label, Mark, Marker, Panel, Pattern, Quantity, Side, Size, Weight,
};
use crate::hull;
use crate::numbers::{self, Rounded};
use crate::words;

/// What the figure shows.
#[derive(Debug, Clone, Copy)]
pub struct ContourInput<'a> {
    /// The runs the law was fitted to.
    pub runs: &'a Runs,
    /// The law, with its draws.
    pub fit: &'a Fit,
    /// Level of the band around the best runs.
    pub level: f64,
    /// What is planned.
    pub plan: Option<&'a Plan>,
    /// Known models, of which those within the frame are shown.
    pub models: &'a [Model],
}

/// Places across and upwards at which the law is asked.
const GRID: usize = 44;
/// Lines of equal loss.
const LINES: usize = 9;
/// Best runs.
const SAMPLES: usize = 32;
/// Empty share of the frame beyond the outermost run.
const MARGIN: f64 = 0.07;

/// Model size across, training tokens upwards: lines of equal loss, solid within the convex hull of the runs and dashed beyond, budgets as
/// straight lines, the best run at each compute.
///
/// # Example
/// ```
/// use isoflop::{Fit, Runs, TableFormat, law::published};
/// use isoflop_report::{ContourInput, contour, csv};
///
/// let table = "params,tokens,loss\n1e8,2e9,3.03\n2e8,4e9,2.77\n4e8,8e8,2.99\n";
/// let runs = Runs::read(table.as_bytes(), "runs.csv", TableFormat::Csv, false)?;
/// let fit = Fit::from_published(published("besiroglu2024").unwrap());
/// let figure = contour(&ContourInput { runs: &runs, fit: &fit, level: 0.9, plan: None, models: &[] });
/// assert!(csv(&figure).contains("convex hull of the runs,region") && csv(&figure).contains("compute-optimal,dashed line"));
/// # Ok::<(), isoflop::RunsError>(())
/// ```
pub fn contour(input: &ContourInput) -> Figure {
    let budgets = budgets::group(&input.runs.kept);
    let frame = Frame::of(input);
    let mut panel = Panel::new(
        Axis::logarithmic("model size N, parameters", Quantity::Count).exactly(frame.params.0, frame.params.1),
        Axis::logarithmic("training tokens D", Quantity::Count).exactly(frame.tokens.0, frame.tokens.1),
    );
    panel.height = 460.0;
    let runs: Vec<(f64, f64)> =
        input.runs.kept.iter().map(|run| (run.params.get().ln(), run.tokens.get().ln())).collect();
    let corners = hull::hull(&runs);
    let outline: Vec<(f64, f64)> = corners.iter().map(|(x, y)| (x.exp(), y.exp())).collect();
    if outline.len() > 2 {
        panel.push(Mark::region("convex hull of the runs", Color::Muted, outline).without_edge());
    }
    panel.marks.extend(budget_lines(&budgets, &frame));
    let best = shared::best_runs(input.fit, frame.computes, SAMPLES, input.level);
    panel.marks.extend(iso_lines(input.fit, &frame, &best, &corners));
    let [band, line] = shared::frontier(&best, frame.fitted);
    panel.push(band);
    panel.push(line.labelled(Label::beside("compute-optimal", 0.08, Side::Right)));
    let known = known(input.models, &frame);
    let models = known.dots_of().len();
    panel.push(known);
    let dot = |run: &Run| Some(Dot::at(run.params.get(), run.tokens.get()).named(shared::run_words(run)));
    panel.marks.extend(shared::runs_by_budget(&budgets, dot));
    let dropped = shared::dropped(input.runs, |numbers| Some((numbers.params.get(), numbers.tokens.get())));
    panel.marks.extend(dropped.clone());
    panel.marks.extend(input.plan.map(|plan| planned(plan, &frame)).into_iter().flatten());
    Figure {
        title: title(input),
        subtitle: shared::counted(input.runs),
        caption: caption(input, &budgets, best.is_empty(), models, dropped.as_ref()),
        width: 760.0,
        ..Figure::of(panel)
    }
}

/// What is shown.
struct Frame {
    params: (f64, f64),
    tokens: (f64, f64),
    /// Compute of the fitted runs.
    fitted: (f64, f64),
    /// Compute of the best runs that are shown.
    computes: (f64, f64),
}

impl Frame {
    /// Around all runs, those that were left out, and the plan.
    fn of(input: &ContourInput) -> Self {
        let kept = input.runs.kept.iter().map(|run| (run.params.get(), run.tokens.get()));
        let dropped = input.runs.dropped.iter().filter(|row| row.was_meant()).filter_map(|row| row.numbers);
        let dropped = dropped.map(|numbers| (numbers.params.get(), numbers.tokens.get()));
        let plan = input.plan.map(|plan| (plan.params.value, plan.tokens.value));
        let all: Vec<(f64, f64)> = kept.chain(dropped).chain(plan).collect();
        let around = |of: fn(&(f64, f64)) -> f64, otherwise: (f64, f64)| {
            let (low, high) = shared::ends(all.iter().map(of)).unwrap_or(otherwise);
            // One size alone stands in the middle of a factor of four.
            let span = (high / low).max(4.0);
            let room = span.powf(MARGIN) * (span / (high / low)).sqrt();
            (low / room, high * room)
        };
        let params = around(|at| at.0, (1e8, 1e10));
        let tokens = around(|at| at.1, (1e9, 1e11));
        let six = TRAINING_FLOPS_PER_PARAM_TOKEN;
        let computes = (six * params.0 * tokens.0, six * params.1 * tokens.1);
        Self { params, tokens, fitted: shared::fitted_compute(input.runs), computes }
    }

    fn holds(&self, (params, tokens): (f64, f64)) -> bool {
        (self.params.0..=self.params.1).contains(&params) && (self.tokens.0..=self.tokens.1).contains(&tokens)
    }
}

/// The runs of one compute, 6 N D, from edge to edge of the frame.
fn of_one_compute(series: &str, color: Color, six_nd: f64, frame: &Frame) -> Mark {
    let tokens = |params: f64| six_nd / TRAINING_FLOPS_PER_PARAM_TOKEN / params;
    let ends = [frame.params.0, frame.params.1].map(|params| (params, tokens(params)));
    let line = Mark::line(series, color, ends.to_vec()).dashed().weighing(Weight::Thin);
    line.stretching(Extent::Nothing, Extent::Nothing)
}

fn budget_lines(budgets: &Budgets, frame: &Frame) -> Vec<Mark> {
    if budgets.scattered {
        return Vec::new();
    }
    let count = budgets.groups.len();
    let line = |(index, budget): (usize, &budgets::Budget)| {
        let compute = numbers::compute(budget.flops, 2);
        let line = of_one_compute(&format!("{compute} FLOP"), Color::class(index, count), budget.six_nd.get(), frame);
        line.labelled(Label::beside(compute, 0.05, Side::On))
    };
    budgets.groups.iter().enumerate().map(line).collect()
}

/// Lines of equal loss. A law falls both with size and with tokens, so such a line falls from left to right: the places where it crosses the
/// columns and the rows of a grid, in the order of N / D.
fn iso_lines(fit: &Fit, frame: &Frame, best: &[Best], corners: &[(f64, f64)]) -> Vec<Mark> {
    let columns: Vec<f64> = shared::spaced(frame.params.0, frame.params.1, GRID).collect();
    let rows: Vec<f64> = shared::spaced(frame.tokens.0, frame.tokens.1, GRID).collect();
    let loss = |params: f64, tokens: f64| -> Option<f64> {
        Some(fit.expected_loss(Params::new(params).ok()?, Tokens::new(tokens).ok()?).ok()?.get())
    };
    // Row by row; NaN where the fit cannot tell.
    let losses: Vec<Vec<f64>> = rows
        .iter()
        .map(|tokens| columns.iter().map(|params| loss(*params, *tokens).unwrap_or(f64::NAN)).collect())
        .collect();
    let of_level = |level: f64| -> Vec<(f64, f64)> {
        let mut points: Vec<(f64, f64)> = Vec::new();
        for (row, tokens) in rows.iter().enumerate() {
            for (column, params) in columns.iter().enumerate() {
                let here = losses[row][column];
                if let Some(share) = losses[row].get(column + 1).and_then(|next| crossing(here, *next, level)) {
                    points.push(((params.ln() + share * (columns[column + 1] / params).ln()), tokens.ln()));
                }
                if let Some(share) = losses.get(row + 1).and_then(|next| crossing(here, next[column], level)) {
                    points.push((params.ln(), tokens.ln() + share * (rows[row + 1] / tokens).ln()));
                }
            }
        }
        points.sort_by(|one, other| (one.0 - one.1).total_cmp(&(other.0 - other.1)));
        points
    };
    let levels = levels(best, &losses, &loss).into_iter();
    levels.flat_map(|(level, text)| iso_line(&text, &of_level(level), corners)).collect()
}

/// Where between two neighbours the loss is `level`.
fn crossing(here: f64, next: f64, level: f64) -> Option<f64> {
    let share = (here - level) / (here - next);
    (0.0..1.0).contains(&share).then_some(share)
}

/// One line, solid where it lies among the runs; its longest piece bears the label.
fn iso_line(text: &str, points: &[(f64, f64)], corners: &[(f64, f64)]) -> Vec<Mark> {
    let mut pieces: Vec<(bool, Vec<(f64, f64)>)> = Vec::new();
    for point in points {
        let inside = hull::holds(corners, *point);
        let at = (point.0.exp(), point.1.exp());
        match pieces.last_mut() {
            Some((same, piece)) if *same == inside => piece.push(at),
            Some((_, before)) => {
                // Pieces meet.
                let from = before.last().copied();
                pieces.push((inside, from.into_iter().chain([at]).collect()));
            }
            None => pieces.push((inside, vec![at])),
        }
    }
    let longest = pieces.iter().map(|(_, piece)| piece.len()).max();
    let mut labelled = false;
    let line = |(inside, piece): (bool, Vec<(f64, f64)>)| {
        let bears = Some(piece.len()) == longest && !std::mem::replace(&mut labelled, true);
        let pattern = if inside { Pattern::Solid } else { Pattern::Dashed };
        let mark = Mark::line(format!("loss {text}"), Color::Muted, piece).weighing(Weight::Thin).patterned(pattern);
        let mark = mark.stretching(Extent::Nothing, Extent::Nothing);
        if bears { mark.labelled(Label::on(text)) } else { mark }
    };
    pieces.into_iter().map(line).collect()
}

/// Losses at which lines are drawn, with their texts: those of best runs equally far apart in compute, rounded as far as their distances allow; without best runs,
/// those along the frame's diagonal.
fn levels(best: &[Best], losses: &[Vec<f64>], loss: &dyn Fn(f64, f64) -> Option<f64>) -> Vec<(f64, String)> {
    let along: Vec<f64> = if best.is_empty() {
        losses.iter().enumerate().filter_map(|(row, losses)| losses.get(row).copied()).collect()
    } else {
        best.iter().filter_map(|best| loss(best.params.value, best.tokens(best.params.value))).collect()
    };
    let along: Vec<f64> = along.into_iter().filter(|loss| loss.is_finite()).collect();
    if along.len() < 3 {
        return Vec::new();
    }
    let wanted = |number: usize| along[number * (along.len() - 1) / (LINES + 1)];
    let mut levels: Vec<(f64, String)> = (1..=LINES)
        .map(|number| {
            let gap = (wanted(number - 1) - wanted(number)).abs().min((wanted(number) - wanted(number + 1)).abs());
            rounded(wanted(number), 0.5 * gap)
        })
        .collect();
    levels.dedup();
    levels
}

/// `value` to the nearest multiple of the largest of 1, 2 and 5 times a power of ten that is at most `step`, with its text.
fn rounded(value: f64, step: f64) -> (f64, String) {
    let step = step.clamp(1e-9, 1e9);
    let power = 10f64.powf(step.log10().floor());
    let step = [5.0, 2.0, 1.0].into_iter().map(|digit| digit * power).find(|nice| *nice <= step).unwrap_or(power);
    let rounded = (value / step).round() * step;
    let text = format!("{rounded:.*}", numbers::decimals(step, 1));
    let trimmed = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    (rounded, trimmed.to_owned())
}

/// Models within the frame.
fn known(models: &[Model], frame: &Frame) -> Mark {
    let dot = |model: &Model| {
        let at = (model.active().get(), model.tokens.get());
        frame.holds(at).then(|| Dot::at(at.0, at.1).named(model.title.as_str()).labelled(model.name.as_str()))
    };
    let dots = models.iter().filter_map(dot).collect();
    Mark::dots("known models", Color::Muted, Marker::Cross, dots).sized(Size::Small)
}

/// The planned run on the line of its compute.
fn planned(plan: &Plan, frame: &Frame) -> [Mark; 2] {
    let six_nd = TRAINING_FLOPS_PER_PARAM_TOKEN * plan.params.value * plan.tokens.value;
    let compute = numbers::compute(six_nd, 2);
    let text = format!("planned: {} on {}", numbers::count(plan.params.value), numbers::count(plan.tokens.value));
    let name = format!("{text} tokens, {compute} FLOP, loss {}", Rounded::loss(&plan.new_run).sentence(plan.level));
    let star = Dot::at(plan.params.value, plan.tokens.value).named(name).labelled(text);
    let line = of_one_compute(&format!("planned, {compute} FLOP"), Color::Accent, six_nd, frame);
    [line, Mark::dots("planned", Color::Accent, Marker::Star, vec![star]).sized(Size::Large)]
}

fn title(input: &ContourInput) -> String {
    match input.plan {
        Some(plan) => format!(
            "Loss {} is planned with {} parameters on {} tokens",
            Rounded::loss(&plan.new_run).value,
            numbers::count(plan.params.value),
            numbers::count(plan.tokens.value)
        ),
        None => "Loss in the plane of model size and training tokens".to_owned(),
    }
}

fn caption(input: &ContourInput, budgets: &Budgets, no_best: bool, models: usize, dropped: Option<&Mark>) -> String {
    let fit = input.fit;
    let coloured = if budgets.scattered {
        "coloured by class of compute"
    } else {
        "coloured by training budget, on the lines of 6 N D = C, labelled in FLOP"
    };
    let mut sentences = vec![
        format!(
            "Thin grey lines: equal loss, nats per token, of {}, {}; solid within the convex hull of the runs, which is shaded, dashed beyond.",
            fit.law().formula(),
            shared::method(fit)
        ),
        format!("Filled marks: runs, {coloured}.{}", shared::dropped_words(dropped)),
    ];
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
            "Bold line: the best run of the law at each compute, dashed beyond the compute of the runs{band}."
        ));
    }
    if input.plan.is_some() {
        sentences.push("Star: the planned run, on the line of its compute.".to_owned());
    }
    if models > 0 {
        sentences.push(format!("Crosses: {models} known models, on other texts; names where there is room."));
    }
    sentences.push(shared::conventions(fit));
    sentences.join(" ")
}
