//! Nothing in the repository knows the machine it was written on.

use super::SourceFile;

/// Folders at the root of a machine where people and their checkouts live. Joined with slashes only in the search, so that this
/// file passes its own check.
const FOLDERS: [&str; 4] = ["home", "root", "work", "Users"];

/// One line per line of `file` with an absolute path into one of those folders.
pub(super) fn violations(file: &SourceFile) -> Vec<String> {
    let lines = file.text.lines().enumerate();
    let found = lines.filter_map(|(number, line)| {
        let folder = FOLDERS.iter().find(|folder| names_folder(line, folder))?;
        Some(format!("{}:{}: path of one machine (/{folder}/...): make it relative", file.path, number + 1))
    });
    found.collect()
}

/// Whether `line` holds `/folder/` at the start of a path, not in the middle of a longer one.
fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(&format!("/{folder}/")).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|before| !before.is_alphanumeric() && !"_-.}".contains(before))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        violations(&SourceFile { path: "a.rs".to_owned(), text: text.to_owned() }).len()
    }

    #[test]
    fn absolute_paths_are_found_wherever_they_start() {
        for start in ["", "let path = \"", "(", "file://", "PATH=a:", "`"] {
            assert_eq!(count(&format!("{start}/{}/ada/runs.csv", FOLDERS[0])), 1, "{start}");
        }
        assert_eq!(count(&format!("one\n/{}/x\ntwo\n/{}/y\n", FOLDERS[1], FOLDERS[2])), 2);
    }

    #[test]
    fn the_same_word_inside_a_longer_path_is_not_a_machine() {
        for start in ["example.org", "..", "crates", "${base}"] {
            assert_eq!(count(&format!("{start}/{}/runs.csv", FOLDERS[2])), 0, "{start}");
        }
        assert_eq!(count("/homework/ and /workshop/"), 0);
    }
}
