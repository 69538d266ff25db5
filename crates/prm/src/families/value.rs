//! Value heads: process and outcome reward models whose head reads one number off the last token.
//!
//! With a chat format, the text is a conversation: the problem is the user's turn and the steps so far are
//! the assistant's. Its end moves with every step, so a child's text is not its parent's and more: what the
//! two have in common is read once, the rest again. Without, prompt and steps are read as the policy
//! sampled them, which both models' tokens must allow.
//!
//! The score is the head's number as it stands, and may be negative.
//!
//! Source: Cobbe et al. 2021, <https://arxiv.org/abs/2110.14168>, section 4.2 and appendix E (a scalar head,
//! which there is trained at every token); the text, and the last token as the place, are how transformers'
//! `…ForSequenceClassification` reward models are used, as by
//! [RewardBench](https://github.com/allenai/reward-bench).

use espalier_core::{ChatFormat, ModelError, Path, Reader, Role, TokenId, Turn};

use super::Family;
use crate::{
    Bounds, WrongFamily,
    layout::{Encode, Layout},
    readout::Readout,
    sequences::Sequences,
};

const FAMILY: &str = "value";

/// Reads a model of this family in its own chat format.
///
/// # Errors
///
/// [`WrongFamily::NoHead`] where it does not have just one head of one output.
pub fn value_of_chat(
    reader: &impl Reader,
    chat: Box<dyn ChatFormat>,
    bounds: Bounds,
) -> Result<Family, WrongFamily> {
    Ok(Family::new(Box::new(Conversation { chat }), readout(reader)?, bounds))
}

/// Reads a model of this family that has the policy's vocabulary, by the tokens the policy sampled.
///
/// # Errors
///
/// As [`value_of_chat`].
pub fn value_as_sampled(reader: &impl Reader) -> Result<Family, WrongFamily> {
    Ok(Family { sequences: Sequences::AsSampled, readout: readout(reader)? })
}

fn readout(reader: &impl Reader) -> Result<Readout, WrongFamily> {
    let heads = reader.heads();
    let mut values = heads.iter().filter(|head| head.outputs == 1);
    match (values.next(), values.next()) {
        (Some(head), None) => Ok(Readout::Value(head.clone())),
        _ => Err(WrongFamily::no_head(FAMILY, "score", 1, &heads)),
    }
}

#[derive(Debug)]
struct Conversation {
    chat: Box<dyn ChatFormat>,
}

impl Layout for Conversation {
    fn sequence(&self, path: &Path, encode: Encode<'_>) -> Result<Vec<TokenId>, ModelError> {
        let text = self.chat.write(&[
            Turn::new(Role::User, path.prompt.problem.as_str()),
            Turn::new(Role::Assistant, path.text().trim()),
        ])?;
        Ok(encode(&text)?.to_vec())
    }
}
