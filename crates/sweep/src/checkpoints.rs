//! The checkpoints of a cell: one file per saved step, the newest two kept, so that a damaged one costs little.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::SweepError;
use crate::files::{self, Disk};

/// End of the names of finished checkpoints.
const EXTENSION: &str = ".checkpoint";

/// A folder of checkpoints, such as `checkpoint` of a cell.
#[derive(Debug, Clone)]
pub(crate) struct Checkpoints {
    folder: PathBuf,
}

impl Checkpoints {
    /// Those of the cell in `cell_folder`.
    pub(crate) fn of(cell_folder: &Path) -> Self {
        Self::within(&cell_folder.join("checkpoint"))
    }

    /// Those in `folder` itself.
    pub(crate) fn within(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Steps that have a checkpoint, ascending.
    pub(crate) fn steps(&self) -> Result<Vec<u64>, SweepError> {
        let names = files::list(&self.folder)?;
        let mut steps: Vec<u64> = names.iter().filter_map(|name| step_of(name)).collect();
        steps.sort_unstable();
        Ok(steps)
    }

    /// Where the checkpoint after `step` steps stands.
    pub(crate) fn path(&self, step: u64) -> PathBuf {
        self.folder.join(format!("{step}{EXTENSION}"))
    }

    /// Makes the folder, and removes what writers left in it when they were killed.
    pub(crate) fn prepare(&self, disk: &Disk) -> Result<(), SweepError> {
        disk.create_folder(&self.folder)?;
        for name in files::list(&self.folder)? {
            if step_of(&name).is_none() {
                self.remove(disk, &name)?;
            }
        }
        Ok(())
    }

    /// Removes the checkpoints of fewer steps than `step`. Never a later one: if this process was taken for dead, that is
    /// the work of its successor.
    pub(crate) fn remove_before(&self, disk: &Disk, step: u64) -> Result<(), SweepError> {
        for name in files::list(&self.folder)? {
            if step_of(&name).is_some_and(|found| found < step) {
                self.remove(disk, &name)?;
            }
        }
        Ok(())
    }

    /// Removes all of them.
    pub(crate) fn remove_all(&self, disk: &Disk) -> Result<(), SweepError> {
        disk.change("remove", &self.folder, || fs::remove_dir_all(&self.folder))
    }

    fn remove(&self, disk: &Disk, name: &str) -> Result<(), SweepError> {
        let path = self.folder.join(name);
        disk.change("remove", &path, || fs::remove_file(&path))
    }
}

fn step_of(name: &str) -> Option<u64> {
    name.strip_suffix(EXTENSION)?.parse().ok()
}
