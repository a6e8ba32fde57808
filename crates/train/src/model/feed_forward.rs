//! The feed-forward block of a layer: norm, gates and ups, activation, projection onto the residual stream.

use super::layout::Layer;
use super::linear;
use super::pass::{Model, Weights};
use super::workspace::{Activations, Scratch};
use crate::kernels::activation::{activate, activate_backward};
use crate::kernels::norm::{norm_backward, norm_forward};
use crate::kernels::real::Real;
use crate::kernels::tile::Store;

/// Reads `kept.feed_forward_input` and writes the residual stream after the block to `output`, rows x width.
pub(crate) fn forward<F: Real>(
    model: &Model<F>,
    layer: &Layer,
    weights: &Weights<F>,
    kept: &mut Activations<F>,
    output: &mut [F],
    scratch: &mut Scratch<F>,
) {
    let (width, feed_forward) = (layer.down.outputs, layer.down.inputs);
    let rows = output.len() / width;
    let input = &kept.feed_forward_input[..rows * width];
    let normalized = &mut kept.feed_forward_normalized[..rows * width];
    let gate_up = &mut kept.gate_up[..rows * layer.gate_up.outputs];
    let activated = &mut kept.activated[..rows * feed_forward];
    let gain = &weights.values[layer.feed_forward_gain.clone()];
    norm_forward(input, gain, normalized, &mut kept.feed_forward_scales[..rows]);
    linear::forward(&layer.gate_up, weights, normalized, gate_up, Store::Replace, &mut scratch.panels);
    activate(model.block.activation, gate_up, activated, feed_forward, model.shape.gated);
    output.copy_from_slice(input);
    linear::forward(&layer.down, weights, activated, output, Store::Add, &mut scratch.panels);
}

/// Carries `d_stream` from after the block to before it; `kept.gate_up` is used up.
pub(crate) fn backward<F: Real>(
    model: &Model<F>,
    layer: &Layer,
    weights: &Weights<F>,
    kept: &mut Activations<F>,
    d_stream: &mut [F],
    gradient: &mut [F],
    scratch: &mut Scratch<F>,
) {
    let (width, feed_forward) = (layer.down.outputs, layer.down.inputs);
    let rows = d_stream.len() / width;
    let Scratch { panels, row, d_normalized, d_activated, .. } = scratch;
    let (d_normalized, d_activated) = (&mut d_normalized[..rows * width], &mut d_activated[..rows * feed_forward]);
    let gate_up = &mut kept.gate_up[..rows * layer.gate_up.outputs];
    let activated = &kept.activated[..rows * feed_forward];
    linear::backward(&layer.down, weights, activated, d_stream, d_activated, gradient, panels);
    activate_backward(model.block.activation, gate_up, d_activated, feed_forward, model.shape.gated);
    let normalized = &kept.feed_forward_normalized[..rows * width];
    linear::backward(&layer.gate_up, weights, normalized, gate_up, d_normalized, gradient, panels);
    let gain = &weights.values[layer.feed_forward_gain.clone()];
    let d_gain = &mut gradient[layer.feed_forward_gain.clone()];
    let input = &kept.feed_forward_input[..rows * width];
    norm_backward(input, gain, &kept.feed_forward_scales[..rows], d_normalized, d_stream, d_gain, row);
}
