//! Plans: a round's asks, checked and taken apart into units of work that can be paid for one by one.

mod called;
mod prompted;

use std::{collections::BTreeSet, sync::Arc};

use espalier_core::{
    Ask, Draw, FormId, ModelError, NodeId, PolicyId, Request, Retain, Round, Sampling, ScoreBound,
    ScorerId, Seed, Spend, Tokens, Until,
};

pub(crate) use called::{Called, Key};
pub(crate) use prompted::{Prompted, Said, What};

use crate::{Config, Models, Tree, books::Share};

/// The smallest thing a budget admits or refuses.
pub(crate) enum Unit {
    /// One continuation of `parent`.
    Sample { parent: NodeId, request: Request },
    /// One score of a node that is there.
    Score { node: NodeId, scorer: ScorerId },
    /// One reply to a form's prompt.
    Prompt(Box<Prompted>),
    /// One call of a tool.
    Tool(Box<Called>),
}

impl Unit {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Sample { .. } => "sample",
            Self::Score { .. } => "score",
            Self::Prompt(prompted) => prompted.name(),
            Self::Tool(_) => "tool",
        }
    }

    /// What it asks of the policy.
    pub(crate) fn request(&self) -> Option<&Request> {
        match self {
            Self::Sample { request, .. } => Some(request),
            Self::Score { .. } | Self::Tool(_) => None,
            Self::Prompt(prompted) => Some(&prompted.request),
        }
    }

    /// Returns true if and only if the round goes on from the KV that is kept with this node.
    pub(crate) fn grows(&self, id: NodeId) -> bool {
        match self {
            Self::Sample { parent, .. } => *parent == id,
            Self::Score { .. } => false,
            Self::Prompt(prompted) => prompted.at() == id,
            Self::Tool(called) => called.node == id,
        }
    }

    /// The parent of the nodes it makes, where they can be scored; `None` where it makes none.
    pub(crate) fn parent(&self) -> Option<NodeId> {
        match self {
            Self::Sample { parent, .. } => Some(*parent),
            Self::Score { .. } | Self::Tool(_) => None,
            Self::Prompt(prompted) => prompted.makes().map(|(parent, ..)| parent),
        }
    }
}

/// An ask that cannot be carried out.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) ask: &'static str,
    pub(crate) cause: Cause,
}

#[derive(Debug)]
pub(crate) enum Cause {
    /// The strategy asks for what cannot be done.
    Senseless(String),
    /// A form fails.
    Form(ModelError),
}

/// Sets the seeds of judgements apart from those of continuations: judging a node does not change what
/// grows below it.
const JUDGING: u64 = u64::from_be_bytes(*b"judgment");

/// Sets the seed of a problem's calls of tools apart. They share one, for a call goes on from the state that
/// those before it on its path left, which all paths through them share.
const TOOLS: u64 = u64::from_be_bytes(*b"toolcall");

/// Hands out seeds by parent and by how many continuations of it were asked before.
#[derive(Debug)]
pub(crate) struct Seeds {
    pub(crate) problem: Seed,
    asked: Vec<u32>,
    judged: Vec<u32>,
}

impl Seeds {
    pub(crate) fn new(problem: Seed) -> Self {
        Self { problem, asked: Vec::new(), judged: Vec::new() }
    }

    /// The seed of one more judgement of `node`.
    fn judge(&mut self, node: NodeId) -> Seed {
        if self.judged.len() <= node.index() {
            self.judged.resize(node.index() + 1, 0);
        }
        let before = self.judged[node.index()];
        self.judged[node.index()] += 1;
        self.problem.fold(JUDGING).child(node, before)
    }

    /// The seed of all calls of tools.
    fn tools(&self) -> Seed {
        self.problem.fold(TOOLS)
    }

    fn next(&mut self, parent: NodeId) -> Seed {
        if self.asked.len() <= parent.index() {
            self.asked.resize(parent.index() + 1, 0);
        }
        let child = self.asked[parent.index()];
        self.asked[parent.index()] += 1;
        self.problem.child(parent, child)
    }
}

/// The round's units in ask order. Asks on open nodes without room leave none.
pub(crate) fn units(
    round: &Round,
    tree: &Tree,
    seeds: &mut Seeds,
    models: &Models<'_>,
    config: &Config,
) -> Result<Vec<Unit>, Refusal> {
    check(round, tree, models, config)?;
    let mut units = Vec::new();
    for (index, ask) in round.asks.iter().enumerate() {
        match *ask {
            Ask::Sample { parent, count, until, draw, form: FormId::CONTINUE, .. }
                if tree.expandable(parent) && count > 0 =>
            {
                let room = u32::try_from(tree.room(parent)).unwrap_or(u32::MAX);
                let max_tokens = match until {
                    Until::Boundary => room.min(config.max_step_tokens.get()),
                    Until::End | Until::Tokens(_) => room,
                };
                let sampling = sampling(draw, config);
                let prefix: Tokens = tree.tokens(parent).into();
                units.extend((0..count).map(|_| {
                    let request = Request {
                        prefix: Arc::clone(&prefix),
                        until,
                        max_tokens,
                        stops: Arc::clone(&config.stops),
                        sampling,
                        seed: seeds.next(parent),
                        retain: round.retain != Retain::Nothing,
                    };
                    Unit::Sample { parent, request }
                }));
            }
            Ask::Score { node, scorer } => units.push(Unit::Score { node, scorer }),
            Ask::Tool { node, tool } => {
                let seed = seeds.tools();
                units.extend(called::unit(node, tool, seed, tree, models));
            }
            Ask::Sample { form: FormId::CONTINUE, .. } => {}
            _ => {
                let form = |error| Refusal { ask: ask.name(), cause: Cause::Form(error) };
                let prompted = prompted::units((index, ask), round, tree, seeds, models, config);
                units.extend(prompted.map_err(form)?);
            }
        }
    }
    Ok(units)
}

/// Refuses what cannot be carried out, before anything is spent.
fn check(round: &Round, tree: &Tree, models: &Models<'_>, config: &Config) -> Result<(), Refusal> {
    let known = |scorer: ScorerId| {
        (scorer.index() >= models.scorers.len()).then(|| {
            format!("no scorer `{scorer}` among the {} given; pass it", models.scorers.len())
        })
    };
    let (mut scored, mut calling) = (BTreeSet::new(), BTreeSet::new());
    for ask in &round.asks {
        let problem = match *ask {
            Ask::Sample { parent, until, policy, form, .. } => {
                let node = missing(tree, parent);
                let settings = (until == Until::Tokens(0)).then(|| {
                    "`Until::Tokens(0)` samples nothing; ask for at least one token".to_owned()
                });
                let policy = (policy != PolicyId::default())
                    .then(|| format!("no policy `{policy}`; this driver has policy `0` alone"));
                let form = || match form {
                    FormId::CONTINUE => None,
                    _ if until != Until::Boundary => Some(format!(
                        "prompt form `{form}` makes whole steps; ask for `Until::Boundary` with it"
                    )),
                    _ => prompted::wrong_form(form, "propose", config),
                };
                node.or_else(|| ended(tree, parent)).or(settings).or(policy).or_else(form)
            }
            Ask::Score { node, scorer } => {
                missing(tree, node).or_else(|| known(scorer)).or_else(|| {
                    if node == NodeId::ROOT {
                        return Some(
                            "the root has no step to score; score its children".to_owned(),
                        );
                    }
                    if tree.observed(node).is_some() {
                        return Some(format!(
                            "node `{node}` is an observation, which nobody chose; score the step that calls"
                        ));
                    }
                    let again =
                        tree.node(node).score(scorer).is_some() || !scored.insert((node, scorer));
                    again.then(|| {
                        format!("scorer `{scorer}` scores node `{node}` twice; read its score")
                    })
                })
            }
            Ask::Tool { node, tool } => called::check(node, tool, tree, models).or_else(|| {
                let again = !calling.insert(node);
                again.then(|| format!("node `{node}` calls a tool twice; ask once"))
            }),
            _ => prompted::check(ask, tree, models, config, &mut scored),
        };
        if let Some(reason) = problem {
            return Err(Refusal { ask: ask.name(), cause: Cause::Senseless(reason) });
        }
    }
    match round.score.and_then(known) {
        Some(reason) => Err(Refusal { ask: "score", cause: Cause::Senseless(reason) }),
        None => Ok(()),
    }
}

/// How the tokens of an ask are drawn.
fn sampling(draw: Draw, config: &Config) -> Sampling {
    match draw {
        Draw::Sampled => config.sampling,
        Draw::Likeliest => Sampling { temperature: 0.0, ..config.sampling },
    }
}

fn ended(tree: &Tree, parent: NodeId) -> Option<String> {
    let finish = tree.node(parent).finish().filter(|_| !tree.open(parent))?;
    Some(format!("node `{parent}` ended with `{finish:?}`; ask only where `Tree::expandable`"))
}

fn missing(tree: &Tree, node: NodeId) -> Option<String> {
    (!tree.contains(node)).then(|| format!("no node `{node}`: the tree has {}", tree.len()))
}

/// The most each unit can spend, its scoring included.
///
/// In the first round, the first unit also pays for the whole prompt, whatever of it other problems
/// have computed: what a budget admits must not depend on company. Where a search keeps books
/// (`shares`, one a request), they say what a unit pays of its prefix.
pub(crate) fn worst_cases(
    units: &[Unit],
    round: &Round,
    tree: &Tree,
    models: &Models<'_>,
    shares: Option<&[Share]>,
) -> Vec<Spend> {
    let requests: Vec<Request> = units.iter().filter_map(Unit::request).cloned().collect();
    let mut sampling = models.policy.worst_case(&requests);
    if let Some(shares) = shares {
        for ((request, share), worst) in requests.iter().zip(shares).zip(&mut sampling) {
            let most = request.most_tokens();
            let cost = models.policy.cost();
            let heads = u128::from(cost.head) * u128::from(most);
            let len = request.prefix.len() as u64;
            let decoded = cost.forward(len, len + u64::from(most)) + heads;
            worst.computed = worst.computed.max(share.tokens() + u64::from(most));
            worst.flops = worst.flops.max(share.flops(&cost) + decoded);
        }
    } else if let (1, Some(request), Some(first)) =
        (tree.len(), requests.first(), sampling.first_mut())
    {
        let end = request.prefix.len() as u64 + u64::from(request.max_tokens);
        let cost = models.policy.cost();
        let heads = u128::from(cost.head) * u128::from(request.max_tokens);
        first.computed = first.computed.max(end);
        first.flops = first.flops.max(cost.forward(0, end) + heads);
    }
    let mut sampling = sampling.into_iter();

    let mut worst = vec![Spend::default(); units.len()];
    let mut bounds = vec![Vec::new(); models.scorers.len()];
    for (index, unit) in units.iter().enumerate() {
        let bound = |parent, max_tokens| ScoreBound { parent: tree.path(parent), max_tokens };
        match unit {
            Unit::Sample { parent, request } => {
                worst[index] += sampling.next().unwrap_or_default();
                if let Some(scorer) = round.score {
                    bounds[scorer.index()].push((index, bound(*parent, request.most_tokens())));
                }
            }
            Unit::Score { node, scorer } => {
                let parent = tree.parent(*node).unwrap_or(NodeId::ROOT);
                let tokens = tree.node(*node).below - tree.node(parent).below;
                bounds[scorer.index()].push((index, bound(parent, tokens as u32)));
            }
            // What it leaves is paid for by who goes on from it.
            Unit::Tool(_) => {}
            Unit::Prompt(prompted) => {
                worst[index] += sampling.next().unwrap_or_default();
                if let (Some(scorer), Some((parent, most, tokens))) =
                    (round.score, prompted.makes())
                {
                    let steps = (0..most).map(|_| (index, bound(parent, tokens)));
                    bounds[scorer.index()].extend(steps);
                }
            }
        }
    }
    for (scorer, bounds) in models.scorers.iter().zip(bounds) {
        let (indices, bounds): (Vec<usize>, Vec<ScoreBound>) = bounds.into_iter().unzip();
        for (index, spend) in indices.into_iter().zip(scorer.worst_case(&bounds)) {
            worst[index] += spend;
        }
    }
    worst
}
