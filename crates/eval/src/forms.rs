//! Forms: the prompts by which strategies propose, judge, revise and merge, for every dataset.
//!
//! Each begins with the task as the dataset puts it, so that a model computes that once for all of them;
//! what varies goes last. Replies are read strictly: what cannot be read is no judgement.

mod judge;
mod rewrite;

use std::num::NonZeroU32;
use std::sync::Arc;

use espalier_core::{
    Finish, Form, FormId, Forms, ModelError, Path, Policy, Proposed, Proposing, Query, Step, Stops,
    TokenId, Tokens, Until, form,
};

pub use rewrite::SHOWN;

use crate::dataset::DatasetKind;
use crate::extract::{Rule, extract};
use crate::prompt;

/// Asks for a value.
pub const VALUE: FormId = FormId(1);
/// Asks for a vote.
pub const VOTE: FormId = FormId(2);
/// Asks for several steps.
pub const PROPOSE: FormId = FormId(3);
/// Asks for a revision.
pub const REVISE: FormId = FormId(4);
/// Asks to merge answers.
pub const MERGE: FormId = FormId(5);
/// Asks for one next step.
pub const NEXT: FormId = FormId(6);

/// Turns what a user says into what a model reads: a chat template, or none.
pub type Render = Arc<dyn Fn(&str) -> Result<String, ModelError> + Send + Sync>;

/// How a model is asked about a task.
#[derive(Clone)]
pub struct Asking {
    /// The layout of the questions.
    pub kind: DatasetKind,
    /// What makes a prompt of a message.
    pub render: Render,
    /// The tokens with which every prompt begins.
    pub begin: Vec<TokenId>,
    /// Tokens of a reply, at most.
    pub max_tokens: NonZeroU32,
    /// Steps taken from one proposal, at most.
    pub most: NonZeroU32,
}

impl std::fmt::Debug for Asking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asking").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl Asking {
    /// All forms, by the ids of this module.
    #[must_use]
    pub fn forms(self) -> Forms {
        let this = Arc::new(self);
        let mut forms = Forms::default();
        let ids = [
            forms.add(Form::Value(Arc::new(judge::Value(Arc::clone(&this))))),
            forms.add(Form::Vote(Arc::new(judge::Vote(Arc::clone(&this))))),
            forms.add(Form::Propose(Arc::new(Propose(Arc::clone(&this))))),
            forms.add(Form::Revise(Arc::new(rewrite::Revise(Arc::clone(&this))))),
            forms.add(Form::Merge(Arc::new(rewrite::Merge(Arc::clone(&this))))),
            forms.add(Form::Propose(Arc::new(Next(this)))),
        ];
        debug_assert_eq!(ids, [VALUE, VOTE, PROPOSE, REVISE, MERGE, NEXT]);
        forms
    }

    /// The task as the dataset puts it.
    fn task(&self, question: &str) -> String {
        prompt::chat(self.kind, question).into_iter().map(|turn| turn.content).collect()
    }

    fn query(&self, message: &str, policy: &dyn Policy) -> Result<Query, ModelError> {
        let text = (self.render)(message)?;
        let ids = policy.encode(&text)?;
        let begins = ids.starts_with(&self.begin);
        let begin = if begins { &[][..] } else { &self.begin };
        let tokens: Tokens = begin.iter().chain(ids.iter()).copied().collect();
        let stops = Arc::new(Stops::default());
        Ok(Query { tokens, until: Until::End, stops, max_tokens: self.max_tokens })
    }

    /// Whether a text holds an answer.
    fn answers(&self, text: &str) -> bool {
        extract(text, self.kind.form()).is_some_and(|found| found.rule != Rule::LastNumber)
    }
}

/// A path as a prompt shows it: each step on lines of its own, also where its text does not end one.
fn shown(path: &Path) -> String {
    let mut text = String::new();
    for step in &path.steps {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&step.text);
    }
    let text = text.trim();
    if text.is_empty() { "(nothing yet)".to_owned() } else { text.to_owned() }
}

/// Asks for several next steps, one a line.
struct Propose(Arc<Asking>);

impl Proposing for Propose {
    fn query(&self, path: &Path, policy: &dyn Policy) -> Result<Query, ModelError> {
        let (task, begun, most) = (self.0.task(&path.prompt.problem), shown(path), self.0.most);
        let message = format!(
            "{task}\n\n---\nThe solution so far:\n{begun}\n\nWrite up to {most} different next lines, any \
             of which could come next, each on a line of its own without numbering. If the solution so \
             far is complete but for the answer, write the answer line."
        );
        self.0.query(&message, policy)
    }

    fn most(&self) -> NonZeroU32 {
        self.0.most
    }

    fn read(&self, reply: &Step, policy: &dyn Policy) -> Vec<Proposed> {
        let proposed = |tokens: std::ops::Range<usize>| {
            let text = policy.decode(&reply.tokens[tokens.clone()]);
            let finish = if self.0.answers(&text) { Finish::Eos } else { Finish::Step };
            Proposed { tokens, finish }
        };
        let mut lines = form::lines(&reply.tokens, policy);
        if reply.finish == Finish::Length {
            lines.pop(); // the last line was cut
        }
        lines.into_iter().map(proposed).collect()
    }
}

/// Asks for one next step; the whole reply is the step.
struct Next(Arc<Asking>);

impl Proposing for Next {
    fn query(&self, path: &Path, policy: &dyn Policy) -> Result<Query, ModelError> {
        let (task, begun) = (self.0.task(&path.prompt.problem), shown(path));
        let message = format!(
            "{task}\n\n---\nThe solution so far:\n{begun}\n\nWrite the next step of the solution and \
             nothing else. If the solution so far is complete but for the answer, write the answer line."
        );
        self.0.query(&message, policy)
    }

    fn most(&self) -> NonZeroU32 {
        NonZeroU32::MIN
    }

    fn read(&self, reply: &Step, _: &dyn Policy) -> Vec<Proposed> {
        if reply.text.trim().is_empty() {
            return Vec::new();
        }
        let finish = if self.0.answers(&reply.text) { Finish::Eos } else { Finish::Step };
        vec![Proposed { tokens: 0..reply.tokens.len(), finish }]
    }
}

#[cfg(test)]
mod tests;
