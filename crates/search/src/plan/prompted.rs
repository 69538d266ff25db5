//! Prompted units: asks that a form turns into prompts, and what the replies say.

use std::{collections::BTreeSet, sync::Arc};

use espalier_core::{
    Ask, Draw, Finish, Form, FormId, Judgement, ModelError, NodeId, Path, PolicyId, Proposed,
    Proposing, Query, Request, Retain, Round, Sampling, Score, ScorerId, Step, Tokens, Until,
    Valuing, Voting,
};

use super::{Seeds, Unit, ended, missing, sampling};
use crate::{Config, Models, Tree};

/// A prompt of one ask, and the request made of it.
pub(crate) struct Prompted {
    /// The ask's position in its round.
    pub(crate) ask: usize,
    pub(crate) what: What,
    pub(crate) request: Request,
}

/// What a reply is to.
pub(crate) enum What {
    /// The first `most` steps of the reply count.
    Propose {
        parent: NodeId,
        form: Arc<dyn Proposing>,
        most: u32,
        longest: u32,
    },
    Value {
        node: NodeId,
        form: Arc<dyn Valuing>,
    },
    Vote {
        nodes: Vec<NodeId>,
        form: Arc<dyn Voting>,
    },
    Revise {
        node: NodeId,
    },
    Merge {
        parent: NodeId,
        merged: Vec<NodeId>,
    },
}

/// What a reply comes to.
pub(crate) enum Said {
    /// New steps, in order.
    Steps(Vec<Arc<Step>>),
    /// What a node is worth, where that could be read.
    Value(Option<Score>),
    /// The position of the node that is chosen, where that could be read.
    Vote(Option<usize>),
}

impl Prompted {
    pub(crate) fn name(&self) -> &'static str {
        match self.what {
            What::Propose { .. } => "propose",
            What::Value { .. } | What::Vote { .. } => "judge",
            What::Revise { .. } => "revise",
            What::Merge { .. } => "merge",
        }
    }

    /// The node whose KV the prompt's belongs to while the round runs.
    pub(crate) fn at(&self) -> NodeId {
        match &self.what {
            What::Propose { parent, .. } | What::Merge { parent, .. } => *parent,
            What::Value { node, .. } | What::Revise { node } => *node,
            What::Vote { nodes, .. } => nodes[0],
        }
    }

    /// The parent of what the reply makes, the most nodes and the most tokens of each; `None` for
    /// judgements, which make none.
    pub(crate) fn makes(&self) -> Option<(NodeId, u32, u32)> {
        match &self.what {
            What::Propose { parent, most, longest, .. } => Some((*parent, *most, *longest)),
            What::Revise { .. } => Some((NodeId::ROOT, 1, self.request.max_tokens)),
            What::Merge { parent, .. } => Some((*parent, 1, self.request.max_tokens)),
            What::Value { .. } | What::Vote { .. } => None,
        }
    }

    /// What the made node is made from beside its parent.
    pub(crate) fn merged(&self) -> Vec<NodeId> {
        match &self.what {
            What::Revise { node } => vec![*node],
            What::Merge { merged, .. } => merged.clone(),
            _ => Vec::new(),
        }
    }

    /// What the reply comes to.
    pub(crate) fn read(&self, reply: &Arc<Step>, models: &Models<'_>) -> Result<Said, ModelError> {
        let bad = |reason| Err(ModelError::BadRequest { reason });
        Ok(match &self.what {
            What::Value { form, .. } => Said::Value(form.read(reply)),
            What::Vote { nodes, form } => {
                let choice = form.read(reply, nodes.len());
                if let Some(choice) = choice.filter(|&choice| choice >= nodes.len()) {
                    return bad(format!(
                        "the form read a vote for `{choice}` of {} paths; let it read `None`",
                        nodes.len()
                    ));
                }
                Said::Vote(choice)
            }
            What::Revise { .. } | What::Merge { .. } => Said::Steps(vec![Arc::clone(reply)]),
            What::Propose { form, most, longest, .. } => {
                let mut parts = form.read(reply, &*models.policy);
                parts.truncate(*most as usize);
                let mut start = 0;
                for Proposed { tokens, .. } in &parts {
                    let sound = start <= tokens.start && tokens.start < tokens.end;
                    if !sound || tokens.end > reply.tokens.len() {
                        return bad(format!(
                            "the form read a step at tokens `{tokens:?}` of {}; steps are not empty \
                             and follow one another",
                            reply.tokens.len()
                        ));
                    }
                    start = tokens.end;
                }
                let step = |part| Arc::new(step(reply, part, *longest, models));
                Said::Steps(parts.into_iter().map(step).collect())
            }
        })
    }
}

/// One step of a reply. What is longer than a step may be is cut, and so is the end of a reply that a
/// length cap has cut.
fn step(reply: &Step, part: Proposed, longest: u32, models: &Models<'_>) -> Step {
    let Proposed { mut tokens, mut finish } = part;
    let cut = reply.finish == Finish::Length && tokens.end == reply.tokens.len();
    if cut || tokens.len() > longest as usize {
        (tokens.end, finish) = (tokens.end.min(tokens.start + longest as usize), Finish::Length);
    }
    let taken: Tokens = reply.tokens[tokens.clone()].into();
    Step {
        text: models.policy.decode(&taken),
        tokens: taken,
        stats: reply.stats.get(tokens.clone()).unwrap_or_default().to_vec(),
        alternatives: reply.alternatives.get(tokens).unwrap_or_default().to_vec(),
        observed: None,
        finish,
    }
}

/// What is wrong with an ask that a form is needed for. `scored` are the scores that earlier asks make.
pub(super) fn check(
    ask: &Ask,
    tree: &Tree,
    models: &Models<'_>,
    config: &Config,
    scored: &mut BTreeSet<(NodeId, ScorerId)>,
) -> Option<String> {
    let (wanted, policy, form) = match ask {
        Ask::Propose { policy, form, .. } => ("propose", policy, form),
        Ask::Judge { what: Judgement::Value(_), policy, form, .. } => ("value", policy, form),
        Ask::Judge { what: Judgement::Vote(_), policy, form, .. } => ("vote", policy, form),
        Ask::Revise { policy, form, .. } => ("revise", policy, form),
        Ask::Merge { policy, form, .. } => ("merge", policy, form),
        _ => return Some("this driver does not know it; leave it out".to_owned()),
    };
    if *policy != PolicyId::default() {
        return Some(format!("no policy `{policy}`; this driver has policy `0` alone"));
    }
    if let Some(reason) = wrong_form(*form, wanted, config) {
        return Some(reason);
    }
    match ask {
        Ask::Propose { parent, .. } => missing(tree, *parent).or_else(|| ended(tree, *parent)),
        Ask::Revise { node, .. } => missing(tree, *node).or_else(|| {
            (!tree.ended(*node))
                .then(|| format!("node `{node}` is no finished answer; ask where `Tree::ended`"))
        }),
        Ask::Merge { parent, merged, .. } => missing(tree, *parent)
            .or_else(|| ended(tree, *parent))
            .or_else(|| distinct(tree, merged, "merge"))
            .or_else(|| {
                let twice = merged.contains(parent);
                twice.then(|| format!("node `{parent}` is merged into its own child; leave it out"))
            }),
        Ask::Judge {
            what: Judgement::Value(nodes) | Judgement::Vote(nodes),
            samples,
            scorer,
            ..
        } => {
            if scorer.index() < models.scorers.len() {
                return Some(format!(
                    "scorer `{scorer}` is one of the driver's; keep judgements as those of `{}`",
                    models.scorers.len()
                ));
            }
            if *samples == 0 {
                return Some("`samples` is 0; ask for at least one judgement".to_owned());
            }
            distinct(tree, nodes, "judge").or_else(|| {
                let again = |&&node: &&NodeId| {
                    tree.node(node).score(*scorer).is_some() || !scored.insert((node, *scorer))
                };
                let node = nodes.iter().find(again)?;
                Some(format!("scorer `{scorer}` scores node `{node}` twice; read its score"))
            })
        }
        _ => None,
    }
}

/// Why a form is not one for what is wanted.
pub(super) fn wrong_form(form: FormId, wanted: &str, config: &Config) -> Option<String> {
    match config.forms.get(form) {
        None => Some(format!("no prompt form `{form}`; add it to `Config::forms`")),
        Some(have) if have.name() != wanted => {
            Some(format!("prompt form `{form}` is for `{}`; name one for `{wanted}`", have.name()))
        }
        Some(_) => None,
    }
}

/// What is wrong with a list of steps.
fn distinct(tree: &Tree, nodes: &[NodeId], verb: &str) -> Option<String> {
    if nodes.is_empty() {
        return Some(format!("no nodes to {verb}; name at least one"));
    }
    let mut named = BTreeSet::new();
    nodes.iter().find_map(|&node| {
        if let Some(reason) = missing(tree, node) {
            return Some(reason);
        }
        if node == NodeId::ROOT {
            return Some(format!("the root has no step to {verb}; name its children"));
        }
        (!named.insert(node)).then(|| format!("node `{node}` is named twice; name it once"))
    })
}

/// The units of a checked ask that a form is needed for.
pub(super) fn units(
    (index, ask): (usize, &Ask),
    round: &Round,
    tree: &Tree,
    seeds: &mut Seeds,
    models: &Models<'_>,
    config: &Config,
) -> Result<Vec<Unit>, ModelError> {
    let policy = &*models.policy;
    let mut units = Vec::new();
    let draw = match ask {
        Ask::Sample { draw, .. } => *draw,
        _ => Draw::Sampled,
    };
    let mut add = |query: Query, room: u64, what: What, seed| {
        let request = request(query, room, seed, round, models, sampling(draw, config))?;
        units.push(Unit::Prompt(Box::new(Prompted { ask: index, what, request })));
        Ok::<(), ModelError>(())
    };
    let form = match ask {
        Ask::Sample { form, .. }
        | Ask::Propose { form, .. }
        | Ask::Judge { form, .. }
        | Ask::Revise { form, .. }
        | Ask::Merge { form, .. } => config.forms.get(*form),
        _ => None,
    };
    match (ask, form) {
        (Ask::Propose { parent, .. } | Ask::Sample { parent, .. }, Some(Form::Propose(form)))
            if tree.expandable(*parent) =>
        {
            let (replies, most) = match ask {
                Ask::Sample { count, .. } => (*count, 1),
                _ => (1, form.most().get()),
            };
            let room = u32::try_from(tree.room(*parent)).unwrap_or(u32::MAX);
            let longest = room.min(config.max_step_tokens.get());
            let query = form.query(&tree.path(*parent), policy)?;
            for _ in 0..replies {
                let form = Arc::clone(form);
                let what = What::Propose { parent: *parent, form, most, longest };
                add(query.clone(), u64::MAX, what, seeds.next(*parent))?;
            }
        }
        (Ask::Judge { what: Judgement::Value(nodes), samples, .. }, Some(Form::Value(form))) => {
            for &node in nodes {
                let query = form.query(&tree.path(node), policy)?;
                for _ in 0..*samples {
                    let what = What::Value { node, form: Arc::clone(form) };
                    add(query.clone(), u64::MAX, what, seeds.judge(node))?;
                }
            }
        }
        (Ask::Judge { what: Judgement::Vote(nodes), samples, .. }, Some(Form::Vote(form))) => {
            let paths: Vec<Path> = nodes.iter().map(|&node| tree.path(node)).collect();
            let query = form.query(&paths, policy)?;
            for _ in 0..*samples {
                let what = What::Vote { nodes: nodes.clone(), form: Arc::clone(form) };
                add(query.clone(), u64::MAX, what, seeds.judge(nodes[0]))?;
            }
        }
        (Ask::Revise { node, .. }, Some(Form::Revise(form))) => {
            let query = form.query(&attempts(tree, *node), policy)?;
            let room = tree.room(NodeId::ROOT);
            add(query, room, What::Revise { node: *node }, seeds.next(NodeId::ROOT))?;
        }
        (Ask::Merge { parent, merged, .. }, Some(Form::Merge(form)))
            if tree.expandable(*parent) =>
        {
            let paths: Vec<Path> = merged.iter().map(|&node| tree.path(node)).collect();
            let query = form.query(&tree.path(*parent), &paths, policy)?;
            let what = What::Merge { parent: *parent, merged: merged.clone() };
            add(query, tree.room(*parent), what, seeds.next(*parent))?;
        }
        _ => {}
    }
    Ok(units)
}

/// The answers that lead to this one, each of which revises the one before.
fn attempts(tree: &Tree, node: NodeId) -> Vec<Path> {
    // A merged answer begins a chain: what it merges, it does not revise.
    let before = |&id: &NodeId| match tree.node(id).merged[..] {
        [one] if tree.ended(one) => Some(one),
        _ => None,
    };
    let mut chain: Vec<NodeId> = std::iter::successors(Some(node), before).collect();
    chain.reverse();
    chain.into_iter().map(|id| tree.path(id)).collect()
}

fn request(
    query: Query,
    room: u64,
    seed: espalier_core::Seed,
    round: &Round,
    models: &Models<'_>,
    sampling: Sampling,
) -> Result<Request, ModelError> {
    let Query { tokens, until, stops, max_tokens } = query;
    let (len, max) = (tokens.len() as u64, u64::from(models.policy.context()));
    if len >= max {
        return Err(ModelError::TooLong { model: "policy".to_owned(), len, max });
    }
    if until == Until::Tokens(0) || tokens.is_empty() {
        let reason = "the form makes no prompt, or asks for no token; both need at least one";
        return Err(ModelError::BadRequest { reason: reason.to_owned() });
    }
    let most = room.min(max - len).min(max_tokens.get().into()) as u32;
    let retain = round.retain != Retain::Nothing;
    Ok(Request { prefix: tokens, until, max_tokens: most, stops, sampling, seed, retain })
}
