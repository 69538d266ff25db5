//! Export: a network as a Hugging Face directory, which the runtime and transformers load.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Tensor;
use espalier_models::{Architecture, ModelConfig};
use half::f16;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};

use crate::error::TrainError;
use crate::net::Net;

/// The file that says that a model is a process reward model, and how it marks steps.
pub const PRM: &str = "prm.json";

/// The contents of [`PRM`]: the tokens with which it marks good and bad steps after their last token.
#[must_use]
pub fn prm_json(good: &str, bad: &str) -> Value {
    json!({ "family": "step-marks", "good": good, "bad": bad })
}

/// How weights are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// Exactly as trained.
    F32,
    /// Rounded to half precision.
    F16,
}

/// Named tensors, row by row, with their shapes.
pub type Named = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// The network's tensors under their Hugging Face names.
#[must_use]
pub fn tensors(net: &Net, config: &ModelConfig) -> Named {
    let mut named = Named::new();
    let mut put = |name: String, shape: Vec<usize>, values: Vec<f32>| {
        named.insert(name, (shape, values));
    };
    let (hidden, vocab) = (config.hidden, config.vocab);
    put("model.embed_tokens.weight".into(), vec![vocab, hidden], values(net.embedding.val()));
    put("model.norm.weight".into(), vec![hidden], values(net.norm.val()));
    if let Some(head) = &net.head {
        put("lm_head.weight".into(), vec![vocab, hidden], values(head.val()));
    }
    for (layer, block) in net.blocks.iter().enumerate() {
        let name = |part: &str, kind: &str| format!("model.layers.{layer}.{part}.{kind}");
        let norm = |part: &str| name(part, "weight");
        put(norm("input_layernorm"), vec![hidden], values(block.attention_norm.val()));
        put(norm("post_attention_layernorm"), vec![hidden], values(block.mlp_norm.val()));
        let dim = config.head_dim;
        let (query, key) = (config.heads * dim, config.kv_heads * dim);
        let qkv = [("q_proj", query), ("k_proj", key), ("v_proj", key)];
        let mut at = 0;
        let (weight, bias) = (&block.attention.qkv.val(), block.attention.bias.as_ref());
        for (part, rows) in qkv {
            let part = format!("self_attn.{part}");
            let rows_of = weight.clone().narrow(0, at, rows);
            put(name(&part, "weight"), vec![rows, hidden], values(rows_of));
            if let Some(bias) = bias {
                put(name(&part, "bias"), vec![rows], values(bias.val().narrow(0, at, rows)));
            }
            at += rows;
        }
        let output = values(block.attention.output.val());
        put(name("self_attn.o_proj", "weight"), vec![hidden, query], output);
        let inner = config.intermediate;
        let both = block.gate_up.val();
        for (part, start) in [("gate_proj", 0), ("up_proj", inner)] {
            let rows = values(both.clone().narrow(0, start, inner));
            put(name(&format!("mlp.{part}"), "weight"), vec![inner, hidden], rows);
        }
        put(name("mlp.down_proj", "weight"), vec![hidden, inner], values(block.down.val()));
    }
    named
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec::<f32>().expect("weights are f32")
}

/// Writes a directory with `config.json`, `model.safetensors` and the `files` given (a tokenizer).
///
/// Each file is written whole before it takes its name.
///
/// # Errors
///
/// [`TrainError::Write`] where the disk refuses.
pub fn write(
    dir: &Path,
    net: &Net,
    config: &ModelConfig,
    storage: Storage,
    files: &[(&str, Value)],
) -> Result<(), TrainError> {
    fs::create_dir_all(dir).map_err(|error| TrainError::write(dir, error))?;
    write_tensors(&dir.join("model.safetensors"), &tensors(net, config), storage)?;
    write_json(&dir.join("config.json"), &config_json(config, storage))?;
    files.iter().try_for_each(|(name, value)| write_json(&dir.join(name), value))
}

/// Writes named tensors as one safetensors file.
///
/// # Errors
///
/// [`TrainError::Write`] where the disk refuses.
///
/// # Panics
///
/// If a tensor has not as many values as its shape says.
pub fn write_tensors(path: &Path, named: &Named, storage: Storage) -> Result<(), TrainError> {
    let bytes: Vec<(&String, &Vec<usize>, Vec<u8>)> = named
        .iter()
        .map(|(name, (shape, values))| {
            let bytes = match storage {
                Storage::F32 => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
                Storage::F16 => {
                    values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect()
                }
            };
            (name, shape, bytes)
        })
        .collect();
    let dtype = match storage {
        Storage::F32 => Dtype::F32,
        Storage::F16 => Dtype::F16,
    };
    let views = bytes.iter().map(|(name, shape, bytes)| {
        let view = TensorView::new(dtype, (*shape).clone(), bytes);
        (name.as_str(), view.expect("a tensor has the values of its shape"))
    });
    let format = [("format".to_owned(), "pt".to_owned())].into_iter().collect();
    let file = safetensors::serialize(views, Some(format))
        .map_err(|error| TrainError::write(path, std::io::Error::other(error)))?;
    write_whole(path, &file)
}

/// Writes JSON, indented.
///
/// # Errors
///
/// [`TrainError::Write`] where the disk refuses.
pub fn write_json(path: &Path, value: &Value) -> Result<(), TrainError> {
    write_whole(path, format!("{value:#}\n").as_bytes())
}

/// Writes beside `path`, makes sure it is on the disk, then renames: whoever reads `path` sees the old
/// file or the new one, never a part.
///
/// # Errors
///
/// [`TrainError::Write`]; the old file is then as it was.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    let beside = PathBuf::from(format!("{}.new", path.display()));
    let write = || {
        use std::io::Write as _;
        let mut file = fs::File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().map_err(|error| {
        // What could not be finished is not left to fill the disk.
        drop(fs::remove_file(&beside));
        TrainError::write(path, error)
    })
}

/// The `config.json` of transformers.
#[must_use]
pub fn config_json(config: &ModelConfig, storage: Storage) -> Value {
    let architecture = match config.architecture {
        Architecture::Llama => "LlamaForCausalLM",
        Architecture::Mistral => "MistralForCausalLM",
        Architecture::Qwen2 => "Qwen2ForCausalLM",
    };
    json!({
        "architectures": [architecture],
        "model_type": config.architecture.name(),
        "hidden_act": "silu",
        "hidden_size": config.hidden,
        "intermediate_size": config.intermediate,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.kv_heads,
        "head_dim": config.head_dim,
        "vocab_size": config.vocab,
        "max_position_embeddings": config.context,
        "rms_norm_eps": f64::from(config.norm_epsilon),
        "rope_theta": config.rope_theta,
        "tie_word_embeddings": config.tied,
        "torch_dtype": match storage { Storage::F32 => "float32", Storage::F16 => "float16" },
    })
}
