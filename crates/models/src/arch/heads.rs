//! Heads of reward models: which a checkpoint has, by the names of its tensors.
//!
//! Three layouts are read, all of Hugging Face directories:
//!
//! - `score.weight`, with or without `score.bias`: transformers' `…ForSequenceClassification` and
//!   `…ForTokenClassification`;
//! - `score.0.*`, `ReLU`, `score.2.*`: Qwen's `Qwen2ForProcessRewardModel` and `Qwen2ForRewardModel`;
//! - `v_head.summary.*`: trl's value head, as in Skywork-o1-Open-PRM.
//!
//! Source: [transformers](https://github.com/huggingface/transformers), `modeling_layers.py`; the
//! `modeling_qwen2_rm.py` of [Qwen2.5-Math-PRM-7B](https://huggingface.co/Qwen/Qwen2.5-Math-PRM-7B);
//! [skywork-o1-prm-inference](https://github.com/SkyworkAI/skywork-o1-prm-inference), `prm_model.py`.

use super::{
    assembly::Assembly,
    stack::{Part, Rows},
};
use crate::{JsonFile, LoadError, WeightSource, nn::Head, read_shaped};

/// A head of two classes says bad or good, one of one output is a value.
const MOST_OUTPUTS: usize = 2;

/// Names of classes in `architectures` whose models have a head beside, or instead of, the vocabulary's.
const CLASSES: [&str; 4] = [
    "ForSequenceClassification",
    "ForTokenClassification",
    "ForProcessRewardModel",
    "ForRewardModel",
];

/// The weights of the three layouts' last layers, and the heads' names.
const LAYOUTS: [(&str, &str, Option<&str>); 3] = [
    ("score", "score", None),
    ("score", "score.2", Some("score.0")),
    ("v_head", "v_head.summary", None),
];

/// Returns true if and only if the checkpoint has the tensors of a head.
pub(crate) fn any(source: &dyn WeightSource) -> bool {
    LAYOUTS.iter().any(|(_, outer, _)| source.info(&weight(outer)).is_some())
}

/// Checks that a reward model has a head.
///
/// # Errors
///
/// [`LoadError::MissingTensor`] where `architectures` names a class of reward models and the checkpoint has
/// the tensors of none.
pub(crate) fn check(config: &JsonFile, source: &dyn WeightSource) -> Result<(), LoadError> {
    let named = config.get("architectures").and_then(|classes| classes.as_array());
    let mut names = named.into_iter().flatten().filter_map(|name| name.as_str());
    let reward = names.any(|name| CLASSES.iter().any(|class| name.ends_with(class)));
    if reward && !any(source) {
        return Err(LoadError::MissingTensor {
            path: source.path().to_owned(),
            tensor: weight("score"),
        });
    }
    Ok(())
}

impl Assembly<'_> {
    /// The heads of the checkpoint.
    ///
    /// # Errors
    ///
    /// [`LoadError`] naming the tensor that is missing or of the wrong shape.
    pub(super) fn heads(&self) -> Result<Vec<Head>, LoadError> {
        let (source, hidden) = (self.source, self.config.hidden);
        let present = LAYOUTS.iter().filter(|(_, outer, _)| source.info(&weight(outer)).is_some());
        let head = |&(name, outer, inner): &(&str, &str, Option<&str>)| {
            let layer = |name: &str, outputs: usize| {
                let bias = format!("{name}.bias");
                let bias = source.info(&bias).map(|_| read_shaped(source, &bias, &[outputs]));
                let part = Part { name: weight(name), outputs, rows: Rows::AsWanted };
                self.linear(hidden, &[part], bias.transpose()?)
            };
            let outputs = outputs(source, &weight(outer), hidden)?;
            Ok(Head {
                name: name.to_owned(),
                inner: inner.map(|inner| layer(inner, hidden)).transpose()?,
                outer: layer(outer, outputs)?,
                outputs,
            })
        };
        present.map(head).collect()
    }
}

/// The number of outputs, which is the first dimension of a weight.
fn outputs(source: &dyn WeightSource, weight: &str, hidden: usize) -> Result<usize, LoadError> {
    let found = source.info(weight).map(|info| info.shape).unwrap_or_default();
    match found[..] {
        [outputs @ 1..=MOST_OUTPUTS, inputs] if inputs == hidden => Ok(outputs),
        _ => Err(LoadError::Head { tensor: weight.to_owned(), hidden, found }),
    }
}

fn weight(layer: &str) -> String {
    format!("{layer}.weight")
}
