//! Files that are there whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A file being written beside `path`, which takes that name when it is complete. Until then, after an error, and after a
/// crash, `path` is what it was.
pub(super) struct PartialFile {
    path: PathBuf,
    partial: PathBuf,
    writer: BufWriter<File>,
    is_complete: bool,
}

impl PartialFile {
    /// A file of its own, also when another process builds the same corpus or a crash left a partial file.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let mut attempt = 0_u32;
        loop {
            let mut name = path.file_name().unwrap_or_default().to_os_string();
            name.push(format!(".partial-{attempt}"));
            let partial = path.with_file_name(name);
            match OpenOptions::new().write(true).create_new(true).open(&partial) {
                Ok(file) => {
                    let writer = BufWriter::with_capacity(1 << 20, file);
                    return Ok(Self { path: path.to_path_buf(), partial, writer, is_complete: false });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < 1000 => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Makes the file durable and gives it its name.
    pub(super) fn complete(mut self) -> io::Result<()> {
        self.writer.flush()?;
        self.writer.get_ref().sync_all()?;
        fs::rename(&self.partial, &self.path)?;
        self.is_complete = true;
        sync_folder(&self.path)
    }
}

impl Write for PartialFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        if !self.is_complete {
            // The error that leads here says more than a failure to clean up.
            let _ = fs::remove_file(&self.partial);
        }
    }
}

/// Makes the new name durable. Some systems cannot open folders: there the rename is as durable as it gets.
fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix)
        && let Some(folder) = path.parent()
    {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Writes small contents.
pub(super) fn write_bytes(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut file = PartialFile::create(path)?;
    file.write_all(contents)?;
    file.complete()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_abandoned_file_leaves_the_old_one_and_no_litter() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept");
        write_bytes(&path, b"old").unwrap();
        let mut file = PartialFile::create(&path).unwrap();
        file.write_all(b"half of the new").unwrap();
        drop(file);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn two_writers_of_one_file_do_not_mix() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let (mut first, mut second) = (PartialFile::create(&path).unwrap(), PartialFile::create(&path).unwrap());
        first.write_all(b"first").unwrap();
        second.write_all(b"second").unwrap();
        first.complete().unwrap();
        second.complete().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
