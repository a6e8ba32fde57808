//! Documents with their figures as files: one page of HTML that holds everything, or Markdown with the figures beside it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use isoflop_report::figure::{Figure, Page, Theme};
use isoflop_report::{Document, FigureFile, Section, page, svg};
use serde_json::json;

use crate::output;

/// Width of a figure on a telephone, pixels.
const NARROW: f64 = 360.0;

/// A document's file, and what its name says that it is.
pub(crate) struct DocumentFile<'a> {
    path: &'a Path,
    format: Format,
}

#[derive(Clone, Copy)]
enum Format {
    Html,
    Markdown,
}

/// A figure's name in the names of files, and the figure.
pub(crate) type Named = (&'static str, Figure);

impl<'a> DocumentFile<'a> {
    /// The file at `path`, which says its format by its name.
    pub(crate) fn at(path: &'a Path) -> Result<Self> {
        let format = match path.extension().and_then(OsStr::to_str) {
            Some("html" | "htm") => Format::Html,
            Some("md") => Format::Markdown,
            _ => bail!("{}: a report ends in .html (one page with everything in it) or .md", path.display()),
        };
        Ok(Self { path, format })
    }

    /// The figures as the document is to hold or to name them.
    pub(crate) fn figures(&self, drawn: &[Named]) -> Vec<FigureFile> {
        let stem = self.path.file_stem().unwrap_or_default().to_string_lossy();
        let held = |figure: &Figure, width: Option<f64>| {
            self.is_page().then(|| svg(figure, &Page { theme: Theme::Adaptive, width }))
        };
        let file = |(name, figure): &Named| FigureFile {
            light: format!("{stem}-{name}.svg"),
            dark: Some(format!("{stem}-{name}-dark.svg")),
            svg: held(figure, None),
            narrow_svg: held(figure, Some(NARROW)),
            description: figure.title.clone(),
        };
        drawn.iter().map(file).collect()
    }

    /// Whether it is a page that can do more than be read.
    pub(crate) fn is_page(&self) -> bool {
        matches!(self.format, Format::Html)
    }

    /// Writes the document, a page with its `section`, and beside Markdown the figures; what was written, as it is said.
    pub(crate) fn write(
        &self,
        document: &Document,
        drawn: &[Named],
        section: Option<&Section>,
        json: bool,
    ) -> Result<String> {
        let mut written = vec![self.path.to_owned()];
        match self.format {
            Format::Html => output::write(self.path, &page(document, section))?,
            Format::Markdown => {
                for ((_, figure), file) in drawn.iter().zip(self.figures(drawn)) {
                    for (theme, name) in [(Theme::Light, Some(file.light)), (Theme::Dark, file.dark)] {
                        let Some(name) = name else { continue };
                        let path = self.path.with_file_name(name);
                        output::write(&path, &svg(figure, &Page { theme, width: None }))?;
                        written.push(path);
                    }
                }
                output::write(self.path, &document.to_markdown())?;
            }
        }
        let names: Vec<String> = written.iter().map(|path: &PathBuf| path.display().to_string()).collect();
        Ok(if json { json!({ "written": names }).to_string() } else { names.join("\n") })
    }
}
