//! The two ends of the model: tokens to vectors by lookup, vectors to losses by the final norm and the head.

use super::linear;
use super::pass::{Model, Weights};
use super::workspace::Workspace;
use crate::kernels::cross_entropy::cross_entropy;
use crate::kernels::norm::{norm_backward, norm_forward};
use crate::kernels::real::Real;
use crate::kernels::tile::Store;

/// `stream[i] = embedding[tokens[i]]`: rows x width.
pub(crate) fn embed<F: Real>(embedding: &[F], width: usize, tokens: &[u16], stream: &mut [F]) {
    for (row, &token) in stream.chunks_exact_mut(width).zip(tokens) {
        row.copy_from_slice(&embedding[usize::from(token) * width..][..width]);
    }
}

/// `d_embedding[tokens[i]] += d_stream[i]`, in the order of the rows.
pub(crate) fn embed_backward<F: Real>(d_embedding: &mut [F], width: usize, tokens: &[u16], d_stream: &[F]) {
    for (row, &token) in d_stream.chunks_exact(width).zip(tokens) {
        for (sum, &d) in d_embedding[usize::from(token) * width..][..width].iter_mut().zip(row) {
            *sum += d;
        }
    }
}

/// Fills `workspace.losses` from `workspace.output`, and the logits with `scale` times their gradient.
pub(crate) fn losses<F: Real>(
    model: &Model<F>,
    weights: &Weights<F>,
    targets: &[u16],
    scale: F,
    workspace: &mut Workspace<F>,
) {
    let (rows, width) = (targets.len(), model.width());
    let layout = &model.layout;
    let gain = &weights.values[layout.final_gain.clone()];
    let normalized = &mut workspace.output_normalized[..rows * width];
    norm_forward(&workspace.output[..rows * width], gain, normalized, &mut workspace.output_scales[..rows]);
    let logits = &mut workspace.logits[..rows * layout.head.outputs];
    linear::forward(&layout.head, weights, normalized, logits, Store::Replace, &mut workspace.scratch.panels);
    let multiplier = model.output_multiplier();
    if multiplier != F::ONE {
        for logit in logits.iter_mut() {
            *logit *= multiplier;
        }
    }
    // What is left in the logits is the gradient of the product before the multiplier.
    cross_entropy(logits, layout.head.outputs, targets, &mut workspace.losses[..rows], scale * multiplier);
}

impl<F: Real> Model<F> {
    /// What the products with the head are multiplied by to give logits: `1/width` for a tied head.
    ///
    /// Embeddings have a deviation of one, so that logits without it would start at `sqrt(width)`, and the one of the token just
    /// read at `width`. With it they start as small as those of a head of its own.
    ///
    /// # Source
    /// Yang et al. 2022, arXiv:2203.03466, table 8, which is the form of their rules that allows tied embeddings.
    fn output_multiplier(&self) -> F {
        if self.shape.tied_head { F::from_f64(1.0 / self.shape.width as f64) } else { F::ONE }
    }
}

/// Starts `workspace.d_stream` from the gradient that [`losses`] left in the logits.
pub(crate) fn backward<F: Real>(
    model: &Model<F>,
    weights: &Weights<F>,
    rows: usize,
    gradient: &mut [F],
    workspace: &mut Workspace<F>,
) {
    let width = model.width();
    let layout = &model.layout;
    let scratch = &mut workspace.scratch;
    let d_normalized = &mut scratch.d_normalized[..rows * width];
    let normalized = &workspace.output_normalized[..rows * width];
    let d_logits = &workspace.logits[..rows * layout.head.outputs];
    linear::backward(&layout.head, weights, normalized, d_logits, d_normalized, gradient, &mut scratch.panels);
    let d_stream = &mut workspace.d_stream[..rows * width];
    d_stream.fill(F::ZERO);
    let gain = &weights.values[layout.final_gain.clone()];
    let (output, scales) = (&workspace.output[..rows * width], &workspace.output_scales[..rows]);
    let d_gain = &mut gradient[layout.final_gain.clone()];
    norm_backward(output, gain, scales, d_normalized, d_stream, d_gain, &mut scratch.row);
}
