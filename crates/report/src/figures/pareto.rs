//! What training and serving cost along the sizes that end at one loss.

use isoflop::Plan;
use isoflop::plan::{Trade, TradeUnit, Traded};

use crate::figure::{Axis, Color, Dot, Extent, Figure, Label, Mark, Marker, Panel, Quantity, Side, Size, Weight};
use crate::numbers;
use crate::words;

/// Lines of equal total, in units of the least.
const TOTALS: [f64; 4] = [1.0, 2.0, 5.0, 10.0];
/// Points of such a line.
const SAMPLES: usize = 81;
/// Sizes that are named along the line.
const NAMED: usize = 9;
/// Ways that cost more than the least times this are not worth a look.
const DEAR: f64 = 20.0;

/// Training cost across, serving cost upwards, along the sizes that end at the loss of `plan`; `trade` is
/// [`Fit::trade`](isoflop::Fit::trade) of the problem that the plan answers.
///
/// Sizes larger than the one that is cheapest to train cost more of both. Where training and serving have one unit, straight costs are lines of
/// equal total, and the plan stands where the least of them touches. `None` of a trade without runs.
///
/// # Source
/// Sardana et al. 2024, arXiv:2401.00448.
pub fn pareto(plan: &Plan, trade: &Trade) -> Option<Figure> {
    let trade = &affordable(trade);
    let here = *nearest(trade, plan.params.value)?;
    let units = Units::of(trade.unit);
    let mut panel = Panel::new(
        Axis::logarithmic(units.training, units.of_training),
        Axis::logarithmic(units.serving, units.of_serving),
    );
    panel.height = 420.0;
    if trade.unit != TradeUnit::FlopsPerToken {
        panel.marks.extend(TOTALS.map(|times| equal_total(times, here.total(), &units)));
    }
    let at = |run: &Traded| (run.training, run.serving);
    let least_training = trade.runs.iter().map(|run| run.training).fold(f64::INFINITY, f64::min);
    let cheapest = trade.runs.iter().position(|run| run.training == least_training)?;
    let (worth, not_worth) = (&trade.runs[..=cheapest], &trade.runs[cheapest..]);
    let color = Color::class(0, 1);
    panel.push(Mark::line("sizes of one loss", color, worth.iter().map(at).collect()));
    panel.push(Mark::line("larger than is cheapest to train", color, not_worth.iter().map(at).collect()).dashed());
    let flat = plan.flat_range;
    let good = trade.runs.iter().filter(|run| (flat.params_lo..=flat.params_hi).contains(&run.params)).map(at);
    let text = format!("within {}", numbers::level(flat.tolerance));
    let zone = Mark::line("as good", Color::Accent, good.collect()).weighing(Weight::Bold);
    panel.push(zone.labelled(Label::beside(text, 0.9, Side::Left)));
    panel.push(named(trade, &units));
    let words = units.words(&here);
    let dot = Dot::at(here.training, here.serving).named(words.as_str());
    let dot = dot.labelled(format!("planned: {} on {}", numbers::count(here.params), numbers::count(here.tokens)));
    panel.push(Mark::dots("planned", Color::Accent, Marker::Circle, vec![dot]).open());
    Some(Figure { title: title(plan, trade, &here, &units), caption: caption(plan, trade), ..Figure::of(panel) })
}

/// The ways that are worth a look.
fn affordable(trade: &Trade) -> Trade {
    let cost = |run: &Traded| if trade.unit == TradeUnit::FlopsPerToken { run.training } else { run.total() };
    let least = trade.runs.iter().map(cost).fold(f64::INFINITY, f64::min);
    let runs = trade.runs.iter().filter(|run| cost(run) <= DEAR * least).copied().collect();
    Trade { runs, ..trade.clone() }
}

/// How the costs of a trade are named and written.
struct Units {
    training: &'static str,
    serving: &'static str,
    of_training: Quantity,
    of_serving: Quantity,
}

impl Units {
    fn of(unit: TradeUnit) -> Self {
        let (training, serving, of_training, of_serving) = match unit {
            TradeUnit::Dollars => ("training, dollars", "serving, dollars", Quantity::Dollars, Quantity::Dollars),
            TradeUnit::Flops => ("training, FLOP", "serving, FLOP", Quantity::Compute, Quantity::Compute),
            TradeUnit::FlopsPerToken => {
                ("training, FLOP", "serving, FLOP a token", Quantity::Compute, Quantity::Compute)
            }
        };
        Self { training, serving, of_training, of_serving }
    }

    fn amount(&self, value: f64) -> String {
        match self.of_serving {
            Quantity::Dollars => words::dollars(value),
            _ => format!("{} FLOP", numbers::compute(value, 3)),
        }
    }

    fn words(&self, run: &Traded) -> String {
        format!(
            "{} on {} tokens: training {}, serving {}",
            numbers::count(run.params),
            numbers::count(run.tokens),
            self.amount(run.training),
            self.amount(run.serving)
        )
    }
}

/// The way whose size is nearest to `params`.
fn nearest(trade: &Trade, params: f64) -> Option<&Traded> {
    let off = |run: &&Traded| (run.params / params).ln().abs();
    trade.runs.iter().min_by(|one, other| off(one).total_cmp(&off(other)))
}

/// All costs that together come to `times` the least.
fn equal_total(times: f64, least: f64, units: &Units) -> Mark {
    let total = times * least;
    // Evenly along both arms: shares of the total by their logits.
    let share = |step: usize| 1.0 / (1.0 + (12.0 - 24.0 * step as f64 / (SAMPLES - 1) as f64).exp());
    let points = (0..SAMPLES).map(share).map(|share| (share * total, (1.0 - share) * total)).collect();
    let text = format!("{} in all", units.amount(total));
    let line = Mark::line(text.as_str(), Color::Muted, points).dashed().weighing(Weight::Thin);
    line.labelled(Label::beside(text, 0.02, Side::Right)).stretching(Extent::Nothing, Extent::Nothing)
}

/// Some of the sizes, with their names.
fn named(trade: &Trade, units: &Units) -> Mark {
    let every = (trade.runs.len() / NAMED).max(1);
    let dot = |run: &Traded| {
        Dot::at(run.training, run.serving).named(units.words(run)).labelled(numbers::count_to(run.params, 2))
    };
    let dots = trade.runs.iter().step_by(every).map(dot).collect();
    Mark::dots("sizes", Color::Muted, Marker::Circle, dots).sized(Size::Small)
}

fn title(plan: &Plan, trade: &Trade, here: &Traded, units: &Units) -> String {
    match (trade.unit, &plan.serving) {
        (TradeUnit::Dollars | TradeUnit::Flops, Some(serving)) => format!(
            "To serve {} tokens at loss {}, {} parameters are cheapest: {} in all",
            numbers::count(serving.tokens),
            numbers::general(trade.loss, 4),
            numbers::count(here.params),
            units.amount(here.total())
        ),
        _ => format!("Smaller models reach loss {} with more training", numbers::general(trade.loss, 4)),
    }
}

fn caption(plan: &Plan, trade: &Trade) -> String {
    let totals = match trade.unit {
        TradeUnit::FlopsPerToken => {
            "Nothing is said of how much is served, so training and serving have no sum (--serve TOKENS).".to_owned()
        }
        _ => "Dashed grey: equal costs in all; the plan, an open circle, stands where the least of them touches the line.".to_owned(),
    };
    format!(
        "Line: sizes, each on the fewest tokens that end at loss {} in the middle of the draws; dashed where a smaller one costs less of both. Bold: sizes \
         within {} of the least ({} to {}). {totals} Assumed: {}. N: {}.",
        numbers::general(trade.loss, 4),
        numbers::level(plan.flat_range.tolerance),
        numbers::count(plan.flat_range.params_lo),
        numbers::count(plan.flat_range.params_hi),
        plan.assumptions.join("; "),
        plan.param_counting
    )
}
