//! Causal attention of one head over one sequence, block of queries by block of queries; the masked half is never computed.
//!
//! The backward pass recomputes the probabilities of a block from its scores and two numbers kept per query, so no
//! positions x positions matrix is ever stored.

use std::ops::Range;

use super::buffer::Buffer;
use super::dispatch::dispatched;
use super::lanes::{Lanes, spans};
use super::pack::{pack_panel, pack_transposed_panel};
use super::real::Real;
use super::reduce::{dot, exponentials, largest, weight};
use super::tile::{PANEL, Store, Tile};

/// Queries handled together: their scores against 256 keys fill 64 KiB.
const BLOCK: usize = 64;

/// Where one head stands in the projections of one sequence.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    /// Positions of the sequence.
    pub(crate) positions: usize,
    /// Channels of the head.
    pub(crate) width: usize,
    /// First channel of the head among the `channels` of queries, of keys and of values.
    pub(crate) first_channel: usize,
    /// Channels of all heads: a row of projections is three times as long, a row of outputs as long.
    pub(crate) channels: usize,
}

/// Scratch memory for one head at a time.
pub(crate) struct AttentionScratch<F> {
    keys_transposed: Buffer<F>,
    values_transposed: Buffer<F>,
    queries: Buffer<F>,
    keys: Buffer<F>,
    values: Buffer<F>,
    d_outputs: Buffer<F>,
    scores: Buffer<F>,
    d_scores: Buffer<F>,
}

impl<F: Real> AttentionScratch<F> {
    /// Room for sequences of up to `context` positions and heads of `width` channels.
    pub(crate) fn new(context: usize, width: usize) -> Self {
        let transposed = context.next_multiple_of(PANEL) * width;
        let rows = context * width.next_multiple_of(PANEL);
        let scores = BLOCK * score_stride(context);
        Self {
            keys_transposed: Buffer::zeros(transposed),
            values_transposed: Buffer::zeros(transposed),
            queries: Buffer::zeros(rows),
            keys: Buffer::zeros(rows),
            values: Buffer::zeros(rows),
            d_outputs: Buffer::zeros(rows),
            scores: Buffer::zeros(scores),
            d_scores: Buffer::zeros(scores),
        }
    }
}

/// Distance between the score rows of two queries: room for a panel of zeros after the last position, and an odd number of
/// half panels, which keeps the rows from falling on the same few cache sets.
fn score_stride(positions: usize) -> usize {
    positions.next_multiple_of(PANEL) + PANEL + PANEL / 2
}

/// The scores of one query against the keys it sees, and some masked ones up to a multiple of [`PANEL`].
#[inline(always)]
fn padded_row<F>(scores: &mut [F], row: usize, stride: usize, query: usize) -> &mut [F] {
    &mut scores[row * stride..][..(query + 1).next_multiple_of(PANEL)]
}

/// Sets the scores of a panel of keys that a query does not see: at least those up to a multiple of [`PANEL`], and as many
/// as any tile of queries has rows.
#[inline(always)]
fn mask<F: Real>(scores: &mut [F], row: usize, stride: usize, query: usize, value: F) {
    scores[row * stride + query + 1..]
        .first_chunk_mut::<PANEL>()
        .expect("a row ends with room for a panel")
        .fill(value);
}

/// Packs positions x width values, `stride` apart, into width/PANEL panels of `positions` rows.
#[inline(always)]
fn pack_rows<F: Real>(panels: &mut [F], source: &[F], stride: usize, head: Head) {
    for (panel, first) in panels.chunks_mut(head.positions * PANEL).zip((0..head.width).step_by(PANEL)) {
        pack_panel(panel, &source[first..], stride, head.positions, PANEL.min(head.width - first));
    }
}

/// Packs the transpose of positions x width values, `stride` apart, into positions/PANEL panels of `width` rows.
#[inline(always)]
fn pack_columns<F: Real>(panels: &mut [F], source: &[F], stride: usize, head: Head) {
    for (panel, first) in panels.chunks_mut(head.width * PANEL).zip((0..head.positions).step_by(PANEL)) {
        let columns = PANEL.min(head.positions - first);
        pack_transposed_panel(panel, &source[first * stride..], stride, head.width, columns);
    }
}

/// `out[i][j] = left[i] . right[j]` for the queries `first..last` and every key that one of their tile may see, by tiles.
#[inline(always)]
fn causal_products<F: Real, L: Lanes<F>>(
    out: &mut [F],
    out_stride: usize,
    left: &[F],
    left_stride: usize,
    right: &[F],
    queries: Range<usize>,
    width: usize,
) {
    let first = queries.start;
    let panel_stride = width * PANEL;
    let mut tiles = |queries: Range<usize>, first_key: usize, columns: usize| {
        for query in queries.clone().step_by(L::rows(columns)) {
            let tile = Tile {
                steps: width,
                left: &left[query * left_stride..],
                left_stride,
                panels: &right[first_key * width..],
                panel_stride,
                out: &mut out[(query - first) * out_stride + first_key..],
                out_stride,
                columns,
                store: Store::Replace,
            };
            L::tile::<false>(L::rows(columns).min(queries.end - query), tile);
        }
    };
    for first_key in (0..queries.end).step_by(if L::PAIR_ROWS > 0 { 2 * PANEL } else { PANEL }) {
        // Queries before the second panel see the first one only.
        let start = first.max(first_key);
        let second = if L::PAIR_ROWS > 0 { (first_key + PANEL).clamp(start, queries.end) } else { queries.end };
        tiles(start..second, first_key, PANEL);
        tiles(second..queries.end, first_key, 2 * PANEL);
    }
}

/// `out[i] = sum over keys j <= i of weights[i][j] right[j]` for the queries of a block, by tiles.
///
/// The weights beyond the query are zero as far as [`mask`] goes.
#[inline(always)]
fn causal_sums<F: Real, L: Lanes<F>>(
    out: &mut [F],
    out_stride: usize,
    weights: &[F],
    weight_stride: usize,
    right: &[F],
    queries: Range<usize>,
    head: Head,
) {
    for (channel, columns) in spans::<F, L>(head.width) {
        for query in queries.clone().step_by(L::rows(columns)) {
            let rows = L::rows(columns).min(queries.end - query);
            let tile = Tile {
                steps: query + rows,
                left: &weights[(query - queries.start) * weight_stride..],
                left_stride: weight_stride,
                panels: &right[channel * head.positions..],
                panel_stride: head.positions * PANEL,
                out: &mut out[query * out_stride + channel..],
                out_stride,
                columns,
                store: Store::Replace,
            };
            L::tile::<false>(rows, tile);
        }
    }
}

/// `out[j] (+)= sum over queries i >= j of a block of weights[i][j] right[i]`, by tiles of keys: replaces the rows of keys
/// inside the block, which no earlier block has seen, and adds to those before it.
#[inline(always)]
fn causal_transposed_sums<F: Real, L: Lanes<F>>(
    out: &mut [F],
    out_stride: usize,
    weights: &[F],
    weight_stride: usize,
    right: &[F],
    queries: Range<usize>,
    head: Head,
) {
    let first = queries.start;
    for (channel, columns) in spans::<F, L>(head.width) {
        for (keys, store) in [(0..first, Store::Add), (queries.clone(), Store::Replace)] {
            for key in keys.clone().step_by(L::rows(columns)) {
                let from = first.max(key);
                let tile = Tile {
                    steps: queries.end - from,
                    left: &weights[(from - first) * weight_stride + key..],
                    left_stride: weight_stride,
                    panels: &right[channel * head.positions + from * PANEL..],
                    panel_stride: head.positions * PANEL,
                    out: &mut out[key * out_stride + channel..],
                    out_stride,
                    columns,
                    store,
                };
                L::tile::<true>(L::rows(columns).min(keys.end - key), tile);
            }
        }
    }
}

dispatched! {
    /// `outputs[i] = sum over j <= i of softmax(q[i] . k[j]) v[j]`; the queries carry the scale.
    ///
    /// projections: positions x 3 channels (queries, keys, values), rotated; outputs: positions x channels, this head's
    /// written; peaks, inverse_sums: per query its largest score and one over the sum of exponentials.
    attention_forward<F>(
        head: Head, projections: &[F], outputs: &mut [F], peaks: &mut [F], inverse_sums: &mut [F],
        scratch: &mut AttentionScratch<F>,
    ) {
        let Head { positions, width, first_channel, channels } = head;
        let (row, stride) = (3 * channels, score_stride(positions));
        let queries = &projections[first_channel..];
        pack_columns(&mut scratch.keys_transposed, &projections[channels + first_channel..], row, head);
        pack_rows(&mut scratch.values, &projections[2 * channels + first_channel..], row, head);
        for first in (0..positions).step_by(BLOCK) {
            let block = first..positions.min(first + BLOCK);
            let scores = &mut scratch.scores;
            causal_products::<F, L>(
                scores, stride, queries, row, &scratch.keys_transposed, block.clone(), width,
            );
            for query in block.clone() {
                mask(scores, query - first, stride, query, F::from_f64(-1e30));
                let row_scores = padded_row(scores, query - first, stride, query);
                let peak = largest(row_scores);
                let sum = exponentials::<F, FUSED>(row_scores, peak);
                mask(scores, query - first, stride, query, F::ZERO);
                (peaks[query], inverse_sums[query]) = (peak, F::ONE / sum);
            }
            let outputs = &mut outputs[first_channel..];
            causal_sums::<F, L>(outputs, channels, scores, stride, &scratch.values, block.clone(), head);
            for query in block {
                for output in &mut outputs[query * channels..][..width] {
                    *output *= inverse_sums[query];
                }
            }
        }
    }
}

dispatched! {
    /// Writes this head's gradient with respect to `projections` into `d_projections`, given that with respect to `outputs`.
    ///
    /// ```text
    /// dS = P (dO v' - dO . O)      dq = dS k      dk = dS' q      dv = P' dO
    /// ```
    attention_backward<F>(
        head: Head, projections: &[F], outputs: &[F], peaks: &[F], inverse_sums: &[F], d_outputs: &[F],
        d_projections: &mut [F], scratch: &mut AttentionScratch<F>,
    ) {
        let Head { positions, width, first_channel, channels } = head;
        let (row, stride) = (3 * channels, score_stride(positions));
        let [queries, keys, values] = [0, 1, 2].map(|part| &projections[part * channels + first_channel..]);
        let head_outputs = |values: &'_ [F], query: usize| query * channels + first_channel..values.len();
        pack_rows(&mut scratch.queries, queries, row, head);
        pack_rows(&mut scratch.keys, keys, row, head);
        pack_columns(&mut scratch.keys_transposed, keys, row, head);
        pack_columns(&mut scratch.values_transposed, values, row, head);
        pack_rows(&mut scratch.d_outputs, &d_outputs[first_channel..], channels, head);
        for first in (0..positions).step_by(BLOCK) {
            let block = first..positions.min(first + BLOCK);
            let AttentionScratch { scores, d_scores, .. } = scratch;
            causal_products::<F, L>(
                scores, stride, queries, row, &scratch.keys_transposed, block.clone(), width,
            );
            causal_products::<F, L>(
                d_scores, stride, &d_outputs[first_channel..], channels, &scratch.values_transposed, block.clone(), width,
            );
            for query in block.clone() {
                let row_scores = padded_row(scores, query - first, stride, query);
                let row_d_scores = padded_row(d_scores, query - first, stride, query);
                let output = &outputs[head_outputs(outputs, query)][..width];
                let d_output = &d_outputs[head_outputs(d_outputs, query)][..width];
                let mean = dot::<F, L, FUSED>(output, d_output);
                let (peak, inverse) = (peaks[query], inverse_sums[query]);
                for (scores, d_scores) in row_scores.as_chunks_mut::<PANEL>().0.iter_mut().zip(row_d_scores.as_chunks_mut().0) {
                    let d_scores: &mut [F; PANEL] = d_scores;
                    for key in 0..PANEL {
                        scores[key] = weight::<F, FUSED>(scores[key] - peak) * inverse;
                        d_scores[key] = scores[key] * (d_scores[key] - mean);
                    }
                }
                mask(scores, query - first, stride, query, F::ZERO);
                mask(d_scores, query - first, stride, query, F::ZERO);
            }
            let [d_queries, d_keys, d_values] = [0, 1, 2].map(|part| part * channels + first_channel);
            causal_sums::<F, L>(
                &mut d_projections[d_queries..], row, d_scores, stride, &scratch.keys, block.clone(), head,
            );
            causal_transposed_sums::<F, L>(
                &mut d_projections[d_keys..], row, d_scores, stride, &scratch.queries, block.clone(), head,
            );
            causal_transposed_sums::<F, L>(
                &mut d_projections[d_values..], row, scores, stride, &scratch.d_outputs, block, head,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::dispatch::at_every_level;
    use super::*;

    fn numbers<F: Real>(count: usize, seed: u64) -> Vec<F> {
        let wave = |i: usize| ((i as u64 * 7919 + seed * 104_729) % 2003) as f64 / 1001.0 - 1.0;
        (0..count).map(|i| F::from_f64(wave(i))).collect()
    }

    /// Outputs and gradients of both heads of one sequence.
    fn both_passes<F: Real>(positions: usize, width: usize) -> Vec<f64> {
        passes_over(numbers::<F>(positions * 6 * width, 1), positions, width)
    }

    fn passes_over<F: Real>(projections: Vec<F>, positions: usize, width: usize) -> Vec<f64> {
        let channels = 2 * width;
        let d_outputs: Vec<F> = numbers(positions * channels, 2);
        let mut outputs = vec![F::ZERO; positions * channels];
        let mut d_projections = vec![F::ZERO; positions * 3 * channels];
        let (mut peaks, mut inverse_sums) = (vec![F::ZERO; positions], vec![F::ZERO; positions]);
        let mut scratch = AttentionScratch::new(positions, width);
        for first_channel in [0, width] {
            let head = Head { positions, width, first_channel, channels };
            attention_forward(head, &projections, &mut outputs, &mut peaks, &mut inverse_sums, &mut scratch);
            attention_backward(
                head,
                &projections,
                &outputs,
                &peaks,
                &inverse_sums,
                &d_outputs,
                &mut d_projections,
                &mut scratch,
            );
        }
        outputs.iter().chain(&d_projections).map(|value| value.to_f64()).collect()
    }

    /// The outputs by the definition.
    fn outputs_by_definition(positions: usize, width: usize) -> Vec<f64> {
        let channels = 2 * width;
        let projections: Vec<f64> = numbers(positions * 3 * channels, 1);
        let row = |position: usize, part: usize| &projections[(3 * position + part) * channels..][..channels];
        let mut outputs = vec![0.0; positions * channels];
        for head in [0..width, width..channels] {
            for query in 0..positions {
                let score = |key| head.clone().map(|i| row(query, 0)[i] * row(key, 1)[i]).sum::<f64>();
                let weights: Vec<f64> = (0..=query).map(|key| score(key).exp()).collect();
                for i in head.clone() {
                    let sum: f64 = weights.iter().enumerate().map(|(key, weight)| weight * row(key, 2)[i]).sum();
                    outputs[query * channels + i] = sum / weights.iter().sum::<f64>();
                }
            }
        }
        outputs
    }

    #[test]
    fn every_instruction_set_gives_what_the_definition_gives() {
        for (positions, width) in [(1, 2), (33, 6), (70, 32), (130, 40), (200, 64), (97, 70)] {
            let exact = both_passes::<f64>(positions, width);
            for (ours, exact) in exact.iter().zip(outputs_by_definition(positions, width)) {
                assert!((ours - exact).abs() < 1e-12, "{positions} x {width}: {ours} {exact}");
            }
            at_every_level(|level| {
                // Scores reach some tens, which f32 rounds by 1e-6; gradients are sums of up to 200 such terms.
                for (ours, exact) in both_passes::<f32>(positions, width).iter().zip(&exact) {
                    let error = (ours - exact).abs();
                    assert!(error < 1e-4 * exact.abs().max(1.0), "{level:?} {positions} x {width}: {ours} {exact}");
                }
            });
        }
    }

    #[test]
    fn attention_that_is_sure_of_itself_makes_no_subnormal_numbers() {
        let (positions, width) = (130, 32);
        // Scores up to some hundreds: most weights are far below the smallest number.
        let projections: Vec<f32> = numbers(positions * 6 * width, 1).iter().map(|value: &f32| 6.0 * value).collect();
        at_every_level(|level| {
            let results = passes_over(projections.clone(), positions, width);
            let subnormal = results.iter().filter(|value| (**value as f32).is_subnormal()).count();
            assert_eq!(subnormal, 0, "{level:?}: of {}", results.len());
        });
    }
}
