//! A track record for people: how many claims held, at every level, how wide they were, and each claim with what became of it.

use isoflop::TrackRecord;
use isoflop::claim::Entry;
use isoflop::predict::Light;

use super::Page;
use crate::escape;
use crate::numbers::{self, Rounded};
use crate::table::{Align, Table};
use crate::words;

/// Claims that the table shows; the JSON has all.
const SHOWN: usize = 20;
/// Verdicts below which coverage is anyone's guess: of twenty at 90 %, two misses are a share known to a tenth.
const FEW: usize = 20;
/// A number of claims inside this improbable speaks against the intervals.
const IMPROBABLE: f64 = 0.05;

/// A track record.
pub fn track_record(record: &TrackRecord) -> String {
    let mut page = Page::default();
    page.answer(&answer(record));
    if record.judged > 0 {
        page.table(&coverage(record));
        page.remark(&verdict(record));
    }
    if !record.claims.is_empty() {
        page.table(&claims(record, record.claims.len().saturating_sub(SHOWN)));
    }
    if record.claims.len() > SHOWN {
        page.remark(&format!("The latest {SHOWN} claims; all are in the JSON."));
    }
    page.facts(&facts(record));
    if record.judged < record.claims.len() {
        page.next("isoflop verify CLAIM RUN", "when a claimed run is done");
    } else {
        page.next("isoflop claim FIT --params N --tokens D", "before the next run starts");
    }
    page.text
}

pub(crate) fn answer(record: &TrackRecord) -> String {
    let claims = match record.claims.len() {
        0 => return "no claims yet".to_owned(),
        1 => "1 claim".to_owned(),
        count => format!("{} claims", numbers::whole(count)),
    };
    if record.judged == 0 {
        return format!("{claims}, none judged yet");
    }
    format!(
        "{claims}, {} judged: {} inside the interval, where {:.1} were expected",
        record.judged, record.inside, record.expected_inside
    )
}

/// What the number inside says about the intervals.
pub(crate) fn verdict(record: &TrackRecord) -> String {
    let chance = |share: Option<f64>| share.filter(|share| *share < IMPROBABLE).map(numbers::percent);
    match (chance(record.so_few), chance(record.so_many)) {
        (Some(chance), _) => {
            format!("The intervals are too narrow: were they right, so few would hold in {chance} of such records.")
        }
        (None, Some(chance)) => {
            format!(
                "The intervals are wider than need be: were they right, so many would hold in {chance} of such records."
            )
        }
        (None, None) if record.judged < FEW => {
            format!("Nothing in this speaks against the intervals; it takes {FEW} verdicts and more to tell much.")
        }
        (None, None) => "Nothing in this speaks against the intervals.".to_owned(),
    }
}

pub(crate) fn coverage(record: &TrackRecord) -> Table {
    let mut table = Table::new([
        ("interval", Align::Right),
        ("held", Align::Right),
        ("share", Align::Right),
        ("90 % interval of the share", Align::Left),
    ]);
    for coverage in &record.coverage {
        table.row([
            &numbers::level(coverage.level),
            &format!("{} of {}", coverage.inside, coverage.judged),
            &numbers::percent(coverage.share),
            &format!("{} to {}", numbers::percent(coverage.lo), numbers::percent(coverage.hi)),
        ]);
    }
    table
}

/// The claims from number `first` on.
pub(crate) fn claims(record: &TrackRecord, first: usize) -> Table {
    let mut table = Table::new([
        ("claim", Align::Left),
        ("sealed", Align::Left),
        ("level", Align::Right),
        ("predicted", Align::Left),
        ("observed", Align::Right),
        ("error", Align::Right),
        ("percentile", Align::Right),
        ("is", Align::Left),
        ("reach", Align::Left),
    ]);
    for Entry { claim, verdict } in &record.claims[first..] {
        let predicted = Rounded::loss(&claim.loss);
        let day = claim.sealed_at.split('T').next().unwrap_or_default();
        let (observed, error, percentile, is) = match verdict {
            Some(verdict) => (
                words::observed(verdict),
                numbers::signed_percent(verdict.error),
                words::percentile(verdict.percentile),
                if verdict.inside { "inside" } else { "MISSED" },
            ),
            None => (String::new(), String::new(), String::new(), "open"),
        };
        let reach = match claim.extrapolation.light {
            Light::Green => "green",
            Light::Amber => "amber",
            Light::Red => "red",
        };
        let predicted = format!("{} ({})", predicted.value, predicted.interval());
        table.row([
            &escape::shorten(&claim.name, 24),
            &escape::shorten(day, 10),
            &numbers::level(claim.level),
            &predicted,
            &observed,
            &error,
            &percentile,
            is,
            reach,
        ]);
    }
    table
}

pub(crate) fn facts(record: &TrackRecord) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if let (Some(width), Some(error), Some(size)) = (record.sharpness, record.mean_error, record.mean_absolute_error) {
        facts.push((
            "width",
            format!(
                "{} of the loss on average: of two records that hold, the narrower is better",
                numbers::percent(width)
            ),
        ));
        facts.push((
            "error",
            format!(
                "{} on average, {} in size (predicted over observed, minus one)",
                numbers::signed_percent(error),
                numbers::percent(size)
            ),
        ));
        facts.push(("percentile", "share of runs that the claim expected to end lower; over many claims they should lie evenly between 0 and 100 %".to_owned()));
    }
    match &record.head {
        Some(head) => {
            facts.push(("chain", "whole: no claim was altered, moved, or removed from between others".to_owned()));
            facts.push(("latest", format!("{head}: make it known, and `isoflop record --known HASH` shows later that none of these claims was removed either")));
        }
        None => facts.push(("chain", "empty".to_owned())),
    }
    facts
}
