//! A figure as the bytes of a file: SVG and CSV as they are, PNG and PDF from the SVG, with a font of its own.

use std::sync::{Arc, LazyLock};

use krilla::Document;
use krilla::error::KrillaError;
use krilla::geom::Size;
use krilla::metadata::Metadata;
use krilla::page::PageSettings;
use krilla_svg::{SurfaceExt, SvgSettings};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{self, Options, Tree, fontdb};
use thiserror::Error;

use crate::escape;
use crate::figure::{Figure, Page, Theme};

use super::{csv, svg};

/// Pixels of a PNG to a pixel of the page: sharp on screens of today, and in print at half the width.
const PIXELS: f32 = 2.0;
/// Points to a pixel: 72 to an inch, and 96.
const POINTS: f32 = 0.75;

/// Inter, as regular and semibold; see `fonts/README.md`.
const FONTS: [&[u8]; 2] =
    [include_bytes!("../../fonts/Inter-Regular.otf"), include_bytes!("../../fonts/Inter-SemiBold.otf")];

/// The kinds of files that hold a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    /// Scales, and says more under a pointer.
    Svg,
    /// Twice as many pixels across as the page has.
    Png,
    /// One page, with text that can be selected.
    Pdf,
    /// The exact numbers; see [`csv`].
    Csv,
}

impl FileFormat {
    /// All of them, with their extensions.
    pub const ALL: [(Self, &str); 4] = [(Self::Svg, "svg"), (Self::Png, "png"), (Self::Pdf, "pdf"), (Self::Csv, "csv")];

    /// The format that a file's name asks for by its extension, in small letters or capitals.
    ///
    /// # Errors
    /// [`FileError::UnknownFormat`] where it has none of the four.
    ///
    /// # Example
    /// ```
    /// use isoflop_report::FileFormat;
    /// assert_eq!(FileFormat::of_name("figures/gain.PDF")?, FileFormat::Pdf);
    /// assert!(FileFormat::of_name("gain.jpg").unwrap_err().to_string().contains(".png"));
    /// # Ok::<(), isoflop_report::FileError>(())
    /// ```
    pub fn of_name(name: &str) -> Result<Self, FileError> {
        let ending = name.rsplit(['/', '\\']).next().and_then(|name| name.rsplit_once('.')).map(|(_, ending)| ending);
        let asked =
            |(_, extension): &&(Self, &str)| ending.is_some_and(|ending| ending.eq_ignore_ascii_case(extension));
        let format = Self::ALL.iter().find(asked).map(|(format, _)| *format);
        format.ok_or_else(|| FileError::UnknownFormat { name: name.to_owned() })
    }
}

/// Why a figure did not become a file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FileError {
    /// The name's extension is none of those known.
    #[error(
        "{name}: a figure's format is told by its extension, one of .svg, .png, .pdf, .csv: give the file one of them"
    )]
    UnknownFormat {
        /// The file's name.
        name: String,
    },
    /// The picture has more pixels than memory can hold.
    #[error("a picture of {width} by {height} pixels is too large: draw fewer panels, or write an SVG")]
    TooLarge {
        /// Pixels across.
        width: f32,
        /// Pixels down.
        height: f32,
    },
    /// The SVG cannot be read back.
    #[error("the figure's SVG cannot be read: {0}; write the .svg, and report this")]
    Svg(#[from] usvg::Error),
    /// The picture cannot be packed.
    #[error("the picture cannot be written as PNG: {0}; write the .svg, and report this")]
    Png(String),
    /// The page cannot be packed.
    #[error("the page cannot be written as PDF: {0:?}; write the .svg, and report this")]
    Pdf(KrillaError),
}

/// The bytes of a file that holds `figure`; the same for the same figure, page and version.
///
/// PNG and PDF are set in Inter, whatever fonts are installed; letters it does not have (beyond Latin, Greek and Cyrillic) show as boxes. Only
/// browsers adapt: of [`Theme::Adaptive`] they have the light half.
///
/// # Errors
/// Where the figure is too large for a picture; all others would be faults of this crate.
///
/// # Example
/// ```
/// use isoflop_report::figure::{Axis, Figure, Page, Panel, Quantity};
/// use isoflop_report::{FileFormat, file};
///
/// let axis = || Axis::linear("share", Quantity::Share);
/// let figure = Figure { title: "Nothing yet".into(), ..Figure::of(Panel::new(axis(), axis())) };
/// assert!(file(&figure, FileFormat::Pdf, &Page::default())?.starts_with(b"%PDF"));
/// # Ok::<(), isoflop_report::FileError>(())
/// ```
pub fn file(figure: &Figure, format: FileFormat, page: &Page) -> Result<Vec<u8>, FileError> {
    let theme = if page.theme == Theme::Dark { Theme::Dark } else { Theme::Light };
    let fixed = || tree(&svg(figure, &Page { theme, ..*page }));
    match format {
        FileFormat::Svg => Ok(svg(figure, page).into_bytes()),
        FileFormat::Csv => Ok(csv(figure).into_bytes()),
        FileFormat::Png => png(&fixed()?),
        FileFormat::Pdf => pdf(&fixed()?, &figure.title),
    }
}

/// The SVG as resvg and krilla see it.
fn tree(svg: &str) -> Result<Tree, FileError> {
    static DATABASE: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
        let mut database = fontdb::Database::new();
        FONTS.iter().for_each(|font| database.load_font_data(font.to_vec()));
        Arc::new(database)
    });
    let options = Options { fontdb: Arc::clone(&DATABASE), font_family: "Inter".to_owned(), ..Options::default() };
    Ok(Tree::from_str(svg, &options)?)
}

fn png(tree: &Tree) -> Result<Vec<u8>, FileError> {
    let (width, height) = (PIXELS * tree.size().width(), PIXELS * tree.size().height());
    let pixmap = Pixmap::new(width.ceil() as u32, height.ceil() as u32);
    let mut pixmap = pixmap.ok_or(FileError::TooLarge { width, height })?;
    resvg::render(tree, Transform::from_scale(PIXELS, PIXELS), &mut pixmap.as_mut());
    pixmap.encode_png().map_err(|error| FileError::Png(error.to_string()))
}

fn pdf(tree: &Tree, title: &str) -> Result<Vec<u8>, FileError> {
    let (width, height) = (POINTS * tree.size().width(), POINTS * tree.size().height());
    let size = Size::from_wh(width, height).ok_or(FileError::TooLarge { width, height })?;
    let mut document = Document::new();
    document.set_metadata(Metadata::new().title(escape::plain(title)).producer("isoflop".to_owned()));
    let mut page = document.start_page_with(PageSettings::new(size));
    let mut surface = page.surface();
    surface.draw_svg(tree, size, SvgSettings::default());
    surface.finish();
    page.finish();
    document.finish().map_err(FileError::Pdf)
}
