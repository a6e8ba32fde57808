//! Weights, moments and gradient of one run: one optimizer step on given sequences, and losses without a step.

use std::ops::Range;

use crate::kernels::adamw::{Update, update};
use crate::kernels::buffer::Buffer;
use crate::kernels::real::Real;
use crate::kernels::reduce::{add, sum_of_squares};
use crate::model::init::initial_weights;
use crate::model::layout::Group;
use crate::model::pass::{Batch, Model, Weights};
use crate::model::workspace::Workspace;
use crate::muon;
use crate::spec::RunSpec;

/// Rows a batch is filled up to: at the widths of the ladder, what a layer reads and writes then stays in the second-level
/// cache. Sequences are never cut, so a longer context is a batch of its own.
const BATCH_ROWS: usize = 256;

/// One run in memory, without the text and the schedule.
pub(crate) struct Trainer<F> {
    pub(crate) model: Model<F>,
    pub(crate) weights: Weights<F>,
    pub(crate) first_moment: Buffer<F>,
    pub(crate) second_moment: Buffer<F>,
    /// One per shard. After [`gradient`](Self::gradient) the first is the gradient of the step.
    gradients: Vec<Buffer<F>>,
    /// One per thread.
    workers: Vec<Worker<F>>,
}

/// What one thread needs to itself.
struct Worker<F> {
    workspace: Workspace<F>,
    batch: Batch,
    /// Without memory where there is no Muon.
    muon: muon::Scratch<F>,
}

impl<F: Real> Trainer<F> {
    /// The run at its beginning, on up to `threads` threads.
    pub(crate) fn new(spec: &RunSpec, threads: usize) -> Self {
        let RunSpec { architecture: shape, block, seed, shards, .. } = spec;
        let model = Model::new(shape, *block);
        let weights = Weights::new(&model.layout, initial_weights(shape, &model.layout, *seed));
        let params = model.layout.params;
        let rows = shape.context * (BATCH_ROWS / shape.context).max(1);
        let muon_sides: Vec<(usize, usize)> = match spec.muon {
            Some(_) => model.layout.hidden().map(|(_, rows, columns)| (rows, columns)).collect(),
            None => Vec::new(),
        };
        let worker = || Worker {
            workspace: Workspace::new(shape, *block, rows),
            batch: Batch::default(),
            muon: muon::Scratch::new(muon_sides.iter().copied()),
        };
        Self {
            weights,
            first_moment: Buffer::zeros(params),
            second_moment: Buffer::zeros(params),
            gradients: vec![Buffer::zeros(params); *shards],
            workers: (0..threads.max(1)).map(|_| worker()).collect(),
            model,
        }
    }

    /// Mean nats per token of `sequences`, leaving the gradient of that mean. Each sequence is its inputs and one more token.
    ///
    /// Shard s of S takes the sequences from `s B/S` to `(s + 1) B/S`; the sums of the shards are added in order, so the
    /// number of threads changes no bit.
    pub(crate) fn gradient(&mut self, sequences: &[&[u16]]) -> f64 {
        let Self { model, weights, gradients, workers, .. } = self;
        let targets: usize = sequences.iter().map(|tokens| tokens.len() - 1).sum();
        let scale = F::from_f64(1.0 / targets as f64);
        let shards = gradients.len();
        let mut losses = vec![0.0; shards];
        let mut jobs: Vec<_> = gradients.iter_mut().zip(&mut losses).enumerate().collect();
        let per_worker = shards.div_ceil(workers.len());
        let work = |worker: &mut Worker<F>, jobs: &mut [(usize, (&mut Buffer<F>, &mut f64))]| {
            for (shard, (gradient, loss)) in jobs {
                let [first, last] = [*shard, *shard + 1].map(|shard| shard * sequences.len() / shards);
                gradient.fill(F::ZERO);
                **loss = 0.0;
                worker.over_batches(&sequences[first..last], |batch, workspace| {
                    model.forward(weights, batch, workspace);
                    model.backward(weights, batch, scale, gradient, workspace);
                    **loss += workspace.losses[..batch.targets.len()].iter().sum::<f64>();
                });
            }
        };
        spread(workers, &mut jobs, per_worker, work);
        let (total, parts) = gradients.split_first_mut().expect("a run has at least one shard");
        for part in parts {
            add(total, part);
        }
        losses.iter().sum::<f64>() / targets as f64
    }

    /// Nats of each sequence, summed over its tokens; the same for any number of threads.
    pub(crate) fn losses(&mut self, sequences: &[&[u16]]) -> Vec<f64> {
        let Self { model, weights, workers, .. } = self;
        let mut losses = vec![0.0; sequences.len()];
        let mut jobs: Vec<_> = sequences.iter().copied().zip(&mut losses).collect();
        let per_worker = jobs.len().div_ceil(workers.len());
        let work = |worker: &mut Worker<F>, jobs: &mut [(&[u16], &mut f64)]| {
            let sequences: Vec<&[u16]> = jobs.iter().map(|(sequence, _)| *sequence).collect();
            let mut results = jobs.iter_mut();
            worker.over_batches(&sequences, |batch, workspace| {
                model.forward(weights, batch, workspace);
                model.losses(weights, batch, workspace);
                let mut rows = workspace.losses.iter();
                for (&length, (_, loss)) in batch.lengths.iter().zip(&mut results) {
                    **loss = rows.by_ref().take(length).sum();
                }
            });
        };
        spread(workers, &mut jobs, per_worker, work);
        losses
    }

    /// ln of the probability of each token after `tokens`, of which there is at least one and at most a context.
    pub(crate) fn predict(&mut self, tokens: &[u16]) -> Vec<f64> {
        use crate::kernels::elementary::{exp, ln};
        let Self { model, weights, workers, .. } = self;
        let Worker { workspace, batch, .. } = &mut workers[0];
        batch.clear();
        // Nothing is scored: any token can stand for the one to come.
        batch.push(&[tokens, &[0]].concat());
        model.forward(weights, batch, workspace);
        let logits: Vec<f64> =
            model.next_logits(weights, batch, workspace).iter().map(|logit| logit.to_f64()).collect();
        let highest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let ln_sum = highest + ln(logits.iter().map(|logit| exp(logit - highest)).sum());
        logits.into_iter().map(|logit| logit - ln_sum).collect()
    }

    /// Euclidean norm of the gradient that [`gradient`](Self::gradient) left.
    pub(crate) fn gradient_norm(&self) -> f64 {
        sum_of_squares(&self.gradients[0]).sqrt()
    }

    /// Moves the weights along that gradient as `spec` says; `step` is counted from 0, `rate_share` multiplies both learning rates.
    pub(crate) fn update(&mut self, spec: &RunSpec, step: u64, rate_share: f64, gradient_norm: f64) {
        let optimizer = &spec.optimizer;
        let clip = if gradient_norm > optimizer.clip_norm { optimizer.clip_norm / gradient_norm } else { 1.0 };
        if let Some(muon) = &spec.muon {
            let rate = optimizer.hidden_rate * rate_share;
            let keep = 1.0 - rate * optimizer.weight_decay;
            self.update_by_muon(&muon::Step { gradient_scale: clip, momentum: muon.momentum, rate, keep });
        }
        let steps = (step + 1) as f64;
        for (range, group) in self.model.layout.groups() {
            let (peak, decay) = match group {
                Group::Hidden if spec.muon.is_some() => continue,
                Group::Hidden => (optimizer.hidden_rate, optimizer.weight_decay),
                Group::Vocabulary => (optimizer.embedding_rate, optimizer.weight_decay),
                Group::Gain => (optimizer.embedding_rate, 0.0),
            };
            let rate = peak * rate_share;
            let constants = Update {
                gradient_scale: F::from_f64(clip),
                beta1: F::from_f64(optimizer.beta1),
                beta2: F::from_f64(optimizer.beta2),
                rate: F::from_f64(rate / (1.0 - power(optimizer.beta1, steps))),
                root_correction: F::from_f64(1.0 / (1.0 - power(optimizer.beta2, steps)).sqrt()),
                epsilon: F::from_f64(optimizer.epsilon),
                keep: F::from_f64(1.0 - rate * decay),
            };
            update(
                &mut self.weights.values[range.clone()],
                &mut self.first_moment[range.clone()],
                &mut self.second_moment[range.clone()],
                &self.gradients[0][range],
                &constants,
            );
        }
        self.weights.refresh(&self.model.layout);
    }

    /// Moves the hidden matrices; the first moment holds their momentum, the second is not used.
    fn update_by_muon(&mut self, constants: &muon::Step) {
        let Self { model, weights, first_moment, gradients, workers, .. } = self;
        let ranges: Vec<Range<usize>> = model.layout.hidden().map(|(range, ..)| range).collect();
        let parts = carve(&mut weights.values, &ranges).into_iter().zip(carve(first_moment, &ranges));
        let mut jobs: Vec<muon::Moved<'_, F>> = model
            .layout
            .hidden()
            .zip(parts)
            .map(|((range, rows, columns), (weights, momentum))| muon::Moved {
                weights,
                momentum,
                gradient: &gradients[0][range],
                rows,
                columns,
            })
            .collect();
        let per_worker = jobs.len().div_ceil(workers.len());
        spread(workers, &mut jobs, per_worker, |worker, jobs| {
            for job in jobs {
                job.step(constants, &mut worker.muon);
            }
        });
    }

    /// The gradient that [`gradient`](Self::gradient) left, in the order of the flat vector.
    #[cfg(test)]
    pub(crate) fn last_gradient(&self) -> &[F] {
        &self.gradients[0]
    }
}

impl<F: Real> Worker<F> {
    /// Calls `visit` with batches that hold all `sequences` in order, as many at a time as the workspace has rows for.
    fn over_batches(&mut self, sequences: &[&[u16]], mut visit: impl FnMut(&Batch, &mut Workspace<F>)) {
        let Self { workspace, batch, .. } = self;
        batch.clear();
        for sequence in sequences {
            if !batch.lengths.is_empty() && batch.inputs.len() + sequence.len() - 1 > workspace.rows {
                visit(batch, workspace);
                batch.clear();
            }
            batch.push(sequence);
        }
        if !batch.lengths.is_empty() {
            visit(batch, workspace);
        }
    }
}

/// The parts of `values` at `ranges`, which ascend and do not overlap.
fn carve<'a, F>(mut values: &'a mut [F], ranges: &[Range<usize>]) -> Vec<&'a mut [F]> {
    let mut passed = 0;
    let mut part = |range: &Range<usize>| {
        let (_, rest) = std::mem::take(&mut values).split_at_mut(range.start - passed);
        let (part, rest) = rest.split_at_mut(range.len());
        (values, passed) = (rest, range.end);
        part
    };
    ranges.iter().map(&mut part).collect()
}

/// Runs `work` on consecutive chunks of `jobs`, one chunk per worker; without threads when there is one chunk.
fn spread<W: Send, J: Send>(
    workers: &mut [W],
    jobs: &mut [J],
    per_worker: usize,
    work: impl Fn(&mut W, &mut [J]) + Sync,
) {
    let mut chunks = workers.iter_mut().zip(jobs.chunks_mut(per_worker.max(1)));
    let Some((worker, chunk)) = chunks.next() else { return };
    std::thread::scope(|scope| {
        for (worker, chunk) in chunks {
            let work = &work;
            scope.spawn(move || work(worker, chunk));
        }
        work(worker, chunk);
    });
}

/// `base^exponent` for a base between 0 and 1.
fn power(base: f64, exponent: f64) -> f64 {
    use crate::kernels::elementary::{exp, ln};
    if base == 0.0 { 0.0 } else { exp(exponent * ln(base)) }
}
