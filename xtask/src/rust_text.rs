//! Just enough of Rust's lexical structure to look for names in code, and only there: not in comments, strings or tests.

/// A name, a number, `::` or a single other character, with the line it stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'text> {
    pub(crate) line: usize,
    pub(crate) text: &'text str,
}

/// The tokens of `text` without literals, comments, and items under `#[cfg(test)]`.
pub(crate) fn library_tokens(text: &str) -> Vec<Token<'_>> {
    without_tests(&tokens(text))
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1);
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let length = if let Some(length) = comment(rest).or_else(|| literal(rest)) {
            length
        } else {
            let length = match name(rest) {
                0 if rest.starts_with("::") => 2,
                0 => first.len_utf8(),
                length => length,
            };
            if !first.is_whitespace() {
                tokens.push(Token { line, text: &rest[..length] });
            }
            length
        };
        line += rest[..length].matches('\n').count();
        at += length;
    }
    tokens
}

/// Length of the name or number at the start of `rest`, 0 when there is none.
fn name(rest: &str) -> usize {
    rest.find(|character: char| !character.is_alphanumeric() && character != '_').unwrap_or(rest.len())
}

/// Length of the comment at the start of `rest`.
fn comment(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if !rest.starts_with("/*") {
        return None;
    }
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        match &rest.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return Some(at);
        }
    }
    Some(rest.len())
}

/// Length of the string or character at the start of `rest`; lifetimes are no literals.
fn literal(rest: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r"].into_iter().find(|prefix| rest.starts_with(prefix)).unwrap_or("");
    let after = &rest[prefix.len()..];
    if prefix.ends_with('r') {
        let hashes = after.bytes().take_while(|byte| *byte == b'#').count();
        let body = after[hashes..].strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(hashes));
        let length = body.find(&end).map_or(body.len(), |at| at + end.len());
        return Some(prefix.len() + hashes + 1 + length);
    }
    if after.starts_with('"') {
        return Some(prefix.len() + quoted(after, b'"'));
    }
    let body = after.strip_prefix('\'')?;
    let mut characters = body.chars();
    match (characters.next()?, characters.next()) {
        ('\\', _) => Some(prefix.len() + quoted(after, b'\'')),
        (one, Some('\'')) => Some(prefix.len() + 1 + one.len_utf8() + 1),
        _ => None,
    }
}

/// Length of the literal that starts with `quote` and ends with the next unescaped one.
fn quoted(text: &str, quote: u8) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() && bytes[at] != quote {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(text.len())
}

/// `tokens` without each item that `#[cfg(test)]` stands before.
fn without_tests<'text>(tokens: &[Token<'text>]) -> Vec<Token<'text>> {
    const ATTRIBUTE: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let is_test = tokens.len() >= at + ATTRIBUTE.len()
            && tokens[at..].iter().zip(ATTRIBUTE).all(|(token, expected)| token.text == expected);
        if is_test {
            at = item_end(tokens, at + ATTRIBUTE.len());
        } else {
            kept.push(tokens[at]);
            at += 1;
        }
    }
    kept
}

/// The index after the item at `start`: behind its closing brace, or its semicolon when it has no braces.
fn item_end(tokens: &[Token<'_>], start: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(start) {
        match token.text {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => {
                depth = depth.saturating_sub(1);
                if depth == 0 && token.text == "}" {
                    return at + 1;
                }
            }
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        library_tokens(text).into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn comments_disappear_even_nested() {
        assert_eq!(words("a // b\n/* c /* d */ e */ f"), ["a", "f"]);
        assert_eq!(words("a /* never closed"), ["a"]);
    }

    #[test]
    fn strings_and_characters_disappear_and_lifetimes_do_not() {
        assert_eq!(words(r##"a "b \" c" d r#"e " f"# g b"h" '"' i '\'' j b'k' l"##), ["a", "d", "g", "i", "j", "l"]);
        assert_eq!(words("x: &'a str"), ["x", ":", "&", "'", "a", "str"]);
        assert_eq!(words("a \"never closed"), ["a"]);
        assert_eq!(words("'é' a 'b' r#type"), ["a", "r", "#", "type"]);
    }

    #[test]
    fn names_stay_whole_and_paths_keep_their_colons() {
        assert_eq!(
            words("std::fs::read_to_string(0x1f)"),
            ["std", "::", "fs", "::", "read_to_string", "(", "0x1f", ")"]
        );
        assert_eq!(words("bar robust cr_x"), ["bar", "robust", "cr_x"]);
    }

    #[test]
    fn test_items_disappear_with_what_they_hold() {
        assert_eq!(words("a; #[cfg(test)] mod tests { fn b() { c() } } d"), ["a", ";", "d"]);
        assert_eq!(words("#[cfg(test)] use b::c; d"), ["d"]);
        assert_eq!(words("#[cfg(test)] fn b([x, y]: [u8; 2]) { c } d"), ["d"]);
        assert_eq!(words("#[cfg(not(test))] a").len(), 11);
    }

    #[test]
    fn lines_are_counted_through_literals() {
        let tokens = library_tokens("\"a\nb\" /* c\n */ d");
        assert_eq!(tokens, [Token { line: 3, text: "d" }]);
    }
}
