//! The model as a whole: a forward pass over a batch of sequences, and the backward pass that follows it.

use isoflop::counting::Architecture;

use super::layout::{Layout, Matrix};
use super::workspace::Workspace;
use super::{attention, feed_forward, head};
use crate::kernels::buffer::Buffer;
use crate::kernels::matmul::Precision;
use crate::kernels::pack::{pack, pack_transposed};
use crate::kernels::real::Real;
use crate::kernels::rope::Rotations;
use crate::spec::Block;

/// What a model is besides its weights.
pub(crate) struct Model<F> {
    pub(crate) shape: Architecture,
    pub(crate) block: Block,
    pub(crate) layout: Layout,
    pub(crate) rotations: Rotations<F>,
}

/// The weights, and two copies of every matrix that multiplies activations, packed for the products of either pass: they
/// are used for many batches between two updates.
pub(crate) struct Weights<F> {
    pub(crate) values: Buffer<F>,
    pub(crate) forward: Buffer<F>,
    pub(crate) backward: Buffer<F>,
}

/// Tokens of some sequences, one after the other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Batch {
    pub(crate) inputs: Vec<u16>,
    /// The token after each input.
    pub(crate) targets: Vec<u16>,
    /// Tokens of each sequence, none above the context.
    pub(crate) lengths: Vec<usize>,
}

impl Batch {
    pub(crate) fn clear(&mut self) {
        self.inputs.clear();
        self.targets.clear();
        self.lengths.clear();
    }

    /// Appends a sequence given as tokens: each predicts the one after it.
    pub(crate) fn push(&mut self, tokens: &[u16]) {
        if let [first @ .., _] = tokens {
            self.inputs.extend_from_slice(first);
            self.targets.extend_from_slice(&tokens[1..]);
            self.lengths.push(first.len());
        }
    }
}

impl<F: Real> Weights<F> {
    pub(crate) fn new(layout: &Layout, values: Buffer<F>) -> Self {
        let (forward, backward) = (Buffer::zeros(layout.forward_panels), Buffer::zeros(layout.backward_panels));
        let mut weights = Self { values, forward, backward };
        weights.refresh(layout);
        weights
    }

    /// Packs changed values.
    pub(crate) fn refresh(&mut self, layout: &Layout) {
        for Matrix { range, outputs, inputs, forward_panels, backward_panels } in layout.multiplied() {
            let matrix = &self.values[range.clone()];
            pack_transposed(&mut self.forward[forward_panels.clone()], matrix, *inputs, *outputs, Precision::Full);
            pack(&mut self.backward[backward_panels.clone()], matrix, *outputs, *inputs, Precision::Reduced);
        }
    }
}

impl<F: Real> Model<F> {
    pub(crate) fn new(shape: &Architecture, block: Block) -> Self {
        let rotations = Rotations::new(shape.context, shape.head_width);
        Self { shape: shape.clone(), block, layout: Layout::new(shape), rotations }
    }

    pub(crate) fn width(&self) -> usize {
        self.shape.width
    }

    /// Channels of all heads together.
    pub(crate) fn channels(&self) -> usize {
        self.shape.heads * self.shape.head_width
    }

    /// Carries a batch through all layers, for [`losses`](Self::losses) or [`backward`](Self::backward) after it.
    pub(crate) fn forward(&self, weights: &Weights<F>, batch: &Batch, workspace: &mut Workspace<F>) {
        let rows = batch.inputs.len();
        assert!(rows <= workspace.rows, "a batch fits the workspace it is given");
        let Workspace { layers, output, scratch, .. } = workspace;
        let first = layers.first_mut().map_or(&mut *output, |layer| &mut layer.attention_input);
        let embedding = &weights.values[self.layout.embedding.clone()];
        head::embed(embedding, self.width(), &batch.inputs, &mut first[..rows * self.width()]);
        for number in 0..layers.len() {
            let (done, rest) = layers.split_at_mut(number + 1);
            let (layer, kept) = (&self.layout.layers[number], &mut done[number]);
            let next = rest.first_mut().map_or(&mut *output, |layer| &mut layer.attention_input);
            attention::forward(self, layer, weights, &batch.lengths, kept, scratch);
            feed_forward::forward(self, layer, weights, kept, &mut next[..rows * self.width()], scratch);
        }
    }

    /// Fills `workspace.losses[i]` with the nats of `batch.targets[i]`, after [`forward`](Self::forward).
    pub(crate) fn losses(&self, weights: &Weights<F>, batch: &Batch, workspace: &mut Workspace<F>) {
        head::losses(self, weights, &batch.targets, workspace);
    }

    /// The logits of what is predicted after the last token of a batch, after [`forward`](Self::forward).
    pub(crate) fn next_logits<'a>(
        &self,
        weights: &Weights<F>,
        batch: &Batch,
        workspace: &'a mut Workspace<F>,
    ) -> &'a [F] {
        head::next_logits(self, weights, batch.inputs.len(), workspace)
    }

    /// Fills the losses, and adds to `gradient` that of `scale` times their sum, after [`forward`](Self::forward).
    pub(crate) fn backward(
        &self,
        weights: &Weights<F>,
        batch: &Batch,
        scale: F,
        gradient: &mut [F],
        workspace: &mut Workspace<F>,
    ) {
        let rows = batch.inputs.len();
        head::backward(self, weights, &batch.targets, scale, gradient, workspace);
        let Workspace { layers, d_stream, scratch, .. } = workspace;
        let d_stream = &mut d_stream[..rows * self.width()];
        for (layer, kept) in self.layout.layers.iter().zip(layers).rev() {
            feed_forward::backward(self, layer, weights, kept, d_stream, gradient, scratch);
            attention::backward(self, layer, weights, &batch.lengths, kept, d_stream, gradient, scratch);
        }
        let d_embedding = &mut gradient[self.layout.embedding.clone()];
        head::embed_backward(d_embedding, self.width(), &batch.inputs, d_stream);
    }
}
