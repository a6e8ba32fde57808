//! The gradient of every parameter equals the slope of the loss, in f64.

use isoflop::counting::Architecture;

use crate::model::pass::Weights;
use crate::spec::{Activation, AdamW, Block, RunSpec, Schedule};
use crate::trainer::Trainer;

/// Tokens that look random and fall below `vocabulary`.
fn tokens(count: usize, vocabulary: usize) -> Vec<u16> {
    (0..count as u64).map(|i| ((i * i * 7919 + i * 104_729 + 13) % 1009 % vocabulary as u64) as u16).collect()
}

/// A trainer of which only the gradient is asked: no step is taken.
fn trainer(shape: &Architecture, block: Block, batch_sequences: usize, shards: usize) -> Trainer<f64> {
    let optimizer = AdamW {
        hidden_rate: 0.0,
        embedding_rate: 0.0,
        beta1: 0.0,
        beta2: 0.0,
        epsilon: 1.0,
        weight_decay: 0.0,
        clip_norm: 1.0,
    };
    let (architecture, schedule) = (shape.clone(), Schedule { warmup_steps: 0, cooldown_steps: 0 });
    let spec =
        RunSpec { architecture, block, optimizer, muon: None, schedule, batch_sequences, steps: 0, seed: 3, shards };
    Trainer::new(&spec, 1)
}

/// Relative L2 distance between the gradient and central differences, over all parameters.
///
/// Initial weights are scaled up so that softmax and gates leave their linear range.
fn relative_error(shape: &Architecture, block: Block, lengths: &[usize], shards: usize) -> f64 {
    let mut trainer = trainer(shape, block, lengths.len(), shards);
    let mut values = trainer.weights.values.clone();
    for (index, value) in values.iter_mut().enumerate() {
        *value *= 1.5 + 0.3 * ((index * 37 % 101) as f64 / 101.0);
    }
    let text: Vec<Vec<u16>> = lengths
        .iter()
        .enumerate()
        .map(|(number, length)| tokens(number * 1000 + length + 1, shape.vocabulary)[number * 1000..].to_vec())
        .collect();
    let sequences: Vec<&[u16]> = text.iter().map(Vec::as_slice).collect();
    trainer.weights = Weights::new(&trainer.model.layout, values.clone());
    trainer.gradient(&sequences);
    let gradient = trainer.last_gradient().to_vec();
    let targets: usize = lengths.iter().sum();
    let step = 1e-5;
    let (mut error, mut norm) = (0.0, 0.0);
    for index in 0..values.len() {
        let mut loss_at = |shift: f64| {
            let mut moved = values.clone();
            moved[index] += shift;
            trainer.weights = Weights::new(&trainer.model.layout, moved);
            trainer.losses(&sequences).iter().sum::<f64>() / targets as f64
        };
        let slope = (loss_at(step) - loss_at(-step)) / (2.0 * step);
        error += (gradient[index] - slope).powi(2);
        norm += slope.powi(2);
    }
    (error / norm).sqrt()
}

fn shape(
    depth: usize,
    width: usize,
    heads: usize,
    head_width: usize,
    feed_forward: usize,
    context: usize,
) -> Architecture {
    let (gated, tied_head, vocabulary) = (true, false, 11);
    Architecture { depth, width, heads, head_width, feed_forward, gated, vocabulary, tied_head, context }
}

// Central differences with step h err by h^2 times a third derivative and by the rounding of the loss over h: some 1e-9 each.
const TOLERANCE: f64 = 1e-7;

#[test]
fn the_gradient_equals_finite_differences_in_a_round_shape() {
    let error = relative_error(&shape(2, 8, 2, 4, 16, 12), Block::default(), &[12, 12, 12], 1);
    println!("relative L2 error {error:.2e}");
    assert!(error < TOLERANCE, "relative L2 error {error}");
}

#[test]
fn the_gradient_equals_finite_differences_in_an_odd_shape_with_ragged_sequences_and_shards() {
    let error = relative_error(&shape(2, 7, 3, 2, 5, 13), Block::default(), &[13, 1, 6, 2, 9], 3);
    println!("relative L2 error {error:.2e}");
    assert!(error < TOLERANCE, "relative L2 error {error}");
}

#[test]
fn the_gradient_equals_finite_differences_across_blocks_of_queries() {
    let error = relative_error(&shape(1, 6, 1, 6, 4, 150), Block::default(), &[150, 70], 1);
    println!("relative L2 error {error:.2e}");
    assert!(error < TOLERANCE, "relative L2 error {error}");
}

#[test]
fn the_gradient_equals_finite_differences_for_every_kind_of_model() {
    let mut largest: f64 = 0.0;
    for activation in [Activation::Silu, Activation::Gelu, Activation::ReluSquared] {
        for kind in 0..8 {
            let [gated, tied_head, qk_norm] = [1, 2, 4].map(|bit| kind & bit != 0);
            let shape = Architecture { gated, tied_head, ..shape(2, 7, 2, 4, 5, 9) };
            let error = relative_error(&shape, Block { activation, qk_norm }, &[9, 1, 6], 2);
            assert!(error < TOLERANCE, "{activation:?}, {gated}, {tied_head}, {qk_norm}: relative L2 error {error}");
            largest = largest.max(error);
        }
    }
    println!("largest relative L2 error {largest:.2e}");
}

#[test]
fn logits_that_do_not_fit_memory_at_once_give_the_gradient_of_those_that_do() {
    // A batch takes 250 rows, and memory the logits of 2^18 / 4000 = 65, or of all rows of a sequence of 50.
    let shape = Architecture { vocabulary: 4000, ..shape(1, 6, 1, 6, 4, 50) };
    let text = tokens(250 + 5, shape.vocabulary);
    let sequences: Vec<&[u16]> = text.chunks(51).collect();
    let mut trainer = trainer(&shape, Block::default(), sequences.len(), 1);
    let together = trainer.gradient(&sequences);
    let gradient = trainer.last_gradient().to_vec();
    let mut mean = vec![0.0; gradient.len()];
    let mut alone = 0.0;
    for sequence in &sequences {
        alone += trainer.gradient(&[sequence]) / sequences.len() as f64;
        for (mean, part) in mean.iter_mut().zip(trainer.last_gradient()) {
            *mean += part / sequences.len() as f64;
        }
    }
    assert!((together - alone).abs() < 1e-12 * alone, "{together} {alone}");
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>().sqrt();
    let error = norm(&mut gradient.iter().zip(&mean).map(|(a, b)| a - b)) / norm(&mut mean.iter().copied());
    assert!(error < 1e-12, "relative L2 error {error}");
}
