//! Forms of the toy world: prompts of letters, and replies that are read letter by letter.

use std::{num::NonZeroU32, sync::Arc};

use espalier_core::{
    Finish, Form, FormId, Forms, Merging, ModelError, Path, Policy, Proposed, Proposing, Query,
    Revising, Score, Step, Stops, TokenId, Until, Valuing, Voting, toy,
};

pub(crate) const PROPOSE: FormId = FormId(1);
pub(crate) const VALUE: FormId = FormId(2);
pub(crate) const VOTE: FormId = FormId(3);
pub(crate) const REVISE: FormId = FormId(4);
pub(crate) const MERGE: FormId = FormId(5);

/// The forms, in the order of their ids.
pub(crate) fn all() -> Forms {
    let mut forms = Forms::default();
    let ids = [
        forms.add(Form::Propose(Arc::new(Letters))),
        forms.add(Form::Value(Arc::new(Letters))),
        forms.add(Form::Vote(Arc::new(Letters))),
        forms.add(Form::Revise(Arc::new(Letters))),
        forms.add(Form::Merge(Arc::new(Letters))),
    ];
    assert_eq!(ids, [PROPOSE, VALUE, VOTE, REVISE, MERGE]);
    forms
}

/// All of them.
pub(crate) struct Letters;

/// The most tokens of a reply.
pub(crate) const LONGEST: u32 = 12;
/// The most steps taken from one.
pub(crate) const MOST: u32 = 3;

fn query(tokens: &[TokenId], until: Until) -> Query {
    let max_tokens = NonZeroU32::new(LONGEST).expect("positive");
    Query { tokens: tokens.into(), until, stops: Arc::new(Stops::default()), max_tokens }
}

/// The head, which all prompts of a form share, then the problem and the steps.
fn headed(
    head: &str,
    paths: &[Path],
    until: Until,
    policy: &dyn Policy,
) -> Result<Query, ModelError> {
    let problem = paths.first().map_or("", |path| path.prompt.problem.as_str());
    let texts: Vec<String> = paths.iter().map(Path::text).collect();
    Ok(query(&policy.encode(&format!("{head}{problem};{}", texts.join(";")))?, until))
}

impl Proposing for Letters {
    fn query(&self, path: &Path, policy: &dyn Policy) -> Result<Query, ModelError> {
        headed("propose ", std::slice::from_ref(path), Until::End, policy)
    }

    fn most(&self) -> NonZeroU32 {
        NonZeroU32::new(MOST).expect("positive")
    }

    /// A step ends with `.` or `!`, or with the reply; those that begin with `c` are left out.
    fn read(&self, reply: &Step, _: &dyn Policy) -> Vec<Proposed> {
        let mut steps = Vec::new();
        let mut start = 0;
        for (index, &token) in reply.tokens.iter().enumerate() {
            let end = index + 1;
            if token == toy::BOUNDARY || token == toy::EOS || end == reply.tokens.len() {
                let finish = if token == toy::EOS { Finish::Eos } else { Finish::Step };
                steps.push(Proposed { tokens: start..end, finish });
                start = end;
            }
        }
        steps.retain(|step| reply.tokens[step.tokens.start] != TokenId::from(b'c'));
        steps
    }
}

impl Valuing for Letters {
    /// The path as it stands, and a question mark: it shares the path's KV.
    fn query(&self, path: &Path, policy: &dyn Policy) -> Result<Query, ModelError> {
        let tokens = [&path.tokens()[..], &policy.encode("?")?].concat();
        Ok(query(&tokens, Until::Tokens(2)))
    }

    /// Each `a` is worth 1, each `b` a half, each `c` nothing; what begins otherwise cannot be read.
    fn read(&self, reply: &Step) -> Option<Score> {
        let worth = |c| match c {
            'a' => 1.0,
            'b' => 0.5,
            _ => 0.0,
        };
        reply.text.starts_with(|c: char| c.is_ascii_lowercase()).then_some(())?;
        Score::new(reply.text.chars().map(worth).sum()).ok()
    }
}

impl Voting for Letters {
    fn query(&self, paths: &[Path], policy: &dyn Policy) -> Result<Query, ModelError> {
        headed("vote ", paths, Until::Tokens(1), policy)
    }

    fn read(&self, reply: &Step, paths: usize) -> Option<usize> {
        let letter = reply.text.bytes().next()?;
        let place = usize::from(letter.checked_sub(b'a')?);
        (place < paths).then_some(place)
    }
}

impl Revising for Letters {
    fn query(&self, attempts: &[Path], policy: &dyn Policy) -> Result<Query, ModelError> {
        headed("revise ", attempts, Until::End, policy)
    }
}

impl Merging for Letters {
    fn query(
        &self,
        parent: &Path,
        merged: &[Path],
        policy: &dyn Policy,
    ) -> Result<Query, ModelError> {
        let texts: String = merged.iter().map(Path::text).collect();
        let tokens = [&parent.tokens()[..], &policy.encode(&format!("+{texts}="))?].concat();
        Ok(query(&tokens, Until::Boundary))
    }
}
