//! Special tokens: which ids begin a text and which end an answer.

use std::path::Path;

use tokenizers::Tokenizer;

use crate::error::LoadError;
use crate::gguf::GgufFile;
use crate::json_file::JsonFile;

/// Names of tokens that end a turn or a text in the vocabularies of well-known models.
const ENDS: &[&str] = &[
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end|>",
    "<|end_of_text|>",
    "<|endoftext|>",
    "<|EOT|>",
    "<end_of_turn>",
    "<｜end▁of▁sentence｜>",
    "</s>",
];

/// The ids that begin a text and end an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpecialTokens {
    /// The token that begins a text, if the model has one.
    pub bos: Option<u32>,
    /// The tokens that end an answer, the end of a chat's turn included; ascending.
    pub eos: Vec<u32>,
    /// Whether the model expects `bos` before every text. A chat template that writes it itself
    /// is not prefixed with another.
    pub add_bos: bool,
}

impl SpecialTokens {
    /// Reads a GGUF file's special tokens.
    ///
    /// `adds_bos` is what models with this vocabulary do if the file does not say.
    pub(crate) fn from_gguf(
        file: &GgufFile,
        adds_bos: bool,
        tokenizer: &Tokenizer,
    ) -> Result<Self, LoadError> {
        let id = |key: &str| file.optional::<u32>(&format!("tokenizer.ggml.{key}"));
        let bos = id("bos_token_id")?;
        let mut eos = ends(tokenizer);
        for key in ["eos_token_id", "eot_token_id", "eom_token_id"] {
            eos.extend(id(key)?);
        }
        let add_bos = file.optional("tokenizer.ggml.add_bos_token")?.unwrap_or(adds_bos);
        Ok(Self::new(bos, eos, add_bos))
    }

    /// Reads the special tokens of a Hugging Face directory from `tokenizer_config.json`,
    /// `generation_config.json` and `config.json`, as far as they are there.
    ///
    /// `first` is the id that the tokenizer itself puts before a text.
    pub(crate) fn from_dir(
        dir: &Path,
        first: Option<u32>,
        tokenizer: &Tokenizer,
    ) -> Result<Self, LoadError> {
        let mut bos = None;
        let id_of = |name: &str| tokenizer.token_to_id(name);
        let mut eos = ends(tokenizer);
        let mut add_bos = None;
        if let Some(file) = JsonFile::open_optional(&dir.join("tokenizer_config.json"))? {
            bos = file.token("bos_token")?.and_then(id_of);
            eos.extend(file.token("eos_token")?.and_then(id_of));
            add_bos = file.get("add_bos_token").and_then(serde_json::Value::as_bool);
        }
        for name in ["generation_config.json", "config.json"] {
            if let Some(file) = JsonFile::open_optional(&dir.join(name))? {
                bos = bos.or(file.token_ids("bos_token_id")?.first().copied());
                eos.extend(file.token_ids("eos_token_id")?);
            }
        }
        let add_bos = add_bos.unwrap_or(bos.is_some() && bos == first);
        Ok(Self::new(bos, eos, add_bos))
    }

    fn new(bos: Option<u32>, mut eos: Vec<u32>, add_bos: bool) -> Self {
        eos.sort_unstable();
        eos.dedup();
        Self { bos, eos, add_bos: add_bos && bos.is_some() }
    }
}

/// The ids of the well-known names that are special tokens of the vocabulary.
fn ends(tokenizer: &Tokenizer) -> Vec<u32> {
    let added = tokenizer.get_added_vocabulary();
    let names = ENDS.iter().filter(|name| added.is_special_token(name));
    names.filter_map(|name| tokenizer.token_to_id(name)).collect()
}
