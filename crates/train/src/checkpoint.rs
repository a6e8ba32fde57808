//! The checkpoint file: everything a run needs to go on bit for bit, and a checksum over all of it.
//!
//! ```text
//! magic (8 bytes)  version (u32)  header length (u32)  header (JSON)  weights  first moments  second moments  CRC-32C (u32)
//! ```
//!
//! Numbers are little-endian, the three sections `f32`.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Damage, Difference, TrainError};
use crate::spec::RunSpec;

const MAGIC: [u8; 8] = *b"ISOFLOP\x01";
const VERSION: u32 = 1;

/// A specification is well under a kilobyte: a longer header is damage, not a reason to allocate.
const LONGEST_HEADER: u32 = 1 << 20;

/// Bytes before the header, and after the sections.
const FIXED_BYTES: u64 = 16;
const CHECKSUM_BYTES: u64 = 4;

/// Which run a checkpoint belongs to, and how far it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    pub(crate) spec: RunSpec,
    /// Fingerprint of the text.
    pub(crate) text: String,
    /// Steps done.
    pub(crate) step: u64,
}

/// Writes a checkpoint under a temporary name beside `path`, syncs it, and renames it: `path` is always whole.
pub(crate) fn write(path: &Path, header: &Header, sections: [&[f32]; 3]) -> Result<(), TrainError> {
    write_whole(path, header, sections).map_err(|source| TrainError::Io {
        path: path.to_owned(),
        action: "write",
        source,
    })
}

fn write_whole(path: &Path, header: &Header, sections: [&[f32]; 3]) -> io::Result<()> {
    let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidFilename))?;
    let mut partial_name = name.to_owned();
    partial_name.push(".partial");
    let partial = path.with_file_name(partial_name);
    let written = write_synced(&partial, header, sections).and_then(|()| std::fs::rename(&partial, path));
    if let Err(error) = written {
        // A file cut short by a full disk must not keep the space it got; the first error is the one to report.
        let _ = std::fs::remove_file(&partial);
        return Err(error);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // The rename itself is lost in a power cut unless the folder is synced; not every platform can open a folder.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

fn write_synced(partial: &Path, header: &Header, sections: [&[f32]; 3]) -> io::Result<()> {
    let json = serde_json::to_vec(header)?;
    let mut file = Checksummed { inner: BufWriter::new(File::create(partial)?), checksum: 0 };
    file.write_all(&MAGIC)?;
    file.write_all(&VERSION.to_le_bytes())?;
    file.write_all(&(json.len() as u32).to_le_bytes())?;
    file.write_all(&json)?;
    let mut bytes = Vec::with_capacity(1 << 16);
    for numbers in sections.iter().flat_map(|section| section.chunks(1 << 14)) {
        bytes.clear();
        bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        file.write_all(&bytes)?;
    }
    let checksum = file.checksum;
    file.inner.write_all(&checksum.to_le_bytes())?;
    file.inner.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

/// Passes bytes on and keeps their CRC-32C.
struct Checksummed<W> {
    inner: W,
    checksum: u32,
}

impl<W: Write> Write for Checksummed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.checksum = crc32c::crc32c_append(self.checksum, &bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Reads a checkpoint of the run that `spec` and `text` describe, or of one that agrees with it until then, into `sections`, and
/// returns the steps done.
///
/// Nothing is believed before the checksum is right, and nothing is allocated by a number in the file.
pub(crate) fn read(path: &Path, spec: &RunSpec, text: &str, sections: [&mut [f32]; 3]) -> Result<u64, TrainError> {
    let io = |source| TrainError::Io { path: path.to_owned(), action: "read", source };
    let damaged = |reason| TrainError::CheckpointDamaged { path: path.to_owned(), reason };
    let other = |difference| TrainError::CheckpointOfAnotherRun { path: path.to_owned(), difference };

    let mut file = BufReader::new(File::open(path).map_err(io)?);
    let length = file.get_ref().metadata().map_err(io)?.len();
    let mut magic = [0; 8];
    let recognised =
        length >= magic.len() as u64 && file.read_exact(&mut magic).map(|()| magic == MAGIC).map_err(io)?;
    if !recognised {
        return Err(TrainError::NotACheckpoint { path: path.to_owned() });
    }
    if length < FIXED_BYTES + CHECKSUM_BYTES {
        return Err(damaged(Damage::Length));
    }
    let version = read_u32(&mut file).map_err(io)?;
    if version != VERSION {
        return Err(TrainError::CheckpointVersion { path: path.to_owned(), found: version, supported: VERSION });
    }
    file.rewind().map_err(io)?;
    if !checksum_is_right(&mut file, length).map_err(io)? {
        return Err(damaged(Damage::Checksum));
    }

    file.seek(SeekFrom::Start(FIXED_BYTES - 4)).map_err(io)?;
    let header_length = read_u32(&mut file).map_err(io)?;
    if header_length > LONGEST_HEADER || u64::from(header_length) > length - FIXED_BYTES - CHECKSUM_BYTES {
        return Err(damaged(Damage::Header));
    }
    let mut json = vec![0; header_length as usize];
    file.read_exact(&mut json).map_err(io)?;
    let header: Header = serde_json::from_slice(&json).map_err(|_| damaged(Damage::Header))?;
    if !spec.agrees_until(&header.spec, header.step) {
        return Err(other(Difference::Spec));
    }
    if header.text != text {
        return Err(other(Difference::Text));
    }
    let numbers: usize = sections.iter().map(|section| section.len()).sum();
    if length != FIXED_BYTES + u64::from(header_length) + 4 * numbers as u64 + CHECKSUM_BYTES {
        return Err(damaged(Damage::Length));
    }
    let mut bytes = vec![0; 1 << 16];
    for numbers in sections.into_iter().flat_map(|section| section.chunks_mut(1 << 14)) {
        let bytes = &mut bytes[..4 * numbers.len()];
        file.read_exact(bytes).map_err(io)?;
        for (number, &bytes) in numbers.iter_mut().zip(bytes.as_chunks().0) {
            *number = f32::from_le_bytes(bytes);
        }
    }
    Ok(header.step)
}

fn read_u32(file: &mut impl Read) -> io::Result<u32> {
    let mut bytes = [0; 4];
    file.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}

/// Reads `length` bytes, of which the last four are the checksum of the others.
fn checksum_is_right(file: &mut impl Read, length: u64) -> io::Result<bool> {
    let mut checksum = 0;
    let mut bytes = vec![0; 1 << 16];
    let mut left = length - CHECKSUM_BYTES;
    while left > 0 {
        let chunk = &mut bytes[..left.min(1 << 16) as usize];
        file.read_exact(chunk)?;
        checksum = crc32c::crc32c_append(checksum, chunk);
        left -= chunk.len() as u64;
    }
    Ok(read_u32(file)? == checksum)
}
