//! A table of texts that can be shown aligned in a terminal or as Markdown.

use std::fmt::Write;

use serde::Serialize;

use crate::escape;

/// On which side a column's texts line up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Rows of cells under named columns. Cells are not escaped until they are rendered.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Table {
    columns: Vec<(String, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table with these columns.
    pub(crate) fn new<const COLUMNS: usize>(columns: [(&str, Align); COLUMNS]) -> Self {
        let columns = columns.into_iter().map(|(name, align)| (name.to_owned(), align)).collect();
        Self { columns, rows: Vec::new() }
    }

    /// Adds a row; missing cells at its end are empty.
    pub(crate) fn row<const CELLS: usize>(&mut self, cells: [&str; CELLS]) {
        self.rows.push(cells.iter().map(|cell| (*cell).to_owned()).collect());
    }

    /// The table with aligned columns, two spaces before each line and between columns.
    pub(crate) fn to_text(&self) -> String {
        let width = |text: &str| escape::plain(text).chars().count();
        let header: Vec<String> = self.columns.iter().map(|(name, _)| name.clone()).collect();
        let lines = || std::iter::once(&header).chain(&self.rows);
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|column| lines().filter_map(|line| line.get(column)).map(|cell| width(cell)).max().unwrap_or(0))
            .collect();
        let mut text = String::new();
        for line in lines() {
            let mut shown = String::new();
            for ((cell, (_, align)), width) in line.iter().zip(&self.columns).zip(&widths) {
                let cell = escape::plain(cell);
                // Writing to a String cannot fail.
                let _ = match align {
                    Align::Left => write!(shown, "  {cell:<width$}"),
                    Align::Right => write!(shown, "  {cell:>width$}"),
                };
            }
            text.push_str(shown.trim_end());
            text.push('\n');
        }
        text
    }

    /// The table as GitHub-flavoured Markdown.
    pub(crate) fn to_markdown(&self) -> String {
        let names: Vec<String> = self.columns.iter().map(|(name, _)| escape::markdown(name)).collect();
        let rules: Vec<&str> =
            self.columns.iter().map(|(_, align)| if *align == Align::Right { "--:" } else { ":--" }).collect();
        let mut text = format!("| {} |\n| {} |\n", names.join(" | "), rules.join(" | "));
        for row in &self.rows {
            let cells: Vec<String> = row.iter().map(|cell| escape::markdown(cell)).collect();
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        }
        text
    }
}

impl Table {
    /// The table as HTML, columns of numbers marked as such.
    pub(crate) fn to_html(&self) -> String {
        let class = |align: &Align| if *align == Align::Right { " class=\"number\"" } else { "" };
        // Where it is wider than the page the keyboard must be able to move it.
        let mut text = "<div class=\"scroll\" tabindex=\"0\"><table>\n<thead><tr>".to_owned();
        for (name, align) in &self.columns {
            let _ = match name.as_str() {
                // A heading without words is announced all the same.
                "" => write!(text, "<td></td>"),
                name => write!(text, "<th scope=\"col\"{}>{}</th>", class(align), escape::xml(name)),
            };
        }
        text.push_str("</tr></thead>\n<tbody>\n");
        for row in &self.rows {
            text.push_str("<tr>");
            for (cell, (_, align)) in row.iter().zip(&self.columns) {
                let _ = write!(text, "<td{}>{}</td>", class(align), escape::xml(cell));
            }
            text.push_str("</tr>\n");
        }
        text + "</tbody>\n</table></div>\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new([("run", Align::Left), ("loss", Align::Right)]);
        table.row(["a|b", "10.5"]);
        table.row(["größer", "2"]);
        table
    }

    #[test]
    fn columns_line_up_by_characters() {
        assert_eq!(table().to_text(), "  run     loss\n  a|b     10.5\n  größer     2\n");
    }

    #[test]
    fn a_column_without_a_name_has_no_heading() {
        let html = Table::new([("", Align::Left), ("loss", Align::Right)]).to_html();
        assert!(html.contains("<tr><td></td><th scope=\"col\" class=\"number\">loss</th></tr>"), "{html}");
    }

    #[test]
    fn a_bar_in_a_cell_does_not_split_it() {
        assert_eq!(table().to_markdown(), "| run | loss |\n| :-- | --: |\n| a\\|b | 10.5 |\n| größer | 2 |\n");
    }
}
