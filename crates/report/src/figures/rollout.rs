//! Whether the forecast of the largest runs came to rest as the ladder grew.

use isoflop::backtest::{Backtest, Forecast};

use crate::escape;
use crate::figure::{
    Axis, Color, Direction, Dot, Extent, Figure, Label, Mark, Marker, Panel, Quantity, Side, Size, Whisker,
};
use crate::numbers;

use super::shared;

/// Laws beside each other stand apart by this factor of compute.
const APART: f64 = 1.06;

/// Largest compute that was fitted across, the forecast of the best run of the top upwards with its interval, beside what it reached.
///
/// The cuts of `tested` are best those of [`Cut::below_the_top`](isoflop::backtest::Cut::below_the_top). `None` where no law forecast a run of
/// the top.
pub fn rollout(tested: &Backtest) -> Option<Figure> {
    let all = || tested.laws.iter().flat_map(|law| &law.forecasts);
    let judged = all().min_by(|one, other| one.observed.total_cmp(&other.observed))?;
    let reached = judged.observed;
    let fitted = |forecast: &Forecast| Some(tested.origins.get(forecast.origin)?.largest_fitted.get());
    let flops = fitted(judged)? * 10f64.powf(judged.decades);

    let mut panel = Panel::new(
        Axis::logarithmic("compute of the largest fitted run, FLOP", Quantity::Compute),
        Axis::linear("loss of the best of the largest runs, nats per token", Quantity::Plain),
    );
    let truth = numbers::general(reached, 4);
    let line = Mark::rule("reached", Color::Ink, Direction::Upwards, reached).stretching(Extent::Nothing, Extent::All);
    panel.push(line);
    for (index, law) in tested.laws.iter().enumerate() {
        let shift = APART.powf(index as f64 - 0.5 * (tested.laws.len() - 1) as f64);
        let forecasts = law.forecasts.iter().filter(|forecast| forecast.place == judged.place);
        let mut points: Vec<(f64, &Forecast)> =
            forecasts.filter_map(|forecast| Some((fitted(forecast)?, forecast))).collect();
        points.sort_by(|one, other| one.0.total_cmp(&other.0));
        let loss = |off: f64| reached * off.exp();
        let dot = |(from, forecast): &(f64, &Forecast)| {
            let (low, high) = forecast.bands[forecast.bands.len() - 1];
            let name = format!(
                "{} fitted up to {} FLOP: {} ({}-{} at {}), {}",
                law.law,
                numbers::compute(*from, 2),
                numbers::general(loss(forecast.error), 4),
                numbers::general(loss(low), 4),
                numbers::general(loss(high), 4),
                numbers::level(tested.level),
                numbers::signed_percent(forecast.error.exp_m1())
            );
            Dot::at(from * shift, loss(forecast.error)).upwards(loss(low), loss(high)).named(name)
        };
        let color = Color::class(index, tested.laws.len());
        let line = points.iter().map(|(from, forecast)| (from * shift, loss(forecast.error))).collect();
        let line = Mark::line(law.law.as_str(), color, line);
        // One law alone is named in the caption.
        let several = tested.laws.len() > 1;
        panel.push(if several { line.labelled(Label::beside(law.law.as_str(), 0.0, Side::Above)) } else { line });
        let dots = points.iter().map(dot).collect();
        panel.push(Mark::dots(law.law.as_str(), color, Marker::class(index), dots).with_whiskers(Whisker::Capped));
    }
    let name = escape::shorten(&judged.run, shared::LONGEST);
    let star = Dot::at(flops, reached).named(format!("{name}: {truth}")).labelled(format!("reached {truth}"));
    panel.push(Mark::dots("reached", Color::Ink, Marker::Star, vec![star]).sized(Size::Large));
    let first = || tested.laws.iter().take(1).flat_map(|law| &law.forecasts);
    let of_top = || first().filter(|forecast| forecast.place == judged.place);
    let held = of_top().filter(|forecast| {
        let (low, high) = forecast.bands[forecast.bands.len() - 1];
        (low..=high).contains(&0.0)
    });
    let title = format!("{} of {} forecasts of the largest run held what it reached", held.count(), of_top().count());
    Some(Figure {
        title,
        subtitle: format!("{} runs, {} dropped", numbers::whole(tested.n_runs), numbers::whole(tested.n_dropped)),
        caption: caption(tested),
        ..Figure::of(panel)
    })
}

fn caption(tested: &Backtest) -> String {
    let laws: Vec<String> = tested.laws.iter().map(|law| format!("{}: {}", law.law, law.formula)).collect();
    format!(
        "Each point is a fit of the runs up to that compute alone, and what it says of the run with the lowest loss at the largest budget; bars: {} \
         interval of one new run. Star and dashed line: what that run reached. A forecast to be trusted comes to rest on the line, with bars that \
         shrink towards it and hold it. Law: {}. Loss: nats per token, held-out text.",
        numbers::level(tested.level),
        laws.join("; ")
    )
}
