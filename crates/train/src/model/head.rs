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

/// Fills `workspace.losses` from `workspace.output`.
pub(crate) fn losses<F: Real>(model: &Model<F>, weights: &Weights<F>, targets: &[u16], workspace: &mut Workspace<F>) {
    losses_and_gradient(model, weights, targets, F::ZERO, None, workspace);
}

/// Fills `workspace.losses` from `workspace.output`, starts `workspace.d_stream` from the gradient of `scale` times their sum,
/// and adds to `gradient` that of the head and the final gain.
pub(crate) fn backward<F: Real>(
    model: &Model<F>,
    weights: &Weights<F>,
    targets: &[u16],
    scale: F,
    gradient: &mut [F],
    workspace: &mut Workspace<F>,
) {
    losses_and_gradient(model, weights, targets, scale, Some(gradient), workspace);
    let (rows, width) = (targets.len(), model.width());
    let Workspace { output, output_scales, d_stream, scratch, .. } = workspace;
    let d_stream = &mut d_stream[..rows * width];
    d_stream.fill(F::ZERO);
    let final_gain = model.layout.final_gain.clone();
    let (gain, d_gain) = (&weights.values[final_gain.clone()], &mut gradient[final_gain]);
    let (output, scales, d_normalized) =
        (&output[..rows * width], &output_scales[..rows], &scratch.d_normalized[..rows * width]);
    norm_backward(output, gain, scales, d_normalized, d_stream, d_gain, &mut scratch.row);
}

/// Fills `workspace.losses`; given a gradient, adds to it that of the head, and leaves the one with respect to the normalised
/// output.
fn losses_and_gradient<F: Real>(
    model: &Model<F>,
    weights: &Weights<F>,
    targets: &[u16],
    scale: F,
    mut gradient: Option<&mut [F]>,
    workspace: &mut Workspace<F>,
) {
    let (width, vocabulary, layout) = (model.width(), model.shape.vocabulary, &model.layout);
    let Workspace { output, output_scales, output_normalized, logits, losses, scratch, .. } = workspace;
    let (output, normalized) = (&output[..targets.len() * width], &mut output_normalized[..targets.len() * width]);
    let gain = &weights.values[layout.final_gain.clone()];
    norm_forward(output, gain, normalized, &mut output_scales[..targets.len()]);
    let multiplier = model.output_multiplier();
    let together = logits.len() / vocabulary;
    let losses = losses.chunks_mut(together);
    let d_normalized = scratch.d_normalized.chunks_mut(together * width);
    let parts = targets.chunks(together).zip(normalized.chunks(together * width)).zip(losses).zip(d_normalized);
    for (((targets, normalized), losses), d_normalized) in parts {
        let logits = &mut logits[..targets.len() * vocabulary];
        self::logits(model, weights, normalized, logits, &mut scratch.panels);
        // What is left in the logits is the gradient of the product before the multiplier.
        cross_entropy(logits, vocabulary, targets, losses, scale * multiplier);
        if let Some(gradient) = &mut gradient {
            let d_normalized = &mut d_normalized[..targets.len() * width];
            linear::backward(&layout.head, weights, normalized, logits, d_normalized, gradient, &mut scratch.panels);
        }
    }
}

/// The logits of what is predicted after the last of `rows` tokens.
pub(crate) fn next_logits<'a, F: Real>(
    model: &Model<F>,
    weights: &Weights<F>,
    rows: usize,
    workspace: &'a mut Workspace<F>,
) -> &'a [F] {
    let width = model.width();
    let Workspace { output, output_scales, output_normalized, logits, scratch, .. } = workspace;
    let last = &output[(rows - 1) * width..rows * width];
    let normalized = &mut output_normalized[..width];
    norm_forward(last, &weights.values[model.layout.final_gain.clone()], normalized, &mut output_scales[..1]);
    let logits = &mut logits[..model.shape.vocabulary];
    self::logits(model, weights, normalized, logits, &mut scratch.panels);
    logits
}

/// Logits of normalised rows.
fn logits<F: Real>(model: &Model<F>, weights: &Weights<F>, normalized: &[F], logits: &mut [F], panels: &mut [F]) {
    linear::forward(&model.layout.head, weights, normalized, logits, Store::Replace, panels);
    let multiplier = model.output_multiplier();
    if multiplier != F::ONE {
        for logit in logits {
            *logit *= multiplier;
        }
    }
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
