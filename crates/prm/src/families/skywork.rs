//! Skywork-o1-Open-PRM: every step ends with a newline, and a value head reads it.
//!
//! The text is the token that begins texts, the problem, a newline, and the steps, each ended by a newline.
//! Every line is encoded by itself. A score is the logistic function of the head at the step's last token,
//! which is the newline. A child's tokens are its parent's and more.
//!
//! Source: [skywork-o1-prm-inference](https://github.com/SkyworkAI/skywork-o1-prm-inference), `prepare_input`
//! and `PRM_MODEL`. Deviation: newlines around a step are left out, so that no score is read on an empty
//! line; a step of several lines has the score of its last.

use espalier_core::{ModelError, Path, Reader, TokenId};

use super::Family;
use crate::{
    Bounds, WrongFamily,
    layout::{Encode, Layout},
    readout::{Readout, head},
};

const FAMILY: &str = "skywork";
const MARK: &str = "\n";

/// Reads a model of this family. `begin` is the token that begins texts, whether its tokenizer puts it
/// there or not.
///
/// # Errors
///
/// [`WrongFamily`] where it has no head `v_head` of one output, or names no token that begins texts.
pub fn skywork(
    reader: &impl Reader,
    begin: Option<TokenId>,
    bounds: Bounds,
) -> Result<Family, WrongFamily> {
    let head = head(FAMILY, reader, "v_head", 1)?;
    let begin = begin.ok_or(WrongFamily::NoBeginning { family: FAMILY })?;
    // The last token of a newline, as the reference takes it.
    let newline = reader.encode(MARK).map_err(WrongFamily::text(FAMILY))?.last().copied();
    let newline =
        newline.ok_or(WrongFamily::Mark { family: FAMILY, mark: MARK, tokens: 0, wanted: 1 })?;
    Ok(Family::new(Box::new(Skywork { begin, newline }), Readout::Logit(head), bounds))
}

#[derive(Debug)]
struct Skywork {
    begin: TokenId,
    newline: TokenId,
}

impl Layout for Skywork {
    fn sequence(&self, path: &Path, encode: Encode<'_>) -> Result<Vec<TokenId>, ModelError> {
        let mut ids = vec![self.begin];
        ids.extend_from_slice(&encode(&format!("{}{MARK}", path.prompt.problem))?);
        for step in &path.steps {
            for line in step.text.trim_matches('\n').split('\n') {
                if !line.is_empty() {
                    ids.extend_from_slice(&encode(line)?);
                }
                ids.push(self.newline);
            }
        }
        Ok(ids)
    }
}
