//! The rules by which papers count training compute, by name: what each counts, for which shapes it is meant, and by how much
//! they differ.

use serde::Serialize;

use super::{Architecture, TRAINING_FLOPS_PER_PARAM_TOKEN};
use crate::sources::Trust;

/// FLOP of the backward pass for each of the forward: gradients with respect to inputs and to weights (Kaplan et al. 2020,
/// arXiv:2001.08361, section 2.1; Hoffmann et al. 2022, arXiv:2203.15556, appendix F).
pub const BACKWARD_PER_FORWARD: f64 = 2.0;

/// FLOP of the softmax for each score (Hoffmann et al. 2022, arXiv:2203.15556, appendix F).
const SOFTMAX_FLOPS_PER_SCORE: f64 = 3.0;

/// Training FLOP for `forward` FLOP of the forward pass: the backward pass costs twice as much.
///
/// ```text
/// C = (1 + 2) C_forward
/// ```
///
/// ```
/// assert_eq!(isoflop::counting::with_backward(2.0), 6.0);
/// ```
pub fn with_backward(forward: f64) -> f64 {
    (1.0 + BACKWARD_PER_FORWARD) * forward
}

/// FLOP a device executes in training when it computes a share `recomputed` of the forward pass again instead of storing it: what
/// hardware utilisation (HFU) counts, and model utilisation (MFU) does not.
///
/// ```text
/// C_hardware = (3 + r) C_forward
/// ```
///
/// # Source
/// Chowdhery et al. 2022, arXiv:2204.02311, section 4.1.
///
/// ```
/// // Full recomputation: a third more.
/// assert_eq!(isoflop::counting::hardware_flops(3.0, 1.0) / isoflop::counting::with_backward(3.0), 4.0 / 3.0);
/// ```
pub fn hardware_flops(forward: f64, recomputed: f64) -> f64 {
    with_backward(forward) + recomputed * forward
}

/// A published way to count the training FLOP of a decoder-only transformer. All count a multiply-add as two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FlopRule {
    /// Six for each weight of every matrix, embedding and head included, nothing for attention.
    SixN,
    /// Six for each weight outside embedding and head.
    SixNonEmbedding,
    /// The same and attention's scores and sums, over the whole context.
    Kaplan,
    /// Every matrix product layer by layer, softmax, embedding as a product, and head.
    Hoffmann,
    /// The layers of [`FlopRule::Hoffmann`] alone, which is what their comparison with 6 N shows.
    HoffmannLayers,
    /// Non-embedding FLOP per token, attention included.
    DeepSeek,
    /// What model FLOP utilisation (MFU) is measured in.
    Palm,
    /// Every matrix product, attention causal (a token sees half a context on average), no softmax, no embedding.
    Exact,
}

impl FlopRule {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::SixN,
        Self::SixNonEmbedding,
        Self::Kaplan,
        Self::Hoffmann,
        Self::HoffmannLayers,
        Self::DeepSeek,
        Self::Palm,
        Self::Exact,
    ];

    /// The name that files use.
    pub fn name(self) -> &'static str {
        match self {
            Self::SixN => "six_n",
            Self::SixNonEmbedding => "six_non_embedding",
            Self::Kaplan => "kaplan",
            Self::Hoffmann => "hoffmann",
            Self::HoffmannLayers => "hoffmann_layers",
            Self::DeepSeek => "deep_seek",
            Self::Palm => "palm",
            Self::Exact => "exact",
        }
    }

    /// Training FLOP per token in symbols: L depth, d width, h heads of k channels, f feed-forward width, V vocabulary, s context,
    /// N weights of all matrices, N' those outside embedding and head, m = 2 matrices of the feed-forward block (3 if gated).
    pub fn formula(self) -> &'static str {
        match self {
            Self::SixN => "6 N",
            Self::SixNonEmbedding => "6 N'",
            Self::Kaplan => "3 (2 N' + 2 L s h k)",
            Self::Hoffmann => "3 (4 V d + L (8 d h k + 4 s h k + 3 h s + 2 m d f))",
            Self::HoffmannLayers => "3 L (8 d h k + 4 s h k + 3 h s + 2 m d f)",
            Self::DeepSeek => "72 L d^2 + 12 L d s",
            Self::Palm => "6 N + 12 L h k s",
            Self::Exact => "3 (2 V d + L (8 d h k + 2 (s + 1) h k + 2 m d f))",
        }
    }

    /// Paper, and where in it.
    pub fn source(self) -> &'static str {
        match self {
            Self::SixN | Self::SixNonEmbedding => "Kaplan et al. 2020, arXiv:2001.08361, section 2.1",
            Self::Kaplan => "Kaplan et al. 2020, arXiv:2001.08361, table 1",
            Self::Hoffmann => "Hoffmann et al. 2022, arXiv:2203.15556, appendix F",
            Self::HoffmannLayers => "Hoffmann et al. 2022, arXiv:2203.15556, table A4",
            Self::DeepSeek => "DeepSeek-AI 2024, arXiv:2401.02954, equation 2",
            Self::Palm => "Chowdhery et al. 2022, arXiv:2204.02311, appendix B",
            Self::Exact => "this library's own count, as `Architecture::flop_groups` gives it",
        }
    }

    /// How far the formula was checked.
    pub fn trust(self) -> Trust {
        match self {
            // Read in the text of the paper; the numbers of its table A4 come out of it.
            Self::Hoffmann | Self::HoffmannLayers => Trust::Verified,
            Self::SixN | Self::SixNonEmbedding | Self::Kaplan | Self::DeepSeek | Self::Palm => Trust::Secondary,
            Self::Exact => Trust::Derived,
        }
    }

    /// Training FLOP per token of `shape` at its full context, forward and backward.
    ///
    /// [`FlopRule::DeepSeek`] is meant for shapes whose heads fill the width and whose feed-forward block has 8 d^2 weights, and
    /// looks at depth, width and context alone.
    ///
    /// # Example
    /// ```
    /// use isoflop::counting::{Architecture, FlopRule};
    /// // The shape of Chinchilla with 70B parameters.
    /// let shape = Architecture {
    ///     depth: 80, width: 8192, heads: 64, head_width: 128, feed_forward: 32768, gated: false,
    ///     vocabulary: 32000, tied_head: true, context: 2048,
    /// };
    /// let [exact, six_n] = [FlopRule::Hoffmann, FlopRule::SixN].map(|rule| rule.training_flops_per_token(&shape));
    /// assert!((exact / 4.058933e11 - 1.0).abs() < 1e-6);
    /// assert!((exact / six_n - 1.045793).abs() < 1e-6);
    /// ```
    pub fn training_flops_per_token(self, shape: &Architecture) -> f64 {
        let [depth, width, heads, context] = [shape.depth, shape.width, shape.heads, shape.context].map(|n| n as f64);
        let channels = heads * shape.head_width as f64;
        let groups = shape.param_groups();
        let layer_weights = (groups.attention + groups.feed_forward) as f64;
        let all_weights = layer_weights + (groups.embedding + groups.head) as f64;
        let six = |weights: f64| TRAINING_FLOPS_PER_PARAM_TOKEN * weights;
        match self {
            Self::SixN => six(all_weights),
            Self::SixNonEmbedding => six(layer_weights),
            Self::Kaplan => with_backward(2.0 * layer_weights + 2.0 * depth * context * channels),
            Self::HoffmannLayers => {
                let scores_and_sums = 4.0 * context * channels;
                let softmax = SOFTMAX_FLOPS_PER_SCORE * heads * context;
                with_backward(2.0 * layer_weights + depth * (scores_and_sums + softmax))
            }
            Self::Hoffmann => {
                let embedding_and_head = 4.0 * shape.vocabulary as f64 * width;
                Self::HoffmannLayers.training_flops_per_token(shape) + with_backward(embedding_and_head)
            }
            Self::DeepSeek => 72.0 * depth * width * width + 12.0 * depth * width * context,
            Self::Palm => six(all_weights) + 12.0 * depth * channels * context,
            Self::Exact => shape.flop_groups().training_flops_per_token(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plain feed-forward block, tied head, vocabulary of 32,000 and context of 2,048, as in Hoffmann et al. 2022.
    fn shape(depth: usize, width: usize, feed_forward: usize, heads: usize, head_width: usize) -> Architecture {
        Architecture {
            depth,
            width,
            heads,
            head_width,
            feed_forward,
            gated: false,
            vocabulary: 32_000,
            tied_head: true,
            context: 2048,
        }
    }

    fn close(value: f64, expected: f64, tolerance: f64) {
        assert!((value / expected - 1.0).abs() < tolerance, "{value:e} for {expected:e}");
    }

    #[test]
    fn seventy_billion_parameters_give_the_worked_numbers() {
        let chinchilla = shape(80, 8192, 32768, 64, 128);
        let count = |rule: FlopRule| rule.training_flops_per_token(&chinchilla);
        close(count(FlopRule::Hoffmann), 4.058_933e11, 2e-7);
        close(count(FlopRule::SixN), 3.881_199e11, 2e-7);
        close(count(FlopRule::SixN) / 6.0, 6.468_665e10, 2e-7);
        close(count(FlopRule::Hoffmann) / count(FlopRule::SixN), 1.045_793, 5e-7);
        close(count(FlopRule::DeepSeek), 4.026_532e11, 2e-7);
    }

    /// Their parameters include a matrix for relative positions in every layer, their FLOP neither embedding nor head: only so do
    /// all six printed ratios come out.
    #[test]
    fn table_a4_of_hoffmann_2022_is_reproduced_to_its_two_decimals() {
        for (depth, width, feed_forward, heads, head_width, params, ratio) in [
            (10, 640, 2560, 10, 64, 73e6, 1.03),
            (20, 1024, 4096, 16, 64, 305e6, 1.10),
            (24, 1280, 5120, 10, 128, 552e6, 1.08),
            (26, 1792, 7168, 14, 128, 1.1e9, 1.04),
            (28, 2048, 8192, 16, 128, 1.6e9, 1.03),
            (40, 3584, 14336, 28, 128, 6.8e9, 0.99),
        ] {
            let shape = shape(depth, width, feed_forward, heads, head_width);
            let relative_positions = (depth * width * heads * head_width) as f64;
            let weights = FlopRule::SixN.training_flops_per_token(&shape) / 6.0 + relative_positions;
            // Printed to two digits.
            close(weights, params, 0.05);
            let ours = FlopRule::HoffmannLayers.training_flops_per_token(&shape) / (6.0 * weights);
            assert!((ours - ratio).abs() <= 0.006, "{params:e}: {ours}");
            // With embedding and head, as the text has it, the smallest would not fit.
            let with_ends = FlopRule::Hoffmann.training_flops_per_token(&shape) / (6.0 * weights);
            assert!(depth > 10 || with_ends > 1.5, "{with_ends}");
        }
    }

    /// 80 layers of width 8,192: M of DeepSeek's law, all parameters, and what both are to Hoffmann et al.'s count.
    #[test]
    fn worked_counts_of_one_shape_are_reproduced() {
        let shape = shape(80, 8192, 32768, 64, 128);
        for (rule, flops) in [
            (FlopRule::DeepSeek, 4.026_532e11),
            (FlopRule::SixN, 6.0 * 6.468_665e10),
            (FlopRule::Hoffmann, 4.058_933e11),
        ] {
            close(rule.training_flops_per_token(&shape), flops, 1e-6);
        }
    }

    /// 6 N' over M at contexts of 2,048 and 4,096; the paper prints 0.43 and 0.92 at 4,096.
    #[test]
    fn deepseeks_comparison_is_reproduced() {
        for (depth, width, context, ratio) in
            [(80, 8192, 2048, 0.96), (80, 8192, 4096, 0.92), (8, 512, 4096, 0.43), (8, 512, 2048, 0.60)]
        {
            let shape = Architecture { context, ..shape(depth, width, 4 * width, width / 64, 64) };
            let ours = FlopRule::SixNonEmbedding.training_flops_per_token(&shape)
                / FlopRule::DeepSeek.training_flops_per_token(&shape);
            assert!((ours - ratio).abs() < 0.005, "{depth} x {width} at {context}: {ours}");
        }
    }

    /// Chowdhery et al. 2022: 540B parameters, 238.3K tokens a second on 6,144 TPU v4: 46.2 %, 45.7 % without attention.
    #[test]
    fn palms_utilisation_is_reproduced() {
        let attention = 12.0 * 118.0 * 48.0 * 256.0 * 2048.0;
        let utilisation = |flops_per_token: f64| 238.3e3 * flops_per_token / (6144.0 * 275e12);
        assert!((utilisation(6.0 * 540.35e9 + attention) - 0.462).abs() < 5e-4);
        assert!((utilisation(6.0 * 540.35e9) - 0.457).abs() < 5e-4);
        let shape = shape(118, 18432, 4 * 18432, 48, 256);
        let ours = FlopRule::Palm.training_flops_per_token(&shape) - FlopRule::SixN.training_flops_per_token(&shape);
        close(ours, attention, 1e-12);
    }

    #[test]
    fn kaplan_counts_half_of_the_attention_that_palm_counts() {
        let shape = shape(12, 768, 3072, 12, 64);
        let excess = |rule: FlopRule, base: FlopRule| {
            rule.training_flops_per_token(&shape) - base.training_flops_per_token(&shape)
        };
        close(2.0 * excess(FlopRule::Kaplan, FlopRule::SixNonEmbedding), excess(FlopRule::Palm, FlopRule::SixN), 1e-12);
    }

    #[test]
    fn every_rule_agrees_with_six_n_within_a_tenth_where_models_are_large() {
        let shape = shape(80, 8192, 32768, 64, 128);
        let six_n = FlopRule::SixN.training_flops_per_token(&shape);
        for rule in FlopRule::ALL {
            let ratio = rule.training_flops_per_token(&shape) / six_n;
            assert!((ratio - 1.0).abs() < 0.1, "{}: {ratio}", rule.name());
            assert!(
                !rule.formula().is_empty() && rule.source().contains(char::is_numeric) != (rule == FlopRule::Exact)
            );
        }
    }
}
