//! What trunks spare: one ladder trained as trunks, and its runs each in a sweep of its own.
//!
//! ```sh
//! cargo run --release -p isoflop-sweep --example trunks -- FOLDER TEXT...
//! ```

// An example is there to be watched.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Instant, SystemTime};

use isoflop::Flops;
use isoflop_sweep::{CellPlan, CorpusLabel, Ladder, LocalEngine, Sweep, SweepPlan};
use isoflop_train::{Corpus, CorpusOptions, EvaluationLimit, Recipe, TokenSource};

/// What some cells cost.
#[derive(Default)]
struct Spent {
    flops: f64,
    wall: f64,
    cpu: f64,
    losses: Vec<(String, f64)>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let folder = arguments.next().ok_or("name a folder to train in, then the text")?;
    let ladder = Ladder {
        recipe: Recipe::default(),
        budgets: [1e10, 2e10, 4e10, 8e10, 1.6e11].into_iter().map(Flops::new).collect::<Result<_, _>>()?,
        sizes: 4,
        tokens_per_param: 25.0,
        seed: 0,
    };
    let options = CorpusOptions { context: ladder.recipe.context, ..CorpusOptions::default() };
    let text: Vec<PathBuf> = arguments.collect();
    let corpus = Arc::new(Corpus::build(&text, &options, &folder.join("corpus"), &mut |_| {})?);
    let cells = ladder.trunks(0.2)?;
    let together = train(&folder.join("trunks"), &cells, &corpus)?;
    let mut alone = Spent::default();
    for (number, cell) in cells.iter().enumerate() {
        let one = train(&folder.join(format!("alone-{number}")), std::slice::from_ref(cell), &corpus)?;
        alone = Spent {
            flops: alone.flops + one.flops,
            wall: alone.wall + one.wall,
            cpu: alone.cpu + one.cpu,
            losses: [alone.losses, one.losses].concat(),
        };
    }
    let mut losses = together.losses.clone();
    losses.sort_by(|a, b| a.0.cmp(&b.0));
    alone.losses.sort_by(|a, b| a.0.cmp(&b.0));
    println!("{} runs, the same losses to the last bit: {}", losses.len(), losses == alone.losses);
    for (name, spent) in [("alone", &alone), ("trunks", &together)] {
        println!("{name:>8}  {:.3e} FLOP  {:.1} CPU s  {:.1} s", spent.flops, spent.cpu, spent.wall);
    }
    println!("spared: {:.1} % FLOP, {:.1} % CPU", spared(together.flops, alone.flops), spared(together.cpu, alone.cpu));
    Ok(())
}

fn spared(now: f64, before: f64) -> f64 {
    100.0 * (1.0 - now / before)
}

fn train(dir: &Path, cells: &[CellPlan], corpus: &Arc<Corpus>) -> Result<Spent, Box<dyn Error>> {
    let plan = SweepPlan {
        question: "What do trunks spare?".to_owned(),
        recipe: "default".to_owned(),
        budgets: Vec::new(),
        corpus: CorpusLabel {
            name: "text".to_owned(),
            fingerprint: corpus.fingerprint().to_owned(),
            training_tokens: corpus.report().training.tokens,
        },
        evaluation: EvaluationLimit::Sample(100_000),
        cells: cells.to_vec(),
    };
    let sweep = Sweep::create(dir, &plan)?;
    let (begin, cpu) = (Instant::now(), cpu_seconds());
    let mut flops = 0.0;
    let source = Arc::clone(corpus) as Arc<dyn TokenSource>;
    let engine = LocalEngine::new(2, &SystemTime::now);
    let summary = sweep.run(&engine, source, &AtomicBool::new(false), &mut |progress| flops = progress.flops_done)?;
    if !summary.is_complete() {
        return Err(format!("{summary:?}").into());
    }
    let losses = sweep.cells()?.into_iter().filter_map(|(name, _)| {
        let curve = sweep.metrics(&name).ok()?;
        curve.last().map(|last| (name, last.loss))
    });
    Ok(Spent { flops, wall: begin.elapsed().as_secs_f64(), cpu: cpu_seconds() - cpu, losses: losses.collect() })
}

/// CPU seconds of this process, where the system tells; clock ticks are hundredths of a second on every Linux.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}
