//! The page of a sweep: how far it is, what its runs say so far, and each run with what became of it.

use isoflop::Fit;

use super::{Reproduction, list_of_doubts, reproduction};
use crate::board::BoardState;
use crate::document::{Block, Document, FigureFile, plain, strong};
use crate::escape;
use crate::figures::SweepRun;
use crate::numbers;
use crate::table::{Align, Table};
use crate::words;

/// Everything that is told of a sweep.
#[derive(Debug, Clone)]
pub struct SweepStory<'a> {
    /// What it is to answer.
    pub question: String,
    /// Whose it is: the folder, the text.
    pub subject: String,
    /// Its runs.
    pub runs: &'a [SweepRun],
    /// The law of those that are done, or why there is none yet.
    pub fit: Result<&'a Fit, String>,
    /// Level of its intervals.
    pub level: f64,
    /// Figures, in order.
    pub figures: Vec<FigureFile>,
    /// How to get the same numbers again.
    pub reproduction: Reproduction,
}

/// The document of a sweep.
pub fn sweep(story: &SweepStory) -> Document {
    let mut document = Document::default();
    document.push(Block::Title(story.question.clone()));
    document.paragraph([plain(&story.subject)]);
    document.paragraph([strong(progress(story.runs)), plain(".")]);
    match &story.fit {
        Ok(fit) => document.paragraph([plain(format!("So far: {}.", words::fit_answer(fit, story.level)))]),
        Err(reason) => document.paragraph([plain(format!("No law yet: {reason}."))]),
    }
    for figure in &story.figures {
        document.push(Block::Figure(figure.clone()));
    }
    if let Ok(fit) = story.fit {
        let messages: Vec<&str> = fit.warnings().iter().map(|warning| warning.message.as_str()).collect();
        list_of_doubts(&messages, &mut document);
    }
    document.heading("Runs");
    document.push(Block::Table(table(story)));
    reproduction(&story.reproduction, &mut document);
    document
}

/// How many runs are done, and what of the others.
fn progress(runs: &[SweepRun]) -> String {
    let count = |is: fn(&BoardState) -> bool| runs.iter().filter(|run| is(&run.state)).count();
    let done = count(|state| matches!(state, BoardState::Done(_)));
    let others = [
        (count(|state| matches!(state, BoardState::Running(_))), "running"),
        (count(|state| matches!(state, BoardState::Waiting)), "waiting"),
        (count(|state| matches!(state, BoardState::Diverged)), "diverged"),
        (count(|state| matches!(state, BoardState::Failed)), "failed"),
    ];
    let others: String =
        others.iter().filter(|(count, _)| *count > 0).map(|(count, words)| format!(", {count} {words}")).collect();
    format!("{} of {} runs are done{others}", numbers::whole(done), numbers::whole(runs.len()))
}

fn table(story: &SweepStory) -> Table {
    let mut table = Table::new([
        ("run", Align::Left),
        ("params", Align::Right),
        ("tokens", Align::Right),
        ("budget, FLOP", Align::Right),
        ("is", Align::Left),
        ("loss", Align::Right),
        ("attempts", Align::Right),
    ]);
    for run in story.runs {
        let (is, loss) = match run.state {
            BoardState::Done(loss) => ("done".to_owned(), format!("{loss:.4}")),
            BoardState::Running(share) => (format!("running, {}", numbers::percent(share)), String::new()),
            BoardState::Waiting => ("waiting".to_owned(), String::new()),
            BoardState::Diverged => ("diverged".to_owned(), String::new()),
            BoardState::Failed => ("failed".to_owned(), String::new()),
        };
        table.row([
            &escape::shorten(&run.name, super::NAME),
            &numbers::count(run.params),
            &numbers::count(run.tokens),
            &numbers::compute(run.budget, 3),
            &is,
            &loss,
            &run.attempts.to_string(),
        ]);
    }
    table
}
