//! Trains the ladder of `data/ladder`: two recipes on two kinds of text, repeated seeds, and for each of the four a run of
//! twenty times the largest budget. Killed and started again, it goes on.
//!
//! ```text
//! published_ladder FOLDER        leaves FOLDER/runs.csv and FOLDER/validation.csv
//! ```

// A program that people start by hand may tell them what it does, and stop with a word.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use isoflop::counting::{ParamCounting, TRAINING_FLOPS_PER_PARAM_TOKEN};
use isoflop::{Flops, Params};
use isoflop_sweep::{CellPlan, CorpusLabel, Event, Ladder, LocalEngine, Sweep, SweepPlan};
use isoflop_train::{Corpus, CorpusOptions, EvaluationLimit, HeldOut, Language, LanguageOptions, Recipe, TokenSource};

/// Training compute of the smallest and of the largest rung, 6ND, and rungs from one to the other: two and a half decades.
const BUDGETS: (f64, f64, usize) = (1e10, 3.162e12, 6);
/// Sizes at each budget.
const SIZES: usize = 6;
/// Tokens per parameter that the sizes are centred on.
const TOKENS_PER_PARAM: f64 = 25.0;
/// Fewer are further from the best than any law is asked about: of the smallest models the menu has none to replace them.
const LEAST_TOKENS_PER_PARAM: f64 = 2.0;
/// Seeds of the centre of every second budget.
const SEEDS: u64 = 4;
/// Compute of the run to predict, over the largest rung.
const VALIDATION_FACTOR: f64 = 20.5;
/// Parts of its gradient: a constant, so that the result does not depend on the machine's cores.
const SHARDS: usize = 4;
/// A little of every held-out document.
const EVALUATION: EvaluationLimit = EvaluationLimit::Sample(400_000);
/// The packages whose sources are the code, as folders of cargo's registry; `cargo fetch` of this workspace brings most of them.
const PACKAGES: &str = include_str!("../../../data/ladder/packages.txt");
/// The recipes as tuned on each text.
const RECIPES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/ladder/recipes");
/// Bytes of either text: enough for every run to read fresh text.
const BYTES: u64 = 48 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("usage: published_ladder FOLDER")?);
    let texts = [("language", Arc::new(language(&folder)?)), ("code", Arc::new(code(&folder)?))];
    for (text, corpus) in &texts {
        println!("{text}: {} tokens to train on, {}", corpus.report().training.tokens, corpus.fingerprint());
    }
    for (table, cells) in [("runs", with_repeats as fn(&Ladder) -> Result<_, _>), ("validation", twenty_times_larger)] {
        let mut rows = String::new();
        for (text, corpus) in &texts {
            for recipe in ["default", "muon"] {
                let name = format!("{text}-{recipe}");
                let ladder = ladder(tuned(&name)?)?;
                let folder = folder.join(format!("{name}-{table}"));
                append(&mut rows, &train(&folder, text, &ladder, &cells(&ladder)?, corpus)?);
            }
        }
        fs::write(folder.join(table).with_extension("csv"), rows)?;
    }
    Ok(())
}

/// A recipe that `isoflop tune` wrote.
fn tuned(name: &str) -> Result<Recipe, Box<dyn Error>> {
    let path = Path::new(RECIPES).join(name).with_extension("toml");
    Ok(Recipe::from_toml(&fs::read_to_string(&path)?, &path.display().to_string())?)
}

fn ladder(recipe: Recipe) -> Result<Ladder, Box<dyn Error>> {
    let (least, most, rungs) = BUDGETS;
    let step = (most / least).powf(1.0 / (rungs - 1) as f64);
    let budgets = (0..rungs).map(|rung| Flops::new(least * step.powi(rung as i32))).collect::<Result<_, _>>()?;
    Ok(Ladder { recipe, budgets, sizes: SIZES, tokens_per_param: TOKENS_PER_PARAM, seed: 1 })
}

/// The ladder's cells but those with hardly any text for their size, and of every second budget the most central one under further seeds.
fn with_repeats(ladder: &Ladder) -> Result<Vec<CellPlan>, Box<dyn Error>> {
    let mut cells = ladder.cells()?;
    cells.retain(|cell| tokens_per_param(cell) >= LEAST_TOKENS_PER_PARAM);
    let off_centre = |cell: &CellPlan| (tokens_per_param(cell) / TOKENS_PER_PARAM).ln().abs();
    let mut repeats = Vec::new();
    for budget in ladder.budgets.iter().step_by(2) {
        let rung = cells.iter().filter(|cell| cell.budget == Some(*budget));
        let centre = rung.min_by(|a, b| off_centre(a).total_cmp(&off_centre(b))).ok_or("a budget without runs")?;
        for seed in 2..=SEEDS {
            let again = Ladder { seed, ..ladder.clone() }.cells()?;
            let same_shape =
                |cell: &CellPlan| cell.budget == Some(*budget) && cell.spec.architecture == centre.spec.architecture;
            repeats.extend(again.into_iter().find(same_shape));
        }
    }
    cells.append(&mut repeats);
    Ok(cells)
}

fn tokens_per_param(cell: &CellPlan) -> f64 {
    let tokens = cell.spec.steps as f64 * (cell.spec.batch_sequences * cell.spec.architecture.context) as f64;
    tokens / cell.spec.architecture.param_groups().count(ParamCounting::Total) as f64
}

/// The run to predict, at the size that the centre of the sizes extends to.
fn twenty_times_larger(ladder: &Ladder) -> Result<Vec<CellPlan>, Box<dyn Error>> {
    let budget = VALIDATION_FACTOR * BUDGETS.1;
    let params = (budget / (TRAINING_FLOPS_PER_PARAM_TOKEN * TOKENS_PER_PARAM)).sqrt();
    Ok(vec![ladder.big_run(Flops::new(budget)?, Params::new(params)?, SHARDS)?])
}

/// Trains `cells` and returns their table.
fn train(
    folder: &Path,
    text: &str,
    ladder: &Ladder,
    cells: &[CellPlan],
    source: &Arc<Corpus>,
) -> Result<String, Box<dyn Error>> {
    let plan = SweepPlan {
        question: "How does loss fall with size and data?".to_owned(),
        recipe: ladder.recipe.name.clone(),
        budgets: ladder.budgets.clone(),
        corpus: CorpusLabel {
            name: text.to_owned(),
            fingerprint: source.fingerprint().to_owned(),
            training_tokens: source.report().training.tokens,
        },
        evaluation: EVALUATION,
        cells: cells.to_vec(),
    };
    let sweep = Sweep::create(folder, &plan)?;
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let source: Arc<dyn TokenSource> = Arc::clone(source) as _;
    let summary =
        sweep.run(&LocalEngine::new(workers, &SystemTime::now), source, &AtomicBool::new(false), &mut |progress| {
            if let Event::CellDone { cell, .. } = progress.event {
                println!(
                    "{text} {} {}: {:.0} %",
                    plan.recipe,
                    cell.tag(),
                    100.0 * progress.flops_done / progress.flops_all
                );
            }
        })?;
    if let Some(failure) = summary.failed.into_iter().next() {
        return Err(failure.error.into());
    }
    Ok(sweep.runs()?.csv)
}

/// Adds the rows of `table` to `all`, with the heads of the columns once.
fn append(all: &mut String, table: &str) {
    let rows = if all.is_empty() { table } else { table.split_once('\n').map_or("", |(_, rows)| rows) };
    all.push_str(rows);
}

fn options() -> CorpusOptions {
    CorpusOptions {
        held_out: HeldOut { share: 0.05, min_bytes: 64 << 10, max_bytes: 2 << 20 },
        max_bytes: BYTES,
        context: Recipe::default().context,
        ..CorpusOptions::default()
    }
}

/// A language of known entropy: words without habits, used in proportion to rank^-1.6.
fn language(folder: &Path) -> Result<Corpus, Box<dyn Error>> {
    let language = Language::new(LanguageOptions { zipf_exponent: 1.6, habit: 0.0, ..LanguageOptions::default() })?;
    println!("language: {} nats per byte", language.entropy_rate());
    Ok(Corpus::from_documents(language.documents(BYTES), &options(), &folder.join("language"), &mut |_| {})?)
}

/// The sources of the packages, from cargo's registry.
fn code(folder: &Path) -> Result<Corpus, Box<dyn Error>> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo"))).ok_or("no CARGO_HOME")?;
    let registries: Vec<PathBuf> = fs::read_dir(home.join("registry").join("src"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_, std::io::Error>>()?;
    let find = |package: &str| {
        let mut places = registries.iter().map(|registry| registry.join(package));
        places
            .find(|place| place.is_dir())
            .ok_or(format!("no sources of {package} in cargo's registry: fetch that version"))
    };
    let sources = PACKAGES.lines().map(find).collect::<Result<Vec<_>, _>>()?;
    Ok(Corpus::build(&sources, &options(), &folder.join("code"), &mut |_| {})?)
}
