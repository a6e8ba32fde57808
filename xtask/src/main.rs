//! Build and test chores: `cargo xtask test` is the one test command.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod agreement;
mod browser;
mod cargo;
mod invariants;
mod parts;
mod run;
mod rust_text;

use std::path::PathBuf;
use std::process::ExitCode;

use parts::{PARTS, Part};

fn main() -> ExitCode {
    match chosen_parts(std::env::args().skip(1)).and_then(|parts| Ok((parts, repository()?))) {
        Ok((parts, _)) if parts.is_empty() => {
            print!("{}", help());
            ExitCode::SUCCESS
        }
        Ok((parts, root)) => run::run(&parts, &root),
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::from(2)
        }
    }
}

/// The parts that the arguments ask for; none when they ask for help.
fn chosen_parts(mut arguments: impl Iterator<Item = String>) -> Result<Vec<&'static Part>, String> {
    match arguments.next().as_deref() {
        None | Some("help" | "--help" | "-h") => Ok(Vec::new()),
        Some("test") => {
            let names: Vec<String> = arguments.collect();
            if let Some(unknown) = names.iter().find(|name| PARTS.iter().all(|part| part.name != **name)) {
                let known: Vec<_> = PARTS.iter().map(|part| part.name).collect();
                return Err(format!("there is no part `{unknown}`; the parts are: {}", known.join(" ")));
            }
            Ok(PARTS.iter().filter(|part| names.is_empty() || names.iter().any(|name| name == part.name)).collect())
        }
        Some(other) => Err(format!("unknown command `{other}`; `cargo xtask help` lists what there is")),
    }
}

/// The root of the repository. Cargo names this package's folder at run time, so a target folder may be shared by checkouts.
fn repository() -> Result<PathBuf, String> {
    std::env::var_os("CARGO_MANIFEST_DIR")
        .and_then(|xtask| PathBuf::from(xtask).parent().map(PathBuf::from))
        .ok_or_else(|| "the repository was not found: start this program as `cargo xtask`".to_owned())
}

fn help() -> String {
    let mut text = String::from(
        "Usage:\n  cargo xtask test            run every part, in this order\n  cargo xtask test PART...    run only these\n  cargo xtask help\n\nParts:\n",
    );
    for part in PARTS {
        text += &format!("  {:<12}{}\n", part.name, part.what);
    }
    text + "\nExit code: 0 nothing failed (parts may have been skipped, each with a line), 1 a part failed, 2 wrong usage.\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(arguments: &[&str]) -> Result<Vec<&'static str>, String> {
        let parts = chosen_parts(arguments.iter().map(|argument| (*argument).to_owned()))?;
        Ok(parts.into_iter().map(|part| part.name).collect())
    }

    #[test]
    fn without_names_every_part_runs() {
        assert_eq!(names(&["test"]).unwrap().len(), PARTS.len());
    }

    #[test]
    fn named_parts_run_once_and_in_the_order_of_the_table() {
        assert_eq!(names(&["test", "docs", "fmt", "docs"]).unwrap(), ["fmt", "docs"]);
    }

    #[test]
    fn a_misspelt_part_is_refused_with_the_list() {
        let message = names(&["test", "clipy"]).unwrap_err();
        assert!(message.contains("`clipy`") && message.contains("clippy"), "{message}");
    }

    #[test]
    fn help_names_every_part() {
        assert!(PARTS.iter().all(|part| help().contains(part.name)));
        assert_eq!(names(&["help"]), Ok(Vec::new()));
        assert!(names(&["tests"]).is_err());
    }
}
