//! Attempts at a cell, which are also the claims on it.
//!
//! Attempt `n` begins by creating `attempts/<n>/started.json` with `O_EXCL`: of any number of processes one succeeds. It
//! touches that file while it lives and writes `exit.json` beside it when it ends. The cell is free when its last attempt
//! has ended, or its process is gone, or its file has not been touched for a while; then attempt `n + 1` may begin.
//!
//! Nothing is ever removed or renamed to take a cell over, so two that judge an attempt dead cannot both win, and one that
//! was only asleep finds `n + 1` when it wakes and stops.

use std::fs::{self, File};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::error::SweepError;
use crate::files::{self, Disk};
use crate::platform::Process;

const STARTED_SCHEMA: &str = "isoflop.attempt-started/1";
const EXIT_SCHEMA: &str = "isoflop.attempt-exit/1";

/// Damage to these files is not worth an error: an attempt nobody can read about counts as begun by someone unknown.
const REMEDY: &str = "it is read as an attempt by an unknown process";

/// One attempt at a cell, as its files tell it.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// Counted from 1.
    pub number: u32,
    /// Who and from where; `None` when it was killed while it wrote this down.
    pub start: Option<Start>,
    /// Last sign of life, by the clock of whoever trains it.
    pub heartbeat: Option<SystemTime>,
    /// How it ended; `None` while it runs, or when it was killed.
    pub ending: Option<Ending>,
}

/// `started.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// Who trains it.
    pub process: Process,
    /// When it began, in seconds since 1970.
    pub unix_seconds: u64,
    /// Steps that were done before; `None` until its checkpoint is read.
    pub from_step: Option<u64>,
    /// Checkpoints, by their step, that were there but could not be used.
    pub passed_over: Vec<u64>,
}

/// `exit.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// How.
    pub outcome: Outcome,
    /// Steps that were done.
    pub step: u64,
    /// When, in seconds since 1970.
    pub unix_seconds: u64,
    /// Why, where there is something to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// With a result.
    Finished,
    /// With the result that the loss is no longer a number.
    Diverged,
    /// It was asked to stop, and can go on.
    Stopped,
    /// It could not go on; the next `run` tries again.
    Failed,
    /// It was taken for dead, and another one took over.
    Superseded,
}

/// Every attempt in the cell's `folder`, from the first.
pub(crate) fn all(folder: &Path) -> Result<Vec<Attempt>, SweepError> {
    numbers(folder)?.into_iter().map(|number| read(folder, number)).collect()
}

/// The last attempt in the cell's `folder`.
pub(crate) fn last(folder: &Path) -> Result<Option<Attempt>, SweepError> {
    numbers(folder)?.pop().map(|number| read(folder, number)).transpose()
}

fn numbers(folder: &Path) -> Result<Vec<u32>, SweepError> {
    let names = files::list(&folder.join("attempts"))?;
    let mut numbers: Vec<u32> = names.iter().filter_map(|name| name.parse().ok()).collect();
    // A folder without the file is a claim that was about to be made.
    numbers.retain(|number| started_path(folder, *number).exists());
    numbers.sort_unstable();
    Ok(numbers)
}

fn read(folder: &Path, number: u32) -> Result<Attempt, SweepError> {
    let started = started_path(folder, number);
    let start = readable(files::read_record(&started, STARTED_SCHEMA, REMEDY))?;
    let heartbeat = fs::metadata(&started).and_then(|metadata| metadata.modified()).ok();
    let ending = readable(files::read_record(&started.with_file_name("exit.json"), EXIT_SCHEMA, REMEDY))?;
    Ok(Attempt { number, start, heartbeat, ending })
}

fn readable<T>(record: Result<Option<T>, SweepError>) -> Result<Option<T>, SweepError> {
    match record {
        Err(SweepError::Damaged { .. }) => Ok(None),
        record => record,
    }
}

fn started_path(folder: &Path, number: u32) -> PathBuf {
    folder.join("attempts").join(number.to_string()).join("started.json")
}

/// Seconds since 1970.
fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

impl Attempt {
    /// Whether its process certainly no longer exists.
    pub(crate) fn is_dead(&self) -> bool {
        self.start.as_ref().is_some_and(|start| start.process.is_gone())
    }
}

/// The right to train a cell, held while it is current.
#[derive(Debug)]
pub(crate) struct Claim {
    number: u32,
    folder: PathBuf,
    start: Start,
    /// Open all the time: what is done through it reaches this attempt's file, whatever happens to names.
    started: File,
    lost: AtomicBool,
    disk: Disk,
}

impl Claim {
    /// Begins attempt `number` in the cell's `folder`; `None` when another process did.
    pub(crate) fn take(
        disk: &Disk,
        folder: &Path,
        number: u32,
        process: &Process,
        now: SystemTime,
    ) -> Result<Option<Self>, SweepError> {
        let path = started_path(folder, number);
        disk.create_folder(&folder.join("attempts").join(number.to_string()))?;
        let start = Start {
            process: process.clone(),
            unix_seconds: unix_seconds(now),
            from_step: None,
            passed_over: Vec::new(),
        };
        let started = disk.create_exclusively(&path, &files::record(STARTED_SCHEMA, &start))?;
        let lost = AtomicBool::new(false);
        Ok(started.map(|started| Self { number, folder: folder.to_owned(), start, started, lost, disk: disk.clone() }))
    }

    /// Number of the attempt.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// Writes down where the attempt begins.
    pub(crate) fn record_start(&self, from_step: u64, passed_over: Vec<u64>) -> Result<(), SweepError> {
        let path = started_path(&self.folder, self.number);
        let start = Start { from_step: Some(from_step), passed_over, ..self.start.clone() };
        let record = files::record(STARTED_SCHEMA, &start);
        // In place and longer than before, so that the file stays the claim and never has an old tail.
        self.disk.change("write", &path, || {
            let mut file = &self.started;
            file.seek(io::SeekFrom::Start(0))?;
            file.write_all(&record)?;
            file.set_len(record.len() as u64)?;
            files::sync(file)
        })
    }

    /// Gives a sign of life, and looks whether another process has taken over.
    pub(crate) fn beat(&self, now: SystemTime) {
        if started_path(&self.folder, self.number + 1).exists() {
            self.lost.store(true, Ordering::Relaxed);
        }
        // A disk that refuses this will refuse the next checkpoint too, and that is where it is reported.
        let _ = self.disk.change("touch", &self.folder, || self.started.set_modified(now));
    }

    /// Whether this process may still change the cell, as of the last beat.
    pub(crate) fn is_current(&self) -> bool {
        !self.lost.load(Ordering::Relaxed)
    }

    /// Whether this process may still change the cell, as of now.
    pub(crate) fn is_still_current(&self) -> bool {
        self.is_current() && !started_path(&self.folder, self.number + 1).exists()
    }

    /// Ends the attempt, and with it the claim.
    pub(crate) fn end(
        &self,
        outcome: Outcome,
        step: u64,
        reason: Option<String>,
        now: SystemTime,
    ) -> Result<(), SweepError> {
        let path = started_path(&self.folder, self.number).with_file_name("exit.json");
        let ending = Ending { outcome, step, unix_seconds: unix_seconds(now), reason };
        self.disk.write_record(&path, EXIT_SCHEMA, &ending)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(folder: &Path, number: u32) -> Option<Claim> {
        Claim::take(&Disk::default(), folder, number, &Process::current(), UNIX_EPOCH).unwrap()
    }

    #[test]
    fn an_attempt_tells_its_whole_story() {
        let folder = tempfile::tempdir().unwrap();
        let claim = take(folder.path(), 1).unwrap();
        claim.record_start(40, vec![50]).unwrap();
        let later = UNIX_EPOCH + std::time::Duration::from_secs(90);
        claim.beat(later);
        let running = last(folder.path()).unwrap().unwrap();
        assert_eq!(running.heartbeat, Some(later));
        assert_eq!(running.start.as_ref().unwrap().from_step, Some(40));
        assert_eq!(running.start.unwrap().passed_over, [50]);
        assert_eq!(running.ending, None);
        claim.end(Outcome::Stopped, 45, None, later).unwrap();
        let ending = last(folder.path()).unwrap().unwrap().ending.unwrap();
        assert_eq!(ending, Ending { outcome: Outcome::Stopped, step: 45, unix_seconds: 90, reason: None });
    }

    #[test]
    fn one_of_many_takes_over_and_the_sleeper_notices() {
        let folder = tempfile::tempdir().unwrap();
        let sleeper = take(folder.path(), 1).unwrap();
        let winners = std::thread::scope(|scope| {
            let racers: Vec<_> = (0..8).map(|_| scope.spawn(|| take(folder.path(), 2))).collect();
            racers.into_iter().filter_map(|racer| racer.join().unwrap()).count()
        });
        assert_eq!(winners, 1);
        assert!(sleeper.is_current() && !sleeper.is_still_current());
        sleeper.beat(UNIX_EPOCH);
        assert!(!sleeper.is_current());
    }

    #[test]
    fn a_torn_claim_is_a_claim_by_someone_unknown() {
        let folder = tempfile::tempdir().unwrap();
        take(folder.path(), 1).unwrap();
        fs::write(started_path(folder.path(), 1), b"{\"schema\":").unwrap();
        let torn = last(folder.path()).unwrap().unwrap();
        assert_eq!((torn.number, torn.start.clone(), torn.is_dead()), (1, None, false));
        assert!(take(folder.path(), 1).is_none());
    }

    #[test]
    fn attempt_ten_comes_after_attempt_nine() {
        let folder = tempfile::tempdir().unwrap();
        for number in 1..=10 {
            take(folder.path(), number).unwrap();
        }
        let numbers: Vec<u32> = all(folder.path()).unwrap().iter().map(|attempt| attempt.number).collect();
        assert_eq!(numbers, (1..=10).collect::<Vec<u32>>());
    }
}
