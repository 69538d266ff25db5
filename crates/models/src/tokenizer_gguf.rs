//! A GGUF tokenizer: a byte-pair tokenizer rebuilt from a GGUF file's metadata.

use std::path::Path;

use tokenizers::decoders::byte_level::ByteLevel;
use tokenizers::models::bpe::{BPE, Merges, Vocab};
use tokenizers::{AddedToken, Tokenizer};

use crate::error::LoadError;
use crate::gguf::GgufFile;
use crate::pre_tokenizer::PreTokenizer;
use crate::special_tokens::SpecialTokens;
use crate::weights::WeightSource;

/// Type of a token that is never shown: the end of a turn and the like.
const CONTROL: i32 = 3;
/// Type of a token that is matched as a whole before the text is cut.
const USER_DEFINED: i32 = 4;

/// A tokenizer, its special tokens, and the number of its ids.
pub(crate) type Rebuilt = (Tokenizer, SpecialTokens, usize);

/// Rebuilds the tokenizer of a GGUF file.
pub(crate) fn rebuild(file: &GgufFile) -> Result<Rebuilt, LoadError> {
    let wrong = |reason: String| LoadError::tokenizer(file.path(), reason);
    let model: &str = file.require("tokenizer.ggml.model")?;
    if model != "gpt2" {
        return Err(wrong(format!(
            "the vocabulary `{model}` is not read from GGUF, only byte-pair vocabularies (`gpt2`); \
             use the model's Hugging Face directory with its `tokenizer.json`"
        )));
    }
    let name: &str = file.require("tokenizer.ggml.pre")?;
    let pre = PreTokenizer::of(name).ok_or_else(|| {
        let known = PreTokenizer::known();
        wrong(format!("the pre-tokenizer `{name}` is not one of those known: {known}"))
    })?;
    let tokens: Vec<&str> = file.require("tokenizer.ggml.tokens")?;
    let merges: Vec<&str> = file.require("tokenizer.ggml.merges")?;
    let types: Vec<i32> = file.optional("tokenizer.ggml.token_type")?.unwrap_or_default();
    if !types.is_empty() && types.len() != tokens.len() {
        let reason = format!("must have {} elements, one a token", tokens.len());
        return Err(file.wrong_key("tokenizer.ggml.token_type", reason));
    }
    let mut tokenizer = build(&tokens, &merges, &pre, file.path())?;
    let added = types.iter().zip(&tokens).filter_map(|(kind, token)| match *kind {
        CONTROL => Some(AddedToken::from(*token, true).normalized(false)),
        USER_DEFINED => Some(AddedToken::from(*token, false).normalized(false)),
        _ => None,
    });
    tokenizer.add_tokens(added).map_err(|e| wrong(e.to_string()))?;
    let special = SpecialTokens::from_gguf(file, pre.adds_bos, &tokenizer)?;
    for id in special.eos.iter().chain(&special.bos) {
        if *id as usize >= tokens.len() {
            let count = tokens.len();
            return Err(wrong(format!("the special token {id} is not among its {count} tokens")));
        }
    }
    Ok((tokenizer, special, tokens.len()))
}

fn build(
    tokens: &[&str],
    merges: &[&str],
    pre: &PreTokenizer,
    path: &Path,
) -> Result<Tokenizer, LoadError> {
    let wrong = |reason: String| LoadError::tokenizer(path, reason);
    // Of two tokens with the same text the first is used, so it is inserted last.
    let vocab: Vocab = tokens
        .iter()
        .enumerate()
        .rev()
        .map(|(id, token)| ((*token).to_owned(), id as u32))
        .collect();
    let mut pairs: Merges = Vec::with_capacity(merges.len());
    for merge in merges {
        let Some((left, right)) = merge.split_once(' ') else {
            return Err(wrong(format!(
                "its merge `{merge}` is not two tokens with a space between"
            )));
        };
        let joined = format!("{left}{right}");
        if let Some(token) = [left, right, &joined].into_iter().find(|t| !vocab.contains_key(*t)) {
            return Err(wrong(format!("its merge `{merge}` needs the token `{token}`")));
        }
        pairs.push((left.to_owned(), right.to_owned()));
    }
    let model = BPE::builder()
        .vocab_and_merges(vocab, pairs)
        .ignore_merges(pre.ignore_merges)
        .build()
        .map_err(|e| wrong(e.to_string()))?;
    let mut tokenizer = Tokenizer::new(model);
    tokenizer.with_normalizer(pre.normalizer()).map_err(|e| wrong(e.to_string()))?;
    tokenizer.with_pre_tokenizer(Some(pre.build().map_err(|e| wrong(e.to_string()))?));
    tokenizer.with_decoder(Some(ByteLevel::default()));
    Ok(tokenizer)
}
