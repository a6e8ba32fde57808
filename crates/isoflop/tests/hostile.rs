//! What any bytes, and numbers as extreme as they come, may do to readers and laws: get an answer or a refusal, never a panic.
//!
//! `fuzz/` drives the same functions with a nightly compiler and a memory of what was found.

#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../../../fuzz/drivers.rs"]
mod drivers;

use isoflop::{Claim, Fit, FitOptions, Objective, Params, Runs, Sealing, TableFormat, Tokens, fit};
use proptest::prelude::*;

/// Bit patterns that break arithmetic, among ordinary numbers.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        3 => (-3.0f64..18.0).prop_map(|decades| 10f64.powf(decades)),
        1 => (-320.0f64..308.0).prop_map(|decades| 10f64.powf(decades)),
        1 => any::<u64>().prop_map(f64::from_bits),
        1 => prop::sample::select(vec![0.0, -0.0, 1.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN_POSITIVE, 5e-324]),
    ]
}

/// A number as a file may spell it.
fn spelling() -> impl Strategy<Value = String> {
    prop_oneof![
        number().prop_map(|number| number.to_string()),
        number().prop_map(|number| format!("{number:e}")),
        prop::sample::select(vec!["", "null", "\"\"", "1e400", "-0", "true", "[]", "{}", "70B", "1_000", "0x10", "٣"])
            .prop_map(str::to_owned),
    ]
}

/// A fit with draws, and a claim, of sixteen runs.
fn files() -> (String, String) {
    let mut table = String::from("params,tokens,loss\n");
    for i in 0..16 {
        let (params, tokens) = (1e8 * 1.9f64.powi(i % 4), 2e9 * 3f64.powi(i / 4));
        let loss = 1.8 + 480.0 / params.powf(0.35) + 2000.0 / tokens.powf(0.37);
        table += &format!("{params},{tokens},{}\n", loss * (1.0 + 0.003 * (12.9 * f64::from(i)).sin()));
    }
    let runs = Runs::read(table.as_bytes(), "t", TableFormat::Csv, false).unwrap();
    let fit = fit(&runs, &FitOptions { draws: 3, ..FitOptions::hoffmann(Objective::LogLeastSquares) }).unwrap();
    let sealing = Sealing { name: "c", sealed_at: "2026-01-01T00:00:00Z", previous: None };
    let claim = fit.claim(Params::new(1e10).unwrap(), Tokens::new(2e11).unwrap(), 0.9, &sealing);
    (fit.to_json(0.9, &Default::default()), claim.unwrap().to_json())
}

/// `text` with the `which`-th number replaced.
fn with_number(text: &str, which: usize, number: &str) -> String {
    let starts_number = |at: &usize| {
        let before = text[..*at].chars().next_back();
        text[*at..].starts_with(|c: char| c.is_ascii_digit() || c == '-')
            && matches!(before, Some(':' | ',' | '[' | ' '))
    };
    let starts: Vec<usize> = (0..text.len()).filter(|at| text.is_char_boundary(*at)).filter(starts_number).collect();
    let start = starts[which % starts.len()];
    let length =
        text[start..].find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c))).unwrap_or(text.len() - start);
    format!("{}{number}{}", &text[..start], &text[start + length..])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn tables_of_any_cells_are_runs_or_refusals(
        header in prop::sample::select(vec!["run,params,tokens,loss,loss_se", "params,flops,loss,status,step", "\u{feff}tokens,flops,loss,params,epochs"]),
        cells in prop::collection::vec(prop::collection::vec(spelling(), 5), 0..6),
    ) {
        let rows: String = cells.iter().map(|row| row.join(",") + "\n").collect();
        drivers::table(format!("{header}\n{rows}").as_bytes());
        let objects: String = cells.iter().map(|row| {
            let pairs: Vec<String> = header.split(',').zip(row).map(|(name, cell)| format!("\"{name}\":{cell}")).collect();
            format!("{{{}}}\n", pairs.join(","))
        }).collect();
        drivers::table(objects.as_bytes());
    }

    #[test]
    fn tables_of_any_bytes_are_runs_or_refusals(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        drivers::table(&bytes);
    }

    #[test]
    fn laws_at_any_bit_pattern_give_a_number(which: u8, patterns in prop::collection::vec(number(), 24)) {
        let bytes: Vec<u8> = std::iter::once(which).chain(patterns.iter().flat_map(|number| number.to_le_bytes())).collect();
        drivers::law(&bytes);
    }
}

#[test]
fn a_fit_with_any_number_in_it_answers_or_is_refused() {
    let (fit, _) = files();
    drivers::fit_file(fit.as_bytes());
    let mut accepted = 0;
    proptest!(ProptestConfig::with_cases(1_500), |(which: usize, number in spelling())| {
        let text = with_number(&fit, which, &number);
        drivers::fit_file(text.as_bytes());
    });
    for which in 0..60 {
        accepted += usize::from(Fit::from_json(&with_number(&fit, which, "0.5"), "f").is_ok());
    }
    assert!(accepted > 10, "the numbers are not reached: {accepted}");
}

#[test]
fn a_claim_with_any_number_changed_is_refused() {
    let (_, claim) = files();
    assert!(Claim::from_json(&claim, "c").is_ok());
    drivers::claim_file(claim.as_bytes());
    proptest!(ProptestConfig::with_cases(500), |(which: usize, number in spelling())| {
        let text = with_number(&claim, which, &number);
        drivers::claim_file(text.as_bytes());
    });
    assert!(Claim::from_json(&with_number(&claim, 1, "0.5"), "c").is_err());
}
