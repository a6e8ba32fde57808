//! The figure of an answer: a file in the format that its name asks for, or letters below the answer.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use console::Term;
use isoflop_report::figure::{Figure, Page};
use isoflop_report::{FileFormat, braille, file};

use crate::output::OutputFile;

/// Columns of a figure where the terminal does not say how many it has, and most of them.
const COLUMNS: usize = 80;
const WIDEST: usize = 120;
/// Lines of a panel in letters.
const LINES: usize = 24;
/// What stands for the terminal.
const TERMINAL: &str = "-";

#[derive(Debug, Args)]
pub(crate) struct FigureArguments {
    /// Draw the answer too, to a .svg, .png or .pdf, or its exact numbers to a .csv; - draws below it, in letters
    #[arg(long, value_name = "FILE")]
    pub figure: Option<PathBuf>,
}

/// Where a figure goes.
pub(crate) enum FigureOutput {
    /// Below the answer.
    Terminal,
    /// Into a file.
    File(OutputFile, FileFormat),
}

impl FigureOutput {
    /// Prepares to draw, so that a wrong name fails before the work.
    pub(crate) fn create(path: &Path, json: bool) -> Result<Self> {
        if path == Path::new(TERMINAL) {
            if json {
                bail!("- draws in the terminal, where --json allows nothing else: name a file, such as figure.svg");
            }
            return Ok(Self::Terminal);
        }
        let format = FileFormat::of_name(&path.to_string_lossy())?;
        Ok(Self::File(OutputFile::create(path)?, format))
    }

    /// Draws; what is to stand below the answer comes back.
    pub(crate) fn draw(self, figure: &Figure, page: &Page) -> Result<String> {
        match self {
            Self::Terminal => {
                let columns = Term::stdout().size_checked().map_or(COLUMNS, |(_, columns)| usize::from(columns));
                Ok(format!("\n{}", braille(figure, columns.min(WIDEST), LINES)))
            }
            Self::File(target, format) => {
                let bytes = file(figure, format, page).context("cannot draw the figure")?;
                target.write(bytes)?;
                Ok(String::new())
            }
        }
    }
}

impl FigureArguments {
    /// Prepares what was asked for, if anything was.
    pub(crate) fn output(&self, json: bool) -> Result<Option<FigureOutput>> {
        self.figure.as_deref().map(|path| FigureOutput::create(path, json)).transpose()
    }
}
