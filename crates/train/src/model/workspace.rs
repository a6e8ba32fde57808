//! The memory of one forward and backward pass: what each layer keeps, and scratch that all of them share.

use isoflop::counting::Architecture;

use crate::kernels::attention::AttentionScratch;
use crate::kernels::buffer::Buffer;
use crate::kernels::matmul::scratch_floats;
use crate::kernels::real::Real;
use crate::spec::Block;

/// Logits in memory at a time: 1 MiB of `f32`, which stays in the second-level cache until its gradient is used up.
const MOST_LOGITS: usize = 1 << 18;

/// What one layer keeps from the forward pass; n rows (tokens), d width, c channels of all heads, f feed-forward width.
pub(crate) struct Activations<F> {
    /// Residual stream before attention: n x d.
    pub(crate) attention_input: Buffer<F>,
    /// Inverse root mean square per row: n.
    pub(crate) attention_scales: Buffer<F>,
    /// n x d.
    pub(crate) attention_normalized: Buffer<F>,
    /// Queries and keys, normalised if the model does that, rotated, and values: n x 3c.
    pub(crate) projections: Buffer<F>,
    /// Inverse root mean square of every head's queries and keys, where they are normalised: n x 2 heads.
    pub(crate) head_scales: Buffer<F>,
    /// Largest score of each query, sequence by sequence, head by head: heads n.
    pub(crate) peaks: Buffer<F>,
    /// One over the sum of exponentials, in the same order: heads n.
    pub(crate) inverse_sums: Buffer<F>,
    /// What the heads give: n x c.
    pub(crate) head_outputs: Buffer<F>,
    /// Residual stream before the feed-forward block: n x d.
    pub(crate) feed_forward_input: Buffer<F>,
    /// n.
    pub(crate) feed_forward_scales: Buffer<F>,
    /// n x d.
    pub(crate) feed_forward_normalized: Buffer<F>,
    /// Gates and ups, in the backward pass replaced by their gradient: n x 2f, or n x f without gates.
    pub(crate) gate_up: Buffer<F>,
    /// activation(gate) up, or activation(up) without gates: n x f.
    pub(crate) activated: Buffer<F>,
}

/// Shared by all layers.
pub(crate) struct Scratch<F> {
    /// Packed panels of the factors of a product.
    pub(crate) panels: Buffer<F>,
    pub(crate) attention: AttentionScratch<F>,
    /// One row: d.
    pub(crate) row: Buffer<F>,
    /// Gradient with respect to a normalised input: n x d.
    pub(crate) d_normalized: Buffer<F>,
    /// Gradient with respect to what the heads give: n x c.
    pub(crate) d_head_outputs: Buffer<F>,
    /// Gradient with respect to queries, keys and values: n x 3c.
    pub(crate) d_projections: Buffer<F>,
    /// Gradient with respect to the activated values: n x f.
    pub(crate) d_activated: Buffer<F>,
}

/// Everything one thread needs for one batch of up to `rows` tokens.
pub(crate) struct Workspace<F> {
    pub(crate) rows: usize,
    pub(crate) layers: Vec<Activations<F>>,
    /// Residual stream after the last layer: n x d.
    pub(crate) output: Buffer<F>,
    /// n.
    pub(crate) output_scales: Buffer<F>,
    /// n x d.
    pub(crate) output_normalized: Buffer<F>,
    /// Logits of as many rows as are in memory at a time, and no more, then their gradient: rows x vocabulary.
    pub(crate) logits: Buffer<F>,
    /// Nats of each token: n.
    pub(crate) losses: Vec<f64>,
    /// Gradient with respect to the residual stream, from the last layer back to the embedding: n x d.
    pub(crate) d_stream: Buffer<F>,
    pub(crate) scratch: Scratch<F>,
}

impl<F: Real> Workspace<F> {
    pub(crate) fn new(shape: &Architecture, block: Block, rows: usize) -> Self {
        let (width, channels, feed_forward) = (shape.width, shape.heads * shape.head_width, shape.feed_forward);
        let zeros = |columns: usize| Buffer::zeros(rows * columns);
        let layer = || Activations {
            attention_input: zeros(width),
            attention_scales: zeros(1),
            attention_normalized: zeros(width),
            projections: zeros(3 * channels),
            head_scales: zeros(if block.qk_norm { 2 * shape.heads } else { 0 }),
            peaks: zeros(shape.heads),
            inverse_sums: zeros(shape.heads),
            head_outputs: zeros(channels),
            feed_forward_input: zeros(width),
            feed_forward_scales: zeros(1),
            feed_forward_normalized: zeros(width),
            gate_up: zeros(if shape.gated { 2 * feed_forward } else { feed_forward }),
            activated: zeros(feed_forward),
        };
        Self {
            rows,
            layers: (0..shape.depth).map(|_| layer()).collect(),
            output: zeros(width),
            output_scales: zeros(1),
            output_normalized: zeros(width),
            logits: Buffer::zeros(rows.min((MOST_LOGITS / shape.vocabulary).max(32)) * shape.vocabulary),
            losses: vec![0.0; rows],
            d_stream: zeros(width),
            scratch: Scratch {
                panels: Buffer::zeros(scratch_floats(width.max(channels).max(feed_forward))),
                attention: AttentionScratch::new(shape.context, shape.head_width),
                row: Buffer::zeros(width),
                d_normalized: zeros(width),
                d_head_outputs: zeros(channels),
                d_projections: zeros(3 * channels),
                d_activated: zeros(feed_forward),
            },
        }
    }
}
