//! Sequences: the tokens a reward model reads for a path, and what is known of them beforehand.

use std::{num::NonZeroU32, sync::Arc};

use espalier_core::{Finish, ModelError, Path, Step, TokenId};

use crate::layout::{Encode, Layout};

/// Steps that differ in kind, one of which says nothing: what sequences have in common whichever of them
/// comes next stays as it is whatever comes next.
const PROBES: [&str; 4] = ["0", "x", "(", ""];

/// How long a step can become in the tokens of another model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The longest text that one of the policy's tokens stands for, in bytes: a tokenizer makes at most
    /// one token of each.
    pub longest: NonZeroU32,
    /// The tokens a sequence of the reward model can hold.
    pub context: NonZeroU32,
}

/// Which tokens are read for a path.
#[derive(Debug)]
pub(crate) enum Sequences {
    /// Prompt and steps as the policy sampled them: both models have one vocabulary.
    AsSampled,
    /// A text of the model's own, encoded anew.
    Laid {
        /// The text.
        layout: Box<dyn Layout>,
        /// How long it can become.
        bounds: Bounds,
    },
}

/// What is known of the sequence of a step that does not exist yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outlook {
    /// How it begins.
    pub(crate) sure: Vec<TokenId>,
    /// The most tokens it can have.
    pub(crate) most: u64,
}

impl Sequences {
    /// The tokens to read for a path.
    pub(crate) fn of(&self, path: &Path, encode: Encode<'_>) -> Result<Vec<TokenId>, ModelError> {
        match self {
            Self::AsSampled => Ok(path.tokens()),
            Self::Laid { layout, .. } => layout.sequence(path, encode),
        }
    }

    /// What is known of the sequence of a child of `parent` whose step has at most `max_tokens` of the
    /// policy's tokens.
    ///
    /// A text that is encoded anew may join the token before the first unknown one with what follows, and
    /// so compute it again; the probe's own token, which is counted in `most`, makes up for that.
    ///
    /// # Complexity
    ///
    /// Encodes the text once for each probe.
    pub(crate) fn outlook(
        &self,
        parent: &Path,
        max_tokens: u32,
        encode: Encode<'_>,
    ) -> Result<Outlook, ModelError> {
        let Self::Laid { layout, bounds } = self else {
            let sure = parent.tokens();
            let most = sure.len() as u64 + u64::from(max_tokens);
            return Ok(Outlook { sure, most });
        };
        let mut sequences = Vec::with_capacity(PROBES.len());
        for probe in PROBES {
            let mut path = parent.clone();
            path.steps.push(Arc::new(step(probe)));
            sequences.push(layout.sequence(&path, encode)?);
        }
        let longest = sequences.iter().map(Vec::len).max().unwrap_or(0) as u64;
        let mut sure = sequences.swap_remove(0);
        for other in &sequences {
            sure.truncate(common(&sure, other));
        }
        let grown = longest + u64::from(max_tokens) * u64::from(bounds.longest.get());
        let most = grown.min(u64::from(bounds.context.get())).max(sure.len() as u64);
        Ok(Outlook { sure, most })
    }
}

fn step(text: &str) -> Step {
    Step {
        tokens: [].into(),
        text: text.to_owned(),
        stats: Vec::new(),
        alternatives: Vec::new(),
        observed: None,
        finish: Finish::Step,
    }
}

/// Tokens at which two sequences begin alike.
pub(crate) fn common(one: &[TokenId], other: &[TokenId]) -> usize {
    one.iter().zip(other).take_while(|(a, b)| a == b).count()
}
