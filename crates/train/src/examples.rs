//! Examples: training files, one JSON object a line.

use std::fs;
use std::path::Path;

use espalier_core::TokenId;
use espalier_models::Tokenizer;
use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::sequence::{Marks, Sequence};

/// A supervised example: what to say after a prompt. It has either a completion or alternatives.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Supervised {
    /// What stands before; not learned.
    pub prompt: String,
    /// What is learned, without the token that ends an answer, which is added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion: Option<String>,
    /// Several next steps or beginnings of steps, each as good as the others; nothing is learned of what
    /// follows them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<String>,
    /// How much each token of a completion counts, or of alternatives together; 1 where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<f32>,
}

/// A reward example: the steps of a solution, each labelled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Labelled {
    /// What stands before.
    pub prompt: String,
    /// The steps, each with its boundary.
    pub steps: Vec<String>,
    /// For each step the probability that it is good: 0 or 1, or between for soft labels.
    pub labels: Vec<f32>,
    /// Whether the last step, or each of several siblings, ends the answer; the end-of-sequence token is
    /// then added to it.
    #[serde(default)]
    pub ended: bool,
    /// How the steps stand to one another.
    #[serde(default)]
    pub arrangement: Arrangement,
}

/// How the steps of an example stand to one another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrangement {
    /// Each follows the one before.
    #[default]
    Path,
    /// Each follows the prompt.
    Siblings,
}

/// A kind of example: how a row becomes a sequence.
pub trait Example: for<'de> Deserialize<'de> {
    /// The row as token ids; the problem where it makes no sense.
    ///
    /// # Errors
    ///
    /// What is wrong with the row, in words.
    fn sequence(&self, tokenizer: &Tokenizer, marks: Option<Marks>) -> Result<Sequence, String>;
}

impl Example for Supervised {
    fn sequence(&self, tokenizer: &Tokenizer, _: Option<Marks>) -> Result<Sequence, String> {
        let prompt = encode(tokenizer, &self.prompt)?;
        let weight = self.weight.unwrap_or(1.0);
        if !(weight.is_finite() && weight > 0.0) {
            return Err(format!("`weight` is {weight}; it must be a positive number"));
        }
        match (&self.completion, &self.alternatives[..]) {
            (Some(text), []) if !text.is_empty() => {
                let mut completion = encode(tokenizer, text)?;
                completion.push(end(tokenizer)?);
                Ok(Sequence::completion(&prompt, &completion).weighted(weight))
            }
            (None, [_, ..]) if prompt.is_empty() => {
                Err("alternatives need a `prompt`, after which they begin".to_owned())
            }
            (None, steps @ [_, ..]) if steps.iter().all(|step| !step.is_empty()) => {
                let steps = steps.iter().map(|step| encode(tokenizer, step));
                let steps = steps.collect::<Result<Vec<_>, _>>()?;
                Ok(Sequence::alternatives(&prompt, &steps).weighted(weight))
            }
            _ => Err("it needs a `completion` or `alternatives`, one of the two, that say \
                 something"
                .to_owned()),
        }
    }
}

impl Example for Labelled {
    fn sequence(&self, tokenizer: &Tokenizer, marks: Option<Marks>) -> Result<Sequence, String> {
        let marks = marks.ok_or_else(|| "labels need the two marks".to_owned())?;
        if self.steps.is_empty() || self.steps.len() != self.labels.len() {
            let (steps, labels) = (self.steps.len(), self.labels.len());
            return Err(format!("{steps} steps need as many labels, at least 1, not {labels}"));
        }
        if let Some(label) = self.labels.iter().find(|label| !(0.0..=1.0).contains(*label)) {
            return Err(format!("label `{label}` is out of range: it is a probability, 0 to 1"));
        }
        let mut steps = Vec::with_capacity(self.steps.len());
        for (text, label) in self.steps.iter().zip(&self.labels) {
            if text.is_empty() {
                return Err("a step is empty".to_owned());
            }
            steps.push((encode(tokenizer, text)?, *label));
        }
        let first_ended = match (self.ended, self.arrangement) {
            (false, _) => steps.len(),
            (true, Arrangement::Path) => steps.len() - 1,
            (true, Arrangement::Siblings) => 0,
        };
        for (step, _) in &mut steps[first_ended..] {
            step.push(end(tokenizer)?);
        }
        let prompt = encode(tokenizer, &self.prompt)?;
        Ok(match self.arrangement {
            Arrangement::Path => Sequence::marked(&prompt, &steps, marks),
            Arrangement::Siblings => Sequence::siblings(&prompt, &steps, marks),
        })
    }
}

pub(crate) fn encode(tokenizer: &Tokenizer, text: &str) -> Result<Vec<TokenId>, String> {
    tokenizer.encode(text).map_err(|error| error.to_string())
}

pub(crate) fn end(tokenizer: &Tokenizer) -> Result<TokenId, String> {
    let first = tokenizer.eos().first().copied();
    first.ok_or_else(|| "the tokenizer has no token that ends an answer".to_owned())
}

/// Reads a training file.
///
/// `longest` is the most tokens an example may have: a row of a batch, and the network's context.
///
/// # Errors
///
/// [`TrainError::Row`] names the first line that is not an example, before anything is computed.
pub fn read<E: Example>(
    path: &Path,
    tokenizer: &Tokenizer,
    marks: Option<Marks>,
    longest: usize,
) -> Result<Vec<Sequence>, TrainError> {
    let text = fs::read_to_string(path).map_err(|error| TrainError::read(path, error))?;
    let mut sequences = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let wrong =
            |problem: String| TrainError::Row { path: path.to_owned(), line: index + 1, problem };
        let example: E = serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?;
        let sequence = example.sequence(tokenizer, marks).map_err(wrong)?;
        let len = sequence.tokens.len();
        if len > longest {
            return Err(wrong(format!(
                "the example has {len} tokens, a row of a batch {longest}; raise `width` or leave it out"
            )));
        }
        sequences.push(sequence);
    }
    if sequences.is_empty() {
        return Err(TrainError::Empty { path: path.to_owned() });
    }
    Ok(sequences)
}

/// Writes examples, one JSON object a line.
///
/// # Errors
///
/// [`TrainError::Write`] where the disk refuses.
pub fn write<E: Serialize>(path: &Path, examples: &[E]) -> Result<(), TrainError> {
    let mut text = Vec::new();
    for example in examples {
        serde_json::to_writer(&mut text, example)
            .map_err(|error| TrainError::write(path, error.into()))?;
        text.push(b'\n');
    }
    crate::export::write_whole(path, &text)
}
