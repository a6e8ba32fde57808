//! The prefixes that branches of a trunk go on from: `trunks/<name>/<step>.checkpoint`, each with its training curve beside it.

use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::checkpoints::Checkpoints;
use crate::error::SweepError;
use crate::files::Disk;

/// The folder of a trunk.
#[derive(Debug, Clone)]
pub(crate) struct Prefixes {
    folder: PathBuf,
    checkpoints: Checkpoints,
}

impl Prefixes {
    /// Those in `folder`.
    pub(crate) fn of(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), checkpoints: Checkpoints::within(folder) }
    }

    /// Steps that have a prefix, ascending.
    pub(crate) fn steps(&self) -> Result<Vec<u64>, SweepError> {
        self.checkpoints.steps()
    }

    /// The checkpoint of the prefix of `step` steps.
    pub(crate) fn checkpoint(&self, step: u64) -> PathBuf {
        self.checkpoints.path(step)
    }

    /// Its training curve.
    pub(crate) fn curve(&self, step: u64) -> PathBuf {
        self.folder.join(format!("{step}.jsonl"))
    }

    /// Makes a prefix of the `checkpoint` after `step` steps and the `curve` up to there. The prefix is there when its checkpoint is.
    ///
    /// Any number of processes may make the same one: they make the same bytes.
    pub(crate) fn keep(&self, disk: &Disk, step: u64, checkpoint: &Path, curve: &[u8]) -> Result<(), SweepError> {
        disk.create_folder(&self.folder)?;
        disk.write_whole(&self.curve(step), curve)?;
        disk.link(checkpoint, &self.checkpoint(step))
    }

    /// Removes the prefix of `step` steps, the checkpoint first: without it there is no prefix.
    pub(crate) fn remove(&self, disk: &Disk, step: u64) -> Result<(), SweepError> {
        for path in [self.checkpoint(step), self.curve(step)] {
            // Another process may have come to the same conclusion.
            disk.change("remove", &path, || gone(fs::remove_file(&path)))?;
        }
        Ok(())
    }

    /// Removes the folder with all that is in it: for trunks of which every branch has its result.
    pub(crate) fn remove_all(&self, disk: &Disk) -> Result<(), SweepError> {
        disk.change("remove", &self.folder, || gone(fs::remove_dir_all(&self.folder)))
    }
}

/// What is not there is removed.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_kept_once_and_goes_with_its_curve() {
        let dir = tempfile::tempdir().unwrap();
        let (disk, prefixes) = (Disk::default(), Prefixes::of(&dir.path().join("trunks/t")));
        let checkpoint = dir.path().join("7.checkpoint");
        for bytes in [b"one", b"two"] {
            fs::write(&checkpoint, bytes).unwrap();
            for step in [70, 7] {
                prefixes.keep(&disk, step, &checkpoint, b"curve").unwrap();
            }
            assert_eq!(prefixes.steps().unwrap(), [7, 70]);
        }
        (0..2).for_each(|_| prefixes.remove(&disk, 7).unwrap());
        assert_eq!(crate::files::list(&dir.path().join("trunks/t")).unwrap(), ["70.checkpoint", "70.jsonl"]);
        for _ in 0..2 {
            prefixes.remove_all(&disk).unwrap();
            assert!(!dir.path().join("trunks/t").exists());
        }
    }
}
