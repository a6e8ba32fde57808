//! The prefixes that branches of a trunk go on from: `trunks/<name>/<step>.checkpoint`, each with its training curve beside it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::checkpoints::Checkpoints;
use crate::error::SweepError;
use crate::files::{self, Disk};

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

    /// Removes the prefixes that are not `wanted`, its folder with the last one.
    pub(crate) fn keep_only(&self, disk: &Disk, wanted: &[u64]) -> Result<(), SweepError> {
        if wanted.is_empty() {
            return disk.change("remove", &self.folder, || match fs::remove_dir_all(&self.folder) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
                removed => removed,
            });
        }
        for name in files::list(&self.folder)? {
            let step = name.split_once('.').and_then(|(step, _)| step.parse().ok());
            if step.is_some_and(|step| !wanted.contains(&step)) {
                let path = self.folder.join(name);
                disk.change("remove", &path, || fs::remove_file(&path))?;
            }
        }
        Ok(())
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
        prefixes.keep_only(&disk, &[70]).unwrap();
        assert_eq!(files::list(&dir.path().join("trunks/t")).unwrap(), ["70.checkpoint", "70.jsonl"]);
        for _ in 0..2 {
            prefixes.keep_only(&disk, &[]).unwrap();
            assert!(!dir.path().join("trunks/t").exists());
        }
    }
}
