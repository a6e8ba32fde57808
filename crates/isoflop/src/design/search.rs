//! The batch of runs that leaves the least doubt under a budget, or reaches some doubt most cheaply: greedy by gain per cost to some
//! power, then exchange.

use super::candidates::Candidate;
use super::conditioning::Joint;
use super::next::{NextRun, Purpose};

/// Powers of the cost by which a gain is divided. Low ones buy large runs first, high ones cheap ones; the finished batch that leaves
/// the least doubt is kept (Li et al. 2026, arXiv:2604.22753, use 0.4 alone).
const POWERS: [f64; 6] = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0];
/// Powers by which a gap in a finished batch is filled anew.
const FILLING_POWERS: [f64; 3] = [0.0, 0.5, 1.0];
/// A relative gain below this is rounding.
const GAIN: f64 = 1e-6;
/// Rounds of exchange; each gains less, and after a handful none does.
const ROUNDS: usize = 30;
/// Share of the cost of a batch for which a cheaper one is looked for.
const LESS: f64 = 0.9;

/// What can be bought, and what it is bought for. Quantity i of every joint is candidate i.
pub(crate) struct Problem<'a> {
    /// Cost of each candidate.
    pub(crate) costs: &'a [f64],
    /// Variance of one run around the law, for each candidate.
    pub(crate) noise: &'a [f64],
    /// What is asked: quantities of the joints, with the weights of their variances.
    pub(crate) asked: &'a [(usize, f64)],
    /// What a unit of cost counts beside the weighted variance: zero where the budget is there to be spent, and above it where a run
    /// must be worth its cost.
    pub(crate) price: f64,
    /// The most that a batch may cost.
    pub(crate) budget: f64,
    /// The most runs it may have.
    pub(crate) max_runs: usize,
}

/// Runs chosen so far, and what is then left to doubt.
#[derive(Clone)]
pub(crate) struct Batch {
    /// How often each candidate is run.
    pub(crate) repeats: Vec<usize>,
    /// The doubt after them, one joint for each assumption that is averaged over.
    pub(crate) joints: Vec<Joint>,
    left: f64,
}

impl Problem<'_> {
    /// The best batch found, from `joints` as they are before any run.
    pub(crate) fn best_batch(&self, joints: &[Joint]) -> Batch {
        let empty = self.batch(joints, &vec![0; self.costs.len()]);
        let batches = POWERS.iter().map(|power| {
            let mut batch = empty.clone();
            // Runs that are worth their cost only together would not be found one by one: buy first, give back then.
            self.fill(&mut batch, *power, 0.0);
            if self.price > 0.0 {
                self.give_back(&mut batch);
            }
            self.exchange(batch)
        });
        let finished = batches.map(|batch| (self.aim(&batch), batch));
        let best = finished.reduce(|best, next| if next.0 < best.0 { next } else { best });
        best.map_or(empty, |(_, batch)| batch)
    }

    /// The cheapest batch found after which the doubt is no more than `enough`; `None` where the budget and the number of runs buy none.
    pub(crate) fn cheapest_batch(&self, joints: &[Joint], enough: f64) -> Option<Batch> {
        let reaches = |batch: &Batch| self.doubt(&batch.joints) <= enough;
        let empty = self.batch(joints, &vec![0; self.costs.len()]);
        if reaches(&empty) {
            return Some(empty);
        }
        if self.least_doubt(joints) > enough {
            return None;
        }
        let filled = POWERS.iter().map(|power| {
            let mut batch = empty.clone();
            while !reaches(&batch) && self.add_best(&mut batch, *power, 0.0) {}
            batch
        });
        let cheaper = |one: Batch, other: Batch| if self.spent(&other) < self.spent(&one) { other } else { one };
        let mut found = filled.filter(reaches).reduce(cheaper)?;
        for _ in 0..ROUNDS {
            let problem = Problem { budget: LESS * self.spent(&found), ..*self };
            match Some(problem.best_batch(joints)).filter(reaches) {
                Some(batch) => found = batch,
                None => break,
            }
        }
        Some(found)
    }

    /// A bound that no batch goes below: every candidate as often as runs are allowed in all.
    fn least_doubt(&self, joints: &[Joint]) -> f64 {
        let mut all = joints.to_vec();
        for joint in &mut all {
            for (candidate, noise) in self.noise.iter().enumerate() {
                joint.observe(candidate, noise / self.max_runs.max(1) as f64);
            }
        }
        self.doubt(&all)
    }

    /// What `batch` costs.
    pub(crate) fn spent(&self, batch: &Batch) -> f64 {
        batch.repeats.iter().zip(self.costs).map(|(repeats, cost)| *repeats as f64 * cost).sum()
    }

    /// The runs of `batch`, the cheapest first, each setting for what `purpose` says of its candidate and then as often as it is repeated.
    pub(crate) fn runs(
        &self,
        batch: &Batch,
        candidates: &[Candidate],
        purpose: impl Fn(usize) -> Purpose,
    ) -> Vec<NextRun> {
        let mut order: Vec<usize> = (0..self.costs.len()).filter(|candidate| batch.repeats[*candidate] > 0).collect();
        order.sort_by(|a, b| self.costs[*a].total_cmp(&self.costs[*b]));
        let runs = order.into_iter().flat_map(|candidate| {
            let first = std::iter::once(purpose(candidate));
            let purposes = first.chain(std::iter::repeat_n(Purpose::Replicate, batch.repeats[candidate] - 1));
            purposes.map(move |purpose| NextRun::of(&candidates[candidate], purpose))
        });
        runs.collect()
    }

    /// What is minimised: the doubt, and the cost at its price.
    fn aim(&self, batch: &Batch) -> f64 {
        self.doubt(&batch.joints) + self.price_of(self.spent(batch), batch)
    }

    /// What `cost` counts, for each of the joints that the doubt is summed over.
    fn price_of(&self, cost: f64, batch: &Batch) -> f64 {
        self.price * cost * batch.joints.len() as f64
    }

    /// Whether one more run could be paid and would tell something, be it worth its cost or not.
    pub(crate) fn could_go_on(&self, batch: &Batch) -> bool {
        let now = self.doubt(&batch.joints);
        let tells = |candidate: usize| self.doubt_given(&batch.joints, candidate) < now * (1.0 - GAIN);
        batch.repeats.iter().sum::<usize>() < self.max_runs
            && (0..self.costs.len()).any(|candidate| self.costs[candidate] <= batch.left && tells(candidate))
    }

    /// The weighted variance of what is asked, summed over the joints.
    pub(crate) fn doubt(&self, joints: &[Joint]) -> f64 {
        let of = |joint: &Joint| self.asked.iter().map(|(asked, weight)| weight * joint.variance(*asked)).sum::<f64>();
        joints.iter().map(of).sum()
    }

    /// The same after one more run of `candidate`.
    fn doubt_given(&self, joints: &[Joint], candidate: usize) -> f64 {
        let noise = self.noise[candidate];
        let of = |joint: &Joint| {
            let left = |(asked, weight): &(usize, f64)| weight * joint.variance_given(*asked, candidate, noise);
            self.asked.iter().map(left).sum::<f64>()
        };
        joints.iter().map(of).sum()
    }

    /// The batch of so many `repeats` of each candidate, from `joints` as they are before any run: without the rounding of runs that were
    /// added and taken out on the way.
    pub(crate) fn batch(&self, joints: &[Joint], repeats: &[usize]) -> Batch {
        let mut batch = Batch { repeats: vec![0; repeats.len()], joints: joints.to_vec(), left: self.budget };
        for (candidate, repeats) in repeats.iter().enumerate() {
            (0..*repeats).for_each(|_| self.add(&mut batch, candidate));
        }
        batch
    }

    /// Adds one run of `candidate`.
    pub(crate) fn add(&self, batch: &mut Batch, candidate: usize) {
        batch.repeats[candidate] += 1;
        batch.left -= self.costs[candidate];
        batch.joints.iter_mut().for_each(|joint| joint.observe(candidate, self.noise[candidate]));
    }

    /// Takes one run of `candidate` out.
    pub(crate) fn remove(&self, batch: &mut Batch, candidate: usize) {
        batch.repeats[candidate] -= 1;
        batch.left += self.costs[candidate];
        batch.joints.iter_mut().for_each(|joint| joint.forget(candidate, self.noise[candidate]));
    }

    /// Adds runs to `batch`, one after the other, while one can be paid and gains more than its cost at `price`.
    fn fill(&self, batch: &mut Batch, power: f64, price: f64) {
        while self.add_best(batch, power, price) {}
    }

    /// Adds the run of the largest gain, less its cost at `price`, per cost^`power`; false where none can be paid or gains anything.
    fn add_best(&self, batch: &mut Batch, power: f64, price: f64) -> bool {
        if batch.repeats.iter().sum::<usize>() >= self.max_runs {
            return false;
        }
        let now = self.doubt(&batch.joints);
        let worth = |candidate: usize| {
            let cost = price * self.costs[candidate] * batch.joints.len() as f64;
            let gain = now - self.doubt_given(&batch.joints, candidate) - cost;
            gain / self.costs[candidate].powf(power)
        };
        let affordable = (0..self.costs.len()).filter(|candidate| self.costs[*candidate] <= batch.left);
        let judged = affordable.map(|candidate| (candidate, worth(candidate))).filter(|(_, worth)| *worth > 0.0);
        let best = judged.reduce(|best, next| if next.1 > best.1 { next } else { best });
        if let Some((best, _)) = best {
            self.add(batch, best);
        }
        best.is_some()
    }

    /// Takes runs out, the one that tells least for its cost first, while it is not worth that cost.
    fn give_back(&self, batch: &mut Batch) {
        while let Some(candidate) = self.not_worth_its_cost(batch) {
            self.remove(batch, candidate);
        }
    }

    /// The candidate in `batch` of which one run less loses least for its cost, where that is less than the cost counts.
    fn not_worth_its_cost(&self, batch: &Batch) -> Option<usize> {
        let now = self.doubt(&batch.joints);
        let lost_per_cost = |candidate: usize| {
            let mut without = batch.clone();
            self.remove(&mut without, candidate);
            (self.doubt(&without.joints) - now) / self.costs[candidate]
        };
        let chosen = (0..self.costs.len()).filter(|candidate| batch.repeats[*candidate] > 0);
        let judged = chosen.map(|candidate| (candidate, lost_per_cost(candidate)));
        let least = judged.reduce(|least, next| if next.1 < least.1 { next } else { least });
        least.filter(|(_, lost)| *lost < self.price_of(1.0, batch)).map(|(candidate, _)| candidate)
    }

    /// Takes each run out in turn and fills the gap anew, as long as that serves the aim.
    fn exchange(&self, mut batch: Batch) -> Batch {
        let mut now = self.aim(&batch);
        for _ in 0..ROUNDS {
            let before = now;
            for candidate in 0..self.costs.len() {
                for power in FILLING_POWERS {
                    if batch.repeats[candidate] == 0 {
                        break;
                    }
                    let mut other = batch.clone();
                    self.remove(&mut other, candidate);
                    self.fill(&mut other, power, self.price);
                    let aim = self.aim(&other);
                    if aim < now * (1.0 - GAIN) {
                        (batch, now) = (other, aim);
                        break;
                    }
                }
            }
            if now >= before {
                break;
            }
        }
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four candidates and two things asked, of a random linear model with three unknowns.
    fn model(seed: u64) -> Joint {
        let mut generator = isoflop_numerics::resample::stream(seed, 0);
        let mut normal = || isoflop_numerics::resample::standard_normal(&mut generator);
        let slopes: Vec<[f64; 3]> = (0..6).map(|_| [normal(), normal(), normal()]).collect();
        let unknowns: Vec<[f64; 3]> = (0..200).map(|_| [normal(), normal(), normal()]).collect();
        let along = |slope: &[f64; 3]| {
            unknowns.iter().map(|theta| slope.iter().zip(theta).map(|(a, b)| a * b).sum()).collect::<Vec<f64>>()
        };
        Joint::of_draws(&slopes.iter().map(along).collect::<Vec<_>>())
    }

    const PROBLEM: Problem<'_> = Problem {
        costs: &[1.0, 2.0, 3.5, 5.0],
        noise: &[0.5, 0.3, 0.2, 0.1],
        asked: &[(4, 1.0), (5, 0.3)],
        price: 0.0,
        budget: 11.0,
        max_runs: 5,
    };

    /// What every batch within the budget and the number of runs costs, with the doubt that it leaves.
    fn every_batch(problem: &Problem<'_>, joint: &Joint) -> Vec<(f64, f64)> {
        let most = problem.max_runs;
        let batches = (0..(most + 1).pow(4))
            .map(|code| -> Vec<usize> { (0..4u32).map(|digit| code / (most + 1).pow(digit) % (most + 1)).collect() });
        let within = batches.filter(|repeats| repeats.iter().sum::<usize>() <= most);
        let judged = within.map(|repeats| {
            let batch = problem.batch(std::slice::from_ref(joint), &repeats);
            (problem.spent(&batch), problem.doubt(&batch.joints))
        });
        judged.filter(|(cost, _)| *cost <= problem.budget).collect()
    }

    /// The least of `what` over batches of a cost and a doubt.
    fn least(batches: &[(f64, f64)], what: impl Fn(f64, f64) -> f64) -> f64 {
        batches.iter().map(|(cost, doubt)| what(*cost, *doubt)).fold(f64::INFINITY, f64::min)
    }

    /// The worst ratio of what the search finds to the best of all batches, over random models; below one would be an error.
    fn worst(problem: &Problem<'_>, found_over_best: impl Fn(&Joint, &[(f64, f64)]) -> f64) -> f64 {
        let ratios = (0..20).map(|seed| {
            let joint = model(seed);
            let ratio = found_over_best(&joint, &every_batch(problem, &joint));
            assert!(ratio > 1.0 - 1e-9, "{ratio}");
            ratio
        });
        ratios.fold(1.0, f64::max)
    }

    #[test]
    fn the_batch_found_is_nearly_the_best_of_all() {
        let worst = worst(&PROBLEM, |joint, all| {
            let batch = PROBLEM.best_batch(std::slice::from_ref(joint));
            assert!(PROBLEM.spent(&batch) <= PROBLEM.budget && batch.repeats.iter().sum::<usize>() <= PROBLEM.max_runs);
            PROBLEM.doubt(&batch.joints) / least(all, |_, doubt| doubt)
        });
        // Runs are exchanged one at a time; where two would have to be, the batch found is not the best.
        assert!(worst < 1.1, "{worst}");
    }

    #[test]
    fn a_price_buys_what_is_worth_it_and_no_more() {
        for price in [0.003, 0.03, 0.3] {
            let problem = Problem { price, ..PROBLEM };
            let worst = worst(&problem, |joint, all| {
                let batch = problem.best_batch(std::slice::from_ref(joint));
                problem.aim(&batch) / least(all, |cost, doubt| doubt + price * cost)
            });
            assert!(worst < 1.1, "{price}: {worst}");
        }
        let joint = model(1);
        let batch = Problem { price: 1e3, ..PROBLEM }.best_batch(std::slice::from_ref(&joint));
        assert_eq!(batch.repeats, [0; 4]);
        assert!(PROBLEM.could_go_on(&batch));
    }

    #[test]
    fn the_cheapest_batch_that_reaches_a_doubt_is_nearly_the_cheapest_of_all() {
        for share in [0.9, 0.5, 0.2] {
            let worst = worst(&PROBLEM, |joint, all| {
                let enough = share * PROBLEM.doubt(std::slice::from_ref(joint));
                let cheapest = least(all, |cost, doubt| if doubt <= enough { cost } else { f64::INFINITY });
                match PROBLEM.cheapest_batch(std::slice::from_ref(joint), enough) {
                    Some(batch) => {
                        assert!(PROBLEM.doubt(&batch.joints) <= enough);
                        PROBLEM.spent(&batch) / cheapest
                    }
                    None => {
                        if cheapest.is_finite() {
                            f64::INFINITY
                        } else {
                            1.0
                        }
                    }
                }
            });
            // The cost has steps of one: the next dearer batch of two or three runs is half as dear again.
            assert!(worst <= 1.5, "{share}: {worst}");
        }
        let joint = model(1);
        let nothing = PROBLEM.cheapest_batch(std::slice::from_ref(&joint), f64::INFINITY).unwrap();
        assert_eq!(nothing.repeats, [0; 4]);
        assert!(PROBLEM.cheapest_batch(std::slice::from_ref(&joint), 0.0).is_none());
    }
}
