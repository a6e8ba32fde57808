//! A document as blocks of text, tables and figures, and the same words as Markdown and as HTML.

use std::fmt::Write;

use crate::escape;
use crate::table::Table;

/// What is told, in order. Nothing in it is escaped: whatever renders it does that.
#[derive(Debug, Clone, Default)]
pub struct Document {
    blocks: Vec<Block>,
}

/// A part of a document between blank lines.
#[derive(Debug, Clone)]
pub(crate) enum Block {
    /// The question that the document answers.
    Title(String),
    /// The heading of a section.
    Heading(String),
    Paragraph(Vec<Span>),
    List(Vec<Vec<Span>>),
    Table(Table),
    /// A table behind its summary, for those who want it.
    Folded {
        summary: String,
        table: Table,
    },
    Figure(FigureFile),
    /// Lines to be typed.
    Commands(Vec<String>),
}

/// A part of a line.
#[derive(Debug, Clone)]
pub(crate) enum Span {
    Plain(String),
    Strong(String),
    Code(String),
    Link { text: String, target: String },
}

/// A figure of a document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FigureFile {
    /// Path relative to the document, for a light page.
    pub light: String,
    /// The same for a dark page, where there is one.
    pub dark: Option<String>,
    /// The SVG itself, for a page that is to hold it.
    pub svg: Option<String>,
    /// The same for a narrow page.
    pub narrow_svg: Option<String>,
    /// What it shows, for those who cannot see it.
    pub description: String,
}

pub(crate) fn plain(text: impl Into<String>) -> Span {
    Span::Plain(text.into())
}

pub(crate) fn strong(text: impl Into<String>) -> Span {
    Span::Strong(text.into())
}

pub(crate) fn code(text: impl Into<String>) -> Span {
    Span::Code(text.into())
}

impl Document {
    pub(crate) fn push(&mut self, block: Block) {
        self.blocks.push(block);
    }

    pub(crate) fn heading(&mut self, text: &str) {
        self.push(Block::Heading(text.to_owned()));
    }

    pub(crate) fn paragraph<const SPANS: usize>(&mut self, spans: [Span; SPANS]) {
        self.push(Block::Paragraph(spans.into()));
    }

    /// The document's question, as a bare text.
    pub fn title(&self) -> &str {
        self.blocks
            .iter()
            .find_map(|block| if let Block::Title(title) = block { Some(title.as_str()) } else { None })
            .unwrap_or_default()
    }

    /// The document as GitHub-flavoured Markdown.
    pub fn to_markdown(&self) -> String {
        self.blocks.iter().map(Block::to_markdown).collect::<Vec<_>>().join("\n")
    }

    /// The document as elements of a page; the title is left to it.
    pub fn to_html(&self) -> String {
        self.blocks.iter().map(Block::to_html).collect()
    }

    /// The same in two parts: what stands before the first figure, and the rest.
    pub(crate) fn to_html_around_figures(&self) -> (String, String) {
        let figure = self.blocks.iter().position(|block| matches!(block, Block::Figure(_)));
        let (before, after) = self.blocks.split_at(figure.unwrap_or(self.blocks.len()));
        let html = |blocks: &[Block]| blocks.iter().map(Block::to_html).collect();
        (html(before), html(after))
    }
}

impl Block {
    fn to_markdown(&self) -> String {
        match self {
            Self::Title(text) => format!("# {}\n", escape::markdown(text)),
            Self::Heading(text) => format!("## {}\n", escape::markdown(text)),
            Self::Paragraph(spans) => Span::line_of_markdown(spans) + "\n",
            Self::List(items) => items.iter().map(|item| format!("- {}\n", Span::line_of_markdown(item))).collect(),
            Self::Table(table) => table.to_markdown(),
            Self::Folded { summary, table } => format!(
                "<details>\n<summary>{}</summary>\n\n{}\n</details>\n",
                escape::xml(summary),
                table.to_markdown()
            ),
            Self::Figure(figure) => figure.to_markdown(),
            Self::Commands(lines) => lines.iter().map(|line| format!("    {}\n", escape::plain(line))).collect(),
        }
    }

    fn to_html(&self) -> String {
        match self {
            Self::Title(_) => String::new(),
            Self::Heading(text) => format!("<h2>{}</h2>\n", escape::xml(text)),
            Self::Paragraph(spans) => format!("<p>{}</p>\n", Span::line_of_html(spans)),
            Self::List(items) => {
                let items: String =
                    items.iter().map(|item| format!("<li>{}</li>\n", Span::line_of_html(item))).collect();
                format!("<ul>\n{items}</ul>\n")
            }
            Self::Table(table) => table.to_html(),
            Self::Folded { summary, table } => {
                format!("<details>\n<summary>{}</summary>\n{}</details>\n", escape::xml(summary), table.to_html())
            }
            Self::Figure(figure) => figure.to_html(),
            Self::Commands(lines) => format!("<pre tabindex=\"0\"><code>{}</code></pre>\n", escape::xml_lines(lines)),
        }
    }
}

impl Span {
    fn line_of_markdown(spans: &[Self]) -> String {
        let mut line = String::new();
        for span in spans {
            // Writing to a String cannot fail.
            let _ = match span {
                Self::Plain(text) => write!(line, "{}", escape::markdown(text)),
                Self::Strong(text) => write!(line, "**{}**", escape::markdown(text)),
                // Nothing escapes a backtick within backticks.
                Self::Code(text) => write!(line, "`{}`", escape::plain(text).replace('`', "'")),
                Self::Link { text, target } => write!(line, "[{}]({})", escape::markdown(text), escape::link(target)),
            };
        }
        line
    }

    fn line_of_html(spans: &[Self]) -> String {
        let mut line = String::new();
        for span in spans {
            let _ = match span {
                Self::Plain(text) => write!(line, "{}", escape::xml(text)),
                Self::Strong(text) => write!(line, "<strong>{}</strong>", escape::xml(text)),
                Self::Code(text) => write!(line, "<code>{}</code>", escape::xml(text)),
                Self::Link { text, target } => {
                    write!(line, "<a href=\"{}\">{}</a>", escape::link(target), escape::xml(text))
                }
            };
        }
        line
    }
}

impl FigureFile {
    fn to_markdown(&self) -> String {
        let light = escape::link(&self.light);
        let Some(dark) = &self.dark else {
            return format!("![{}]({light})\n", escape::markdown(&self.description));
        };
        format!(
            "<picture>\n  <source media=\"(prefers-color-scheme: dark)\" srcset=\"{}\">\n  <img src=\"{light}\" alt=\"{}\">\n</picture>\n",
            escape::link(dark),
            escape::xml(&self.description)
        )
    }

    fn to_html(&self) -> String {
        let drawing = match (&self.svg, &self.narrow_svg) {
            (Some(wide), Some(narrow)) => {
                format!("<div class=\"wide\">\n{wide}</div>\n<div class=\"narrow\">\n{narrow}</div>\n")
            }
            (Some(wide), None) => wide.clone(),
            (None, _) => {
                format!("<img src=\"{}\" alt=\"{}\">\n", escape::link(&self.light), escape::xml(&self.description))
            }
        };
        format!("<figure>\n{drawing}</figure>\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Align;

    const HOSTILE: &str = "</p><script>alert(1)</script> `x` **y**";

    fn hostile() -> Document {
        let mut table = Table::new([(HOSTILE, Align::Left)]);
        table.row([HOSTILE]);
        let link = Span::Link { text: HOSTILE.to_owned(), target: "javascript:alert(1)\"".to_owned() };
        let figure =
            FigureFile { light: "a\"b.svg".to_owned(), description: HOSTILE.to_owned(), ..FigureFile::default() };
        let blocks = [
            Block::Title(HOSTILE.to_owned()),
            Block::Heading(HOSTILE.to_owned()),
            Block::Paragraph(vec![plain(HOSTILE), strong(HOSTILE), code(HOSTILE), link]),
            Block::List(vec![vec![plain(HOSTILE)]]),
            Block::Table(table.clone()),
            Block::Folded { summary: HOSTILE.to_owned(), table },
            Block::Figure(figure),
            Block::Commands(vec![HOSTILE.to_owned()]),
        ];
        Document { blocks: blocks.into() }
    }

    #[test]
    fn no_text_becomes_markup_in_a_page() {
        let html = hostile().to_html();
        assert!(!html.contains("<script") && !html.contains("javascript:") && !html.contains("a\"b"), "{html}");
        assert_eq!(html.matches("&lt;script&gt;").count(), 13, "{html}");
    }

    #[test]
    fn no_text_becomes_markup_in_markdown_but_in_lines_to_be_typed() {
        let markdown = hostile().to_markdown();
        let (told, typed) = markdown.rsplit_once("\n    ").unwrap();
        // Code spans show their text as it is.
        assert!(!told.replace("`</p><script>alert(1)</script> 'x' **y**`", "").contains("<script"), "{markdown}");
        assert!(typed.starts_with(HOSTILE));
    }
}
