//! `corpus.json`: what makes a folder of tokens a corpus. Written last, so that an unfinished build is no corpus.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::FileDamage;
use super::sources::FoundFile;
use super::tokens::{TokenFile, hex};
use super::{BuildReport, CorpusError, CorpusOptions, atomic};

pub(super) const MANIFEST: &str = "corpus.json";
pub(super) const TRAINING: &str = "train.tokens";
pub(super) const HELD_OUT: &str = "held_out.tokens";
pub(super) const TOKENIZER: &str = "tokenizer.json";
/// Marks a folder as something that can be made again: see bford.info/cachedir.
pub(super) const CACHE_TAG: &str = "CACHEDIR.TAG";
const CACHE_TAG_CONTENTS: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55\n";

/// Changes whenever the same sources and options would give other tokens or files.
const SCHEMA: &str = "isoflop.corpus/1";

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Manifest {
    schema: String,
    pub(super) fingerprint: String,
    /// What went in: a build that would start from the same need not be done again.
    build_key: String,
    pub(super) options: CorpusOptions,
    pub(super) report: BuildReport,
    pub(super) vocabulary: usize,
    pub(super) training: TokenFile,
    pub(super) held_out: TokenFile,
    /// Where each held-out document starts, and where the last one ends: places of separators.
    pub(super) held_out_separators: Vec<u64>,
    /// SHA-256 of `tokenizer.json`, if there is one.
    tokenizer: Option<String>,
}

/// What a build has made, before it becomes a manifest.
pub(super) struct Made {
    pub(super) build_key: String,
    pub(super) options: CorpusOptions,
    pub(super) report: BuildReport,
    pub(super) vocabulary: usize,
    pub(super) training: TokenFile,
    pub(super) held_out: TokenFile,
    pub(super) held_out_separators: Vec<u64>,
    pub(super) tokenizer_json: Option<String>,
}

impl Manifest {
    pub(super) fn new(made: Made) -> Self {
        let mut manifest = Self {
            schema: SCHEMA.to_owned(),
            fingerprint: String::new(),
            build_key: made.build_key,
            options: made.options,
            report: made.report,
            vocabulary: made.vocabulary,
            training: made.training,
            held_out: made.held_out,
            held_out_separators: made.held_out_separators,
            tokenizer: made.tokenizer_json.map(|json| hex(&Sha256::digest(json.as_bytes()))),
        };
        manifest.fingerprint = manifest.compute_fingerprint();
        manifest
    }

    /// Hash of all that a training run can tell two corpora apart by: tokens, split and tokenizer.
    fn compute_fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        let mut part = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        part(SCHEMA.as_bytes());
        part(&self.vocabulary.to_le_bytes());
        part(self.training.sha256.as_bytes());
        part(self.held_out.sha256.as_bytes());
        part(bytemuck::cast_slice(&self.held_out_separators));
        part(&self.report.held_out.bytes.to_le_bytes());
        part(self.tokenizer.as_deref().unwrap_or_default().as_bytes());
        hex(&hash.finalize())
    }

    pub(super) fn write(&self, dir: &Path) -> Result<(), CorpusError> {
        let write = |name, contents: &[u8]| {
            let path = dir.join(name);
            atomic::write_bytes(&path, contents).map_err(|source| CorpusError::Write { path, source })
        };
        write(CACHE_TAG, CACHE_TAG_CONTENTS)?;
        let json = serde_json::to_vec_pretty(self)
            .map_err(|error| CorpusError::Write { path: dir.join(MANIFEST), source: error.into() })?;
        write(MANIFEST, &json)
    }

    pub(super) fn read(dir: &Path) -> Result<Self, CorpusError> {
        let path = dir.join(MANIFEST);
        let json = fs::read(&path).map_err(|source| match source.kind() {
            ErrorKind::NotFound => CorpusError::NotACorpus { dir: dir.to_path_buf(), file: MANIFEST },
            _ => CorpusError::Read { path: path.clone(), source },
        })?;
        // Another version may have other fields: its schema is looked at first.
        #[derive(Deserialize)]
        struct Head {
            schema: String,
        }
        let damaged = |damage| CorpusError::Damaged { path: path.clone(), damage };
        let Head { schema } = serde_json::from_slice(&json).map_err(|error| damaged(FileDamage::Json(error)))?;
        if schema != SCHEMA {
            return Err(CorpusError::Schema { path, found: schema, known: SCHEMA });
        }
        let manifest: Self = serde_json::from_slice(&json).map_err(|error| damaged(FileDamage::Json(error)))?;
        if manifest.fingerprint != manifest.compute_fingerprint() {
            return Err(damaged(FileDamage::Fingerprint));
        }
        Ok(manifest)
    }

    pub(super) fn is_built_from(&self, build_key: &str) -> bool {
        self.build_key == build_key
    }

    /// The tokenizer's file, if there is one, checked.
    pub(super) fn tokenizer_json(&self, dir: &Path) -> Result<Option<Vec<u8>>, CorpusError> {
        let Some(expected) = &self.tokenizer else { return Ok(None) };
        let path = dir.join(TOKENIZER);
        let json = fs::read(&path).map_err(|source| CorpusError::Read { path: path.clone(), source })?;
        if hex(&Sha256::digest(&json)) != *expected {
            return Err(CorpusError::Damaged { path, damage: FileDamage::Checksum });
        }
        Ok(Some(json))
    }
}

/// What a build starts from, as a hash: options, and names, lengths and times of the files.
pub(super) fn key_of_files(options: &CorpusOptions, files: &[FoundFile]) -> String {
    let mut hash = hash_of_options(options);
    for file in files {
        let path = file.path.as_os_str().as_encoded_bytes();
        hash.update((path.len() as u64).to_le_bytes());
        hash.update(path);
        hash.update(file.bytes.to_le_bytes());
        hash.update(file.modified_nanoseconds.to_le_bytes());
    }
    hex(&hash.finalize())
}

/// The same for documents that come from no file.
pub(super) fn key_of_documents(options: &CorpusOptions, digests: &[u128]) -> String {
    let mut hash = hash_of_options(options);
    hash.update(bytemuck::cast_slice(digests));
    hex(&hash.finalize())
}

fn hash_of_options(options: &CorpusOptions) -> Sha256 {
    let options = serde_json::to_vec(options).expect("options are numbers and strings");
    Sha256::new().chain_update(SCHEMA).chain_update((options.len() as u64).to_le_bytes()).chain_update(options)
}
