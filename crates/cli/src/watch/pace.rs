//! How long runs will still take: from what was expected of them, and from how fast they went since.

/// Below this share of the work, and these seconds, what was expected says more than what was seen.
const SEEN_SHARE: f64 = 0.02;
const SEEN_SECONDS: f64 = 3.0;

/// The work of some runs, and how fast it is done.
pub(super) struct Pace {
    /// Seconds of each run on one core where they were measured, otherwise any measure of work.
    work: Vec<f64>,
    /// Share of each run that was done before.
    before: Vec<f64>,
    /// Whether `work` is in seconds.
    measured: bool,
    cores: f64,
}

impl Pace {
    pub(super) fn new(work: Vec<f64>, measured: bool, cores: usize) -> Self {
        Self { before: vec![0.0; work.len()], work, measured, cores: cores.max(1) as f64 }
    }

    /// Notes that a share of run `place` had been done before the clock started.
    pub(super) fn found_done(&mut self, place: usize, share: f64) {
        self.before[place] = share;
    }

    /// Share of all work that is done.
    pub(super) fn share(&self, shares: &[f64]) -> f64 {
        let all: f64 = self.work.iter().sum();
        let done: f64 = self.work.iter().zip(shares).map(|(work, share)| work * share).sum();
        if all > 0.0 { done / all } else { 0.0 }
    }

    /// Seconds left after `gone` seconds; none before anything is known.
    pub(super) fn left(&self, shares: &[f64], gone: f64) -> Option<f64> {
        let all: f64 = self.work.iter().sum();
        let done: f64 =
            self.work.iter().zip(shares.iter().zip(&self.before)).map(|(work, (now, then))| work * (now - then)).sum();
        let seen = gone >= SEEN_SECONDS && done >= SEEN_SHARE * all;
        // Work a second on all cores.
        let rate = match (seen, self.measured) {
            (true, _) => done / gone,
            (false, true) => self.cores,
            (false, false) => return None,
        };
        let rest = || self.work.iter().zip(shares).map(|(work, share)| work * (1.0 - share));
        // The last run may be alone on its core.
        let longest = rest().fold(0.0, f64::max) / (rate / self.cores.min(self.work.len().max(1) as f64));
        Some((rest().sum::<f64>() / rate).max(longest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measured_work_is_known_from_the_start_and_other_work_once_it_was_seen() {
        let measured = Pace::new(vec![10.0; 8], true, 4);
        assert_eq!(measured.left(&[0.0; 8], 0.0), Some(20.0));
        let unknown = Pace::new(vec![10.0; 8], false, 4);
        assert_eq!(unknown.left(&[0.0; 8], 0.0), None);
        // A quarter is done in five seconds.
        let shares = [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        assert_eq!(unknown.left(&shares, 5.0), Some(15.0));
        assert_eq!(measured.left(&shares, 5.0), Some(15.0));
        assert_eq!(measured.share(&shares), 0.25);
    }

    #[test]
    fn what_was_done_before_says_nothing_about_speed() {
        let mut pace = Pace::new(vec![10.0; 4], false, 2);
        pace.found_done(0, 1.0);
        assert_eq!(pace.left(&[1.0, 0.0, 0.0, 0.0], 5.0), None);
        // One run in five seconds, two to go.
        assert_eq!(pace.left(&[1.0, 1.0, 0.0, 0.0], 5.0), Some(10.0));
    }

    #[test]
    fn one_long_run_at_the_end_takes_its_time() {
        let pace = Pace::new(vec![100.0, 1.0], true, 2);
        assert_eq!(pace.left(&[0.0, 0.0], 0.0), Some(100.0));
    }
}
