//! Token files: plain little-endian 16-bit ids, written once, checked whenever they are opened.

use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::CorpusError;
use super::atomic::PartialFile;
use super::error::FileDamage;
use super::map::TokenMap;

/// What a token file must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TokenFile {
    pub(super) tokens: u64,
    /// Quick to check whenever the file is opened.
    pub(super) crc32c: u32,
    /// Part of the fingerprint of the corpus.
    pub(super) sha256: String,
}

/// Writes tokens and takes their sums in passing.
pub(super) struct TokenWriter {
    file: PartialFile,
    tokens: u64,
    crc32c: u32,
    sha256: Sha256,
}

impl TokenWriter {
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        Ok(Self { file: PartialFile::create(path)?, tokens: 0, crc32c: 0, sha256: Sha256::new() })
    }

    pub(super) fn write(&mut self, tokens: &[u16]) -> io::Result<()> {
        let bytes: &[u8] = bytemuck::cast_slice(tokens);
        self.file.write_all(bytes)?;
        self.tokens += tokens.len() as u64;
        self.crc32c = crc32c::crc32c_append(self.crc32c, bytes);
        self.sha256.update(bytes);
        Ok(())
    }

    pub(super) fn tokens(&self) -> u64 {
        self.tokens
    }

    pub(super) fn finish(self) -> io::Result<TokenFile> {
        self.file.complete()?;
        Ok(TokenFile { tokens: self.tokens, crc32c: self.crc32c, sha256: hex(&self.sha256.finalize()) })
    }
}

impl TokenFile {
    /// Maps the file and makes sure that it is what was written.
    pub(super) fn open(&self, path: &Path) -> Result<TokenMap, CorpusError> {
        let damaged = |damage| CorpusError::Damaged { path: path.to_path_buf(), damage };
        let map = TokenMap::open(path).map_err(|source| CorpusError::Read { path: path.to_path_buf(), source })?;
        let (expected, found) = (2 * self.tokens, map.bytes().len() as u64);
        if found != expected {
            return Err(damaged(FileDamage::Length { expected, found }));
        }
        if crc32c::crc32c(map.bytes()) != self.crc32c {
            return Err(damaged(FileDamage::Checksum));
        }
        Ok(map)
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
