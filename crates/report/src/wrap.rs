//! Breaking text into lines, in whatever unit a line's width is measured.

/// `text` broken at spaces into lines whose `width` is at most `limit`, but for a word that is wider itself.
///
/// A percent sign stays with its number.
pub(crate) fn lines(text: &str, width: impl Fn(&str) -> f64, limit: f64) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match words.last_mut() {
            Some(before) if word.starts_with('%') => {
                before.push(' ');
                before.push_str(word);
            }
            _ => words.push(word.to_owned()),
        }
    }
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if width(&format!("{line} {word}")) <= limit => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(text: &str, limit: f64) -> Vec<String> {
        lines(text, |line| line.chars().count() as f64, limit)
    }

    #[test]
    fn lines_are_full_and_never_too_wide() {
        assert_eq!(broken("one two three  four\nfive", 9.0), ["one two", "three", "four five"]);
        assert_eq!(broken("a incomprehensibilities b", 6.0), ["a", "incomprehensibilities", "b"]);
        assert!(broken(" ", 6.0).is_empty());
    }

    #[test]
    fn a_percent_sign_stays_with_its_number() {
        assert_eq!(broken("under 1 % more", 7.0), ["under", "1 %", "more"]);
    }
}
