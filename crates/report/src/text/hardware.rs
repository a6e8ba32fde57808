//! Accelerators for people, and what a training run comes to on one of them.

use isoflop::hardware::{Accelerator, Bound, JobCost};
use isoflop::law::Trust;

use super::Page;
use crate::numbers;
use crate::table::{Align, Table};
use crate::words;

/// How far a row of a table was checked.
pub(super) fn trust(trust: Trust) -> &'static str {
    match trust {
        Trust::Verified => "verified",
        Trust::Secondary => "secondary",
        Trust::Derived => "derived",
    }
}

/// A number as it is written in the table it comes from, or a dash.
fn plain(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// The table of accelerators.
pub fn gpus(accelerators: &[Accelerator]) -> String {
    let mut page = Page::default();
    page.answer(&format!("{} accelerators; peaks are dense, without 2:4 sparsity", accelerators.len()));
    let mut table = Table::new([
        ("name", Align::Left),
        ("", Align::Left),
        ("BF16", Align::Right),
        ("FP8", Align::Right),
        ("FP4", Align::Right),
        ("memory", Align::Right),
        ("TB/s", Align::Right),
        ("W", Align::Right),
        ("checked", Align::Left),
    ]);
    for accelerator in accelerators {
        table.row([
            &accelerator.name,
            &accelerator.title,
            &plain(Some(accelerator.bf16_tflops)),
            &plain(accelerator.fp8_tflops),
            &plain(accelerator.fp4_tflops),
            &format!("{} GB", accelerator.memory_gb),
            &plain(Some(accelerator.bandwidth_tb)),
            &plain(accelerator.watts),
            trust(accelerator.trust),
        ]);
    }
    page.table(&table);
    page.remark(
        "BF16, FP8, FP4: 1e12 operations a second at most; what training reaches is a share of it, 0.3 to 0.45 for large dense models.",
    );
    page.next("isoflop gpus h100 --params 70B --tokens 1.4T --gpus 1024", "what a run costs on one of them");
    page.text
}

/// One accelerator, and what a run comes to on it.
pub fn gpu(accelerator: &Accelerator, job: Option<&JobCost>) -> String {
    let mut page = Page::default();
    match job {
        None => page.answer(&accelerator.title),
        Some(job) => page.answer(&job_answer(accelerator, job)),
    }
    if let Some(job) = job {
        page.table(&job_table(job));
    }
    let mut facts = vec![
        ("peak", peaks(accelerator)),
        ("memory", format!("{} GB at {} TB/s", accelerator.memory_gb, accelerator.bandwidth_tb)),
        ("power", accelerator.watts.map_or_else(|| "not published".to_owned(), |watts| format!("{watts} W"))),
        ("source", format!("{} ({})", accelerator.source, trust(accelerator.trust))),
    ];
    let assumptions = job.map(|job| job.assumptions.as_slice()).unwrap_or_default();
    facts.extend(assumptions.iter().map(|assumption| ("assumed", assumption.clone())));
    page.facts(&facts);
    if job.is_none() {
        let name = &accelerator.name;
        page.next(&format!("isoflop gpus {name} --params 70B --tokens 1.4T --gpus 1024"), "what a run costs on it");
    }
    page.text
}

fn peaks(accelerator: &Accelerator) -> String {
    let formats = [
        ("BF16", Some(accelerator.bf16_tflops)),
        ("FP8", accelerator.fp8_tflops),
        ("FP4", accelerator.fp4_tflops),
        ("INT8", accelerator.int8_tflops),
    ];
    let known = formats.iter().filter_map(|(name, peak)| peak.map(|peak| format!("{peak} {name}")));
    format!("{}; 1e12 operations a second, dense", known.collect::<Vec<_>>().join(", "))
}

fn job_answer(accelerator: &Accelerator, job: &JobCost) -> String {
    let parts = [
        Some(format!("{} FLOP on {}", numbers::compute(job.flops.get(), 3), accelerator.title)),
        job.cost.usd.map(words::dollars),
        job.cost.days.map(|days| format!("{} days", numbers::general(days, 3))),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn job_table(job: &JobCost) -> Table {
    let mut table = Table::new([("", Align::Left), ("value", Align::Right), ("is", Align::Left)]);
    let mut row = |name: &str, value: Option<String>, is: &str| {
        if let Some(value) = value {
            table.row([name, &value, is]);
        }
    };
    row("compute", Some(numbers::compute(job.flops.get(), 4)), "FLOP");
    row("price", job.cost.usd.map(words::dollars), "");
    row("device-hours", job.cost.gpu_hours.map(numbers::count), "");
    row("days", job.cost.days.map(|days| numbers::general(days, 3)), "wall time");
    row("energy", job.cost.energy_kwh.map(numbers::count), "kWh");
    row("CO2", job.cost.co2_kg.map(|kg| numbers::general(kg / 1000.0, 3)), "tonnes");
    if let Some(fitting) = &job.fitting {
        let devices = |devices: f64| format!("weights, gradients and optimizer: {devices} devices or more");
        row("to train", Some(gigabytes(fitting.training_bytes)), &devices(fitting.training_devices));
        let devices = format!("weights in BF16: {} devices or more", fitting.serving_devices);
        row("to serve", Some(gigabytes(fitting.serving_bytes)), &devices);
        let bound = match fitting.decode_bound {
            Some(Bound::Memory) => "tokens a second at most on these, one sequence: bound by memory",
            _ => "tokens a second at most on these, one sequence: bound by arithmetic",
        };
        row("decode", fitting.decode_tokens_per_second.map(|rate| numbers::general(rate, 3)), bound);
    }
    table
}

fn gigabytes(bytes: f64) -> String {
    format!("{} GB", numbers::general(bytes / 1e9, 3))
}
