//! A document as one HTML file that needs nothing else: no network, no other file.

use crate::document::Document;
use crate::escape;

/// Colours, type and space of a page; figures take their colours from the page's scheme.
const STYLE: &str = include_str!("html/page.css");
/// Light, dark, or as the system says.
const SCHEME: &str = include_str!("html/scheme.js");

/// What a page can do beside being read, as text that stands in it as it is: nothing from outside may be in it unescaped.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Section {
    /// CSS, after that of the page.
    pub style: String,
    /// HTML, before the first figure.
    pub body: String,
    /// JavaScript, run once all is there.
    pub script: String,
    /// JSON that the script finds as `<id>-held`; `<` in it becomes `\u003c`.
    pub held: String,
    /// What its elements' ids begin with.
    pub id: &'static str,
}

/// The page of `document`, which may hold the SVG of its figures; with a `section` it is more than read.
///
/// Its policy forbids it to load or to send anything.
pub fn page(document: &Document, section: Option<&Section>) -> String {
    let title = escape::xml(document.title());
    let (before, after) = document.to_html_around_figures();
    let (style, body, script) = section.map_or_else(Default::default, |Section { style, body, script, held, id }| {
        let held = held.replace('<', "\\u003c");
        let held = format!("<script type=\"application/json\" id=\"{id}-held\">{held}</script>\n");
        (style.as_str(), body.as_str(), format!("{held}<script>\n{script}</script>\n"))
    });
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
         script-src 'unsafe-inline' 'wasm-unsafe-eval'; worker-src blob:; img-src data: blob:\">\n\
         <meta name=\"generator\" content=\"isoflop\">\n\
         <title>{title}</title>\n<style>\n{STYLE}{style}</style>\n</head>\n<body>\n\
         <header><button id=\"scheme\" type=\"button\" aria-label=\"Colours: as the system\">◐</button></header>\n\
         <main>\n<h1>{title}</h1>\n{before}{body}{after}</main>\n<script>\n{SCHEME}</script>\n{script}</body>\n</html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Block, FigureFile, plain};

    #[test]
    fn a_page_needs_nothing_else_and_stays_whole() {
        let mut document = Document::default();
        document.push(Block::Title("</title><script src=\"//x\">".to_owned()));
        document.push(Block::Paragraph(vec![plain("</main></body><img src=x onerror=alert(1)>")]));
        let page = page(&document, None);
        for (element, count) in
            [("<script", 1), ("</main>", 1), ("</body>", 1), ("<title>", 1), ("<img", 0), ("<link", 0)]
        {
            assert_eq!(page.matches(element).count(), count, "{element}");
        }
        assert!(!page.contains("http:") && !page.contains("https:"), "an address in the page");
    }

    #[test]
    fn a_section_stands_before_the_figures_and_what_it_holds_ends_no_script() {
        let mut document = Document::default();
        document.paragraph([plain("told")]);
        document.push(Block::Figure(FigureFile { svg: Some("<svg></svg>".to_owned()), ..FigureFile::default() }));
        let section = Section {
            style: "b{}".to_owned(),
            body: "<b id=\"x\"></b>".to_owned(),
            script: "run();\n".to_owned(),
            held: "{\"name\":\"</script><script>\"}".to_owned(),
            id: "x",
        };
        let page = page(&document, Some(&section));
        let places =
            ["told", "<b id", "<svg>", "x-held\">{\"name\":\"\\u003c/script", "run();"].map(|part| page.find(part));
        assert!(places.is_sorted() && places[0].is_some(), "{places:?}");
        assert_eq!((page.matches("<script").count(), page.matches("</script>").count()), (3, 3));
    }
}
