//! The page of a track record: how the claims did, at every level, and each claim with what became of it.

use isoflop::TrackRecord;

use super::{Reproduction, capitalised, reproduction};
use crate::document::{Block, Document, FigureFile, plain, strong};
use crate::text;

/// Everything that is told of a track record.
#[derive(Debug, Clone)]
pub struct RecordStory<'a> {
    /// Whose it is: the folder.
    pub subject: String,
    /// The record.
    pub record: &'a TrackRecord,
    /// Figures, in order.
    pub figures: Vec<FigureFile>,
    /// How to get the same numbers again.
    pub reproduction: Reproduction,
}

/// The document of a track record.
pub fn track_record(story: &RecordStory) -> Document {
    let record = story.record;
    let mut document = Document::default();
    document.push(Block::Title("Did the predictions come true?".to_owned()));
    document.paragraph([plain(&story.subject)]);
    document.paragraph([strong(capitalised(&text::record_answer(record))), plain(".")]);
    if record.judged > 0 {
        document.paragraph([plain(text::record_verdict(record))]);
        for figure in &story.figures {
            document.push(Block::Figure(figure.clone()));
        }
        document.heading("How often intervals held");
        document.push(Block::Table(text::coverage_table(record)));
    }
    if !record.claims.is_empty() {
        document.heading("Claims");
        document.push(Block::Table(text::claims_table(record, 0)));
    }
    document.heading("What the words mean");
    let facts = text::record_facts(record);
    document.push(Block::List(
        facts.into_iter().map(|(name, fact)| vec![strong(name), plain(format!(": {fact}"))]).collect(),
    ));
    reproduction(&story.reproduction, &mut document);
    document
}
