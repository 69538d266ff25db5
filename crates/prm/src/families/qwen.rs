//! Qwen2.5-Math-PRM: a mark ends every step, and a head of two classes reads it.
//!
//! The text is a chat: the system's instruction, the question, and the steps as the answer, each ended by
//! `<extra_0>`. A score is the probability of the second class at the step's mark. The marks of earlier
//! steps stay, so a child's text is its parent's and more.
//!
//! Source: Zhang et al. 2025, <https://arxiv.org/abs/2501.07301>; the format is that of the authors'
//! [model card](https://huggingface.co/Qwen/Qwen2.5-Math-PRM-7B).

use espalier_core::{ChatFormat, ModelError, Path, Reader, Role, TokenId, Turn};

use super::Family;
use crate::{
    Bounds, WrongFamily,
    layout::{Encode, Layout, lost},
    readout::{Readout, head},
};

const FAMILY: &str = "qwen";
const MARK: &str = "<extra_0>";
const SYSTEM: &str = "Please reason step by step, and put your final answer within \\boxed{}.";

/// Reads a model of this family, with its own chat format.
///
/// # Errors
///
/// [`WrongFamily`] where it has no head `score` of two outputs, or the mark is not one token.
pub fn qwen(
    reader: &impl Reader,
    chat: Box<dyn ChatFormat>,
    bounds: Bounds,
) -> Result<Family, WrongFamily> {
    let head = head(FAMILY, reader, "score", 2)?;
    let tokens = reader.encode(MARK).map_err(WrongFamily::text(FAMILY))?;
    let &[mark] = &tokens[..] else {
        let tokens = tokens.len();
        return Err(WrongFamily::Mark { family: FAMILY, mark: MARK, tokens, wanted: 1 });
    };
    Ok(Family::new(Box::new(Qwen { chat, mark }), Readout::Classes(head), bounds))
}

#[derive(Debug)]
struct Qwen {
    chat: Box<dyn ChatFormat>,
    mark: TokenId,
}

impl Layout for Qwen {
    fn sequence(&self, path: &Path, encode: Encode<'_>) -> Result<Vec<TokenId>, ModelError> {
        let marked = |text: &str| format!("{}{MARK}", text.trim_matches('\n'));
        let answer: String = path.steps.iter().map(|step| marked(&step.text)).collect();
        let text = self.chat.write(&[
            Turn::new(Role::System, SYSTEM),
            Turn::new(Role::User, path.prompt.problem.as_str()),
            Turn::new(Role::Assistant, answer),
        ])?;
        let mut ids = encode(&text)?.to_vec();
        let at = ids.iter().rposition(|id| *id == self.mark).ok_or_else(|| lost(MARK))?;
        ids.truncate(at + 1);
        Ok(ids)
    }
}
