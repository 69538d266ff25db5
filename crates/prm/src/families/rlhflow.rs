//! RLHFlow's process reward models: a chat in which every step is a user's turn and its mark the answer.
//!
//! The first turn is the question, a space and the first step. Steps are stripped of white space, and the
//! answer to every step before the last is `+`. The score of the last is p(+) / (p(+) + p(−)) where its
//! answer would begin. A child's text is its parent's, the mark, and more.
//!
//! # Which position
//!
//! Three readings of these models are in use. RLHFlow's own evaluation puts `+` after the last step too and
//! reads the third position from the end; there the last token closes the turn and the one before it is the
//! mark, so that this is the token before the mark. search-and-learn's batched code marks the places with a
//! word of its own and reads the token before: the same. compute-optimal-tts puts a reserved token in place of
//! each mark, which also changes what earlier marks say. This is the first reading, and the mark's place is
//! not counted from the end but found by writing the conversation with the one mark and with the other:
//! one token differs.
//!
//! Source: RLHFlow's [math-rm/prm_evaluate.py](https://github.com/RLHFlow/RLHF-Reward-Modeling), function
//! `select_sample`.

use espalier_core::{ChatFormat, ModelError, Path, Reader, Role, TokenId, Turn};

use super::Family;
use crate::{
    Bounds, WrongFamily,
    layout::{Encode, Layout, lost},
    readout::Readout,
    sequences::common,
};

const FAMILY: &str = "rlhflow";
const GOOD: &str = "+";
const BAD: &str = "-";

/// Reads a model of this family, with its own chat format.
///
/// # Errors
///
/// [`WrongFamily`] where a mark in the chat format is not one token of its own.
pub fn rlhflow(
    reader: &impl Reader,
    chat: Box<dyn ChatFormat>,
    bounds: Bounds,
) -> Result<Family, WrongFamily> {
    let encode = |text: &str| reader.encode(text).map_err(WrongFamily::text(FAMILY));
    let write = |mark: &str| {
        let turns = [Turn::new(Role::User, "x"), Turn::new(Role::Assistant, mark)];
        encode(&chat.write(&turns).map_err(WrongFamily::text(FAMILY))?)
    };
    // The evaluation's own way to find the candidates.
    let (good, bad) = (encode(GOOD)?.last().copied(), encode(BAD)?.last().copied());
    let (one, other) = (write(GOOD)?, write(BAD)?);
    let at = common(&one, &other);
    let marks = (one.get(at).copied(), other.get(at).copied());
    let rest = (one.get(at + 1..), other.get(at + 1..));
    let ((Some(good), Some(bad)), (Some(after), Some(same))) = ((good, bad), rest) else {
        return Err(WrongFamily::Joined { family: FAMILY, mark: GOOD });
    };
    if at == 0 || good == bad || marks != (Some(good), Some(bad)) || after != same {
        return Err(WrongFamily::Joined { family: FAMILY, mark: GOOD });
    }
    let layout = Box::new(Rlhflow { chat, good, after: after.len() });
    Ok(Family::new(layout, Readout::Marks { good, bad }, bounds))
}

#[derive(Debug)]
struct Rlhflow {
    chat: Box<dyn ChatFormat>,
    good: TokenId,
    /// Tokens after a mark at the end of a conversation.
    after: usize,
}

impl Layout for Rlhflow {
    fn sequence(&self, path: &Path, encode: Encode<'_>) -> Result<Vec<TokenId>, ModelError> {
        let mut turns = Vec::with_capacity(2 * path.steps.len());
        for (index, step) in path.steps.iter().enumerate() {
            let step = step.text.trim();
            let asked = match index {
                0 => format!("{} {step}", path.prompt.problem),
                _ => step.to_owned(),
            };
            turns.push(Turn::new(Role::User, asked));
            turns.push(Turn::new(Role::Assistant, GOOD));
        }
        let mut ids = encode(&self.chat.write(&turns)?)?.to_vec();
        let at = ids.len().checked_sub(self.after + 1).filter(|&at| ids[at] == self.good);
        ids.truncate(at.ok_or_else(|| lost(GOOD))?);
        Ok(ids)
    }
}
