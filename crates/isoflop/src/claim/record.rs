//! The track record: what became of many claims, and whether their intervals hold as often as they say.

use std::collections::BTreeMap;

use serde::Serialize;

use super::error::ClaimError;
use super::sealed::Claim;
use super::verdict::Verdict;

const RECORD_SCHEMA: &str = "isoflop.record/1";

/// Levels at which a record says how often intervals held.
const LEVELS: [f64; 4] = [0.5, 0.8, 0.9, 0.95];

/// 95 % point of the normal: intervals of coverage hold 90 %.
const NORMAL_95: f64 = 1.644_853_626_951_472_2;

/// How the claims of one record did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrackRecord {
    /// `isoflop.record/1`.
    pub schema: &'static str,
    /// Hash of the latest claim: who makes it known can show later that no claim up to it was changed or removed.
    pub head: Option<String>,
    /// How many claims were judged.
    pub judged: usize,
    /// How many of these held at their own level.
    pub inside: usize,
    /// How many should have: the sum of their levels.
    pub expected_inside: f64,
    /// Probability that so few or fewer hold if every interval is as wide as it should be; `None` before the first verdict.
    pub so_few: Option<f64>,
    /// Probability that so many or more hold.
    pub so_many: Option<f64>,
    /// How often the intervals of each level held.
    pub coverage: Vec<Coverage>,
    /// Mean width of the judged intervals at their own level, over the predicted loss.
    pub sharpness: Option<f64>,
    /// Mean of predicted over observed, minus one: above zero, claims are too pessimistic.
    pub mean_error: Option<f64>,
    /// Mean of its size.
    pub mean_absolute_error: Option<f64>,
    /// The share of runs that each judged claim expected to end lower than its own did, rising: even between 0 and 1 when claims
    /// are calibrated.
    pub percentiles: Vec<f64>,
    /// The claims in their order.
    pub claims: Vec<Entry>,
}

/// How often the intervals of one level held.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Coverage {
    /// Nominal level.
    pub level: f64,
    /// Verdicts whose claim has an interval of that level.
    pub judged: usize,
    /// Those inside it.
    pub inside: usize,
    /// Their share.
    pub share: f64,
    /// Lower end of the 90 % interval of the share, as if verdicts were independent (Wilson 1927, doi:10.2307/2276774).
    pub lo: f64,
    /// Upper end.
    pub hi: f64,
}

/// One claim and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// The claim.
    pub claim: Claim,
    /// Its verdict; `None` while its run is not judged.
    pub verdict: Option<Verdict>,
}

impl Entry {
    /// Width of the claim's interval at its own level, over the predicted loss.
    pub fn width(&self) -> Option<f64> {
        let loss = self.claim.loss;
        loss.lo.zip(loss.hi).map(|(lo, hi)| (hi - lo) / loss.value)
    }
}

impl TrackRecord {
    /// The record of `claims` in their order, and of the `verdicts` on some of them in any order.
    ///
    /// # Errors
    /// [`ClaimError::BrokenChain`] when a claim was removed, added or moved; [`ClaimError::OrphanVerdict`],
    /// [`ClaimError::TwoVerdicts`] and [`ClaimError::FalseVerdict`] for verdicts that belong to no claim, to one that has another,
    /// or do not follow from theirs. Claims removed from the end leave no trace in the rest: see [`TrackRecord::check_known`].
    pub fn new(claims: Vec<Claim>, verdicts: Vec<Verdict>) -> Result<Self, ClaimError> {
        Claim::check_chain(&claims)?;
        let mut by_claim: BTreeMap<String, Verdict> = BTreeMap::new();
        for verdict in verdicts {
            let name = || verdict.name.clone();
            let claim = claims.iter().find(|claim| claim.hash == verdict.claim);
            let claim = claim.ok_or_else(|| ClaimError::OrphanVerdict { name: name() })?;
            if !verdict.follows_from(claim) {
                return Err(ClaimError::FalseVerdict { name: name() });
            }
            if let Some(other) = by_claim.insert(verdict.claim.clone(), verdict) {
                return Err(ClaimError::TwoVerdicts { name: other.name });
            }
        }
        let entries = claims.into_iter().map(|claim| Entry { verdict: by_claim.remove(&claim.hash), claim });
        Ok(Self::of(entries.collect()))
    }

    fn of(claims: Vec<Entry>) -> Self {
        let judged: Vec<(&Entry, &Verdict)> =
            claims.iter().filter_map(|entry| Some((entry, entry.verdict.as_ref()?))).collect();
        let mean = |of: &dyn Fn(&Entry, &Verdict) -> Option<f64>| {
            let values: Vec<f64> = judged.iter().filter_map(|(entry, verdict)| of(entry, verdict)).collect();
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        };
        let levels: Vec<f64> = judged.iter().map(|(_, verdict)| verdict.level).collect();
        let inside = judged.iter().filter(|(_, verdict)| verdict.inside).count();
        let counts = counts_inside(&levels);
        let share = |counts: &[f64]| (!judged.is_empty()).then(|| counts.iter().sum::<f64>().min(1.0));
        let mut percentiles: Vec<f64> = judged.iter().map(|(_, verdict)| verdict.percentile).collect();
        percentiles.sort_by(f64::total_cmp);
        Self {
            schema: RECORD_SCHEMA,
            head: claims.last().map(|entry| entry.claim.hash.clone()),
            judged: judged.len(),
            inside,
            expected_inside: levels.iter().sum(),
            so_few: share(&counts[..=inside]),
            so_many: share(&counts[inside..]),
            coverage: LEVELS.into_iter().filter_map(|level| Coverage::of(level, &judged)).collect(),
            sharpness: mean(&|entry, _| entry.width()),
            mean_error: mean(&|_, verdict| Some(verdict.error)),
            mean_absolute_error: mean(&|_, verdict| Some(verdict.error.abs())),
            percentiles,
            claims,
        }
    }

    /// Checks that the claim with this hash, made known earlier, is still in the record.
    ///
    /// # Errors
    /// [`ClaimError::Missing`]: claims were removed from the end, or the whole chain was written anew.
    pub fn check_known(&self, hash: &str) -> Result<(), ClaimError> {
        match self.claims.iter().any(|entry| entry.claim.hash == hash) {
            true => Ok(()),
            false => Err(ClaimError::Missing { hash: hash.to_owned() }),
        }
    }
}

impl Coverage {
    /// Of the claims that have an interval of `level`; `None` when none has.
    fn of(level: f64, judged: &[(&Entry, &Verdict)]) -> Option<Self> {
        let held = judged.iter().filter_map(|(entry, verdict)| {
            let (lo, hi) = entry.claim.distribution.interval(level)?;
            Some((lo..=hi).contains(&verdict.observed.get()))
        });
        let (judged, inside) = held.fold((0, 0), |(judged, inside), held| (judged + 1, inside + usize::from(held)));
        (judged > 0).then(|| {
            let (lo, hi) = wilson(inside, judged);
            Self { level, judged, inside, share: inside as f64 / judged as f64, lo, hi }
        })
    }
}

/// The 90 % interval of a share of which `inside` of `judged` were seen (Wilson 1927).
fn wilson(inside: usize, judged: usize) -> (f64, f64) {
    let (count, share) = (judged as f64, inside as f64 / judged as f64);
    let square = NORMAL_95 * NORMAL_95 / count;
    let centre = (share + 0.5 * square) / (1.0 + square);
    let half = NORMAL_95 * (share * (1.0 - share) / count + 0.25 * square / count).sqrt() / (1.0 + square);
    ((centre - half).max(0.0), (centre + half).min(1.0))
}

/// Probability of each number of claims inside, from none to all, when each holds with its own level, independently.
fn counts_inside(levels: &[f64]) -> Vec<f64> {
    let mut counts = vec![1.0];
    for level in levels {
        counts.push(0.0);
        for inside in (0..counts.len()).rev() {
            let one_fewer = if inside > 0 { counts[inside - 1] } else { 0.0 };
            counts[inside] = counts[inside] * (1.0 - level) + one_fewer * level;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_binomial_where_levels_are_equal() {
        let counts = counts_inside(&[0.9; 5]);
        let binomial = [1e-5, 4.5e-4, 8.1e-3, 7.29e-2, 0.328_05, 0.590_49];
        assert!(counts.iter().zip(binomial).all(|(count, expected)| (count - expected).abs() < 1e-12), "{counts:?}");
        assert_eq!(counts_inside(&[]), [1.0]);
    }

    #[test]
    fn intervals_of_shares_are_wilsons() {
        // The roots of (p - 0.9)^2 = z^2 p (1 - p)/10.
        let (low, high) = wilson(9, 10);
        for root in [low, high] {
            assert!(((root - 0.9).powi(2) - NORMAL_95 * NORMAL_95 * root * (1.0 - root) / 10.0).abs() < 1e-12);
        }
        assert!(low < 0.9 && 0.9 < high);
        assert_eq!(wilson(0, 10).0, 0.0);
    }
}
