//! Reliability: how often intervals of every level held, against the level they claim.

use isoflop::TrackRecord;

use crate::figure::{Axis, Color, Dot, Figure, Mark, Marker, Panel, Quantity};
use crate::numbers;

/// Points of the band's edges.
const SAMPLES: usize = 101;
/// 95 % point of the normal: the band holds 90 %.
const NORMAL_95: f64 = 1.645;

/// Level across, share of verdicts inside the central interval of that level upwards.
///
/// A verdict at percentile p lies inside every central interval of level |2p - 1| and more. Around the diagonal, a band holds the share
/// of so many independent verdicts nine times in ten when claims are calibrated (Brocker & Smith 2007, doi:10.1175/WAF993.1).
pub fn reliability(record: &TrackRecord) -> Figure {
    let share = |name| Axis::linear(name, Quantity::Share).exactly(0.0, 1.0);
    let mut panel =
        Panel { height: 440.0, ..Panel::new(share("level of the interval"), share("share of verdicts inside")) };
    if record.judged > 0 {
        panel.push(Mark::band("calibrated", Color::Ramp(0.0), band(record.judged)));
    }
    panel.push(Mark::line("as claimed", Color::Muted, vec![(0.0, 0.0), (1.0, 1.0)]).dashed());
    let color = Color::Ramp(1.0);
    if !record.percentiles.is_empty() {
        panel.push(Mark::line("verdicts", color, held(record)));
    }
    let dots = record.coverage.iter().map(|coverage| {
        let name = format!("{}: {} of {} held", numbers::level(coverage.level), coverage.inside, coverage.judged);
        Dot::at(coverage.level, coverage.share).named(name)
    });
    if record.judged > 0 {
        panel.push(Mark::dots("levels most quoted", color, Marker::Circle, dots.collect()));
    }
    Figure { title: title(record), caption: caption(record), width: 540.0, ..Figure::of(panel) }
}

fn title(record: &TrackRecord) -> String {
    match record.judged {
        0 => "No claim has been judged yet".to_owned(),
        judged => format!("{} of {judged} claims held, where {:.1} should have", record.inside, record.expected_inside),
    }
}

fn caption(record: &TrackRecord) -> String {
    let count = numbers::whole(record.judged);
    format!(
        "Line: share of {count} verdicts inside the central interval of each level. Dots: the levels most quoted. Diagonal: as \
         claimed; the band around it holds nine in ten of calibrated records of {count} independent verdicts. Above it intervals \
         are wider than they say, below it narrower."
    )
}

/// Where shares of `judged` verdicts lie around the diagonal.
fn band(judged: usize) -> Vec<(f64, f64, f64)> {
    let half = |level: f64| NORMAL_95 * (level * (1.0 - level) / judged as f64).sqrt();
    let levels = (0..SAMPLES).map(|step| step as f64 / (SAMPLES - 1) as f64);
    levels.map(|level| (level, (level - half(level)).max(0.0), (level + half(level)).min(1.0))).collect()
}

/// The share of verdicts inside, level by level.
fn held(record: &TrackRecord) -> Vec<(f64, f64)> {
    let mut levels: Vec<f64> = record.percentiles.iter().map(|percentile| (2.0 * percentile - 1.0).abs()).collect();
    levels.sort_by(f64::total_cmp);
    let share = |count: usize| count as f64 / levels.len() as f64;
    let steps =
        levels.iter().enumerate().flat_map(|(before, level)| [(*level, share(before)), (*level, share(before + 1))]);
    std::iter::once((0.0, 0.0)).chain(steps).chain([(1.0, 1.0)]).collect()
}
