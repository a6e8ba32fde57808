//! The attention block of a layer: norm, projections, rotation, heads, output projection onto the residual stream.

use super::layout::Layer;
use super::linear;
use super::pass::{Model, Weights};
use super::workspace::{Activations, Scratch};
use crate::kernels::attention::{Head, attention_backward, attention_forward};
use crate::kernels::elementary::ln;
use crate::kernels::norm::{norm_backward, norm_forward};
use crate::kernels::qk_norm::{qk_norm_backward, qk_norm_forward};
use crate::kernels::real::Real;
use crate::kernels::rope::rotate;
use crate::kernels::tile::Store;

/// Reads `kept.attention_input`, keeps what the backward pass needs, and writes `kept.feed_forward_input`.
pub(crate) fn forward<F: Real>(
    model: &Model<F>,
    layer: &Layer,
    weights: &Weights<F>,
    lengths: &[usize],
    kept: &mut Activations<F>,
    scratch: &mut Scratch<F>,
) {
    let (rows, width, channels) = (lengths.iter().sum::<usize>(), model.width(), model.channels());
    let input = &kept.attention_input[..rows * width];
    let normalized = &mut kept.attention_normalized[..rows * width];
    let projections = &mut kept.projections[..rows * 3 * channels];
    let head_outputs = &mut kept.head_outputs[..rows * channels];
    let output = &mut kept.feed_forward_input[..rows * width];
    norm_forward(input, &weights.values[layer.attention_gain.clone()], normalized, &mut kept.attention_scales[..rows]);
    linear::forward(&layer.projections, weights, normalized, projections, Store::Replace, &mut scratch.panels);
    if model.block.qk_norm {
        let scales = &mut kept.head_scales[..rows * 2 * model.shape.heads];
        qk_norm_forward(projections, model.shape.heads, model.shape.head_width, scales);
    }
    for part in model.sequences(lengths) {
        let projections = &mut projections[part.first * 3 * channels..][..part.positions * 3 * channels];
        let head_outputs = &mut head_outputs[part.first * channels..][..part.positions * channels];
        turn(model, projections, F::ONE);
        for (number, head) in model.heads(part.positions).enumerate() {
            let from = model.head_rows(part, number);
            let (peaks, inverse_sums) = (&mut kept.peaks[from.clone()], &mut kept.inverse_sums[from]);
            attention_forward(head, projections, head_outputs, peaks, inverse_sums, &mut scratch.attention);
        }
    }
    output.copy_from_slice(input);
    linear::forward(&layer.attention_out, weights, head_outputs, output, Store::Add, &mut scratch.panels);
}

/// Carries `d_stream` from after the block to before it.
#[allow(clippy::too_many_arguments)]
pub(crate) fn backward<F: Real>(
    model: &Model<F>,
    layer: &Layer,
    weights: &Weights<F>,
    lengths: &[usize],
    kept: &Activations<F>,
    d_stream: &mut [F],
    gradient: &mut [F],
    scratch: &mut Scratch<F>,
) {
    let (rows, width, channels) = (lengths.iter().sum::<usize>(), model.width(), model.channels());
    let Scratch { panels, attention, row, d_normalized, d_head_outputs, d_projections, .. } = scratch;
    let d_normalized = &mut d_normalized[..rows * width];
    let d_head_outputs = &mut d_head_outputs[..rows * channels];
    let d_projections = &mut d_projections[..rows * 3 * channels];
    let head_outputs = &kept.head_outputs[..rows * channels];
    linear::backward(&layer.attention_out, weights, head_outputs, d_stream, d_head_outputs, gradient, panels);
    for part in model.sequences(lengths) {
        let projections = &kept.projections[part.first * 3 * channels..][..part.positions * 3 * channels];
        let d_projections = &mut d_projections[part.first * 3 * channels..][..part.positions * 3 * channels];
        let head_outputs = &head_outputs[part.first * channels..][..part.positions * channels];
        let d_head_outputs = &d_head_outputs[part.first * channels..][..part.positions * channels];
        for (number, head) in model.heads(part.positions).enumerate() {
            let from = model.head_rows(part, number);
            let (peaks, inverse_sums) = (&kept.peaks[from.clone()], &kept.inverse_sums[from]);
            attention_backward(
                head,
                projections,
                head_outputs,
                peaks,
                inverse_sums,
                d_head_outputs,
                d_projections,
                attention,
            );
        }
        if model.block.qk_norm {
            let heads = model.shape.heads;
            let scales = &kept.head_scales[part.first * 2 * heads..][..part.positions * 2 * heads];
            // Before turning back: a rotation changes no product of two vectors that were turned alike.
            qk_norm_backward(projections, heads, model.shape.head_width, scales, query_scale(model), d_projections);
        }
        turn(model, d_projections, -F::ONE);
    }
    let normalized = &kept.attention_normalized[..rows * width];
    linear::backward(&layer.projections, weights, normalized, d_projections, d_normalized, gradient, panels);
    let gain = &weights.values[layer.attention_gain.clone()];
    let d_gain = &mut gradient[layer.attention_gain.clone()];
    let input = &kept.attention_input[..rows * width];
    norm_backward(input, gain, &kept.attention_scales[..rows], d_normalized, d_stream, d_gain, row);
}

/// What queries are multiplied by: `1/sqrt(head_width)`; where queries and keys are normalised, what lets a score reach
/// `log2(L^2 - L)` at a context of L, whatever the width of the head.
///
/// # Source
/// Henry et al. 2020, arXiv:2010.04245, section 3.2, where the learnt scale starts there. With `1/sqrt(head_width)` narrow heads could
/// not point at anything: scores within 4 at a width of 16, and 0.045 to 0.064 nats lost at 1.2e11 and 4.8e11 FLOP (LOG.md of
/// 2026-11-22, "Recipes as data").
fn query_scale<F: Real>(model: &Model<F>) -> F {
    let head_width = F::from_f64(model.shape.head_width as f64);
    if !model.block.qk_norm {
        return F::ONE / head_width.sqrt();
    }
    let context = model.shape.context.max(2) as f64;
    F::from_f64(ln(context * (context - 1.0)) / std::f64::consts::LN_2) / head_width
}

/// Rotates the queries and keys of one sequence and scales the queries by [`query_scale`]; with direction -1, the gradient of
/// that.
fn turn<F: Real>(model: &Model<F>, projections: &mut [F], direction: F) {
    let (heads, head_width) = (model.shape.heads, model.shape.head_width);
    let table = &model.rotations;
    rotate(projections, heads, head_width, &table.cosines, &table.sines, direction, query_scale(model));
}

/// A sequence inside a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sequence {
    /// Its first row.
    pub(crate) first: usize,
    /// Its rows.
    pub(crate) positions: usize,
}

impl<F: Real> Model<F> {
    /// The sequences of a batch, given their lengths.
    fn sequences(&self, lengths: &[usize]) -> impl Iterator<Item = Sequence> {
        lengths.iter().scan(0, |end, &positions| {
            *end += positions;
            Some(Sequence { first: *end - positions, positions })
        })
    }

    /// The heads of a sequence.
    fn heads(&self, positions: usize) -> impl Iterator<Item = Head> {
        let (width, channels) = (self.shape.head_width, self.channels());
        (0..self.shape.heads).map(move |number| Head { positions, width, first_channel: number * width, channels })
    }

    /// Where peaks and inverse sums of head `number` of a sequence are kept.
    fn head_rows(&self, part: Sequence, number: usize) -> std::ops::Range<usize> {
        let first = part.first * self.shape.heads + number * part.positions;
        first..first + part.positions
    }
}
