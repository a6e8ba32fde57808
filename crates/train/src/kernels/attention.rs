//! Causal attention of one head over one sequence, block of queries by block of queries; the masked half is never computed.
//!
//! The backward pass recomputes the probabilities of a block from its scores and two numbers kept per query, so no
//! positions x positions matrix is ever stored.

use super::buffer::Buffer;
use super::dispatch::dispatched;
use super::lanes::Lanes;
use super::matmul::{PANEL, Store, TileLeft, pack_panel, pack_transposed_panel};
use super::real::Real;
use super::reduce::{dot, largest, sum};

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

/// Distance between the score rows of two queries. The extra half panel keeps rows of a power of two of positions from
/// falling on the same few cache sets.
fn score_stride(positions: usize) -> usize {
    positions.next_multiple_of(PANEL) + PANEL / 2
}

/// The scores of one query against the keys it sees, and some masked ones up to a multiple of [`PANEL`].
#[inline(always)]
fn padded_row<F>(scores: &mut [F], row: usize, stride: usize, query: usize) -> &mut [F] {
    &mut scores[row * stride..][..(query + 1).next_multiple_of(PANEL)]
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
fn causal_products<F: Real, L: Lanes<F>, const ROWS: usize>(
    out: &mut [F],
    out_stride: usize,
    left: &[F],
    left_stride: usize,
    right: &[F],
    queries: std::ops::Range<usize>,
    width: usize,
) {
    let first = queries.start;
    for (panel, first_key) in right.chunks_exact(width * PANEL).zip((0..queries.end).step_by(PANEL)) {
        let mut query = first.max(first_key);
        while query < queries.end {
            let left = TileLeft { values: &left[query * left_stride..], stride: left_stride };
            let out = &mut out[(query - first) * out_stride + first_key..];
            if query + ROWS <= queries.end {
                L::tile::<ROWS, false>(width, left, panel, out, out_stride, PANEL, Store::Replace);
                query += ROWS;
            } else {
                L::tile::<1, false>(width, left, panel, out, out_stride, PANEL, Store::Replace);
                query += 1;
            }
        }
    }
}

/// `out[i] = sum over keys j <= i of weights[i][j] right[j]` for the queries of a block, by tiles.
///
/// The weights beyond the query are zero up to the next multiple of [`PANEL`].
#[inline(always)]
fn causal_sums<F: Real, L: Lanes<F>, const ROWS: usize>(
    out: &mut [F],
    out_stride: usize,
    weights: &[F],
    weight_stride: usize,
    right: &[F],
    queries: std::ops::Range<usize>,
    head: Head,
) {
    let first = queries.start;
    for (panel, channel) in right.chunks_exact(head.positions * PANEL).zip((0..head.width).step_by(PANEL)) {
        let columns = PANEL.min(head.width - channel);
        let mut query = first;
        while query < queries.end {
            let values = &weights[(query - first) * weight_stride..];
            let left = TileLeft { values, stride: weight_stride };
            let out = &mut out[query * out_stride + channel..];
            if query + ROWS <= queries.end {
                L::tile::<ROWS, false>(query + ROWS, left, panel, out, out_stride, columns, Store::Replace);
                query += ROWS;
            } else {
                L::tile::<1, false>(query + 1, left, panel, out, out_stride, columns, Store::Replace);
                query += 1;
            }
        }
    }
}

/// `out[j] (+)= sum over queries i >= j of a block of weights[i][j] right[i]`, by tiles of keys: replaces the rows of keys
/// inside the block, which no earlier block has seen, and adds to those before it.
#[inline(always)]
fn causal_transposed_sums<F: Real, L: Lanes<F>, const ROWS: usize>(
    out: &mut [F],
    out_stride: usize,
    weights: &[F],
    weight_stride: usize,
    right: &[F],
    queries: std::ops::Range<usize>,
    head: Head,
) {
    let first = queries.start;
    for (panel, channel) in right.chunks_exact(head.positions * PANEL).zip((0..head.width).step_by(PANEL)) {
        let columns = PANEL.min(head.width - channel);
        let mut key = 0;
        while key < queries.end {
            let from = first.max(key);
            let store = if key >= first { Store::Replace } else { Store::Add };
            let values = &weights[(from - first) * weight_stride + key..];
            let left = TileLeft { values, stride: weight_stride };
            let (panel, steps) = (&panel[from * PANEL..], queries.end - from);
            let out = &mut out[key * out_stride + channel..];
            if key + ROWS <= queries.end {
                L::tile::<ROWS, true>(steps, left, panel, out, out_stride, columns, store);
                key += ROWS;
            } else {
                L::tile::<1, true>(steps, left, panel, out, out_stride, columns, store);
                key += 1;
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
            causal_products::<F, L, ROWS>(
                scores, stride, queries, row, &scratch.keys_transposed, block.clone(), width,
            );
            for query in block.clone() {
                let scores = padded_row(scores, query - first, stride, query);
                scores[query + 1..].fill(F::from_f64(-1e30));
                let peak = largest(scores);
                for scores in scores.as_chunks_mut::<PANEL>().0 {
                    for score in scores {
                        *score = (*score - peak).exp::<FUSED>();
                    }
                }
                scores[query + 1..].fill(F::ZERO);
                let inverse = F::ONE / sum(scores);
                for scores in scores.as_chunks_mut::<PANEL>().0 {
                    for score in scores {
                        *score *= inverse;
                    }
                }
                (peaks[query], inverse_sums[query]) = (peak, inverse);
            }
            let outputs = &mut outputs[first_channel..];
            causal_sums::<F, L, ROWS>(outputs, channels, scores, stride, &scratch.values, block, head);
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
            causal_products::<F, L, ROWS>(
                scores, stride, queries, row, &scratch.keys_transposed, block.clone(), width,
            );
            causal_products::<F, L, ROWS>(
                d_scores, stride, &d_outputs[first_channel..], channels, &scratch.values_transposed, block.clone(), width,
            );
            for query in block.clone() {
                let scores = padded_row(scores, query - first, stride, query);
                let d_scores = padded_row(d_scores, query - first, stride, query);
                let output = &outputs[head_outputs(outputs, query)][..width];
                let d_output = &d_outputs[head_outputs(d_outputs, query)][..width];
                let mean = dot::<F, FUSED>(output, d_output);
                let (peak, inverse) = (peaks[query], inverse_sums[query]);
                for (scores, d_scores) in scores.as_chunks_mut::<PANEL>().0.iter_mut().zip(d_scores.as_chunks_mut().0) {
                    let d_scores: &mut [F; PANEL] = d_scores;
                    for key in 0..PANEL {
                        scores[key] = (scores[key] - peak).exp::<FUSED>() * inverse;
                        d_scores[key] = scores[key] * (d_scores[key] - mean);
                    }
                }
                scores[query + 1..].fill(F::ZERO);
                d_scores[query + 1..].fill(F::ZERO);
            }
            let [d_queries, d_keys, d_values] = [0, 1, 2].map(|part| part * channels + first_channel);
            causal_sums::<F, L, ROWS>(
                &mut d_projections[d_queries..], row, d_scores, stride, &scratch.keys, block.clone(), head,
            );
            causal_transposed_sums::<F, L, ROWS>(
                &mut d_projections[d_keys..], row, d_scores, stride, &scratch.queries, block.clone(), head,
            );
            causal_transposed_sums::<F, L, ROWS>(
                &mut d_projections[d_values..], row, scores, stride, &scratch.d_outputs, block, head,
            );
        }
    }
}
