//! Reliability: how often intervals of every level held, against the level they claim.

use isoflop::TrackRecord;

use super::color::{Inks, Theme};
use super::scale::Scale;
use super::svg::{Anchor, Lettering, Marker, Point, Rect, Stroke, Svg, text_width};
use crate::numbers;
use crate::wrap;

const WIDTH: f64 = 560.0;
const FRAME: Rect = Rect { left: 70.0, top: 66.0, right: 530.0, bottom: 486.0 };
const CAPTION_TOP: f64 = 546.0;
const CAPTION_LINE: f64 = 16.0;
const CAPTION_SIZE: f64 = 11.5;
/// Steps of the grid: a fifth.
const GRID: usize = 5;
/// Points of the band's edges.
const SAMPLES: usize = 101;
/// 95 % point of the normal: the band holds 90 %.
const NORMAL_95: f64 = 1.645;

/// The figure as a self-contained SVG document: level across, share of verdicts inside the central interval of that level upwards.
///
/// A verdict at percentile p lies inside every central interval of level |2p - 1| and more. Around the diagonal, a band holds the share
/// of so many independent verdicts nine times in ten when claims are calibrated (Brocker & Smith 2007, doi:10.1175/WAF993.1).
pub fn reliability(record: &TrackRecord, theme: Theme) -> String {
    let caption = wrap::lines(&caption(record), |line| text_width(line, CAPTION_SIZE), FRAME.right - FRAME.left);
    let height = CAPTION_TOP + CAPTION_LINE * caption.len() as f64 + 4.0;
    let title = title(record);
    let inks = theme.inks();
    let svg = Svg::new(WIDTH, height, &title, &caption.join(" "), inks.background);
    let mut drawing = Drawing {
        svg,
        across: Scale::linear((0.0, 1.0), (FRAME.left, FRAME.right)),
        upwards: Scale::linear((0.0, 1.0), (FRAME.bottom, FRAME.top)),
        inks,
    };
    drawing.grid();
    drawing.band(record.judged, theme);
    drawing.held(record, theme);
    drawing.words(&title, &caption);
    drawing.svg.finish()
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

/// The figure while it is drawn.
struct Drawing {
    svg: Svg,
    across: Scale,
    upwards: Scale,
    inks: Inks,
}

impl Drawing {
    fn at(&self, level: f64, share: f64) -> Point {
        Point { x: self.across.at(level), y: self.upwards.at(share) }
    }

    fn grid(&mut self) {
        let Inks { grid, muted, .. } = self.inks;
        let word = Lettering { color: muted, size: 11.5, anchor: Anchor::Middle, bold: false, halo: None };
        for step in 0..=GRID {
            let share = step as f64 / GRID as f64;
            let text = numbers::level(share);
            let (left, right) = (self.at(0.0, share), self.at(1.0, share));
            self.svg.line(&[left, right], Stroke::solid(grid, 1.0));
            self.svg.text(Point { x: left.x - 9.0, y: left.y + 4.0 }, &text, Lettering { anchor: Anchor::End, ..word });
            let (low, high) = (self.at(share, 0.0), self.at(share, 1.0));
            self.svg.line(&[low, high], Stroke::solid(grid, 1.0));
            self.svg.text(Point { x: low.x, y: low.y + 19.0 }, &text, word);
        }
        let middle = Point { x: 0.5 * (FRAME.left + FRAME.right), y: FRAME.bottom + 40.0 };
        self.svg.text(middle, "level of the interval", word);
    }

    /// The diagonal, and where shares of `judged` verdicts lie around it.
    fn band(&mut self, judged: usize, theme: Theme) {
        let levels = || (0..SAMPLES).map(|step| step as f64 / (SAMPLES - 1) as f64);
        if judged > 0 {
            let half = |level: f64| NORMAL_95 * (level * (1.0 - level) / judged as f64).sqrt();
            let upper = levels().map(|level| self.at(level, (level + half(level)).min(1.0)));
            let lower = levels().rev().map(|level| self.at(level, (level - half(level)).max(0.0)));
            let outline: Vec<Point> = upper.chain(lower).collect();
            self.svg.area(&outline, &theme.ramp(0, 2), 0.14);
        }
        let diagonal = [self.at(0.0, 0.0), self.at(1.0, 1.0)];
        self.svg.line(&diagonal, Stroke::dashed(self.inks.muted, 1.2));
    }

    /// The share of verdicts inside, level by level.
    fn held(&mut self, record: &TrackRecord, theme: Theme) {
        let mut levels: Vec<f64> = record.percentiles.iter().map(|percentile| (2.0 * percentile - 1.0).abs()).collect();
        levels.sort_by(f64::total_cmp);
        if levels.is_empty() {
            return;
        }
        let mut steps = vec![self.at(0.0, 0.0)];
        for (before, level) in levels.iter().enumerate() {
            let share = |count: usize| count as f64 / levels.len() as f64;
            steps.extend([self.at(*level, share(before)), self.at(*level, share(before + 1))]);
        }
        steps.push(self.at(1.0, 1.0));
        let color = theme.ramp(1, 2);
        self.svg.line(&steps, Stroke::solid(&color, 2.0));
        for coverage in &record.coverage {
            let name = format!("{}: {} of {} held", numbers::level(coverage.level), coverage.inside, coverage.judged);
            let at = self.at(coverage.level, coverage.share);
            self.svg.marker(Marker::Circle, at, 4.5, &color, Stroke::solid(self.inks.background, 1.2), &name);
        }
    }

    fn words(&mut self, title: &str, caption: &[String]) {
        let Inks { ink, muted, .. } = self.inks;
        let bold = Lettering { color: ink, size: 16.0, anchor: Anchor::Start, bold: true, halo: None };
        self.svg.text(Point { x: FRAME.left, y: 28.0 }, title, bold);
        let small = Lettering { color: muted, size: 12.5, bold: false, ..bold };
        self.svg.text(Point { x: FRAME.left, y: 47.0 }, "share of verdicts inside", small);
        let lettering = Lettering { size: CAPTION_SIZE, ..small };
        for (line, text) in caption.iter().enumerate() {
            self.svg.text(Point { x: FRAME.left, y: CAPTION_TOP + CAPTION_LINE * line as f64 }, text, lettering);
        }
    }
}
