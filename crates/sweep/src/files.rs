//! Changes to a sweep's folder, each of which a reader, or a power cut, finds done or not done, never half done.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Damage, SweepError};

/// End of the names of files that are being written; whoever holds a cell may remove those it finds.
pub(crate) const UNFINISHED: &str = ".new";

/// The door to the disk. Every change goes through it, so that tests can let any of them fail.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk {
    #[cfg(test)]
    pub(crate) faults: Option<std::sync::Arc<faults::Faults>>,
}

impl Disk {
    /// Creates `path` and the folders above it; existing ones are fine.
    pub(crate) fn create_folder(&self, path: &Path) -> Result<(), SweepError> {
        if path.is_dir() {
            return Ok(());
        }
        self.change("create", path, || fs::create_dir_all(path))?;
        self.sync_parent(path)
    }

    /// Writes `bytes` as the whole of `path`: the old file, if any, stays until the new one is safely on the disk.
    pub(crate) fn write_whole(&self, path: &Path, bytes: &[u8]) -> Result<(), SweepError> {
        let temporary = temporary_name(path);
        let written = self
            .change("create", &temporary, || File::create(&temporary))
            .and_then(|mut file| {
                self.change("write", &temporary, || file.write_all(bytes))?;
                self.change("write", &temporary, || sync(&file))
            })
            .and_then(|()| self.change("replace", path, || fs::rename(&temporary, path)));
        if written.is_err() {
            // Nothing was replaced. What is left of the new file is litter, and on a full disk in the way.
            let _ = self.change("remove", &temporary, || fs::remove_file(&temporary));
        }
        written?;
        self.sync_parent(path)
    }

    /// Writes `value` as the whole of `path`, as [`record`] lays it out.
    pub(crate) fn write_record(
        &self,
        path: &Path,
        schema: &'static str,
        value: &impl Serialize,
    ) -> Result<(), SweepError> {
        self.write_whole(path, &record(schema, value))
    }

    /// Creates `path` if nobody has (`O_EXCL`) and fills it with `bytes`; `None` when somebody has.
    pub(crate) fn create_exclusively(&self, path: &Path, bytes: &[u8]) -> Result<Option<File>, SweepError> {
        let created =
            self.change("create", path, || match OpenOptions::new().write(true).create_new(true).open(path) {
                Ok(file) => Ok(Some(file)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
                Err(error) => Err(error),
            })?;
        let Some(mut file) = created else { return Ok(None) };
        self.change("write", path, || file.write_all(bytes))?;
        self.change("write", path, || sync(&file))?;
        self.sync_parent(path)?;
        Ok(Some(file))
    }

    /// Gives the finished file `existing` the name `path` too, unless there is such a file; a copy where names cannot be shared.
    pub(crate) fn link(&self, existing: &Path, path: &Path) -> Result<(), SweepError> {
        let linked = self.change("create", path, || match fs::hard_link(existing, path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Ok(false),
            _ => Ok(true),
        })?;
        if !linked {
            let bytes = fs::read(existing).map_err(SweepError::io("read", existing))?;
            return self.write_whole(path, &bytes);
        }
        self.sync_parent(path)
    }

    /// Does one change and names it in the error.
    pub(crate) fn change<T>(
        &self,
        action: &'static str,
        path: &Path,
        change: impl FnOnce() -> io::Result<T>,
    ) -> Result<T, SweepError> {
        #[cfg(test)]
        if let Some(faults) = &self.faults {
            faults.before(path).map_err(SweepError::io(action, path))?;
        }
        change().map_err(SweepError::io(action, path))
    }

    /// Makes the entry of `path` in its folder durable.
    fn sync_parent(&self, path: &Path) -> Result<(), SweepError> {
        let Some(parent) = path.parent() else { return Ok(()) };
        // Only POSIX systems can open a folder; elsewhere a rename is as durable as it gets.
        if cfg!(unix) { self.change("write", parent, || sync(&File::open(parent)?)) } else { Ok(()) }
    }
}

/// `value` and its schema as indented JSON, for people and programs.
pub(crate) fn record(schema: &'static str, value: &impl Serialize) -> Vec<u8> {
    #[derive(Serialize)]
    struct Record<'a, T> {
        schema: &'static str,
        #[serde(flatten)]
        value: &'a T,
    }
    let mut bytes = serde_json::to_vec_pretty(&Record { schema, value }).expect("records are structs with text keys");
    bytes.push(b'\n');
    bytes
}

/// Waits until what was written to `file` survives a power cut. Unit tests do thousands of changes and cut no power.
pub(crate) fn sync(file: &File) -> io::Result<()> {
    if cfg!(test) { Ok(()) } else { file.sync_all() }
}

/// A name in the same folder that no other writer uses.
fn temporary_name(path: &Path) -> PathBuf {
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
    path.with_file_name(format!(".{name}.{}-{number}{UNFINISHED}", std::process::id()))
}

/// The record at `path`, if there is one, after checking its schema.
pub(crate) fn read_record<T: DeserializeOwned>(
    path: &Path,
    schema: &'static str,
    remedy: &'static str,
) -> Result<Option<T>, SweepError> {
    let Some(bytes) = read(path)? else { return Ok(None) };
    let damaged = |damage| SweepError::Damaged { path: path.to_owned(), damage, remedy };
    let mut value: serde_json::Value = serde_json::from_slice(&bytes).map_err(|e| damaged(e.into()))?;
    let found = value.as_object_mut().and_then(|object| object.remove("schema"));
    if found.as_ref().and_then(|found| found.as_str()) != Some(schema) {
        let found = found.map_or_else(|| "none".to_owned(), |found| found.to_string());
        return Err(damaged(Damage::Schema { found, expected: schema }));
    }
    serde_json::from_value(value).map(Some).map_err(|e| damaged(e.into()))
}

/// The bytes of `path`, or `None` when there is no such file.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, SweepError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(SweepError::io("read", path)(error)),
    }
}

/// Names in the folder `path` that are text, sorted; none when there is no such folder.
pub(crate) fn list(path: &Path) -> Result<Vec<String>, SweepError> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(SweepError::io("list", path)(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(SweepError::io("list", path))?;
        names.extend(entry.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
pub(crate) mod faults {
    //! Disks that fill up, and processes that die, at a chosen change.

    use std::io;
    use std::path::Path;
    use std::sync::Mutex;

    /// What happens at the chosen change.
    #[derive(Debug, Clone, Copy, PartialEq)]
    pub(crate) enum Fault {
        /// It fails, once.
        Full,
        /// It and everything after it fails: for the disk, the process is dead.
        Death,
    }

    #[derive(Debug)]
    pub(crate) struct Faults {
        fault: Fault,
        state: Mutex<State>,
    }

    #[derive(Debug)]
    struct State {
        left: usize,
        dead: bool,
        struck: Option<String>,
    }

    impl Faults {
        /// Strikes at the change after `left` good ones.
        pub(crate) fn after(left: usize, fault: Fault) -> Self {
            Self { fault, state: Mutex::new(State { left, dead: false, struck: None }) }
        }

        /// Name of the file that was struck, `None` when there were fewer changes.
        pub(crate) fn struck(&self) -> Option<String> {
            self.state.lock().unwrap().struck.clone()
        }

        pub(crate) fn before(&self, path: &Path) -> io::Result<()> {
            let mut state = self.state.lock().unwrap();
            if state.dead {
                return Err(io::ErrorKind::Other.into());
            }
            if state.left > 0 {
                state.left -= 1;
                return Ok(());
            }
            if state.struck.is_none() {
                state.struck = Some(path.file_name().unwrap_or_default().to_string_lossy().into_owned());
                state.dead = self.fault == Fault::Death;
                return Err(io::ErrorKind::StorageFull.into());
            }
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_leaves_no_litter() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("result.json");
        let disk = Disk::default();
        disk.write_whole(&path, b"first, and longer").unwrap();
        disk.write_whole(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(list(folder.path()).unwrap(), ["result.json"]);
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("result.json");
        Disk::default().write_whole(&path, b"old").unwrap();
        for left in 0..4 {
            let disk = Disk { faults: Some(faults::Faults::after(left, faults::Fault::Full).into()) };
            let error = disk.write_whole(&path, b"new").unwrap_err();
            assert!(error.to_string().contains("free some space"), "{error}");
            assert_eq!(fs::read(&path).unwrap(), b"old", "struck after {left} changes");
            assert_eq!(list(folder.path()).unwrap(), ["result.json"]);
        }
    }

    #[test]
    fn only_one_creates_a_file_exclusively() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("started.json");
        let won = std::thread::scope(|scope| {
            let racers: Vec<_> =
                (0..8).map(|_| scope.spawn(|| Disk::default().create_exclusively(&path, b"me").unwrap())).collect();
            racers.into_iter().filter_map(|racer| racer.join().unwrap()).count()
        });
        assert_eq!(won, 1);
    }

    #[test]
    fn a_parent_that_is_a_file_is_a_clear_error() {
        let folder = tempfile::tempdir().unwrap();
        let parent = folder.path().join("file");
        fs::write(&parent, b"").unwrap();
        let error = Disk::default().write_whole(&parent.join("x"), b"").unwrap_err();
        assert!(matches!(error, SweepError::Io { action: "create", .. }), "{error}");
    }
}
