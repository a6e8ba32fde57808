//! Source files hold one idea each, and fit into a sitting.

use super::SourceFile;

/// Longest source file, in lines.
const LONGEST: usize = 600;

/// The line to print when `file` is too long.
pub(super) fn violation(file: &SourceFile) -> Option<String> {
    let lines = file.text.lines().count();
    (lines > LONGEST).then(|| format!("{}: {lines} lines, more than {LONGEST}: split it by idea", file.path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_hundred_lines_pass_and_one_more_does_not() {
        let file = |lines| SourceFile { path: "crates/a/src/lib.rs".to_owned(), text: "x\n".repeat(lines) };
        assert_eq!(violation(&file(600)), None);
        assert!(violation(&file(601)).is_some_and(|line| line.contains("601 lines")));
    }
}
