//! How long plans take on one thread once the fit is read: `plan_speed FIT`, best a fit with 1,000 draws.
//!
//! Prints one JSON object a line: what was asked, and the shortest and median wall time in milliseconds. Run it on an idle machine.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::time::Instant;

use isoflop::hardware::{Rental, Uncertain, accelerator};
use isoflop::plan::{Answers, Budget, Demand, Limits, Problem, Repetition};
use isoflop::{Fit, Flops, Nats};

fn main() {
    let path = std::env::args().nth(1).unwrap();
    let fit = Fit::from_json(&std::fs::read_to_string(&path).unwrap(), &path).unwrap();
    let budget = Problem::of_budget(Budget::Flops(Flops::new(1e24).unwrap()), None);
    let goal = Problem::of_goal(Nats::new(1.98).unwrap(), None);
    let small = Limits { params: Some("40B".parse().unwrap()), ..Limits::default() };
    let text = Limits {
        unique_tokens: Some("200B".parse().unwrap()),
        repetition: Repetition::Published,
        epochs: Some(8.0),
        ..Limits::default()
    };
    let served = Some(Demand { tokens: "5T".parse().unwrap(), answers: None, rental: None });
    let h100 = || accelerator("h100").unwrap();
    let range = |lo, hi| Uncertain::between(lo, hi).unwrap();
    let doubtful = Rental::new(h100(), range(1.5, 3.0), range(0.3, 0.5), range(0.8, 0.95), Some(1024)).unwrap();
    let dollars = Problem::of_budget(Budget::Dollars("$3M".parse().unwrap()), Some(doubtful.clone()));
    let answers = Some(Answers { tokens: "1T".parse().unwrap(), sequences: 16.0 });
    let phases = Some(Demand { tokens: "5T".parse().unwrap(), answers, rental: Some(doubtful.clone()) });
    let batch = Some("4M".parse().unwrap());
    for (name, problem) in [
        ("dollars, devices in doubt", dollars.clone()),
        ("dollars, devices in doubt, batch, serving", Problem { demand: phases.clone(), batch, ..dollars }),
        (
            "goal, devices in doubt, batch, serving",
            Problem { demand: phases, batch, rental: Some(doubtful), ..goal.clone() },
        ),
        ("budget, batch", Problem { batch, ..budget.clone() }),
        ("budget", budget.clone()),
        ("goal", goal.clone()),
        ("budget, largest size", Problem { limits: small, ..budget.clone() }),
        ("goal, largest size", Problem { limits: small, ..goal.clone() }),
        ("budget, little text", Problem { limits: text, ..budget }),
        ("goal, little text", Problem { limits: text, ..goal.clone() }),
        ("goal, serving", Problem { demand: served, ..goal }),
    ] {
        const REPEATS: usize = 40;
        let mut milliseconds: Vec<f64> = (0..REPEATS)
            .map(|_| {
                let start = Instant::now();
                fit.solve(&problem, 0.9).unwrap();
                1e3 * start.elapsed().as_secs_f64()
            })
            .collect();
        milliseconds.sort_by(f64::total_cmp);
        let draws = fit.draws().len();
        println!(
            r#"{{"asked":"{name}","draws":{draws},"ms_least":{:.2},"ms_median":{:.2}}}"#,
            milliseconds[0],
            milliseconds[REPEATS / 2]
        );
    }
}
