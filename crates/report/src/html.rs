//! A document as one HTML file that needs nothing else: no network, no other file.

use crate::document::Document;
use crate::escape;

/// Colours, type and space of a page; figures take their colours from the page's scheme.
const STYLE: &str = include_str!("html/page.css");
/// Light, dark, or as the system says.
const SCHEME: &str = include_str!("html/scheme.js");

/// The page of `document`, which may hold the SVG of its figures.
///
/// Its policy forbids it to load or to send anything.
pub fn page(document: &Document) -> String {
    let title = escape::xml(document.title());
    let content = document.to_html();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
         script-src 'unsafe-inline' 'wasm-unsafe-eval'; img-src data: blob:\">\n\
         <meta name=\"generator\" content=\"isoflop\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header><button id=\"scheme\" type=\"button\" aria-label=\"Colours: as the system\">◐</button></header>\n\
         <main>\n<h1>{title}</h1>\n{content}</main>\n<script>\n{SCHEME}</script>\n</body>\n</html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Block, plain};

    #[test]
    fn a_page_needs_nothing_else_and_stays_whole() {
        let mut document = Document::default();
        document.push(Block::Title("</title><script src=\"//x\">".to_owned()));
        document.push(Block::Paragraph(vec![plain("</main></body><img src=x onerror=alert(1)>")]));
        let page = page(&document);
        for (element, count) in
            [("<script", 1), ("</main>", 1), ("</body>", 1), ("<title>", 1), ("<img", 0), ("<link", 0)]
        {
            assert_eq!(page.matches(element).count(), count, "{element}");
        }
        assert!(!page.contains("http:") && !page.contains("https:"), "an address in the page");
    }
}
