//! The training curve of a cell: `metrics.jsonl`, one line per step.
//!
//! Only the holder of the cell appends. Whoever takes the cell up begins with a new file that holds the lines up to its
//! checkpoint: steps that are trained again are never there twice, and a process that was taken for dead but only slept
//! goes on writing to a file that no longer has a name.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Damage, SweepError};
use crate::files::{self, Disk};

/// One line of `metrics.jsonl`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StepMetrics {
    /// Steps done, this one included.
    pub step: u64,
    /// Mean loss of the step's batch before its update, in nats per token.
    pub loss: f64,
    /// Norm of the whole gradient before clipping.
    pub gradient_norm: f64,
    /// Share of the peak learning rate.
    pub rate_share: f64,
}

/// The one that appends.
#[derive(Debug)]
pub(crate) struct MetricsWriter {
    path: PathBuf,
    file: File,
    disk: Disk,
}

impl MetricsWriter {
    /// Continues the curve at `begun` after `from_step` steps as the curve at `path`, which may be the same file.
    pub(crate) fn continue_from(disk: &Disk, begun: &Path, path: &Path, from_step: u64) -> Result<Self, SweepError> {
        disk.write_whole(path, &lines_until(begun, from_step)?)?;
        let file = disk.change("open", path, || OpenOptions::new().append(true).open(path))?;
        Ok(Self { path: path.to_owned(), file, disk: disk.clone() })
    }

    /// Appends one line.
    pub(crate) fn push(&mut self, metrics: &StepMetrics) -> Result<(), SweepError> {
        let mut line = serde_json::to_vec(metrics).expect("a record is a struct with text keys");
        line.push(b'\n');
        // One call per line: the page cache keeps what was written when the process is killed.
        self.disk.change("append to", &self.path, || self.file.write_all(&line))
    }

    /// Waits until every line is safe: before a checkpoint, which promises that the lines up to it are there.
    pub(crate) fn sync(&self) -> Result<(), SweepError> {
        self.disk.change("write", &self.path, || files::sync(&self.file))
    }
}

/// The lines at `path` of the first `step` steps: later ones, and torn ones, are not among them.
pub(crate) fn lines_until(path: &Path, step: u64) -> Result<Vec<u8>, SweepError> {
    let bytes = files::read(path)?.unwrap_or_default();
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let kept = lines.filter(|line| line.ends_with(b"\n") && parse(line).is_some_and(|metrics| metrics.step <= step));
    Ok(kept.flatten().copied().collect())
}

fn parse(line: &[u8]) -> Option<StepMetrics> {
    serde_json::from_slice(line).ok()
}

/// The curve at `path`; empty when there is no such file. A torn last line is not there yet.
pub(crate) fn read(path: &Path) -> Result<Vec<StepMetrics>, SweepError> {
    let bytes = files::read(path)?.unwrap_or_default();
    let complete = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let lines = bytes[..complete].split_inclusive(|byte| *byte == b'\n').enumerate();
    let remedy = "remove the line; the next checkpoint and the result do not depend on it";
    lines
        .map(|(index, line)| {
            let damage = Damage::Line { line: index + 1 };
            parse(line).ok_or(SweepError::Damaged { path: path.to_owned(), damage, remedy })
        })
        .collect()
}

/// The last complete line at `path`, without reading the rest of the file.
pub(crate) fn read_last(path: &Path) -> Option<StepMetrics> {
    // Longer than any two lines.
    const TAIL: u64 = 1024;
    let mut file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL))).ok()?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail).ok()?;
    let complete = tail.iter().rposition(|byte| *byte == b'\n')?;
    parse(tail[..complete].split(|byte| *byte == b'\n').next_back()?)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn metrics(step: u64) -> StepMetrics {
        StepMetrics { step, loss: 1.0 / step as f64, gradient_norm: 0.5, rate_share: 1.0 }
    }

    #[test]
    fn a_curve_taken_up_at_a_checkpoint_has_each_step_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let disk = Disk::default();
        let mut first = MetricsWriter::continue_from(&disk, &path, &path, 0).unwrap();
        (1..=7).for_each(|step| first.push(&metrics(step)).unwrap());
        let mut second = MetricsWriter::continue_from(&disk, &path, &path, 5).unwrap();
        // The first one was only asleep, and does not know yet.
        first.push(&metrics(8)).unwrap();
        (6..=9).for_each(|step| second.push(&metrics(step)).unwrap());
        assert_eq!(read(&path).unwrap(), (1..=9).map(metrics).collect::<Vec<_>>());
        assert_eq!(read_last(&path), Some(metrics(9)));
    }

    #[test]
    fn a_torn_last_line_is_ignored_and_then_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let disk = Disk::default();
        let mut writer = MetricsWriter::continue_from(&disk, &path, &path, 0).unwrap();
        (1..=3).for_each(|step| writer.push(&metrics(step)).unwrap());
        let whole = fs::read(&path).unwrap();
        for cut in 1..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            let seen = read(&path).unwrap();
            assert_eq!(seen, (1..=seen.len() as u64).map(metrics).collect::<Vec<_>>());
            assert_eq!(read_last(&path), seen.last().copied());
            let mut next = MetricsWriter::continue_from(&disk, &path, &path, seen.len() as u64).unwrap();
            next.push(&metrics(seen.len() as u64 + 1)).unwrap();
            assert_eq!(read(&path).unwrap().len(), seen.len() + 1);
        }
    }

    #[test]
    fn a_garbled_line_is_named_with_its_number() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        fs::write(&path, b"{\"step\":1,\"loss\":2.0,\"gradient_norm\":1.0,\"rate_share\":1.0}\n\xff\xfe\n").unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("line 2"));
    }
}
