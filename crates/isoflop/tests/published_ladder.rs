//! The published ladder: is it what its page says, and does the default fit of its runs forecast the run that was kept back?

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use isoflop::{FitOptions, Run, Runs, TableFormat, fit};

/// Where a forecast lands and how the runs scatter around the law, for each text and recipe: measured once, held since.
struct Expected {
    corpus: &'static str,
    recipe: &'static str,
    /// Largest |ln forecast - ln loss| of the run of 20.5 times the largest budget.
    error: f64,
    /// Whether the 90 % band holds it.
    held: bool,
    /// Largest root mean square of ln loss around the law, over that between seeds.
    spread: f64,
}

const EXPECTED: [Expected; 4] = [
    Expected { corpus: "code", recipe: "default", error: 0.08, held: true, spread: 2.5 },
    Expected { corpus: "code", recipe: "muon", error: 0.09, held: false, spread: 1.5 },
    Expected { corpus: "language", recipe: "default", error: 0.01, held: true, spread: 1.1 },
    Expected { corpus: "language", recipe: "muon", error: 0.02, held: true, spread: 1.2 },
];

fn table(name: &str) -> Runs {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/ladder").join(name);
    Runs::read(BufReader::new(File::open(path).unwrap()), name, TableFormat::Csv, false).unwrap()
}

fn part(runs: &Runs, expected: &Expected) -> Runs {
    let mut part = runs.clone();
    part.kept.retain(|run| {
        run.covariates["corpus"] == expected.corpus && run.recipe().unwrap().starts_with(expected.recipe)
    });
    part
}

/// Mean square of ln loss between runs that differ in their seed alone.
fn seed_variance(runs: &Runs) -> f64 {
    let mut settings: BTreeMap<[u64; 2], Vec<f64>> = BTreeMap::new();
    for run in &runs.kept {
        let setting = [run.params.get().to_bits(), run.tokens.get().to_bits()];
        settings.entry(setting).or_default().push(run.loss.get().ln());
    }
    let (mut squares, mut freedom) = (0.0, 0.0);
    for losses in settings.values() {
        let mean = losses.iter().sum::<f64>() / losses.len() as f64;
        squares += losses.iter().map(|loss| (loss - mean) * (loss - mean)).sum::<f64>();
        freedom += losses.len() as f64 - 1.0;
    }
    squares / freedom
}

#[test]
fn it_has_two_recipes_on_two_texts_over_two_and_a_half_decades() {
    let runs = table("runs.csv");
    assert!(runs.kept.len() >= 150 && runs.dropped.is_empty());
    let values = |of: fn(&Run) -> &str| runs.kept.iter().map(of).collect::<BTreeSet<_>>().len();
    assert_eq!([values(|run| run.recipe().unwrap()), values(|run| &run.covariates["corpus"])], [2, 2]);
    let flops = runs.kept.iter().map(|run| run.flops.get());
    let (least, most) = flops.fold((f64::INFINITY, 0.0), |(least, most): (f64, f64), at| (least.min(at), most.max(at)));
    assert!((most / least).log10() > 2.49, "{least} {most}");
    for expected in &EXPECTED {
        let validation = part(&table("validation.csv"), expected).kept;
        assert_eq!(validation.len(), 1);
        assert!(validation[0].flops.get() > 20.0 * most);
    }
}

#[test]
fn the_law_of_its_runs_forecasts_the_run_of_twenty_times_the_compute() {
    let (runs, validations) = (table("runs.csv"), table("validation.csv"));
    for expected in &EXPECTED {
        let (runs, validation) = (part(&runs, expected), part(&validations, expected).kept.remove(0));
        let fit = fit(&runs, &FitOptions::default()).unwrap();
        let residuals = runs.kept.iter().map(|run| (run.loss.get() / fit.expected_loss_of(run).unwrap().get()).ln());
        let mean_square = residuals.map(|residual| residual * residual).sum::<f64>() / runs.kept.len() as f64;
        let spread = (mean_square / seed_variance(&runs)).sqrt();
        let loss = fit.predict(validation.params, validation.tokens, 0.9).unwrap().loss;
        let error = (loss.value / validation.loss.get()).ln();
        let Expected { corpus, recipe, .. } = expected;
        println!(
            "{corpus} {recipe}: {loss:?}, reached {}, off by {error:+.4}; spread {:.4}, {spread:.2} times the seeds'",
            validation.loss.get(),
            mean_square.sqrt()
        );
        assert!(error.abs() < expected.error, "{corpus} {recipe}: {error}");
        assert!(spread < expected.spread, "{corpus} {recipe}: {spread}");
        let held = (loss.lo.unwrap()..loss.hi.unwrap()).contains(&validation.loss.get());
        assert_eq!(held, expected.held, "{corpus} {recipe}");
    }
}
