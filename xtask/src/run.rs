//! Running parts one after the other: headings, seconds, and the summary at the end.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::parts::{Part, Stop};

/// One finished part, as a row of the summary.
struct Row {
    name: &'static str,
    end: Result<(), Stop>,
    took: Duration,
}

/// Runs `parts` in order; a failure does not stop the later ones. The code is 1 when any failed.
pub(crate) fn run(parts: &[&Part], root: &Path) -> ExitCode {
    let mut rows = Vec::new();
    for part in parts {
        println!("\n== {}: {}", part.name, part.what);
        let start = Instant::now();
        let end = (part.run)(root);
        let took = start.elapsed();
        match &end {
            Ok(()) => {}
            Err(Stop::Failed(why)) => println!("failed: {}: {why}", part.name),
            Err(Stop::Skipped(why)) => println!("skipped: {}: {why}", part.name),
        }
        println!("-- {}: {:.1} s", part.name, took.as_secs_f64());
        rows.push(Row { name: part.name, end, took });
    }
    print!("\n{}", summary(&rows));
    ExitCode::from(u8::from(rows.iter().any(|row| matches!(row.end, Err(Stop::Failed(_))))))
}

/// The table `part, result, seconds`, then the counts alone on a line.
fn summary(rows: &[Row]) -> String {
    let mut text = format!("{:<12} {:<8} {:>8}\n", "part", "result", "seconds");
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for row in rows {
        let (result, reason) = match &row.end {
            Ok(()) => ("passed", ""),
            Err(Stop::Failed(why)) => ("FAILED", why.as_str()),
            Err(Stop::Skipped(why)) => ("skipped", why.as_str()),
        };
        match row.end {
            Ok(()) => passed += 1,
            Err(Stop::Failed(_)) => failed += 1,
            Err(Stop::Skipped(_)) => skipped += 1,
        }
        let line = format!("{:<12} {:<8} {:>8.1}  {}", row.name, result, row.took.as_secs_f64(), reason);
        text += line.trim_end();
        text.push('\n');
    }
    let total: Duration = rows.iter().map(|row| row.took).sum();
    text += &format!("{:<12} {:<8} {:>8.1}\n", "all", "", total.as_secs_f64());
    text + &format!("parts: {passed} passed, {failed} failed, {skipped} skipped\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &'static str, end: Result<(), Stop>) -> Row {
        Row { name, end, took: Duration::from_millis(1_250) }
    }

    #[test]
    fn the_summary_ends_with_the_counts_and_gives_each_reason() {
        let rows = [
            row("fmt", Ok(())),
            row("clippy", Err(Stop::Failed("cargo ended with 101".to_owned()))),
            row("agreement", Err(Stop::Skipped("node is not there".to_owned()))),
        ];
        let expected = "\
part         result    seconds
fmt          passed        1.2
clippy       FAILED        1.2  cargo ended with 101
agreement    skipped       1.2  node is not there
all                        3.8
parts: 1 passed, 1 failed, 1 skipped
";
        assert_eq!(summary(&rows), expected);
    }

    #[test]
    fn a_later_part_runs_after_a_failure_and_the_code_is_one() {
        use std::sync::atomic::{AtomicBool, Ordering};
        static RAN: AtomicBool = AtomicBool::new(false);
        let fails = Part { name: "first", what: "fails", run: |_| Err(Stop::Failed("on purpose".to_owned())) };
        let passes = Part {
            name: "second",
            what: "passes",
            run: |_| {
                RAN.store(true, Ordering::Relaxed);
                Ok(())
            },
        };
        let code = run(&[&fails, &passes], Path::new("."));
        assert_eq!(code, ExitCode::FAILURE);
        assert!(RAN.load(Ordering::Relaxed));
    }

    #[test]
    fn a_skipped_part_is_not_a_failure() {
        let skips = Part { name: "only", what: "skips", run: |_| Err(Stop::Skipped("on purpose".to_owned())) };
        assert_eq!(run(&[&skips], Path::new(".")), ExitCode::SUCCESS);
    }
}
