//! Text from outside made harmless: for the terminal, for Markdown, and for SVG.

/// `text` without what could command a terminal or reorder its line: control and bidirectional characters become `�`.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if is_unsafe(c) { '\u{FFFD}' } else { c }).collect()
}

/// `text` as Markdown that shows exactly these characters, inside a table cell too.
pub(crate) fn markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in plain(text).chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '$' => {
                escaped.push('\\');
                escaped.push(c);
            }
            _ => escaped.push(c),
        }
    }
    escaped
}

/// `path` as the target of a Markdown link or an HTML attribute; separators stay.
pub(crate) fn link(path: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    path.bytes().map(|byte| if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// `text` as the content of an XML element or a quoted attribute.
pub(crate) fn xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in plain(text).chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // Not characters of XML 1.0, not even escaped.
            '\u{FFFE}' | '\u{FFFF}' => escaped.push('\u{FFFD}'),
            _ => escaped.push(c),
        }
    }
    escaped
}

/// Lines as the content of an XML element.
pub(crate) fn xml_lines(lines: &[String]) -> String {
    lines.iter().map(|line| xml(line) + "\n").collect()
}

/// `text` cut to `limit` characters, the cut shown by an ellipsis.
pub(crate) fn shorten(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    text.chars().take(limit.saturating_sub(1)).chain(['…']).collect()
}

fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "<script>alert('x')</script> | \"q\" `c` \u{1b}[31m\nred \u{202e}&[a](b)";

    #[test]
    fn a_terminal_receives_no_commands() {
        let text = plain(HOSTILE);
        assert!(!text.contains('\u{1b}') && !text.contains('\n') && !text.contains('\u{202e}'));
    }

    #[test]
    fn markdown_shows_markup_instead_of_obeying_it() {
        let text = markdown(HOSTILE);
        assert!(!text.contains('<') && !text.contains('\n'));
        for (at, _) in text.match_indices(['|', '`', '[']) {
            assert_eq!(&text[at - 1..at], "\\", "{text}");
        }
    }

    #[test]
    fn xml_has_no_markup_left() {
        let text = xml(HOSTILE);
        assert!(!text.contains(['<', '>', '"', '\'', '\u{1b}']), "{text}");
        assert!(text.contains("&lt;script&gt;"));
    }

    #[test]
    fn links_keep_their_separators_and_nothing_dangerous() {
        assert_eq!(link("figures/valleys.svg"), "figures/valleys.svg");
        assert_eq!(link("a b(c).svg\"><"), "a%20b%28c%29.svg%22%3E%3C");
    }

    #[test]
    fn long_names_are_cut_visibly() {
        assert_eq!(shorten("abcdef", 6), "abcdef");
        assert_eq!(shorten("äbcdefg", 4), "äbc…");
    }
}
