//! Collected examples: trajectories with tools, of which the policy's words alone are learned.
//!
//! A trajectory is learned as the policy read it. Its prompt is encoded as prompts are, with the token that begins a
//! text where the model has one; then come the very tokens of each segment, which the run wrote down. So nothing is
//! tokenized again that was sampled, and special tokens, which no text shows, are where they were. That needs the
//! policy's vocabulary: each segment's tokens must say its text, and the prompt must have as many tokens as it had.
//! Segments without tokens, such as are written by hand, are encoded each by itself, and the token that ends an answer
//! is added to the last where the policy speaks.

use espalier_core::TokenId;
use espalier_eval::{Segment, Trajectory, Voice};
use espalier_models::Tokenizer;
use serde::{Deserialize, Deserializer, de::Error};

use crate::examples::{Example, Supervised, encode, end};
use crate::sequence::{Marks, Sequence};

/// A line of a file for supervised fine-tuning.
#[derive(Debug, Clone, PartialEq)]
pub enum Lesson {
    /// A prompt and what to say after it.
    Supervised(Supervised),
    /// A trajectory that was collected from a run: a line with `segments`.
    Trajectory(Box<Trajectory>),
}

impl<'de> Deserialize<'de> for Lesson {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(reader)?;
        if value.get("segments").is_some() {
            serde_json::from_value(value).map(Self::Trajectory).map_err(D::Error::custom)
        } else {
            serde_json::from_value(value).map(Self::Supervised).map_err(D::Error::custom)
        }
    }
}

impl Example for Lesson {
    fn sequence(&self, tokenizer: &Tokenizer, marks: Option<Marks>) -> Result<Sequence, String> {
        match self {
            Self::Supervised(example) => example.sequence(tokenizer, marks),
            Self::Trajectory(example) => example.sequence(tokenizer, marks),
        }
    }
}

impl Example for Trajectory {
    fn sequence(&self, tokenizer: &Tokenizer, _: Option<Marks>) -> Result<Sequence, String> {
        let mut prompt = encode(tokenizer, &self.prompt)?;
        if let Some(bos) = tokenizer.bos().filter(|_| tokenizer.add_bos())
            && prompt.first() != Some(&bos)
        {
            prompt.insert(0, bos);
        }
        let exact = self.segments.iter().any(|segment| !segment.ids.is_empty());
        if exact && prompt.len() as u64 != self.tokens.prompt {
            return Err(format!(
                "`prompt` has {} tokens in this model's vocabulary, and the policy read {}; train a model with the \
                 policy's tokenizer, or leave out every `ids`",
                prompt.len(),
                self.tokens.prompt
            ));
        }
        let mut segments = Vec::with_capacity(self.segments.len());
        for (at, segment) in self.segments.iter().enumerate() {
            let ids = if segment.ids.is_empty() {
                encode(tokenizer, &segment.text)?
            } else {
                own_ids(segment, tokenizer, at)?
            };
            segments.push((segment.role, ids));
        }
        if let Some((Voice::Policy, last)) = segments.last_mut()
            && !exact
        {
            last.push(end(tokenizer)?);
        }
        let sequence = Sequence::interleaved(&prompt, &segments);
        if sequence.targets.is_empty() {
            return Err("it has no words of the policy's to learn".to_owned());
        }
        Ok(sequence)
    }
}

/// The tokens of a segment, which must say its text.
fn own_ids(segment: &Segment, tokenizer: &Tokenizer, at: usize) -> Result<Vec<TokenId>, String> {
    let known = segment.ids.iter().all(|id| (*id as usize) < tokenizer.vocab_size());
    let said = tokenizer.decode_text(&segment.ids);
    // A character that is cut at the segment's end is shown or held back; and some tokenizers show no space at
    // the beginning of a text.
    let bare = |text: &str| text.trim_start_matches(' ').trim_end_matches('\u{fffd}').to_owned();
    if known && bare(&said) == bare(&segment.text) {
        return Ok(segment.ids.clone());
    }
    Err(format!(
        "the `ids` of segment {} say `{}` in this model's vocabulary, and its `text` says `{}`; train a model with the \
         policy's tokenizer, or leave out every `ids`",
        at + 1,
        short(&said),
        short(&segment.text)
    ))
}

fn short(text: &str) -> String {
    const LONGEST: usize = 40;
    let start: String = text.chars().take(LONGEST).collect();
    if start.len() < text.len() { start + "…" } else { start }
}
