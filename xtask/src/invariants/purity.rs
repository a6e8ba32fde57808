//! The library and its numerics take readers, clocks and seeds as arguments: no environment, clock, file system or printing.

use super::SourceFile;
use crate::rust_text::{Token, library_tokens};

/// Crates that must stay pure.
const PURE: [&str; 2] = ["crates/isoflop/src/", "crates/numerics/src/"];

/// Modules of `std` that reach outside the program.
const MODULES: [&str; 4] = ["env", "fs", "net", "process"];

/// Types that read the clock.
const CLOCKS: [&str; 2] = ["SystemTime", "Instant"];

/// Macros that print.
const PRINTERS: [&str; 5] = ["println", "print", "eprintln", "eprint", "dbg"];

/// One line per use of something impure in `file`; none for files of other crates, for tests, comments and strings.
pub(super) fn violations(file: &SourceFile) -> Vec<String> {
    if !PURE.iter().any(|folder| file.path.starts_with(folder)) {
        return Vec::new();
    }
    let found = impurities(&library_tokens(&file.text));
    let line = |(line, name)| format!("{}:{line}: {name} in a pure crate: take it as an argument", file.path);
    found.into_iter().map(line).collect()
}

/// Line and name of each impure thing.
fn impurities(tokens: &[Token<'_>]) -> Vec<(usize, String)> {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let name = token.text;
        if CLOCKS.contains(&name) {
            found.push((token.line, format!("std::time::{name}")));
        } else if PRINTERS.contains(&name) && text(at + 1) == "!" {
            found.push((token.line, format!("{name}!")));
        } else if name == "std" && text(at + 1) == "::" {
            for (line, module) in first_segments(tokens, at + 2) {
                if MODULES.contains(&module) {
                    found.push((line, format!("std::{module}")));
                }
            }
        }
    }
    found
}

/// What follows `std::` at `start`: the one segment, or each first segment of a group `{..., ...}`.
fn first_segments<'text>(tokens: &[Token<'text>], start: usize) -> Vec<(usize, &'text str)> {
    let mut segments = Vec::new();
    let mut depth = 0_usize;
    let mut begins = true;
    for token in tokens.iter().skip(start) {
        match token.text {
            "{" => depth += 1,
            "}" => depth = depth.saturating_sub(1),
            "," => begins = depth == 1,
            name => {
                if begins && depth <= 1 {
                    segments.push((token.line, name));
                }
                begins = false;
            }
        }
        if depth == 0 {
            break;
        }
    }
    segments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        violations(&SourceFile { path: "crates/isoflop/src/claim.rs".to_owned(), text: text.to_owned() })
    }

    #[test]
    fn every_impure_thing_is_found() {
        for text in [
            "fn a() { std::env::var(\"HOME\"); }",
            "use std::fs;",
            "use std::fs::File;",
            "use std::{fmt, fs};",
            "use std::{collections::{BTreeMap, BTreeSet}, env};",
            "use std::time::{Duration, Instant};",
            "fn a() { std::time::SystemTime::now(); }",
            "fn a() { println!(\"x\"); }",
            "fn a() { eprint! (\"x\"); }",
        ] {
            assert_eq!(found(text).len(), 1, "{text}");
        }
    }

    #[test]
    fn tests_comments_strings_and_other_names_are_left_alone() {
        for text in [
            "// std::fs\n/* println!() */ fn a() -> &'static str { \"std::env::var\" }",
            "//! ```\n//! std::fs::read(\"runs.csv\")\n//! ```",
            "#[cfg(test)]\nmod tests { use std::fs; #[test] fn a() { println!(\"{}\", '}'); } }",
            "use std::{fmt, collections::env_like}; fn print() {} fn a() { print(); }",
            "use std::time::Duration;",
            "mod fs {} use crate::fs;",
        ] {
            assert_eq!(found(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn code_after_a_test_module_is_checked_and_its_line_named() {
        let text = "#[cfg(test)]\nmod tests {}\n\nuse std::fs;\n";
        assert_eq!(found(text), ["crates/isoflop/src/claim.rs:4: std::fs in a pure crate: take it as an argument"]);
    }

    #[test]
    fn other_crates_may_touch_the_world() {
        let file = SourceFile { path: "crates/sweep/src/files.rs".to_owned(), text: "use std::fs;".to_owned() };
        assert_eq!(violations(&file), Vec::<String>::new());
    }
}
