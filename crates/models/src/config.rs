//! Model configurations: a decoder's shape, read from either checkpoint format.

use serde::Serialize;
use serde_json::Value;

use crate::{GgufFile, JsonFile, LoadError, WeightSource, kv::KvPrecision, nn::RopeScaling};

/// Which assembly a checkpoint needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
    /// Llama 1 to 3, SmolLM2, TinyLlama and others of the same shape.
    Llama,
    /// Mistral.
    Mistral,
    /// Qwen2 and Qwen2.5.
    Qwen2,
}

impl Architecture {
    const SUPPORTED: &'static str = "llama, mistral, qwen2";

    /// Its name in GGUF keys and in `model_type`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Mistral => "mistral",
            Self::Qwen2 => "qwen2",
        }
    }

    fn named(name: &str, path: &std::path::Path) -> Result<Self, LoadError> {
        match name {
            "llama" => Ok(Self::Llama),
            "mistral" => Ok(Self::Mistral),
            "qwen2" => Ok(Self::Qwen2),
            other => Err(LoadError::UnsupportedArchitecture {
                path: path.to_owned(),
                name: other.to_owned(),
                supported: Self::SUPPORTED.to_owned(),
            }),
        }
    }
}

/// A decoder's shape.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelConfig {
    /// Which assembly it needs.
    pub architecture: Architecture,
    /// Hidden size, `E`.
    pub hidden: usize,
    /// Feed-forward size, `F`.
    pub intermediate: usize,
    /// Layers, `L`.
    pub layers: usize,
    /// Query heads, `H`.
    pub heads: usize,
    /// Key/value heads, `K`; divides `heads`.
    pub kv_heads: usize,
    /// Head size, `D`; even.
    pub head_dim: usize,
    /// Vocabulary, `V`: rows of the embedding.
    pub vocab: usize,
    /// Tokens a sequence can hold: no more than a sliding window, where there is one.
    pub context: usize,
    /// ε of the norms.
    pub norm_epsilon: f32,
    /// θ of the rotary embedding.
    pub rope_theta: f64,
    /// Scaling of the rotary embedding.
    #[serde(skip)]
    pub rope_scaling: RopeScaling,
    /// Whether the output head is the embedding.
    pub tied: bool,
}

impl ModelConfig {
    /// From a Hugging Face `config.json`.
    ///
    /// # Errors
    ///
    /// [`LoadError::Config`] naming the key that is missing, contradictory or asks for what is not
    /// implemented; [`LoadError::UnsupportedArchitecture`].
    pub fn from_json(file: &JsonFile) -> Result<Self, LoadError> {
        let architecture = Architecture::named(
            file.get("model_type").and_then(Value::as_str).unwrap_or_default(),
            file.path(),
        )?;
        let heads = count(file, "num_attention_heads")?;
        let hidden = count(file, "hidden_size")?;
        let or = |key: &str, default: usize| {
            if file.get(key).is_some() { count(file, key) } else { Ok(default) }
        };
        let activation = file.get("hidden_act").and_then(Value::as_str).unwrap_or("silu");
        if activation != "silu" {
            let reason = format!("must be `silu`, but is: `{activation}`");
            return Err(file.wrong("hidden_act", reason));
        }
        for key in ["mlp_bias", "use_sliding_window"] {
            if file.get(key).and_then(Value::as_bool) == Some(true) {
                return Err(file.wrong(key, "is true, which is not implemented"));
            }
        }
        let window = match architecture {
            Architecture::Mistral => or("sliding_window", usize::MAX)?,
            Architecture::Llama | Architecture::Qwen2 => usize::MAX,
        };
        let (rope_theta, rope_scaling) = rope_of_json(file)?;
        let epsilon = file.get("rms_norm_eps").map_or(Some(1e-6), Value::as_f64);
        let config = Self {
            architecture,
            hidden,
            heads,
            intermediate: count(file, "intermediate_size")?,
            layers: count(file, "num_hidden_layers")?,
            kv_heads: or("num_key_value_heads", heads)?,
            head_dim: or("head_dim", hidden / heads.max(1))?,
            vocab: count(file, "vocab_size")?,
            context: count(file, "max_position_embeddings")?.min(window),
            norm_epsilon: epsilon.ok_or_else(|| file.wrong("rms_norm_eps", "must be a number"))?
                as f32,
            rope_theta,
            rope_scaling,
            tied: file.get("tie_word_embeddings").and_then(Value::as_bool).unwrap_or(false),
        };
        config.check().map_err(|(key, reason)| file.wrong(key, reason))?;
        Ok(config)
    }

    /// From a GGUF file's metadata.
    ///
    /// # Errors
    ///
    /// As [`from_json`](Self::from_json).
    pub fn from_gguf(file: &GgufFile) -> Result<Self, LoadError> {
        let architecture = Architecture::named(file.architecture()?, file.path())?;
        let key = |name: &str| format!("{}.{name}", architecture.name());
        let heads: usize = file.require(&key("attention.head_count"))?;
        let hidden: usize = file.require(&key("embedding_length"))?;
        let head_dim: usize = file
            .optional(&key("attention.key_length"))?
            .unwrap_or_else(|| hidden.checked_div(heads).unwrap_or(0));
        let embedding = file.info("token_embd.weight").ok_or_else(|| LoadError::MissingTensor {
            path: file.path().to_owned(),
            tensor: "token_embd.weight".to_owned(),
        })?;
        let scaling = match file.optional::<&str>(&key("rope.scaling.type"))?.unwrap_or("none") {
            "none" => RopeScaling::None,
            "linear" => RopeScaling::Linear(file.require(&key("rope.scaling.factor"))?),
            other => {
                let reason = format!("must be `none` or `linear`, but is: `{other}`");
                return Err(LoadError::config(file.path(), &key("rope.scaling.type"), reason));
            }
        };
        let rope_scaling = match file.info("rope_freqs.weight") {
            Some(_) => RopeScaling::Divisors(crate::read_shaped(
                file,
                "rope_freqs.weight",
                &[head_dim / 2],
            )?),
            None => scaling,
        };
        let config = Self {
            architecture,
            hidden,
            heads,
            intermediate: file.require(&key("feed_forward_length"))?,
            layers: file.require(&key("block_count"))?,
            kv_heads: file.optional(&key("attention.head_count_kv"))?.unwrap_or(heads),
            head_dim,
            vocab: embedding.shape.first().copied().unwrap_or(0),
            context: file.require(&key("context_length"))?,
            norm_epsilon: file.require(&key("attention.layer_norm_rms_epsilon"))?,
            rope_theta: f64::from(file.optional::<f32>(&key("rope.freq_base"))?.unwrap_or(1e4)),
            rope_scaling,
            tied: file.info("output.weight").is_none(),
        };
        config.check().map_err(|(name, reason)| LoadError::config(file.path(), name, reason))?;
        Ok(config)
    }

    /// The first key whose value contradicts the others.
    fn check(&self) -> Result<(), (&'static str, String)> {
        let positive = [
            ("hidden_size", self.hidden),
            ("intermediate_size", self.intermediate),
            ("num_hidden_layers", self.layers),
            ("num_attention_heads", self.heads),
            ("num_key_value_heads", self.kv_heads),
            ("head_dim", self.head_dim),
            ("vocab_size", self.vocab),
            ("max_position_embeddings", self.context),
        ];
        if let Some((key, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return Err((key, "must be positive, but is 0".to_owned()));
        }
        if let Some((key, value)) = positive.iter().find(|(_, value)| *value > 1 << 28) {
            return Err((key, format!("is out of range: {value}")));
        }
        if !self.heads.is_multiple_of(self.kv_heads) {
            let reason = format!("must divide {} attention heads: {}", self.heads, self.kv_heads);
            return Err(("num_key_value_heads", reason));
        }
        if !self.head_dim.is_multiple_of(2) {
            return Err(("head_dim", format!("must be even for rotation: {}", self.head_dim)));
        }
        Ok(())
    }

    /// Bytes of keys and values one token holds.
    #[must_use]
    pub fn kv_bytes_per_token(&self, kv: KvPrecision) -> u64 {
        (2 * self.layers * self.kv_heads * self.head_dim * kv.bytes()) as u64
    }
}

fn count(file: &JsonFile, key: &str) -> Result<usize, LoadError> {
    let value = file.get(key).ok_or_else(|| file.wrong(key, "is missing"))?;
    let found = value.as_u64().and_then(|value| usize::try_from(value).ok());
    found.ok_or_else(|| file.wrong(key, format!("must be a whole number, but is: `{value}`")))
}

/// θ and scaling, in the layout of transformers 4 (`rope_theta`, `rope_scaling`) or 5
/// (`rope_parameters`).
fn rope_of_json(file: &JsonFile) -> Result<(f64, RopeScaling), LoadError> {
    let nested = file.get("rope_parameters");
    let key = if nested.is_some() { "rope_parameters" } else { "rope_scaling" };
    let scaling = nested.or_else(|| file.get("rope_scaling"));
    let theta = nested
        .and_then(|rope| rope.get("rope_theta"))
        .or_else(|| file.get("rope_theta"))
        .map_or(Some(1e4), Value::as_f64)
        .filter(|theta| *theta > 0.0)
        .ok_or_else(|| file.wrong("rope_theta", "must be a positive number"))?;
    let Some(scaling) = scaling else { return Ok((theta, RopeScaling::None)) };
    let kind = scaling.get("rope_type").or_else(|| scaling.get("type")).and_then(Value::as_str);
    let number = |name: &str| {
        let value = scaling.get(name).and_then(Value::as_f64).filter(|value| *value > 0.0);
        value
            .map(|value| value as f32)
            .ok_or_else(|| file.wrong(key, format!("needs a positive number `{name}`")))
    };
    let scaling = match kind.unwrap_or("default") {
        "default" => RopeScaling::None,
        "linear" => RopeScaling::Linear(number("factor")?),
        "llama3" => RopeScaling::Llama3 {
            factor: number("factor")?,
            low_freq_factor: number("low_freq_factor")?,
            high_freq_factor: number("high_freq_factor")?,
            original_context: number("original_max_position_embeddings")?,
        },
        other => {
            let reason = format!("has a type that is not implemented: `{other}`");
            return Err(file.wrong(key, reason));
        }
    };
    Ok((theta, scaling))
}
