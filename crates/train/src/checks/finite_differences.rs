//! The gradient of every parameter equals the slope of the loss, in f64.

use isoflop::counting::Architecture;

use crate::model::pass::Weights;
use crate::trainer::Trainer;

/// Tokens that look random and fall below `vocabulary`.
fn tokens(count: usize, vocabulary: usize) -> Vec<u16> {
    (0..count as u64).map(|i| ((i * i * 7919 + i * 104_729 + 13) % 1009 % vocabulary as u64) as u16).collect()
}

/// Relative L2 distance between the gradient and central differences, over all parameters.
///
/// Initial weights are scaled up so that softmax and gates leave their linear range.
fn relative_error(shape: &Architecture, lengths: &[usize], shards: usize) -> f64 {
    let mut trainer = Trainer::<f64>::new(shape, 3, shards, 1);
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
    let error = relative_error(&shape(2, 8, 2, 4, 16, 12), &[12, 12, 12], 1);
    println!("relative L2 error {error:.2e}");
    assert!(error < TOLERANCE, "relative L2 error {error}");
}

#[test]
fn the_gradient_equals_finite_differences_in_an_odd_shape_with_ragged_sequences_and_shards() {
    let error = relative_error(&shape(2, 7, 3, 2, 5, 13), &[13, 1, 6, 2, 9], 3);
    println!("relative L2 error {error:.2e}");
    assert!(error < TOLERANCE, "relative L2 error {error}");
}

#[test]
fn the_gradient_equals_finite_differences_across_blocks_of_queries() {
    let error = relative_error(&shape(1, 6, 1, 6, 4, 150), &[150, 70], 1);
    println!("relative L2 error {error:.2e}");
    assert!(error < TOLERANCE, "relative L2 error {error}");
}
