//! Forms: how an ask becomes a prompt, and what its reply says.
//!
//! A form is the user's: it knows a task's words and a model's chat template. Form 0 is none: it
//! continues a path as it stands. The others are numbered from 1 in the order they are given.

use std::{fmt, num::NonZeroU32, ops::Range, sync::Arc};

use crate::{Finish, FormId, ModelError, Path, Policy, Score, Step, Stops, TokenId, Tokens, Until};

/// A prompt, and how far its reply runs.
#[derive(Debug, Clone)]
pub struct Query {
    /// The whole prompt: neither the problem's nor a path's is put before it. Prompts that begin alike
    /// share what a model computes of them, so what varies goes last.
    pub tokens: Tokens,
    /// How far the reply goes.
    pub until: Until,
    /// Where it stops.
    pub stops: Arc<Stops>,
    /// The most tokens it may have.
    pub max_tokens: NonZeroU32,
}

/// One step of a reply that proposes several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposed {
    /// Which of the reply's tokens it consists of: at least one.
    pub tokens: Range<usize>,
    /// [`Finish::Eos`] where the step ends an answer, [`Finish::Step`] where the path goes on.
    pub finish: Finish,
}

/// Asks for several next steps in one prompt.
pub trait Proposing {
    /// The prompt that asks for steps to continue `path`.
    ///
    /// # Errors
    ///
    /// [`ModelError`] where the prompt cannot be made.
    fn query(&self, path: &Path, policy: &dyn Policy) -> Result<Query, ModelError>;

    /// The most steps taken from one reply; those after them are left out.
    fn most(&self) -> NonZeroU32;

    /// The steps in a reply, in order, none overlapping another.
    fn read(&self, reply: &Step, policy: &dyn Policy) -> Vec<Proposed>;
}

/// Asks what one path is worth.
pub trait Valuing {
    /// The prompt that asks for the value of the last step of `path`.
    ///
    /// # Errors
    ///
    /// [`ModelError`] where the prompt cannot be made.
    fn query(&self, path: &Path, policy: &dyn Policy) -> Result<Query, ModelError>;

    /// The value a reply gives; `None` where it gives none, which is never a value of 0.
    fn read(&self, reply: &Step) -> Option<Score>;
}

/// Asks which of several paths is the best.
pub trait Voting {
    /// The prompt that asks to choose among `paths`.
    ///
    /// # Errors
    ///
    /// [`ModelError`] where the prompt cannot be made.
    fn query(&self, paths: &[Path], policy: &dyn Policy) -> Result<Query, ModelError>;

    /// The position of the path that a reply chooses among so many; `None` where it chooses none.
    fn read(&self, reply: &Step, paths: usize) -> Option<usize>;
}

/// Asks for a better answer than the last.
pub trait Revising {
    /// The prompt that asks to revise the last of `attempts`, each of which revises the one before.
    ///
    /// # Errors
    ///
    /// [`ModelError`] where the prompt cannot be made.
    fn query(&self, attempts: &[Path], policy: &dyn Policy) -> Result<Query, ModelError>;
}

/// Asks to make one of several.
pub trait Merging {
    /// The prompt that asks to continue `parent` by what merges the last steps of `merged`.
    ///
    /// # Errors
    ///
    /// [`ModelError`] where the prompt cannot be made.
    fn query(
        &self,
        parent: &Path,
        merged: &[Path],
        policy: &dyn Policy,
    ) -> Result<Query, ModelError>;
}

/// A form for one kind of ask.
#[derive(Clone)]
pub enum Form {
    /// For [`Ask::Propose`](crate::Ask::Propose).
    Propose(Arc<dyn Proposing>),
    /// For [`Judgement::Value`](crate::Judgement::Value).
    Value(Arc<dyn Valuing>),
    /// For [`Judgement::Vote`](crate::Judgement::Vote).
    Vote(Arc<dyn Voting>),
    /// For [`Ask::Revise`](crate::Ask::Revise).
    Revise(Arc<dyn Revising>),
    /// For [`Ask::Merge`](crate::Ask::Merge).
    Merge(Arc<dyn Merging>),
}

impl Form {
    /// What it is a form for.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Propose(_) => "propose",
            Self::Value(_) => "value",
            Self::Vote(_) => "vote",
            Self::Revise(_) => "revise",
            Self::Merge(_) => "merge",
        }
    }
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The forms of a run, by id.
#[derive(Debug, Clone, Default)]
pub struct Forms(Vec<Form>);

impl Forms {
    /// Adds a form; strategies name it by this id.
    pub fn add(&mut self, form: Form) -> FormId {
        self.0.push(form);
        FormId(self.0.len() as u16)
    }

    /// The form with this id; `None` for [`FormId::CONTINUE`] and ids that were not given out.
    #[must_use]
    pub fn get(&self, id: FormId) -> Option<&Form> {
        self.0.get(id.index().checked_sub(1)?)
    }
}

/// The lines of a reply that hold more than white space, each with the tokens up to and with the one
/// that has its line break.
///
/// ```
/// use espalier_core::{Policy, Until, form, toy};
/// let letters = toy::Letters::new();
/// let tokens = letters.encode("ab\n\nc").unwrap();
/// assert_eq!(form::lines(&tokens, &letters), [0..3, 4..5]);
/// ```
#[must_use]
pub fn lines(tokens: &[TokenId], policy: &dyn Policy) -> Vec<Range<usize>> {
    let mut start = 0;
    let mut lines = Vec::new();
    for (index, &token) in tokens.iter().enumerate() {
        let end = index + 1;
        if end == tokens.len() || policy.decode(&[token]).contains('\n') {
            lines.push(start..end);
            start = end;
        }
    }
    lines.retain(|line| !policy.decode(&tokens[line.clone()]).trim().is_empty());
    lines
}
