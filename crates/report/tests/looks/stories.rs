//! The runs, fits, claims and records that are shown.

use isoflop::recipes::{RecipeComparison, RecipeOptions, compare_recipes};
use isoflop::tuning::{Surface, Trial};
use isoflop::{
    Claim, Fit, FitOptions, Flops, Params, Run, Runs, Sealing, TableFormat, Tokens, TrackRecord, Verdict, fit,
};

use crate::LEVEL;

/// A ladder as the demo trains it: three budgets, five sizes each, a little noise; two rows that cannot be used.
pub(crate) fn ladder() -> Runs {
    let mut table = String::from("run,params,tokens,loss,loss_se,status\n");
    for (budget, flops) in [1e11, 1e12, 1e13f64].into_iter().enumerate() {
        let best = 0.17 * (flops / 6.0).powf(0.54);
        for (size, share) in [0.3, 0.55, 1.0, 1.8, 3.3].into_iter().enumerate() {
            let (params, tokens) = ((best * share).round(), (flops / 6.0 / (best * share)).round());
            let noise = 0.004 * [0.3, -0.8, 0.5, -0.2, 0.9, -0.6, 0.1][(3 * budget + size) % 7];
            let loss = (1.6 + 26.0 / params.powf(0.28) + 66.0 / tokens.powf(0.33)) * (1.0 + noise);
            table += &format!("b{budget}-s{size},{params},{tokens},{loss:.5},0.006,finished\n");
        }
    }
    table += "b2-s5,2e6,8e5,5.1,,diverged\n";
    table += "<script>alert(1)</script>|`x`,2e6,8e5,5.1,,crashed\n";
    Runs::read(table.as_bytes(), "runs.csv", TableFormat::Csv, false).unwrap()
}

/// Twelve runs of each of two recipes, of which the second has the better exponents from a worse start.
fn recipes() -> Runs {
    let mut table = String::from("params,tokens,loss,recipe\n");
    for (name, [a, b, alpha, beta]) in
        [("adamw", [480.0, 2000.0, 0.35, 0.37]), ("<muon>", [1400.0, 4500.0, 0.40, 0.405])]
    {
        for i in 0..12 {
            let (params, tokens) = (1e8 * 2f64.powi(i % 4), 2e9 * 4f64.powi(i / 4));
            let noise = 0.002 * [0.3, -0.8, 0.5, -0.2, 0.9, -0.6, 0.1][(i as usize + name.len()) % 7];
            let loss = (1.8 + a / params.powf(alpha) + b / tokens.powf(beta)) * (1.0 + noise);
            table += &format!("{params},{tokens},{loss:.5},{name}\n");
        }
    }
    Runs::read(table.as_bytes(), "recipes.csv", TableFormat::Csv, false).unwrap()
}

/// The two recipes compared, a FLOP of the second one dearer.
pub(crate) fn compared() -> RecipeComparison {
    let costs = [("<muon>".to_owned(), 1.2)].into();
    compare_recipes(&recipes(), &RecipeOptions { draws: 100, costs, ..RecipeOptions::default() }).unwrap()
}

/// The big run, eight times beyond the ladder: its claim, and the verdict once it lands `off` its prediction.
pub(crate) fn big_run(fit: &Fit, off: f64) -> (Claim, Verdict) {
    let budget = Flops::new(8e13).unwrap();
    let (params, tokens) = fit.best_allocation(budget).unwrap();
    let sealing = Sealing { name: "big run", sealed_at: "2026-01-01T00:00:00Z", previous: None };
    let claim = fit.claim(params, tokens, LEVEL, &sealing).unwrap();
    let verdict = claim.judge(&landed(&claim, off), "2026-01-02T00:00:00Z").unwrap();
    (claim, verdict)
}

fn landed(claim: &Claim, off: f64) -> Run {
    let loss = claim.loss.value * (1.0 + off);
    let table =
        format!("run,params,tokens,loss,loss_se\nbig,{},{},{loss},0.004\n", claim.params.get(), claim.tokens.get());
    Runs::read(table.as_bytes(), "big.csv", TableFormat::Csv, false).unwrap().kept.remove(0)
}

pub(crate) fn fitted(runs: &Runs) -> Fit {
    fit(runs, &FitOptions { draws: 200, ..FitOptions::default() }).unwrap()
}

/// `count` claims of one fit, all but the last judged by runs that scatter `spread` times as far as claimed.
pub(crate) fn record(fit: &Fit, count: usize, spread: f64) -> TrackRecord {
    let (mut claims, mut verdicts): (Vec<Claim>, Vec<Verdict>) = (Vec::new(), Vec::new());
    for number in 0..count {
        let name = format!("run {number}");
        let sealing = Sealing { name: &name, sealed_at: "2026-01-01T00:00:00Z", previous: claims.last() };
        let params = Params::new(1e6 * 1.3f64.powf(number as f64)).unwrap();
        let claim = fit.claim(params, Tokens::new(4e7).unwrap(), LEVEL, &sealing).unwrap();
        if number + 1 < count {
            // Steps of the golden ratio are even between -1 and 1.
            let off = 2.0 * (0.5 + 0.618_034 * number as f64).fract() - 1.0;
            let half = 0.5 * (claim.loss.hi.unwrap() - claim.loss.lo.unwrap()) / claim.loss.value;
            verdicts.push(claim.judge(&landed(&claim, spread * off * half), "2026-01-02T00:00:00Z").unwrap());
        }
        claims.push(claim);
    }
    TrackRecord::new(claims, verdicts).unwrap()
}

/// Three widths whose best rate moves, two seeds each.
pub(crate) fn surface() -> Surface {
    let trial = |(width, seed, steps): (f64, u64, f64)| {
        let off = steps - 0.4 + 0.6 * (width / 32.0).ln();
        let of_seed = if seed == 1 { 1.03 } else { 1.0 };
        Trial {
            width,
            seed,
            moves: [steps, 0.0, 0.0],
            loss: of_seed * 5.0 * width.powf(-0.2) * (1.0 + 0.004 * off * off),
        }
    };
    let places = |width: f64| {
        let star = (-2..=2).map(move |steps| (width, 0, f64::from(steps)));
        star.chain([(width, 1, 0.0), (width, 1, 1.0)])
    };
    let trials: Vec<Trial> = [16.0, 32.0, 64.0].into_iter().flat_map(places).map(trial).collect();
    Surface::fit(&trials).unwrap()
}
