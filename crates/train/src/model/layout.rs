//! Where each parameter stands in the flat vector, and which learning rate and decay it has.

use std::ops::Range;

use isoflop::counting::Architecture;

use crate::kernels::matmul::Precision;
use crate::kernels::pack::packed_floats;

/// Which learning rate and decay a run of parameters takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    /// Matrices inside the layers.
    Hidden,
    /// Embedding and head.
    Vocabulary,
    /// Normalisation gains: the vocabulary's rate, no decay.
    Gain,
}

/// A row-major matrix in the flat vector; `outputs` rows of `inputs`, as in `y = W x`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Matrix {
    pub(crate) range: Range<usize>,
    pub(crate) outputs: usize,
    pub(crate) inputs: usize,
    /// Where its transpose stands among the matrices packed for `y = x W'`.
    pub(crate) forward_panels: Range<usize>,
    /// Where it stands among the matrices packed for `dx = dy W`.
    pub(crate) backward_panels: Range<usize>,
}

/// The parameters of one layer, in their order.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    pub(crate) attention_gain: Range<usize>,
    /// Queries, keys, values stacked: 3 channels x width.
    pub(crate) projections: Matrix,
    /// width x channels.
    pub(crate) attention_out: Matrix,
    pub(crate) feed_forward_gain: Range<usize>,
    /// Gates, then ups: 2 feed_forward x width. Without gates, ups alone: feed_forward x width.
    pub(crate) gate_up: Matrix,
    /// width x feed_forward.
    pub(crate) down: Matrix,
}

/// All parameters: embedding, layers, final gain, and the head unless it is the embedding.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// vocabulary x width.
    pub(crate) embedding: Range<usize>,
    pub(crate) layers: Vec<Layer>,
    pub(crate) final_gain: Range<usize>,
    /// vocabulary x width; a tied head stands where the embedding does.
    pub(crate) head: Matrix,
    /// Length of the flat vector.
    pub(crate) params: usize,
    /// Floats of all matrices packed for `y = x W'`.
    pub(crate) forward_panels: usize,
    /// Floats of all matrices packed for `dx = dy W`.
    pub(crate) backward_panels: usize,
}

/// Hands out places in the flat vector, and in the two that hold packed matrices.
#[derive(Default)]
struct Places {
    params: usize,
    forward_panels: usize,
    backward_panels: usize,
}

impl Places {
    fn vector(&mut self, length: usize) -> Range<usize> {
        take(&mut self.params, length)
    }

    fn matrix(&mut self, outputs: usize, inputs: usize) -> Matrix {
        let range = self.vector(outputs * inputs);
        self.matrix_at(range, outputs, inputs)
    }

    /// A matrix of parameters that have their place already.
    fn matrix_at(&mut self, range: Range<usize>, outputs: usize, inputs: usize) -> Matrix {
        Matrix {
            range,
            outputs,
            inputs,
            forward_panels: take(&mut self.forward_panels, packed_floats(inputs, outputs, Precision::Full)),
            backward_panels: take(&mut self.backward_panels, packed_floats(outputs, inputs, Precision::Reduced)),
        }
    }
}

/// The next `length` places after `end`, which moves behind them.
fn take(end: &mut usize, length: usize) -> Range<usize> {
    *end += length;
    *end - length..*end
}

impl Layout {
    pub(crate) fn new(shape: &Architecture) -> Self {
        let (width, channels) = (shape.width, shape.heads * shape.head_width);
        let gates_and_ups = if shape.gated { 2 * shape.feed_forward } else { shape.feed_forward };
        let mut places = Places::default();
        let embedding = places.vector(shape.vocabulary * width);
        let layers = (0..shape.depth)
            .map(|_| Layer {
                attention_gain: places.vector(width),
                projections: places.matrix(3 * channels, width),
                attention_out: places.matrix(width, channels),
                feed_forward_gain: places.vector(width),
                gate_up: places.matrix(gates_and_ups, width),
                down: places.matrix(width, shape.feed_forward),
            })
            .collect();
        let final_gain = places.vector(width);
        let head = match shape.tied_head {
            true => places.matrix_at(embedding.clone(), shape.vocabulary, width),
            false => places.matrix(shape.vocabulary, width),
        };
        let Places { params, forward_panels, backward_panels } = places;
        Self { embedding, layers, final_gain, head, params, forward_panels, backward_panels }
    }

    /// Every parameter once, in the order of the flat vector, as runs of one group.
    pub(crate) fn groups(&self) -> Vec<(Range<usize>, Group)> {
        let mut groups = vec![(self.embedding.clone(), Group::Vocabulary)];
        for layer in &self.layers {
            groups.extend([
                (layer.attention_gain.clone(), Group::Gain),
                (layer.projections.range.start..layer.attention_out.range.end, Group::Hidden),
                (layer.feed_forward_gain.clone(), Group::Gain),
                (layer.gate_up.range.start..layer.down.range.end, Group::Hidden),
            ]);
        }
        groups.push((self.final_gain.clone(), Group::Gain));
        if self.head.range != self.embedding {
            groups.push((self.head.range.clone(), Group::Vocabulary));
        }
        groups
    }

    /// The matrices inside the layers as range, rows and columns, in the order of the flat vector: what is stacked to be multiplied
    /// at once (queries, keys and values; gates and ups) comes apart.
    pub(crate) fn hidden(&self) -> impl Iterator<Item = (Range<usize>, usize, usize)> {
        let parts = |matrix: &Matrix, count: usize| {
            let (start, rows, columns) = (matrix.range.start, matrix.outputs / count, matrix.inputs);
            let part = move |number| start + number * rows * columns..start + (number + 1) * rows * columns;
            (0..count).map(move |number| (part(number), rows, columns))
        };
        self.layers.iter().flat_map(move |layer| {
            let gates_and_ups = layer.gate_up.outputs / layer.down.inputs;
            let attention = parts(&layer.projections, 3).chain(parts(&layer.attention_out, 1));
            attention.chain(parts(&layer.gate_up, gates_and_ups)).chain(parts(&layer.down, 1))
        })
    }

    /// The matrices that multiply activations: all but the embedding, which is looked up.
    pub(crate) fn multiplied(&self) -> impl Iterator<Item = &Matrix> {
        let layers = self.layers.iter();
        layers
            .flat_map(|layer| [&layer.projections, &layer.attention_out, &layer.gate_up, &layer.down])
            .chain([&self.head])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop::counting::ParamCounting;

    #[test]
    fn groups_cover_the_vector_once_and_agree_with_the_exact_count() {
        for (gated, tied_head) in [(true, false), (true, true), (false, false), (false, true)] {
            let shape = Architecture {
                depth: 3,
                width: 24,
                heads: 2,
                head_width: 10,
                feed_forward: 40,
                gated,
                vocabulary: 17,
                tied_head,
                context: 8,
            };
            let layout = Layout::new(&shape);
            let mut end = 0;
            for (range, _) in layout.groups() {
                assert_eq!(range.start, end);
                end = range.end;
            }
            assert_eq!(end, layout.params);
            let hidden: Vec<_> = layout.hidden().collect();
            assert_eq!(hidden.len(), if gated { 3 * 7 } else { 3 * 6 });
            assert!(hidden.iter().all(|(range, rows, columns)| range.len() == rows * columns));
            assert!(hidden.windows(2).all(|pair| pair[0].0.end <= pair[1].0.start));
            let groups = layout.groups().into_iter().filter(|(_, group)| *group == Group::Hidden);
            let numbers: usize = groups.map(|(range, _)| range.len()).sum();
            assert_eq!(hidden.iter().map(|(range, ..)| range.len()).sum::<usize>(), numbers);
            assert_eq!(layout.params as u64, shape.param_groups().count(ParamCounting::Total));
        }
    }
}
