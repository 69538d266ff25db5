//! Math-Shepherd: a mark ends every step, and the next token at it is `+` or `-`.
//!
//! The text is the question, a space, and the steps, each ended by ` ки` and parted by newlines. A score
//! is p(+) / (p(+) + p(−)) at the step's mark. The marks of earlier steps stay, so a child's text is its
//! parent's and more.
//!
//! Source: Wang et al. 2023, <https://arxiv.org/abs/2312.08935>; format and score are those of the authors'
//! [model card](https://huggingface.co/peiyi9979/math-shepherd-mistral-7b-prm). Deviation from
//! search-and-learn, which puts its policy's system prompt before the question: the card does not.

use espalier_core::{ModelError, Path, Reader, TokenId};

use super::Family;
use crate::{
    Bounds, WrongFamily,
    layout::{Encode, Layout, lost},
    readout::Readout,
};

const FAMILY: &str = "math-shepherd";
const MARK: &str = "ки";
const CANDIDATES: &str = "+ -";

/// Reads a model of this family. `begin` is the token that its tokenizer puts before every text, if it
/// does that.
///
/// # Errors
///
/// [`WrongFamily`] where the mark is not one token, or not one of its own before a newline, or the
/// candidates are not two.
pub fn math_shepherd(
    reader: &impl Reader,
    begin: Option<TokenId>,
    bounds: Bounds,
) -> Result<Family, WrongFamily> {
    let encode = |text: &str| reader.encode(text).map_err(WrongFamily::text(FAMILY));
    let &[mark] = &encode(MARK)?[..] else {
        let tokens = encode(MARK)?.len();
        return Err(WrongFamily::Mark { family: FAMILY, mark: MARK, tokens, wanted: 1 });
    };
    let (alone, followed) = (encode(&format!("x {MARK}"))?, encode(&format!("x {MARK}\nx"))?);
    if alone.last() != Some(&mark) || !followed.starts_with(&alone) {
        return Err(WrongFamily::Joined { family: FAMILY, mark: MARK });
    }
    // The card's own way to find the candidates.
    let candidates = encode(CANDIDATES)?;
    let &[good, bad] = &candidates[..] else {
        let tokens = candidates.len();
        return Err(WrongFamily::Mark { family: FAMILY, mark: CANDIDATES, tokens, wanted: 2 });
    };
    let layout = Box::new(MathShepherd { begin, mark });
    Ok(Family::new(layout, Readout::Marks { good, bad }, bounds))
}

#[derive(Debug)]
struct MathShepherd {
    begin: Option<TokenId>,
    mark: TokenId,
}

impl Layout for MathShepherd {
    fn sequence(&self, path: &Path, encode: Encode<'_>) -> Result<Vec<TokenId>, ModelError> {
        let marked = |text: &str| format!("{} {MARK}", text.trim_matches('\n'));
        let steps: Vec<String> = path.steps.iter().map(|step| marked(&step.text)).collect();
        let text = format!("{} {}", path.prompt.problem, steps.join("\n"));
        let ids: Vec<TokenId> =
            self.begin.into_iter().chain(encode(&text)?.iter().copied()).collect();
        if ids.last() == Some(&self.mark) { Ok(ids) } else { Err(lost(MARK)) }
    }
}
