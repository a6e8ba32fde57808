//! What every law must obey, whatever its form.

#![allow(clippy::unwrap_used)]

use isoflop::law::{ALL, Law, PUBLISHED};

/// Parameter sets to try each law with.
fn parameter_sets(law: &dyn Law) -> Vec<Vec<f64>> {
    let published = PUBLISHED.iter().map(|set| set.coefficients.to_array().to_vec());
    published.filter(|set| set.len() == law.parameters().len()).collect()
}

const GRID: [f64; 6] = [1e6, 1e8, 1e9, 7e10, 1e12, 1e14];

#[test]
fn loss_falls_with_params_and_with_tokens() {
    for law in ALL {
        for set in parameter_sets(law) {
            for params in GRID {
                for tokens in GRID {
                    let here = law.loss(&set, params, tokens);
                    assert!(law.loss(&set, 1.5 * params, tokens) < here, "{} at {params:e}, {tokens:e}", law.name());
                    assert!(law.loss(&set, params, 1.5 * tokens) < here, "{} at {params:e}, {tokens:e}", law.name());
                }
            }
        }
    }
}

#[test]
fn loss_is_positive_and_approaches_a_floor() {
    for law in ALL {
        for set in parameter_sets(law) {
            let (far, farther) = (law.loss(&set, 1e60, 1e60), law.loss(&set, 1e80, 1e80));
            assert!(farther > 0.0 && (far - farther).abs() < 1e-6, "{}: {far} {farther}", law.name());
        }
    }
}

#[test]
fn names_are_unique_and_lead_back() {
    for law in ALL {
        assert_eq!(isoflop::law::by_name(law.name()).unwrap().name(), law.name());
        assert!(!law.formula().is_empty() && !law.parameters().is_empty());
    }
    assert!(isoflop::law::by_name("nobody2031").is_none());
}
