//! Trains the ladder of `data/ladder`: two recipes on two kinds of text, repeated seeds, and for each of the four a run of
//! twenty times the largest budget, on code another of twenty times the sixth. Killed and started again, it goes on.
//!
//! ```text
//! published_ladder FOLDER [language|code]        of both texts or of one, leaves FOLDER/runs.csv and FOLDER/validation.csv
//! ```

// A program that people start by hand may tell them what it does, and stop with a word.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::fs;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use isoflop::counting::{ParamCounting, TRAINING_FLOPS_PER_PARAM_TOKEN};
use isoflop::{Flops, Params};
use isoflop_sweep::{CellPlan, CorpusLabel, Event, Ladder, LocalEngine, Sweep, SweepPlan};
use isoflop_train::{Corpus, CorpusOptions, EvaluationLimit, HeldOut, Language, LanguageOptions, Recipe, TokenSource};

/// Training compute of the first rung, 6ND, and of the one at `SIXTH`: half a decade from rung to rung.
const BUDGETS: (f64, f64) = (1e10, 3.162e12);
const SIXTH: usize = 5;
/// Rungs of each text. Of code the law holds only from the third on, below which models learn little but which letters follow which.
const RUNGS: [(&str, usize); 2] = [("language", 6), ("code", 7)];
/// Sizes at each budget.
const SIZES: usize = 6;
/// Tokens per parameter that the sizes are centred on.
const TOKENS_PER_PARAM: f64 = 25.0;
/// Fewer are further from the best than any law is asked about: of the smallest models the menu has none to replace them.
const LEAST_TOKENS_PER_PARAM: f64 = 2.0;
/// Seeds of the centre of every second budget.
const SEEDS: u64 = 4;
/// Compute of a run to predict, over that of the sixth or the largest rung.
const VALIDATION_FACTOR: f64 = 20.5;
/// Parts of its gradient: a constant, so that the result does not depend on the machine's cores.
const SHARDS: usize = 4;
/// A little of every held-out document.
const EVALUATION: EvaluationLimit = EvaluationLimit::Sample(400_000);
/// The packages whose sources are the code, as folders of cargo's registry; `cargo fetch` of this workspace brings most of them.
const PACKAGES: &str = include_str!("../../../data/ladder/packages/Cargo.toml");
/// The recipes as tuned on each text.
const RECIPES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/ladder/recipes");
/// Bytes of the language: enough for every run to read fresh text.
const LANGUAGE_BYTES: u64 = 48 << 20;
/// Most bytes of a source file that are read: 64 windows, of which the largest run reads three or four.
const EXCERPT: usize = 8 << 10;
/// Fewest bytes of a line that tells files apart.
const TELLING_LINE: usize = 24;
/// Largest share of a file's telling lines that may stand in others, as large as the corpus allows of held-out ones.
const MOST_KNOWN: f64 = 0.3;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("usage: published_ladder FOLDER [language|code]")?);
    let only = arguments.next();
    let mut texts = Vec::new();
    for (text, rungs) in RUNGS {
        if only.as_deref().is_none_or(|only| only == text) {
            let corpus = Arc::new(if text == "code" { code(&folder) } else { language(&folder) }?);
            println!("{text}: {} tokens to train on, {}", corpus.report().training.tokens, corpus.fingerprint());
            texts.push((text, rungs, corpus));
        }
    }
    for (table, cells) in [("runs", with_repeats as fn(&Ladder) -> Result<_, _>), ("validation", twenty_times_larger)] {
        let mut rows = String::new();
        for (text, rungs, corpus) in &texts {
            for recipe in ["default", "muon"] {
                let name = format!("{text}-{recipe}");
                let ladder = ladder(tuned(&name)?, *rungs)?;
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

fn ladder(recipe: Recipe, rungs: usize) -> Result<Ladder, Box<dyn Error>> {
    let (least, sixth) = BUDGETS;
    let step = (sixth / least).powf(1.0 / SIXTH as f64);
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

/// The runs to predict, at the sizes that the centre of the sizes extends to.
fn twenty_times_larger(ladder: &Ladder) -> Result<Vec<CellPlan>, Box<dyn Error>> {
    let beyond_sixth = ladder.budgets.get(SIXTH + 1..).and_then(<[Flops]>::last).map(|largest| largest.get());
    let big_run = |rung: f64| {
        let budget = VALIDATION_FACTOR * rung;
        let params = (budget / (TRAINING_FLOPS_PER_PARAM_TOKEN * TOKENS_PER_PARAM)).sqrt();
        Ok(ladder.big_run(Flops::new(budget)?, Params::new(params)?, SHARDS)?)
    };
    [BUDGETS.1].into_iter().chain(beyond_sixth).map(big_run).collect()
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

/// How text becomes a corpus of at most `max_bytes`, of which at most `held_out_bytes` are held out.
fn options(max_bytes: u64, held_out_bytes: u64) -> CorpusOptions {
    CorpusOptions {
        held_out: HeldOut { share: 0.05, min_bytes: 64 << 10, max_bytes: held_out_bytes },
        max_bytes,
        context: Recipe::default().context,
        ..CorpusOptions::default()
    }
}

/// A language of known entropy: words without habits, used in proportion to rank^-1.6.
fn language(folder: &Path) -> Result<Corpus, Box<dyn Error>> {
    let language = Language::new(LanguageOptions { zipf_exponent: 1.6, habit: 0.0, ..LanguageOptions::default() })?;
    println!("language: {} nats per byte", language.entropy_rate());
    let options = options(LANGUAGE_BYTES, 2 << 20);
    Ok(Corpus::from_documents(language.documents(LANGUAGE_BYTES), &options, &folder.join("language"), &mut |_| {})?)
}

/// Excerpts of the Rust sources of the packages, from cargo's registry.
fn code(folder: &Path) -> Result<Corpus, Box<dyn Error>> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo"))).ok_or("no CARGO_HOME")?;
    let registries: Vec<PathBuf> = fs::read_dir(home.join("registry").join("src"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_, std::io::Error>>()?;
    let mut documents = Vec::new();
    for package in PACKAGES.lines().filter_map(package) {
        let mut places = registries.iter().map(|registry| registry.join(&package));
        let place = places.find(|place| place.is_dir());
        let place =
            place.ok_or(format!("no sources of {package} in cargo's registry: fetch them as data/ladder tells"))?;
        collect_excerpts(&place, &mut documents)?;
    }
    let documents = unlike_each_other(documents);
    Ok(Corpus::from_documents(documents, &options(u64::MAX, 16 << 20), &folder.join("code"), &mut |_| {})?)
}

/// Folder of a package in cargo's registry, from its line `name = "=version"` in the manifest.
fn package(line: &str) -> Option<String> {
    let (name, version) = line.split_once(" = \"=")?;
    Some(format!("{name}-{}", version.trim_end_matches('"')))
}

/// Adds an excerpt of every Rust file in `folder` to `documents`.
fn collect_excerpts(folder: &Path, documents: &mut Vec<String>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect_excerpts(&path, documents)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            // A few files are tests of what a compiler makes of text that is not UTF-8.
            documents.extend(String::from_utf8(fs::read(&path)?).ok().map(|text| excerpt(&text).to_owned()));
        }
    }
    Ok(())
}

/// The middle of a file, whole lines of at most [`EXCERPT`] bytes: no file says more than another, and licences stand at the top.
fn excerpt(text: &str) -> &str {
    let (mut start, mut length) = (0, 0);
    let from = text.len().saturating_sub(EXCERPT) / 2;
    for line in text.split_inclusive('\n') {
        if start < from {
            start += line.len();
        } else if length + line.len() <= EXCERPT {
            length += line.len();
        } else {
            break;
        }
    }
    &text[start..start + length]
}

/// The documents of whose telling lines hardly any stand in others.
///
/// Of documents held out the corpus drops those that the training text gives away. Dropped from the held-out documents alone, a third
/// of them here, they would leave text unlike what is trained on.
fn unlike_each_other(mut documents: Vec<String>) -> Vec<String> {
    let telling_lines = |text: &str| -> HashSet<u64> {
        let lines = text.lines().map(str::trim).filter(|line| line.len() >= TELLING_LINE);
        lines.map(|line| BuildHasherDefault::<DefaultHasher>::default().hash_one(line)).collect()
    };
    let mut documents_with = HashMap::new();
    for line in documents.iter().flat_map(|text| telling_lines(text)) {
        *documents_with.entry(line).or_insert(0) += 1;
    }
    documents.retain(|text| {
        let lines = telling_lines(text);
        let known = lines.iter().filter(|line| documents_with[line] > 1).count();
        known as f64 <= MOST_KNOWN * lines.len() as f64
    });
    documents
}
