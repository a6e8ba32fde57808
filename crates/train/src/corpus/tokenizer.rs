//! Text to token ids and back to the very same bytes.

use rayon::prelude::*;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::normalizers::NormalizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::processors::PostProcessorWrapper;
use tokenizers::{DecoderWrapper, TokenizerBuilder, TokenizerImpl};

use super::CorpusError;

/// A tokenizer and the token that ends documents, which no text contains.
#[derive(Debug)]
pub struct Tokenizer {
    codec: Codec,
    /// Bytes of every token but the separator, by id.
    pieces: Vec<Vec<u8>>,
    separator: u16,
}

#[derive(Debug)]
enum Codec {
    Bytes,
    Bpe(Box<BpeCodec>),
}

type BpeCodec = TokenizerImpl<BPE, NormalizerWrapper, ByteLevel, PostProcessorWrapper, DecoderWrapper>;

/// Text the merges are learnt on, at most: they hardly change beyond, and learning takes almost a second per MB.
const LEARNING_BYTES: usize = 16 << 20;
/// Pairs seen less often make no token.
const MIN_FREQUENCY: u64 = 2;

impl Tokenizer {
    /// Every byte is its own token; byte 0, which text does not contain, ends a document.
    pub fn bytes() -> Self {
        Self { codec: Codec::Bytes, pieces: (0..=u8::MAX).map(|byte| vec![byte]).collect(), separator: 0 }
    }

    /// Byte-level byte-pair encoding (Sennrich et al. 2016; over bytes: Radford et al. 2019) of at most `vocabulary` ids,
    /// learnt on the first documents.
    ///
    /// # Errors
    /// [`CorpusError::Tokenizer`] when the library that learns it fails.
    pub fn learn<'a>(documents: impl IntoIterator<Item = &'a str>, vocabulary: usize) -> Result<Self, CorpusError> {
        let failed = |source| CorpusError::Tokenizer { source };
        // The alphabet is all 256 bytes, seen or not, so that any text can be encoded.
        let mut alphabet: Vec<char> = ByteLevel::alphabet().into_iter().collect();
        alphabet.sort_unstable();
        let mut trainer = BpeTrainer::builder()
            .vocab_size(vocabulary.saturating_sub(1))
            .min_frequency(MIN_FREQUENCY)
            .show_progress(false)
            .initial_alphabet(alphabet.into_iter().collect())
            .build();
        let byte_level = ByteLevel::new(false, true, true);
        let mut codec: BpeCodec = TokenizerBuilder::new()
            .with_model(BPE::default())
            .with_pre_tokenizer(Some(byte_level))
            // Not used here, but by others who read the file.
            .with_decoder(Some(byte_level.into()))
            .build()
            .map_err(failed)?;
        let mut learnt = 0;
        let sample: Vec<&str> = documents
            .into_iter()
            .take_while(|text| {
                let enough = learnt >= LEARNING_BYTES;
                learnt += text.len();
                !enough
            })
            .collect();
        codec.train(&mut trainer, sample.into_iter()).map_err(failed)?;
        Self::from_codec(codec)
    }

    /// The tokenizer that [`to_json`](Self::to_json) wrote.
    ///
    /// # Errors
    /// [`CorpusError::Tokenizer`] when the text is no byte-level tokenizer of at most 65535 ids.
    pub fn from_json(json: &[u8]) -> Result<Self, CorpusError> {
        let codec = serde_json::from_slice(json).map_err(|error| CorpusError::Tokenizer { source: error.into() })?;
        Self::from_codec(codec)
    }

    fn from_codec(codec: BpeCodec) -> Result<Self, CorpusError> {
        let failed = |message: &'static str| CorpusError::Tokenizer { source: message.into() };
        let size = codec.get_vocab_size(true);
        let separator = u16::try_from(size).map_err(|_| failed("it has more than 65535 ids"))?;
        let pieces = (0..u32::from(separator))
            .map(|id| codec.id_to_token(id)?.chars().map(byte_of).collect::<Option<Vec<u8>>>())
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| failed("its tokens are not made of bytes"))?;
        Ok(Self { codec: Codec::Bpe(Box::new(codec)), pieces, separator })
    }

    /// What [`from_json`](Self::from_json) reads, in the format of Hugging Face's `tokenizer.json`; none for plain bytes.
    ///
    /// # Errors
    /// [`CorpusError::Tokenizer`] when the library fails.
    pub fn to_json(&self) -> Result<Option<String>, CorpusError> {
        match &self.codec {
            Codec::Bytes => Ok(None),
            Codec::Bpe(codec) => codec.to_string(false).map(Some).map_err(|source| CorpusError::Tokenizer { source }),
        }
    }

    /// Number of ids, the separator included.
    pub fn vocabulary(&self) -> usize {
        self.pieces.len().max(usize::from(self.separator) + 1)
    }

    /// The id that ends every document and stands before the first.
    pub fn separator(&self) -> u16 {
        self.separator
    }

    /// Tokens of `text`, separators not included.
    ///
    /// # Errors
    /// [`CorpusError::Tokenizer`] when the library fails; plain bytes never do.
    pub fn encode(&self, text: &str) -> Result<Vec<u16>, CorpusError> {
        match &self.codec {
            Codec::Bytes => Ok(text.bytes().map(u16::from).collect()),
            Codec::Bpe(codec) => {
                let encoding = codec.encode_fast(text, false).map_err(|source| CorpusError::Tokenizer { source })?;
                // All ids are below the separator, which is 16 bits wide.
                Ok(encoding.get_ids().iter().map(|id| *id as u16).collect())
            }
        }
    }

    /// Tokens of each text, found in parallel.
    ///
    /// # Errors
    /// As for [`encode`](Self::encode).
    pub fn encode_all(&self, texts: &[&str]) -> Result<Vec<Vec<u16>>, CorpusError> {
        texts.par_iter().map(|text| self.encode(text)).collect()
    }

    /// Bytes of `tokens`. A separator gives a line end; ids that do not exist give nothing.
    ///
    /// Bytes, not text: the tokens of a sample may stop in the middle of a character.
    pub fn decode(&self, tokens: &[u16]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for token in tokens {
            if *token == self.separator {
                bytes.push(b'\n');
            } else if let Some(piece) = self.pieces.get(usize::from(*token)) {
                bytes.extend_from_slice(piece);
            }
        }
        bytes
    }
}

/// The byte that a character of a byte-level token stands for: printable Latin-1 characters for themselves, those from U+0100
/// on for the other bytes in order (Radford et al. 2019, `bytes_to_unicode`).
fn byte_of(character: char) -> Option<u8> {
    let is_printable = |byte: u8| matches!(byte, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff);
    match u8::try_from(u32::from(character)) {
        Ok(byte) => is_printable(byte).then_some(byte),
        Err(_) => {
            let rank = (u32::from(character) - 0x100) as usize;
            (0..=u8::MAX).filter(|byte| !is_printable(*byte)).nth(rank)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn learnt() -> Tokenizer {
        let text = "the cat sat on the mat, naïve façade, the 日本語 cat 😀\n".repeat(20);
        Tokenizer::learn([text.as_str()], 300).unwrap()
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in "[^\\x00]{0,200}") {
            for tokenizer in [Tokenizer::bytes(), learnt()] {
                let tokens = tokenizer.encode(&text).unwrap();
                prop_assert!(tokens.iter().all(|token| *token != tokenizer.separator()));
                prop_assert!(tokens.iter().all(|token| usize::from(*token) < tokenizer.vocabulary()));
                prop_assert_eq!(tokenizer.decode(&tokens), text.as_bytes());
            }
        }
    }

    #[test]
    fn merges_shorten_text_and_keep_every_byte() {
        let tokenizer = learnt();
        let text = "  the naïve cat 😀 sat\r\n\ton the 日本語 mat; unseen: Ω\u{7f}\u{1}";
        let tokens = tokenizer.encode(text).unwrap();
        assert!(tokens.len() < text.len() * 3 / 4);
        assert_eq!(tokenizer.decode(&tokens), text.as_bytes());
    }

    #[test]
    fn a_saved_tokenizer_is_the_same_tokenizer() {
        let tokenizer = learnt();
        let json = tokenizer.to_json().unwrap().unwrap();
        let loaded = Tokenizer::from_json(json.as_bytes()).unwrap();
        let text = "the cat sat on a façade";
        assert_eq!(loaded.encode(text).unwrap(), tokenizer.encode(text).unwrap());
        assert_eq!((loaded.separator(), loaded.vocabulary()), (tokenizer.separator(), tokenizer.vocabulary()));
        assert!(Tokenizer::from_json(b"{}").is_err());
    }

    #[test]
    fn every_byte_has_its_own_character() {
        let mut bytes: Vec<u8> =
            ByteLevel::alphabet().into_iter().map(|character| byte_of(character).unwrap()).collect();
        bytes.sort_unstable();
        assert_eq!(bytes, (0..=u8::MAX).collect::<Vec<_>>());
        assert_eq!(byte_of('Ġ'), Some(b' '));
    }
}
