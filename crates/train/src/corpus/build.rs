//! From sources to a corpus on disk: read, screen, choose, split, learn the tokenizer, write.

use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::manifest::{self, Made, Manifest};
use super::report::{BuildProgress, BuildReport, BuildStage, Portion};
use super::selection::{Document, Selection};
use super::split::{self, Split};
use super::tokenizer::Tokenizer;
use super::tokens::{TokenFile, TokenWriter};
use super::{Corpus, CorpusError, CorpusOptions, TokenizerKind, atomic, documents, sources};

/// Files read between two calls of the progress callback, and held in memory beside the selection.
const BATCH_BYTES: u64 = 32 << 20;
const BATCH_FILES: usize = 4096;

impl Corpus {
    /// The corpus of the text in `sources`, files and folders, as token files in the folder `dir`.
    ///
    /// Reads UTF-8 text of any extension, the `json_field` of `.jsonl` and `.ndjson` files, and `.gz` and `.zst` of all these.
    /// What is no text worth learning from is left out and accounted for in the [report](Corpus::report). A corpus that `dir`
    /// holds already is used again if it was built from the same options and files, told by names, lengths and times. Neither
    /// the order nor the names of files, nor the number of threads, decide what the corpus is.
    ///
    /// # Errors
    /// A source that does not exist; no text left; too little of it to hold some out or to fill one window; a folder that holds
    /// another corpus; a full disk. After an error `dir` holds no corpus that was not there before.
    pub fn build(
        sources: &[PathBuf],
        options: &CorpusOptions,
        dir: &Path,
        progress: &mut dyn FnMut(&BuildProgress),
    ) -> Result<Self, CorpusError> {
        options.check()?;
        let mut report = BuildReport::default();
        let files = sources::find(sources, &mut report)?;
        let build_key = manifest::key_of_files(options, &files);
        if let Some(corpus) = Self::built_before(dir, &build_key)? {
            return Ok(corpus);
        }
        let mut selection = Selection::new(options.seed, options.max_bytes);
        let total = files.iter().map(|file| file.bytes).sum();
        let mut done = 0;
        let mut rest = files.as_slice();
        while !rest.is_empty() {
            progress(&BuildProgress { stage: BuildStage::Reading, done, total });
            let mut bytes = 0;
            let fits = |file: &&sources::FoundFile| {
                bytes += file.bytes;
                bytes <= BATCH_BYTES
            };
            let count = rest.iter().take(BATCH_FILES).take_while(fits).count().max(1);
            let (batch, others) = rest.split_at(count);
            rest = others;
            let parts: Vec<(Selection, BuildReport)> =
                batch.par_iter().map(|file| documents::read_file(file, &options.json_field, &selection)).collect();
            for (part, part_report) in parts {
                report.absorb(part_report);
                selection.absorb(part, &mut report);
            }
            done += batch.iter().map(|file| file.bytes).sum::<u64>();
        }
        progress(&BuildProgress { stage: BuildStage::Reading, done, total });
        let chosen = selection.finish(&mut report);
        write_corpus(chosen, report, build_key, options, dir, progress)
    }

    /// The corpus of texts at hand, made and written like one of files.
    ///
    /// # Errors
    /// As for [`build`](Self::build).
    pub fn from_documents(
        documents: impl IntoIterator<Item = String>,
        options: &CorpusOptions,
        dir: &Path,
        progress: &mut dyn FnMut(&BuildProgress),
    ) -> Result<Self, CorpusError> {
        options.check()?;
        let mut report = BuildReport::default();
        let mut selection = Selection::new(options.seed, options.max_bytes);
        for (number, text) in documents.into_iter().enumerate() {
            documents::offer_whole(text, || format!("document {number}"), &mut selection, &mut report);
        }
        let chosen = selection.finish(&mut report);
        let digests: Vec<u128> = chosen.iter().map(|document| document.digest).collect();
        let build_key = manifest::key_of_documents(options, &digests);
        if let Some(corpus) = Self::built_before(dir, &build_key)? {
            return Ok(corpus);
        }
        write_corpus(chosen, report, build_key, options, dir, progress)
    }

    /// The corpus in `dir` if it is the one asked for and whole. One that is damaged is built again; another one is left alone.
    fn built_before(dir: &Path, build_key: &str) -> Result<Option<Self>, CorpusError> {
        match Manifest::read(dir) {
            Ok(manifest) if manifest.is_built_from(build_key) => match Self::open(dir) {
                Err(CorpusError::Damaged { .. } | CorpusError::Read { .. }) => Ok(None),
                outcome => outcome.map(Some),
            },
            Ok(_) | Err(CorpusError::Schema { .. }) => Err(CorpusError::Occupied { dir: dir.to_path_buf() }),
            // What is in the way, if anything, shows when the folder is made.
            Err(_) => Ok(None),
        }
    }
}

fn write_corpus(
    chosen: Vec<Document>,
    mut report: BuildReport,
    build_key: String,
    options: &CorpusOptions,
    dir: &Path,
    progress: &mut dyn FnMut(&BuildProgress),
) -> Result<Corpus, CorpusError> {
    if chosen.is_empty() {
        return Err(CorpusError::NothingLeft { report: Box::new(report) });
    }
    let total = chosen.iter().map(|document| document.text.len() as u64).sum();
    progress(&BuildProgress { stage: BuildStage::Splitting, done: 0, total });
    let Split { training, held_out } = split::split(chosen, &options.held_out, &mut report)?;
    let tokenizer = match options.tokenizer {
        TokenizerKind::Bytes => Tokenizer::bytes(),
        TokenizerKind::Bpe { vocabulary } => {
            progress(&BuildProgress { stage: BuildStage::LearningTokenizer, done: 0, total });
            Tokenizer::learn(training.iter().map(|document| document.text.as_str()), vocabulary)?
        }
    };

    fs::create_dir_all(dir).map_err(|source| CorpusError::Write { path: dir.to_path_buf(), source })?;
    let mut done = 0;
    let mut tell = |bytes| {
        done += bytes;
        progress(&BuildProgress { stage: BuildStage::Tokenizing, done, total });
    };
    let (training_file, _) = write_tokens(&training, &tokenizer, &dir.join(manifest::TRAINING), &mut tell)?;
    let (held_out_file, held_out_separators) =
        write_tokens(&held_out, &tokenizer, &dir.join(manifest::HELD_OUT), &mut tell)?;
    let tokenizer_json = tokenizer.to_json()?;
    if let Some(json) = &tokenizer_json {
        let path = dir.join(manifest::TOKENIZER);
        atomic::write_bytes(&path, json.as_bytes()).map_err(|source| CorpusError::Write { path, source })?;
    }
    report.training = portion(&training, &training_file);
    report.held_out = portion(&held_out, &held_out_file);
    if training_file.tokens <= options.context as u64 {
        return Err(too_little_text(&report, options.context));
    }
    let vocabulary = tokenizer.vocabulary();
    let training = training_file;
    let held_out = held_out_file;
    let options = options.clone();
    Manifest::new(Made {
        build_key,
        options,
        report,
        vocabulary,
        training,
        held_out,
        held_out_separators,
        tokenizer_json,
    })
    .write(dir)?;
    Corpus::open(dir)
}

/// Text tokenized between two calls of the progress callback.
const ENCODE_BYTES: usize = 8 << 20;

/// Writes a separator, and every document followed by one; returns the places of the separators.
fn write_tokens(
    documents: &[Document],
    tokenizer: &Tokenizer,
    path: &Path,
    tell: &mut dyn FnMut(u64),
) -> Result<(TokenFile, Vec<u64>), CorpusError> {
    let failed = |source| CorpusError::Write { path: path.to_path_buf(), source };
    let separator = [tokenizer.separator()];
    let mut writer = TokenWriter::create(path).map_err(failed)?;
    let mut separators = vec![0];
    writer.write(&separator).map_err(failed)?;
    let mut rest = documents;
    while !rest.is_empty() {
        let mut bytes = 0;
        let is_open = |document: &&Document| {
            let is_open = bytes < ENCODE_BYTES;
            bytes += document.text.len();
            is_open
        };
        let (batch, others) = rest.split_at(rest.iter().take_while(is_open).count());
        rest = others;
        let texts: Vec<&str> = batch.iter().map(|document| document.text.as_str()).collect();
        for tokens in tokenizer.encode_all(&texts)? {
            writer.write(&tokens).map_err(failed)?;
            separators.push(writer.tokens());
            writer.write(&separator).map_err(failed)?;
        }
        tell(texts.iter().map(|text| text.len() as u64).sum());
    }
    Ok((writer.finish().map_err(failed)?, separators))
}

fn portion(documents: &[Document], file: &TokenFile) -> Portion {
    Portion {
        documents: documents.len() as u64,
        bytes: documents.iter().map(|document| document.text.len() as u64).sum(),
        // The separator before the first document belongs to none.
        tokens: file.tokens - 1,
    }
}

/// The refusal of a training text shorter than one window, with an estimate of how much would do.
pub(super) fn too_little_text(report: &BuildReport, context: usize) -> CorpusError {
    let tokens = report.training.tokens + 1;
    let bytes = report.training.bytes + report.held_out.bytes;
    let bytes_needed = (bytes as f64 * (context + 1) as f64 / tokens as f64).ceil() as u64;
    CorpusError::TooLittleText { tokens, context, bytes_needed }
}
