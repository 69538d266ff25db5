//! A tokenizer: texts to token ids and back.

use std::num::NonZeroU32;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use crate::byte_alphabet;
use crate::error::LoadError;
use crate::gguf::GgufFile;
use crate::special_tokens::SpecialTokens;
use crate::tokenizer_gguf;
use crate::weights::WeightSource;

/// A model's tokenizer.
///
/// Encoding parses special tokens that are spelled in the text, and adds none.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    path: PathBuf,
    spelling: Spelling,
    special: SpecialTokens,
    vocab_size: usize,
}

/// Bytes of U+FFFD.
const REPLACEMENT: NonZeroU32 = NonZeroU32::new(3).expect("3 is not 0");

/// How the vocabulary spells bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spelling {
    /// Every byte is a letter of the byte alphabet.
    Bytes,
    /// UTF-8 with `▁` for a space and `<0xE2>` for a single byte.
    SentencePiece,
    /// UTF-8.
    Text,
}

impl Tokenizer {
    /// Reads a `tokenizer.json`; special tokens also from the configuration files beside it.
    ///
    /// # Errors
    /// [`LoadError::Io`] if it cannot be read, [`LoadError::Tokenizer`] if it is broken or of an
    /// unknown kind, [`LoadError::Config`] if a configuration file has a wrong value.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, LoadError> {
        let path = path.as_ref();
        let text = std::fs::read(path).map_err(|e| LoadError::io(path, e))?;
        let wrong = |e: tokenizers::Error| LoadError::tokenizer(path, e.to_string());
        // The library panics on some vocabularies that contradict themselves.
        let Ok(built) = catch_unwind(|| tokenizers::Tokenizer::from_bytes(text)) else {
            return Err(LoadError::tokenizer(path, "its vocabulary contradicts itself"));
        };
        let mut inner = built.map_err(wrong)?;
        inner.with_truncation(None).map_err(wrong)?;
        inner.with_padding(None);
        // A text of any character: a vocabulary that cannot encode it fails here, not later.
        let probe = "a\u{10fffd}";
        inner.encode_fast(probe, false).map_err(wrong)?;
        let first = inner.encode_fast(probe, true).map_err(wrong)?.get_ids().first().copied();
        let dir = path.parent().unwrap_or(Path::new(""));
        let special = SpecialTokens::from_dir(dir, first, &inner)?;
        let highest = inner.get_vocab(true).into_values().max();
        Ok(Self {
            spelling: spelling(&inner),
            special,
            vocab_size: highest.map_or(0, |id| id as usize + 1),
            path: path.to_owned(),
            inner,
        })
    }

    /// Rebuilds the tokenizer of a GGUF file with a byte-pair vocabulary.
    ///
    /// # Errors
    /// [`LoadError::Tokenizer`] if the vocabulary is broken, of another kind, or has a
    /// pre-tokenizer that is not known; [`LoadError::Config`] if its metadata is missing or wrong.
    pub fn from_gguf(file: &GgufFile) -> Result<Self, LoadError> {
        let (inner, special, vocab_size) = tokenizer_gguf::rebuild(file)?;
        let path = file.path().to_owned();
        Ok(Self { inner, path, spelling: Spelling::Bytes, special, vocab_size })
    }

    /// The token ids of a prompt: those of the text, after the token that begins a text where the model wants one
    /// and the text does not.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn prompt(&self, text: &str) -> Result<Vec<u32>, LoadError> {
        let mut ids = self.encode(text)?;
        if let Some(bos) = self.bos().filter(|bos| self.add_bos() && ids.first() != Some(bos)) {
            ids.insert(0, bos);
        }
        Ok(ids)
    }

    /// The token ids of a text; special tokens spelled in it become one id each, none are added.
    ///
    /// # Errors
    /// [`LoadError::Tokenizer`] if the vocabulary has no token for a part of the text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, LoadError> {
        match self.inner.encode_fast(text, false) {
            Ok(encoding) => Ok(encoding.get_ids().to_vec()),
            Err(error) => Err(LoadError::tokenizer(&self.path, error.to_string())),
        }
    }

    /// The text of token ids, special tokens spelled out; unknown ids are skipped.
    ///
    /// Bytes that are not UTF-8 become U+FFFD.
    #[must_use]
    pub fn decode(&self, ids: &[u32]) -> String {
        self.join(ids.iter().copied())
    }

    /// The text of token ids without special tokens; unknown ids are skipped.
    ///
    /// Bytes that are not UTF-8 become U+FFFD.
    #[must_use]
    pub fn decode_text(&self, ids: &[u32]) -> String {
        self.join(ids.iter().copied().filter(|id| !self.is_special(*id)))
    }

    /// The exact bytes that a token adds to a text; `None` for an unknown id.
    ///
    /// They may be part of a character: join them with a
    /// [`StreamDecoder`](crate::stream_decoder::StreamDecoder).
    #[must_use]
    pub fn token_bytes(&self, id: u32) -> Option<Vec<u8>> {
        let token = self.inner.id_to_token(id)?;
        if self.inner.get_added_vocabulary().simple_id_to_token(id).is_some() {
            return Some(token.into_bytes());
        }
        Some(match self.spelling {
            Spelling::Bytes => {
                byte_alphabet::bytes_of(&token).unwrap_or_else(|| token.into_bytes())
            }
            Spelling::SentencePiece => match hex_byte(&token) {
                Some(byte) => vec![byte],
                None => token.replace('▁', " ").into_bytes(),
            },
            Spelling::Text => token.into_bytes(),
        })
    }

    /// The longest text that one token stands for, special tokens aside, in bytes. A byte that is not
    /// UTF-8 by itself stands for the three of U+FFFD.
    #[must_use]
    pub fn longest_token(&self) -> NonZeroU32 {
        let texts = (0..self.vocab_size as u32).filter(|id| !self.is_special(*id));
        let longest = texts.filter_map(|id| self.token_bytes(id)).map(|bytes| bytes.len()).max();
        NonZeroU32::new(longest.unwrap_or(0) as u32)
            .map_or(REPLACEMENT, |longest| longest.max(REPLACEMENT))
    }

    /// The id of a token as the vocabulary spells it.
    #[must_use]
    pub fn token_id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// A token as the vocabulary spells it.
    #[must_use]
    pub fn token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    /// Returns true if and only if the id is a special token, which is not part of a text.
    #[must_use]
    pub fn is_special(&self, id: u32) -> bool {
        let added = self.inner.get_added_vocabulary();
        added.simple_id_to_token(id).is_some_and(|token| added.is_special_token(&token))
    }

    /// The highest id + 1.
    #[must_use]
    pub fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    /// The token that begins a text, if the model has one.
    #[must_use]
    pub fn bos(&self) -> Option<u32> {
        self.special.bos
    }

    /// The tokens that end an answer, the end of a chat's turn included; ascending.
    #[must_use]
    pub fn eos(&self) -> &[u32] {
        &self.special.eos
    }

    /// Whether the model expects [`Tokenizer::bos`] before every text.
    #[must_use]
    pub fn add_bos(&self) -> bool {
        self.special.add_bos
    }

    fn join(&self, ids: impl Iterator<Item = u32>) -> String {
        let bytes: Vec<u8> = ids.filter_map(|id| self.token_bytes(id)).flatten().collect();
        let text = String::from_utf8_lossy(&bytes);
        // SentencePiece puts a space before the first word.
        match (self.spelling, text.strip_prefix(' ')) {
            (Spelling::SentencePiece, Some(stripped)) => stripped.to_owned(),
            _ => text.into_owned(),
        }
    }
}

/// How the vocabulary of a `tokenizer.json` spells bytes, which its decoder undoes.
fn spelling(inner: &tokenizers::Tokenizer) -> Spelling {
    let decoder = serde_json::to_string(&inner.get_decoder()).unwrap_or_default();
    if decoder.contains("\"ByteLevel\"") {
        Spelling::Bytes
    } else if decoder.contains('▁') || decoder.contains("\"ByteFallback\"") {
        Spelling::SentencePiece
    } else {
        Spelling::Text
    }
}

/// The byte of a token such as `<0x0A>`.
fn hex_byte(token: &str) -> Option<u8> {
    let digits = token.strip_prefix("<0x")?.strip_suffix('>')?;
    (digits.len() == 2).then(|| u8::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::hex_byte;

    #[test]
    fn byte_tokens_are_two_hexadecimal_digits() {
        assert_eq!(hex_byte("<0x0A>"), Some(10));
        assert_eq!(hex_byte("<0xA>"), None);
        assert_eq!(hex_byte("<0xZZ>"), None);
        assert_eq!(hex_byte("<s>"), None);
    }
}
