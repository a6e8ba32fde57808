//! Reading what the arguments name: tables of runs, fits and recipes by file or by name, claims.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result, bail};
use isoflop::law::{PUBLISHED, published};
use isoflop::names::UnknownName;
use isoflop::sandbox::{Answer, Assignment};
use isoflop::{Claim, Filter, Fit, Point, QuestionError, Runs, TableFormat, Tokens, Verdict};
use isoflop_train::Recipe;

use crate::arguments::{ConditionArguments, TableArguments};

/// The table of runs that the arguments ask for.
pub(crate) fn runs(arguments: &TableArguments) -> Result<Runs> {
    table(&arguments.runs, &arguments.filters, arguments.skip_bad_rows)
}

/// The same, with the text that they were read from.
pub(crate) fn runs_and_text(arguments: &TableArguments) -> Result<(Runs, String)> {
    let (text, name) = text(&arguments.runs)?;
    let runs = Runs::read(text.as_bytes(), &name, TableFormat::of_name(&name), arguments.skip_bad_rows)?;
    Ok((runs.filtered(&arguments.filters)?, text))
}

/// The rows of a table that pass the filters.
pub(crate) fn table(path: &Path, filters: &[Filter], skip_bad_rows: bool) -> Result<Runs> {
    let (reader, name) = open(path)?;
    let runs = Runs::read(reader, &name, TableFormat::of_name(&name), skip_bad_rows)?;
    Ok(runs.filtered(filters)?)
}

/// What can be given where either will do.
pub(crate) enum Subject {
    Runs(Runs),
    Fit(Box<Fit>),
}

/// What a file must begin with to be looked at as a fit; the schema stands first in it.
const FIT_SCHEMA: &str = "\"schema\":\"isoflop.fit/";
/// Bytes of a file that are looked at to tell a fit from a table.
const BEGINNING: u64 = 256;

/// A fit, by name or file, or the rows of a table that pass the filters, whichever `path` is.
pub(crate) fn subject(path: &Path, filters: &[Filter], skip_bad_rows: bool) -> Result<Subject> {
    let name = path.to_str();
    if name == Some("-") {
        return subject_of_standard_input(filters, skip_bad_rows);
    }
    if name.and_then(published).is_some() || begins_like_a_fit(path)? {
        return Ok(Subject::Fit(Box::new(fit(path)?)));
    }
    Ok(Subject::Runs(table(path, filters, skip_bad_rows)?))
}

fn begins_like_a_fit(path: &Path) -> Result<bool> {
    if !path.is_file() {
        // The reader of tables complains about folders and missing files.
        return Ok(false);
    }
    let mut beginning = Vec::new();
    let file = File::open(path).with_context(|| format!("{}: cannot open", path.display()))?;
    file.take(BEGINNING).read_to_end(&mut beginning).with_context(|| format!("{}: cannot read", path.display()))?;
    Ok(is_fit(&beginning))
}

fn is_fit(beginning: &[u8]) -> bool {
    let text: String = String::from_utf8_lossy(beginning).split_whitespace().collect();
    text.contains(FIT_SCHEMA)
}

/// A stream can be read only once, so it is read whole before it is looked at.
fn subject_of_standard_input(filters: &[Filter], skip_bad_rows: bool) -> Result<Subject> {
    const NAME: &str = "standard input";
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes).context("standard input: cannot read")?;
    if is_fit(&bytes[..bytes.len().min(BEGINNING as usize)]) {
        let fit = Fit::from_json(&String::from_utf8_lossy(&bytes), NAME)?;
        return Ok(Subject::Fit(Box::new(fit)));
    }
    let format = if bytes.trim_ascii_start().starts_with(b"{") { TableFormat::JsonLines } else { TableFormat::Csv };
    let runs = Runs::read(bytes.as_slice(), NAME, format, skip_bad_rows)?;
    Ok(Subject::Runs(runs.filtered(filters)?))
}

/// The points to predict in a table.
pub(crate) fn points(path: &Path) -> Result<Vec<Point>> {
    let (reader, name) = open(path)?;
    Ok(Point::read(reader, &name, TableFormat::of_name(&name))?)
}

/// A fit from a file, from standard input, or published.
pub(crate) fn fit(path: &Path) -> Result<Fit> {
    if let Some(published) = path.to_str().and_then(published) {
        return Ok(Fit::from_published(published));
    }
    if path.to_str() != Some("-") && !path.exists() {
        let names = PUBLISHED.iter().map(|set| set.name);
        let unknown = UnknownName::new("published fit", &path.display().to_string(), names);
        bail!("{}: no such file, and {unknown}", path.display());
    }
    let (text, name) = text(path)?;
    Ok(Fit::from_json(&text, &name)?)
}

/// The same, asked about the recipe and the distinct tokens that the arguments name.
pub(crate) fn fit_under(path: &Path, conditions: &ConditionArguments) -> Result<Fit> {
    Ok(under(fit(path)?, conditions.recipe.as_deref(), conditions.unique_tokens)?)
}

/// `fit` asked about a recipe and a number of distinct tokens, where they are given.
pub(crate) fn under(fit: Fit, recipe: Option<&str>, unique_tokens: Option<Tokens>) -> Result<Fit, QuestionError> {
    let fit = recipe.map_or_else(|| Ok(fit.clone()), |recipe| fit.of_recipe(recipe))?;
    unique_tokens.map_or_else(|| Ok(fit.clone()), |unique| fit.with_unique_tokens(unique))
}

/// A recipe from a file, from standard input, or built in.
pub(crate) fn recipe(name: &str) -> Result<Recipe> {
    let path = Path::new(name);
    if Recipe::NAMES.contains(&name) || name != "-" && !path.exists() {
        return Recipe::named(name).with_context(|| format!("{name}: is no file with a recipe"));
    }
    let (text, origin) = text(path)?;
    Ok(Recipe::from_toml(&text, &origin)?)
}

/// A claim with its seal checked.
pub(crate) fn claim(path: &Path) -> Result<Claim> {
    let (text, name) = text(path)?;
    Ok(Claim::from_json(&text, &name)?)
}

/// A verdict with its seal checked.
pub(crate) fn verdict(path: &Path) -> Result<Verdict> {
    let (text, name) = text(path)?;
    Ok(Verdict::from_json(&text, &name)?)
}

/// The task of a game.
pub(crate) fn assignment(path: &Path) -> Result<Assignment> {
    let (text, name) = text(path)?;
    Ok(Assignment::from_json(&text, &name)?)
}

/// The answer of a game.
pub(crate) fn answer(path: &Path) -> Result<Answer> {
    let (text, name) = text(path)?;
    let Answer { params, loss, lo, hi } =
        serde_json::from_str(&text).with_context(|| format!("{name}: is no answer of a sandbox"))?;
    Ok(Answer::new(params, loss, lo, hi)?)
}

/// A file of a record.
pub(crate) enum Sealed {
    Claim(Box<Claim>),
    Verdict(Box<Verdict>),
}

/// A claim or a verdict, whichever the file says it is, with its seal checked.
pub(crate) fn sealed(path: &Path) -> Result<Sealed> {
    let (text, name) = text(path)?;
    if Verdict::is_schema_of(&text) {
        return Ok(Sealed::Verdict(Box::new(Verdict::from_json(&text, &name)?)));
    }
    Ok(Sealed::Claim(Box::new(Claim::from_json(&text, &name)?)))
}

fn text(path: &Path) -> Result<(String, String)> {
    let (mut reader, name) = open(path)?;
    let mut text = String::new();
    reader.read_to_string(&mut text).with_context(|| format!("{name}: cannot read as text"))?;
    Ok((text, name))
}

/// The file, or standard input for `-`, and the name that errors call it.
fn open(path: &Path) -> Result<(Box<dyn BufRead>, String)> {
    if path.to_str() == Some("-") {
        return Ok((Box::new(std::io::stdin().lock()), "standard input".to_owned()));
    }
    let name = path.display().to_string();
    if path.is_dir() {
        bail!("{name}: is a folder; give a file");
    }
    let file = File::open(path).with_context(|| format!("{name}: cannot open"))?;
    Ok((Box::new(BufReader::new(file)), name))
}
