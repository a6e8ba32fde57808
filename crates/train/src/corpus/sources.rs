//! Finding the files of a corpus, in an order that depends on nothing but their names.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use walkdir::{DirEntry, WalkDir};

use super::report::{BuildReport, DropReason};
use super::{CorpusError, manifest};

/// A file that may hold text. Its length and time tell whether it changed since the last build.
#[derive(Debug, Clone)]
pub(super) struct FoundFile {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    pub(super) modified_nanoseconds: u128,
}

/// All regular files of the sources. What is passed over is counted in `report`.
///
/// Links to files are followed, links to folders are not: so no loop can catch the walk, and nothing is read twice.
pub(super) fn find(sources: &[PathBuf], report: &mut BuildReport) -> Result<Vec<FoundFile>, CorpusError> {
    let mut files = Vec::new();
    for source in sources {
        // A misspelt argument must not be one skipped file among a thousand.
        fs::metadata(source).map_err(|error| CorpusError::Source { path: source.clone(), source: error })?;
        let mut entries = WalkDir::new(source).sort_by_file_name().into_iter();
        while let Some(entry) = entries.next() {
            match entry.map_err(|error| (DropReason::Unreadable, 0, error.to_string())).and_then(|entry| visit(&entry))
            {
                Ok(Visit::File(file)) => {
                    report.files += 1;
                    files.push(file);
                }
                Ok(Visit::Folder) => {}
                Err((reason, bytes, example)) => {
                    report.found += 1;
                    report.drop_document(reason, bytes, Some(example));
                    if reason == DropReason::CacheFolder {
                        entries.skip_current_dir();
                    }
                }
                Ok(Visit::HiddenFolder(path)) => {
                    report.found += 1;
                    report.drop_document(DropReason::Hidden, 0, Some(path.display().to_string()));
                    entries.skip_current_dir();
                }
            }
        }
    }
    Ok(files)
}

enum Visit {
    File(FoundFile),
    Folder,
    HiddenFolder(PathBuf),
}

fn visit(entry: &DirEntry) -> Result<Visit, (DropReason, u64, String)> {
    let path = entry.path();
    let drop = |reason, bytes| Err((reason, bytes, path.display().to_string()));
    let inside = entry.depth() > 0;
    if inside && entry.file_name().as_encoded_bytes().starts_with(b".") {
        return if entry.file_type().is_dir() {
            Ok(Visit::HiddenFolder(path.to_path_buf()))
        } else {
            drop(DropReason::Hidden, entry.metadata().map_or(0, |metadata| metadata.len()))
        };
    }
    if entry.file_type().is_dir() {
        return if inside && path.join(manifest::CACHE_TAG).is_file() {
            drop(DropReason::CacheFolder, 0)
        } else {
            Ok(Visit::Folder)
        };
    }
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) => return Err((DropReason::Unreadable, 0, format!("{}: {error}", path.display()))),
    };
    if metadata.is_dir() {
        drop(DropReason::LinkedFolder, 0)
    } else if !metadata.is_file() {
        drop(DropReason::NotAFile, 0)
    } else {
        Ok(Visit::File(FoundFile::new(path, &metadata)))
    }
}

impl FoundFile {
    fn new(path: &Path, metadata: &Metadata) -> Self {
        let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Self {
            path: path.to_path_buf(),
            bytes: metadata.len(),
            modified_nanoseconds: modified.map_or(0, |since| since.as_nanos()),
        }
    }
}
