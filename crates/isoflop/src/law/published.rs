//! Coefficient sets from the literature at full precision, each with its source, trust and reach.

use std::sync::Arc;

use serde::Serialize;

use super::Law;
use crate::sources::Trust;

/// A published fit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Published {
    /// Author and year, edition after a dash.
    pub name: &'static str,
    /// The law's name.
    pub law: &'static str,
    /// Its parameters, in the law's order.
    pub parameters: &'static [f64],
    /// Paper, and where in it.
    pub source: &'static str,
    /// How far the numbers were checked.
    pub trust: Trust,
    /// Largest training compute among the runs it was fitted to, where the paper or its data say so.
    pub largest_flops: Option<f64>,
    /// What to know before using it.
    pub note: &'static str,
}

/// Largest compute among the 245 runs read off Hoffmann et al.'s figure (data of Besiroglu et al. 2024).
const LARGEST_DIGITISED_RUN: f64 = 1.295_602_267e22;

/// E, A, B, alpha, beta of text seen once; the authors' notebook gives a = 6.255414, b = 7.3049974, e = 0.6254804.
pub(super) const MUENNIGHOFF_ONCE: [f64; 5] =
    [1.869_143_678_405_485_8, 520.824_951_659_918_7, 1_487.716_093_782_861, 0.352_659_6, 0.352_659_6];

/// The same with R_D* and R_N*.
const MUENNIGHOFF_REPEATED: [f64; 7] = [
    MUENNIGHOFF_ONCE[0],
    MUENNIGHOFF_ONCE[1],
    MUENNIGHOFF_ONCE[2],
    MUENNIGHOFF_ONCE[3],
    MUENNIGHOFF_ONCE[4],
    15.387_756,
    5.309_743,
];

/// All published coefficient sets.
pub static PUBLISHED: [Published; 14] = [
    Published {
        name: "hoffmann2022",
        // The TeX source gives a = ln A = 6.0073404, b = ln B = 6.0179186, e = ln E = 0.5267228.
        law: "hoffmann",
        parameters: &[1.693_373_680_998_952_8, 406.401_017_519_473_7, 410.722_826_945_039_8, 0.339_170_84, 0.284_908_3],
        source: "Hoffmann et al. 2022, arXiv:2203.15556, approach 3, unrounded from the TeX source",
        trust: Trust::Verified,
        largest_flops: Some(LARGEST_DIGITISED_RUN),
        note: "its optimiser had stopped early (Besiroglu et al. 2024); kept for comparison",
    },
    Published {
        name: "hoffmann2022-printed",
        law: "hoffmann",
        parameters: &[1.69, 406.4, 410.7, 0.34, 0.28],
        source: "Hoffmann et al. 2022, arXiv:2203.15556, equation 10",
        trust: Trust::Verified,
        largest_flops: Some(LARGEST_DIGITISED_RUN),
        note: "rounding the exponents moves tokens per parameter at 5.76e23 FLOP from 59 to 93",
    },
    Published {
        name: "besiroglu2024",
        law: "hoffmann",
        parameters: &[1.8172, 482.01, 2085.43, 0.3478, 0.3658],
        source: "Besiroglu et al. 2024, arXiv:2404.10102, table 1",
        trust: Trust::Verified,
        largest_flops: Some(LARGEST_DIGITISED_RUN),
        note: "the least-absolute-deviation optimum on 240 runs read off a figure",
    },
    Published {
        name: "besiroglu2024-lad",
        law: "hoffmann",
        parameters: &[1.816_864, 482.005, 2085.43, 0.347_813, 0.365_854],
        source: "recomputed here from the data of Besiroglu et al. 2024, least absolute deviations of ln loss",
        trust: Trust::Derived,
        largest_flops: Some(LARGEST_DIGITISED_RUN),
        note: "the published headline, with the digits the paper rounds off",
    },
    Published {
        name: "besiroglu2024-huber",
        law: "hoffmann",
        parameters: &[1.817_218_10, 477.825_872, 2_143.417_372, 0.347_310_499, 0.367_172_433],
        source: "recomputed here from the data of Besiroglu et al. 2024, Huber 1e-3 on ln loss, summed",
        trust: Trust::Derived,
        largest_flops: Some(LARGEST_DIGITISED_RUN),
        note: "the exact optimum of the objective the paper declares",
    },
    Published {
        name: "muennighoff2023",
        law: "hoffmann",
        parameters: &MUENNIGHOFF_ONCE,
        source: "Muennighoff et al. 2023, arXiv:2305.16264, the law for data seen once, from the authors' notebook",
        trust: Trust::Verified,
        largest_flops: None,
        note: "C4; exponents tied; repetition is a law of its own",
    },
    Published {
        name: "sardana2024",
        law: "hoffmann",
        parameters: &[1.69, 406.4, 410.7, 0.336, 0.283],
        source: "Sardana et al. 2024, arXiv:2401.00448",
        trust: Trust::Secondary,
        largest_flops: None,
        note: "Hoffmann's printed scales with one more digit of the exponents; reproduces their serving examples",
    },
    Published {
        name: "muennighoff2023-repeated",
        law: "muennighoff",
        parameters: &MUENNIGHOFF_REPEATED,
        source: "Muennighoff et al. 2023, arXiv:2305.16264, from the authors' notebook",
        trust: Trust::Verified,
        largest_flops: None,
        note: "C4, 7M to 9B parameters, up to 1500 epochs; a valley of other R_D*, R_N* fits their runs as well",
    },
    Published {
        name: "farseer2025",
        law: "farseer",
        parameters: &[
            -0.062_465_473,
            0.13,
            0.128_488_067_944_255_1,
            230.734_370_758_858_55,
            -0.172_9,
            -1.544_209_554,
            -1.665_630_816,
            0.045_899_999_999_961_9,
            3.133_347_198_805_445,
        ],
        source: "Li et al. 2025, arXiv:2506.10972, as the ScaleBench code quotes the authors' notebook",
        trust: Trust::Verified,
        largest_flops: None,
        note: "loss in bits per character, not nats per token; parameters without embeddings, 1e8 to 2.5e10; tokens 1e9 to 5e11",
    },
    Published {
        name: "kaplan2020-params",
        // A = N_c^alpha with N_c = 8.8e13.
        law: "power-params",
        parameters: &[11.475_739_550_450_955, 0.076],
        source: "Kaplan et al. 2020, arXiv:2001.08361, equation 1.1",
        trust: Trust::Secondary,
        largest_flops: None,
        note: "parameters without embeddings; unlimited text, WebText2",
    },
    Published {
        name: "kaplan2020-tokens",
        // A = D_c^alpha with D_c = 5.4e13 tokens.
        law: "power-tokens",
        parameters: &[20.164_033_355_647_756, 0.095],
        source: "Kaplan et al. 2020, arXiv:2001.08361, equation 1.2",
        trust: Trust::Secondary,
        largest_flops: None,
        note: "large models stopped early on a text of D tokens",
    },
    Published {
        name: "kaplan2020-compute",
        // A = C_c^alpha with C_c = 1.6e7 PF-days of 8.64e19 FLOP.
        law: "power-compute",
        parameters: &[35.238_395_236_425_87, 0.057],
        source: "Kaplan et al. 2020, arXiv:2001.08361, figure 1",
        trust: Trust::Secondary,
        largest_flops: None,
        note: "compute without embeddings, at one fixed batch size",
    },
    Published {
        name: "kaplan2020-least-compute",
        // A = C_c^alpha with C_c = 3.1e8 PF-days.
        law: "power-compute",
        parameters: &[26.387_228_133_174_904, 0.05],
        source: "Kaplan et al. 2020, arXiv:2001.08361, equation 1.3",
        trust: Trust::Secondary,
        largest_flops: None,
        note: "compute without embeddings, corrected to a batch size far below the critical one",
    },
    Published {
        name: "kaplan2020-joint",
        // A = N_c^alpha and B = D_c^beta with N_c = 6.4e13, D_c = 1.8e13.
        law: "kaplan-joint",
        parameters: &[11.201_332_216_688_302, 23.189_589_882_366_08, 0.076, 0.103],
        source: "Kaplan et al. 2020, arXiv:2001.08361, table 2",
        trust: Trust::Secondary,
        largest_flops: None,
        note: "parameters without embeddings; early stopping and dropout on a fixed text: not for C = 6ND",
    },
];

impl Published {
    /// The law its parameters belong to.
    pub fn law(&self) -> Arc<dyn Law> {
        // A test holds every set to a law of `all`.
        super::by_name(self.law, &[]).unwrap_or_else(|| Arc::new(super::Hoffmann))
    }
}

/// The published fit called `name`; `None` when there is none.
///
/// ```
/// let set = isoflop::law::published("besiroglu2024").unwrap();
/// assert_eq!((set.law, set.parameters[3]), ("hoffmann", 0.3478));
/// ```
pub fn published(name: &str) -> Option<&'static Published> {
    PUBLISHED.iter().find(|set| set.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::Setting;

    #[test]
    fn scales_are_the_exponentials_of_the_sources_logarithms() {
        for (name, [a, b, e]) in [
            ("hoffmann2022", [6.007_340_4, 6.017_918_6, 0.526_722_8]),
            ("muennighoff2023", [6.255_414, 7.304_997_4, 0.625_480_4f64]),
        ] {
            let &[floor, params_scale, tokens_scale, ..] = published(name).unwrap().parameters else { panic!() };
            for (scale, logarithm) in [(params_scale, a), (tokens_scale, b), (floor, e)] {
                assert!(
                    (scale / logarithm.exp() - 1.0).abs() < 1e-14,
                    "{name}: {scale} is not e^{logarithm}: {}",
                    logarithm.exp()
                );
            }
        }
    }

    #[test]
    fn kaplans_scales_are_powers_of_his_constants() {
        const PF_DAY: f64 = 8.64e19;
        for (name, constants) in [
            ("kaplan2020-params", &[(8.8e13, 0.076)][..]),
            ("kaplan2020-tokens", &[(5.4e13, 0.095)]),
            ("kaplan2020-compute", &[(1.6e7 * PF_DAY, 0.057)]),
            ("kaplan2020-least-compute", &[(3.1e8 * PF_DAY, 0.05)]),
            ("kaplan2020-joint", &[(6.4e13, 0.076), (1.8e13, 0.103)]),
        ] {
            let parameters = published(name).unwrap().parameters;
            for (i, (constant, exponent)) in constants.iter().enumerate() {
                let scale: f64 = *constant;
                assert!((parameters[i] / scale.powf(*exponent) - 1.0).abs() < 1e-13, "{name}");
                assert_eq!(parameters[constants.len() + i], *exponent, "{name}");
            }
        }
    }

    #[test]
    fn kaplans_laws_give_the_worked_losses() {
        let loss = |name: &str, params, tokens| {
            let set = published(name).unwrap();
            set.law().loss(set.parameters, &Setting::single_pass(params, tokens))
        };
        assert!((loss("kaplan2020-params", 1.5e9, 23e9) - 2.303_551).abs() < 1e-6);
        assert!((loss("kaplan2020-tokens", 1.5e9, 23e9) - 2.090_322).abs() < 1e-6);
        assert!((loss("kaplan2020-joint", 1.5e9, 23e9) - 2.310_064).abs() < 1e-6);
    }

    #[test]
    fn farseer_gives_the_worked_losses() {
        let set = published("farseer2025").unwrap();
        for (params, tokens, loss) in [(1e9, 2e10, 0.539_409), (6.4e9, 5.12e11, 0.429_188)] {
            let got = set.law().loss(set.parameters, &Setting::single_pass(params, tokens));
            assert!((got - loss).abs() < 1e-6, "{got} for {loss}");
        }
    }

    #[test]
    fn names_are_unique() {
        for set in &PUBLISHED {
            assert!(std::ptr::eq(published(set.name).unwrap(), set));
        }
    }
}
