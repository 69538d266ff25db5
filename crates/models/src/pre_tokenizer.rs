//! A pre-tokenizer: the expressions that cut a text into the words which byte-pair merges stay in.
//!
//! GGUF files name it in `tokenizer.ggml.pre` instead of spelling it out. The expressions are those
//! of the models' `tokenizer.json`.

use tokenizers::normalizers::NFC;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{NormalizerWrapper, PreTokenizerWrapper, SplitDelimiterBehavior};

/// Words of GPT-2: contractions, letters, digits or other characters after at most one space.
const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
/// One digit.
const DIGIT: &str = r"\p{N}";
/// Words of Llama 3: at most three digits, any character before letters.
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// Words of Qwen 2: as Llama 3 with single digits.
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// What a pre-tokenizer's name stands for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PreTokenizer {
    /// The names in GGUF files.
    names: &'static [&'static str],
    /// The expressions, applied one after the other: each match becomes a piece of its own.
    splits: &'static [&'static str],
    /// Whether texts are brought to Unicode normal form C first.
    nfc: bool,
    /// Whether a word that is in the vocabulary is one token, whatever the merges say.
    pub(crate) ignore_merges: bool,
    /// Whether models with this vocabulary begin texts with a token if the file does not say.
    pub(crate) adds_bos: bool,
}

const PLAIN: PreTokenizer =
    PreTokenizer { names: &[], splits: &[], nfc: false, ignore_merges: false, adds_bos: false };

const ALL: &[PreTokenizer] = &[
    PreTokenizer { names: &["gpt-2"], splits: &[GPT2], ..PLAIN },
    PreTokenizer { names: &["smollm"], splits: &[DIGIT, GPT2], ..PLAIN },
    PreTokenizer { names: &["qwen2", "deepseek-r1-qwen"], splits: &[QWEN2], nfc: true, ..PLAIN },
    PreTokenizer {
        names: &["llama-bpe", "llama3"],
        splits: &[LLAMA3],
        ignore_merges: true,
        adds_bos: true,
        ..PLAIN
    },
];

impl PreTokenizer {
    /// The pre-tokenizer of a name in `tokenizer.ggml.pre`.
    pub(crate) fn of(name: &str) -> Option<Self> {
        ALL.iter().find(|known| known.names.contains(&name)).copied()
    }

    /// The names that are known, separated by commas.
    pub(crate) fn known() -> String {
        let names: Vec<&str> = ALL.iter().flat_map(|known| known.names.iter().copied()).collect();
        names.join(", ")
    }

    /// How texts are normalized before they are cut.
    pub(crate) fn normalizer(&self) -> Option<NormalizerWrapper> {
        self.nfc.then(|| NFC.into())
    }

    /// The cuts, then the spelling in the byte alphabet.
    pub(crate) fn build(&self) -> tokenizers::Result<PreTokenizerWrapper> {
        let mut steps: Vec<PreTokenizerWrapper> = Vec::new();
        for expression in self.splits {
            let pattern = SplitPattern::Regex((*expression).to_owned());
            steps.push(Split::new(pattern, SplitDelimiterBehavior::Isolated, false)?.into());
        }
        steps.push(ByteLevel::new(false, true, false).into());
        Ok(Sequence::new(steps).into())
    }
}

#[cfg(test)]
mod tests {
    use tokenizers::{OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer as _};

    use super::*;

    fn pieces(name: &str, text: &str) -> Vec<String> {
        let mut pieces = PreTokenizedString::from(text);
        PreTokenizer::of(name).unwrap().build().unwrap().pre_tokenize(&mut pieces).unwrap();
        pieces
            .get_splits(OffsetReferential::Original, OffsetType::Byte)
            .iter()
            .map(|(piece, ..)| (*piece).to_owned())
            .collect()
    }

    #[test]
    fn every_known_expression_compiles() {
        for known in ALL {
            assert!(known.build().is_ok(), "{:?}", known.names);
        }
    }

    #[test]
    fn numbers_are_cut_as_the_name_says() {
        assert_eq!(pieces("gpt-2", "a 12345"), ["a", "Ġ12345"]);
        assert_eq!(pieces("smollm", "a 123"), ["a", "Ġ", "1", "2", "3"]);
        assert_eq!(pieces("qwen2", "a 123"), ["a", "Ġ", "1", "2", "3"]);
        assert_eq!(pieces("llama-bpe", "a 12345"), ["a", "Ġ", "123", "45"]);
    }

    #[test]
    fn line_ends_stay_with_punctuation_where_the_model_does_that() {
        assert_eq!(pieces("qwen2", "x;\n\ny"), ["x", ";ĊĊ", "y"]);
        assert_eq!(pieces("gpt-2", "x;\n\ny"), ["x", ";", "Ċ", "Ċ", "y"]);
    }
}
