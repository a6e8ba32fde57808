//! Writing answers: to standard output, to files that are there whole or not at all, and complaints to standard error.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use tempfile::NamedTempFile;

/// Prints a text and a line end.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.trim_end().as_bytes())?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

/// Says a line to whoever watches, on standard error.
pub(crate) fn remark(line: &str) {
    // With standard error closed nobody watches.
    let _ = writeln!(io::stderr(), "{line}");
}

/// Prints why there is no answer.
pub(crate) fn complain(error: &anyhow::Error) {
    // With standard error closed there is nobody left to tell.
    let _ = writeln!(io::stderr(), "error: {}", explanation(error));
}

/// The error and its causes, leaving out a cause that the words before it contain already.
fn explanation(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// Whether the reader at the other end of a pipe has gone: it has seen enough, which is not a failure.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// A file to be: made before the work, so that a wrong path fails at once, and given its name only when it is whole.
pub(crate) struct OutputFile {
    temporary: NamedTempFile,
    path: PathBuf,
}

impl OutputFile {
    /// Prepares to write `path`.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        if path.exists() && !path.is_file() {
            bail!("{}: is there and is not a plain file; name another, or use --json and redirect", path.display());
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let temporary =
            temporary_file_in(folder).with_context(|| format!("{}: cannot write into its folder", path.display()))?;
        Ok(Self { temporary, path: path.to_owned() })
    }

    /// Writes the whole content; the file appears under its name only now.
    pub(crate) fn write(self, content: impl AsRef<[u8]>) -> Result<()> {
        let Self { temporary, path } = self.filled(content.as_ref())?;
        temporary.persist(&path).map(drop).with_context(|| format!("{}: cannot write", path.display()))
    }

    /// Like [`OutputFile::write`], but refuses to replace an existing file.
    pub(crate) fn write_new(self, text: &str) -> Result<()> {
        let Self { temporary, path } = self.filled(text.as_bytes())?;
        temporary.persist_noclobber(&path).map(drop).with_context(|| format!("{}: cannot create", path.display()))
    }

    fn filled(mut self, content: &[u8]) -> Result<Self> {
        let write = |file: &mut NamedTempFile| {
            file.write_all(content)?;
            file.as_file().sync_all()
        };
        write(&mut self.temporary).with_context(|| format!("{}: cannot write", self.path.display()))?;
        Ok(self)
    }
}

/// A file that is removed again unless it gets a name; readable by whom the user's mask allows, like any other result.
fn temporary_file_in(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".isoflop-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

/// Writes `text` as the whole of `path`.
pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    OutputFile::create(path)?.write(text)
}

/// Makes the folder `dir`, unless it is there.
pub(crate) fn make_folder(dir: &Path) -> Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("{}: cannot make the folder", dir.display()))
}

/// Now, as files record it.
pub(crate) fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

/// The command line as it was typed, for provenance.
pub(crate) fn command_line() -> String {
    let words = std::env::args().skip(1);
    std::iter::once("isoflop".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}
