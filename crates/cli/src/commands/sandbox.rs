//! `isoflop sandbox`: a game with a hidden law, kept in a folder of an assignment, the runs trained, and the answer.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use isoflop::sandbox::{Answer, Assignment, Grade, Ledger, Trained};
use serde::Serialize;

use crate::arguments::{
    SandboxAnswerArguments, SandboxArguments, SandboxGradeArguments, SandboxMove, SandboxNewArguments,
    SandboxTrainArguments,
};
use crate::{Outcome, input, output};

pub(crate) fn run(arguments: &SandboxArguments) -> Result<Outcome> {
    match &arguments.move_ {
        SandboxMove::New(arguments) => new(arguments),
        SandboxMove::Train(arguments) => train(arguments),
        SandboxMove::Answer(arguments) => answer(arguments),
        SandboxMove::Grade(arguments) => grade(arguments),
    }
}

/// A game's files.
struct Folder {
    assignment: PathBuf,
    runs: PathBuf,
    answer: PathBuf,
}

impl Folder {
    fn at(folder: &Path) -> Self {
        Self {
            assignment: folder.join("assignment.json"),
            runs: folder.join("runs.csv"),
            answer: folder.join("answer.json"),
        }
    }

    /// The assignment, and the ledger with every run checked against the world.
    fn read(&self) -> Result<(Assignment, Ledger)> {
        let assignment = input::assignment(&self.assignment)?;
        let ledger = if self.runs.exists() {
            Ledger::of_runs(&assignment, &input::table(&self.runs, &[], false)?)
                .with_context(|| format!("{}: these runs cannot be continued", self.runs.display()))?
        } else {
            Ledger::new(&assignment)
        };
        Ok((assignment, ledger))
    }
}

fn new(arguments: &SandboxNewArguments) -> Result<Outcome> {
    let SandboxNewArguments { folder, seed, player, level, flops, target_flops, json } = arguments;
    let assignment = Assignment::new(*seed, player, (*level).into(), *flops, *target_flops)?;
    let files = Folder::at(folder);
    if files.assignment.exists() {
        bail!("{}: a game is in this folder already; name another", folder.display());
    }
    output::make_folder(folder)?;
    let text = serde_json::to_string_pretty(&assignment)?;
    output::OutputFile::create(&files.assignment)?.write_new(&text)?;
    output::print(&if *json {
        text
    } else {
        isoflop_report::text::assignment(&assignment, &folder.display().to_string())
    })?;
    Ok(Outcome::Done)
}

/// What `sandbox train --json` prints.
#[derive(Serialize)]
struct Progress<'a> {
    trained: &'a [Trained],
    spent: f64,
    left: f64,
}

fn train(arguments: &SandboxTrainArguments) -> Result<Outcome> {
    let files = Folder::at(&arguments.folder);
    let (_, mut ledger) = files.read()?;
    if files.answer.exists() {
        bail!("this game is over: its answer is given; begin another with `isoflop sandbox new FOLDER --seed 2`");
    }
    let before = ledger.runs().len();
    match (arguments.params, arguments.tokens, &arguments.runs) {
        (Some(params), Some(tokens), _) => drop(ledger.train(params, tokens)?),
        (_, _, Some(table)) => {
            for point in input::points(table)? {
                ledger.train(point.params, point.tokens).with_context(|| format!("{}: not trained", point.name))?;
            }
        }
        _ => bail!("say what to train: --params 100M --tokens 2B, or --runs TABLE"),
    }
    output::write(&files.runs, &ledger.to_csv())?;
    let trained = &ledger.runs()[before..];
    if arguments.json {
        let progress = Progress { trained, spent: ledger.spent(), left: ledger.left() };
        output::print(&serde_json::to_string(&progress)?)?;
    } else {
        output::print(&isoflop_report::text::ledger(&ledger, trained.len(), &files.runs.display().to_string()))?;
    }
    Ok(Outcome::Done)
}

fn answer(arguments: &SandboxAnswerArguments) -> Result<Outcome> {
    let files = Folder::at(&arguments.folder);
    let (assignment, ledger) = files.read()?;
    let answer = match (&arguments.fit, arguments.params, arguments.loss, arguments.lo, arguments.hi) {
        (Some(fit), ..) => Answer::of_fit(&input::fit(fit)?, assignment.target)?,
        (None, Some(params), Some(loss), Some(lo), Some(hi)) => Answer::new(params, loss, lo, hi)?,
        _ => bail!("answer with --fit FIT, or with --params 20B --loss 2.0 --lo 1.95 --hi 2.06"),
    };
    let grade = Grade::of(&assignment, &ledger, answer)?;
    output::OutputFile::create(&files.answer)?
        .write_new(&serde_json::to_string_pretty(&answer)?)
        .context("the first answer stands: `isoflop sandbox grade` shows what it was worth")?;
    output::print(&if arguments.json { serde_json::to_string(&grade)? } else { isoflop_report::text::grade(&grade) })?;
    Ok(Outcome::Done)
}

/// What became of one folder.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Marked {
    Grade(Box<Grade>),
    Refused { folder: String, reason: String },
}

fn grade(arguments: &SandboxGradeArguments) -> Result<Outcome> {
    let marked: Vec<Marked> = arguments
        .folders
        .iter()
        .map(|folder| match graded(folder, arguments.seed) {
            Ok(grade) => Marked::Grade(Box::new(grade)),
            Err(error) => Marked::Refused { folder: folder.display().to_string(), reason: format!("{error:#}") },
        })
        .collect();
    let refused = marked.iter().any(|marked| matches!(marked, Marked::Refused { .. }));
    if arguments.json {
        output::print(&serde_json::to_string(&marked)?)?;
    } else if let [Marked::Grade(grade)] = marked.as_slice() {
        output::print(&isoflop_report::text::grade(grade))?;
    } else {
        let rows: Vec<Result<&Grade, (&str, &str)>> = marked
            .iter()
            .map(|marked| match marked {
                Marked::Grade(grade) => Ok(&**grade),
                Marked::Refused { folder, reason } => Err((folder.as_str(), reason.as_str())),
            })
            .collect();
        output::print(&isoflop_report::text::grades(&rows))?;
    }
    Ok(if refused { Outcome::Missed } else { Outcome::Done })
}

fn graded(folder: &Path, seed: Option<u64>) -> Result<Grade> {
    let files = Folder::at(folder);
    let (assignment, ledger) = files.read()?;
    if let Some(seed) = seed
        && seed != assignment.seed
    {
        bail!("begun with seed {}, not {seed}", assignment.seed);
    }
    if !files.answer.exists() {
        bail!("no answer yet; {} runs so far", ledger.runs().len());
    }
    Ok(Grade::of(&assignment, &ledger, input::answer(&files.answer)?)?)
}
