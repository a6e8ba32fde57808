//! The report of recipes compared: which is better and by how much, their laws side by side, and where each one's own story is.

use isoflop::recipes::RecipeComparison;
use isoflop::{Fit, Verdict};

use super::{Reproduction, capitalised, list_of_doubts, reproduction};
use crate::document::{Block, Document, Span, plain, strong};
use crate::numbers::Rounded;
use crate::table::{Align, Table};
use crate::text;
use crate::words;

/// Everything that is told of recipes compared.
#[derive(Debug, Clone)]
pub struct ComparedStory<'a> {
    /// What it is about, in words.
    pub subject: String,
    /// The comparison.
    pub comparison: &'a RecipeComparison,
    /// Each recipe's own story.
    pub recipes: Vec<ComparedRecipe<'a>>,
    /// Level of the intervals of the fits.
    pub level: f64,
    /// How to get the same numbers again.
    pub reproduction: Reproduction,
}

/// One recipe of a comparison.
#[derive(Debug, Clone)]
pub struct ComparedRecipe<'a> {
    /// Its name.
    pub name: String,
    /// Its law.
    pub fit: &'a Fit,
    /// What came of its claim.
    pub verdict: &'a Verdict,
    /// Path of its report, relative to this one.
    pub report: String,
}

/// The document that tells which recipe is better.
pub fn comparison(story: &ComparedStory) -> Document {
    let names: Vec<&str> = story.recipes.iter().map(|recipe| recipe.name.as_str()).collect();
    let mut document = Document::default();
    document.push(Block::Title(format!("Which recipe is better: {}?", names.join(" or "))));
    document.paragraph([plain(&story.subject)]);
    document.paragraph([strong(capitalised(&text::recipe_answers(story.comparison))), plain(".")]);
    for (title, table) in text::recipe_tables(story.comparison) {
        document.heading(title);
        document.push(Block::Table(table));
    }
    document.heading("Laws");
    document.push(Block::Table(laws(story)));
    document.heading("Claims");
    let claim = |recipe: &ComparedRecipe| {
        let link = Span::Link { text: recipe.name.clone(), target: recipe.report.clone() };
        vec![link, plain(format!(": {}", words::verdict_answer(recipe.verdict)))]
    };
    document.push(Block::List(story.recipes.iter().map(claim).collect()));
    let messages: Vec<&str> = story.comparison.warnings.iter().map(|warning| warning.message.as_str()).collect();
    list_of_doubts(&messages, &mut document);
    reproduction(&story.reproduction, &mut document);
    document
}

/// Exponents and floor of each recipe's own fit, with intervals.
fn laws(story: &ComparedStory) -> Table {
    let mut table = Table::new([
        ("recipe", Align::Left),
        ("alpha", Align::Right),
        ("beta", Align::Right),
        ("best params grow as C^a", Align::Right),
        ("loss falls as C^-gamma", Align::Right),
        ("floor E", Align::Right),
    ]);
    for recipe in &story.recipes {
        let (parameters, derived) = (recipe.fit.parameters(story.level), recipe.fit.derived(story.level));
        let known = |name: &str| {
            let parameter = parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value);
            let value = parameter.or_else(|| derived.iter().find(|(known, _)| *known == name).map(|(_, value)| value));
            value.map_or_else(String::new, |value| Rounded::parameter(value).sentence(story.level))
        };
        table.row([&recipe.name, &known("alpha"), &known("beta"), &known("a"), &known("gamma"), &known("E")]);
    }
    table
}
