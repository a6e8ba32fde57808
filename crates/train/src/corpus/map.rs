//! Token files as slices: the one place of this crate's corpus that needs `unsafe`.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::path::Path;

use memmap2::Mmap;

#[cfg(target_endian = "big")]
compile_error!("token files are little-endian and are mapped without conversion");

/// A memory-mapped file of little-endian 16-bit tokens.
#[derive(Debug)]
pub(super) struct TokenMap {
    map: Mmap,
}

impl TokenMap {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        // SAFETY: a mapping is sound as long as nobody changes the file beneath it. This crate never writes into or truncates
        // a finished token file: a new one is written beside it and renamed over it, which leaves the mapped file as it is.
        // Another program that edits files of a corpus while it is open breaks this, as it would for any mapped file.
        let map = unsafe { Mmap::map(&file)? };
        Ok(Self { map })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// All tokens. An odd last byte is ignored; [`bytes`](Self::bytes) shows it.
    pub(super) fn tokens(&self) -> &[u16] {
        // Mappings start on a page, so no byte stands before the first aligned token.
        bytemuck::cast_slice(&self.map[..self.map.len() & !1])
    }
}
