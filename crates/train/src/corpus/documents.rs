//! Files to documents: plain text, JSON lines, and both compressed.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};

use super::report::{BuildReport, DropReason};
use super::screening;
use super::sections::Sections;
use super::selection::Selection;
use super::sources::FoundFile;

/// Text hardly compresses 30-fold, logs perhaps 100-fold: what expands more than this is no text to train on.
const MAX_EXPANSION: u64 = 256;
/// ... but small files of few repeated lines may.
const FREE_EXPANSION: u64 = 16 << 20;
/// Longest line of a JSON-lines file.
const MAX_JSON_LINE: u64 = 64 << 20;

/// Why a whole file is dropped, whatever was read of it before.
struct WholeFile {
    reason: DropReason,
    detail: Option<String>,
}

impl From<DropReason> for WholeFile {
    fn from(reason: DropReason) -> Self {
        Self { reason, detail: None }
    }
}

/// Offers the documents of `file` to a copy of the empty `selection`; the report accounts for every one of them.
///
/// A file that turns out to be binary, damaged or generated gives no document at all, also where its beginning looked well.
pub(super) fn read_file(file: &FoundFile, json_field: &str, empty: &Selection) -> (Selection, BuildReport) {
    let mut selection = empty.empty_copy();
    let mut report = BuildReport::default();
    let outcome = match screening::screen_name(&file.path) {
        Some(reason) => Err(reason.into()),
        None => read_documents(file, json_field, &mut selection, &mut report),
    };
    if let Err(WholeFile { reason, detail }) = outcome {
        (selection, report) = (empty.empty_copy(), BuildReport { found: 1, ..BuildReport::default() });
        let place = file.path.display();
        let example = detail.map_or_else(|| place.to_string(), |detail| format!("{place}: {detail}"));
        report.drop_document(reason, file.bytes, Some(example));
    }
    (selection, report)
}

fn read_documents(
    file: &FoundFile,
    json_field: &str,
    selection: &mut Selection,
    report: &mut BuildReport,
) -> Result<(), WholeFile> {
    let unreadable = |error: io::Error| WholeFile { reason: DropReason::Unreadable, detail: Some(error.to_string()) };
    let raw = BufReader::with_capacity(256 << 10, File::open(&file.path).map_err(unreadable)?);
    let extension = |path: &Path| path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    let limit = file.bytes.saturating_mul(MAX_EXPANSION).max(FREE_EXPANSION);
    let (reader, format_path): (Box<dyn Read>, _) = match extension(&file.path).as_deref() {
        Some("gz") => {
            (Box::new(Expanding { inner: MultiGzDecoder::new(raw), left: limit }), file.path.with_extension(""))
        }
        Some("zst") => (Box::new(Expanding { inner: ZstdFrames::new(raw), left: limit }), file.path.with_extension("")),
        _ => (Box::new(raw), file.path.clone()),
    };
    let compressed = format_path != file.path;
    let broken = |error: io::Error| match error.kind() {
        ErrorKind::FileTooLarge if compressed => DropReason::DecompressionBomb.into(),
        _ if compressed => WholeFile { reason: DropReason::DamagedArchive, detail: Some(error.to_string()) },
        _ => unreadable(error),
    };
    match extension(&format_path).as_deref() {
        Some("jsonl" | "ndjson") => read_json_lines(reader, file, json_field, selection, report).map_err(broken),
        _ => read_text(reader, file, selection, report, broken),
    }
}

fn read_text(
    reader: impl Read,
    file: &FoundFile,
    selection: &mut Selection,
    report: &mut BuildReport,
    broken: impl Fn(io::Error) -> WholeFile,
) -> Result<(), WholeFile> {
    let mut sections = Sections::new(reader);
    let mut first = true;
    while let Some(section) = sections.next_section().map_err(&broken)? {
        if section.contains(&0) {
            return Err(DropReason::Binary.into());
        }
        let mut text = String::from_utf8(section).map_err(|_| DropReason::NotUtf8)?;
        if first {
            if text.starts_with('\u{feff}') {
                text.drain(..'\u{feff}'.len_utf8());
            }
            if screening::says_generated(&text) {
                return Err(DropReason::Generated.into());
            }
        }
        first = false;
        offer(text, || file.path.display().to_string(), selection, report);
    }
    if first {
        return Err(DropReason::Empty.into());
    }
    Ok(())
}

/// Screens a document and offers it; either way it is accounted for.
pub(super) fn offer(text: String, place: impl Fn() -> String, selection: &mut Selection, report: &mut BuildReport) {
    report.found += 1;
    match screening::screen(&text) {
        Some(reason) => report.drop_document(reason, text.len() as u64, Some(place())),
        None => selection.offer(text, place, report),
    }
}

/// Offers a text that is at hand: a JSON document, or one made by the caller.
pub(super) fn offer_whole(
    text: String,
    place: impl Fn() -> String,
    selection: &mut Selection,
    report: &mut BuildReport,
) {
    let mut sections = Sections::new(text.as_bytes());
    // Reading from a slice cannot fail, and sections of a string end between characters.
    while let Ok(Some(section)) = sections.next_section() {
        if let Ok(section) = String::from_utf8(section) {
            offer(section, &place, selection, report);
        }
    }
    if text.is_empty() {
        offer(text, place, selection, report);
    }
}

fn read_json_lines(
    reader: impl Read,
    file: &FoundFile,
    field: &str,
    selection: &mut Selection,
    report: &mut BuildReport,
) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(256 << 10, reader);
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        if reader.by_ref().take(MAX_JSON_LINE).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let place = || format!("{}:{number}", file.path.display());
        if line.len() as u64 == MAX_JSON_LINE && line.last() != Some(&b'\n') {
            let rest = skip_line(&mut reader)?;
            let example = format!("{}: longer than {MAX_JSON_LINE} bytes", place());
            report.found += 1;
            report.drop_document(DropReason::BadJson, MAX_JSON_LINE + rest, Some(example));
            continue;
        }
        match json_text(&line, field) {
            Ok(text) => offer_whole(text, place, selection, report),
            Err(error) => {
                report.found += 1;
                report.drop_document(DropReason::BadJson, line.len() as u64, Some(format!("{}: {error}", place())));
            }
        }
    }
    Ok(())
}

fn skip_line(reader: &mut impl BufRead) -> io::Result<u64> {
    let mut skipped = 0;
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            return Ok(skipped);
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let length = end.map_or(buffer.len(), |end| end + 1);
        reader.consume(length);
        skipped += length as u64;
        if end.is_some() {
            return Ok(skipped);
        }
    }
}

/// The string in `field` of a JSON object, without building the other fields.
fn json_text(line: &[u8], field: &str) -> Result<String, serde_json::Error> {
    struct TextField<'a>(&'a str);

    impl<'de> Visitor<'de> for TextField<'_> {
        type Value = String;

        fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(formatter, "a JSON object with a string `{}`", self.0)
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<String, A::Error> {
            let mut text = None;
            while let Some(key) = map.next_key::<String>()? {
                if key == self.0 {
                    text = Some(map.next_value()?);
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            text.ok_or_else(|| serde::de::Error::custom(format_args!("no field `{}`", self.0)))
        }
    }

    let mut deserializer = serde_json::Deserializer::from_slice(line);
    let text = deserializer.deserialize_map(TextField(field))?;
    deserializer.end()?;
    Ok(text)
}

/// A decoder that stops with [`ErrorKind::FileTooLarge`] when more comes out than is allowed.
struct Expanding<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Expanding<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        match self.left.checked_sub(read as u64) {
            Some(left) => {
                self.left = left;
                Ok(read)
            }
            None => Err(ErrorKind::FileTooLarge.into()),
        }
    }
}

/// All frames of a zstd file, one after the other, skippable ones skipped: parallel compressors write many.
struct ZstdFrames<R> {
    source: R,
    decoder: FrameDecoder,
    inside_frame: bool,
}

impl<R: BufRead> ZstdFrames<R> {
    fn new(source: R) -> Self {
        Self { source, decoder: FrameDecoder::new(), inside_frame: false }
    }

    /// Reads the header of the next frame; says whether there is one.
    fn enter_frame(&mut self) -> io::Result<bool> {
        while !self.inside_frame {
            if self.source.fill_buf()?.is_empty() {
                return Ok(false);
            }
            match self.decoder.init(&mut self.source) {
                Ok(()) => self.inside_frame = true,
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    let length = u64::from(length);
                    if io::copy(&mut self.source.by_ref().take(length), &mut io::sink())? < length {
                        return Err(ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => return Err(io::Error::new(ErrorKind::InvalidData, error)),
            }
        }
        Ok(true)
    }
}

impl<R: BufRead> Read for ZstdFrames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !buffer.is_empty() && self.enter_frame()? {
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                self.decoder
                    .decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1))
                    .map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
            }
            let read = self.decoder.read(buffer)?;
            if read > 0 {
                return Ok(read);
            }
            self.inside_frame = !self.decoder.is_finished();
        }
        Ok(0)
    }
}
