//! Records: what a round that has ended leaves in the tree, the ledger and the trace.

use std::{collections::BTreeMap, sync::Arc};

use espalier_core::{
    Ask, Entry, Event, Lease, NodeId, Retain, Round, Score, ScorerId, Seed, Spend, Step, Tokens,
};

use super::{
    Problem,
    work::{Doing, Judged, Kv, Lent, Sampled, Work},
};
use crate::{
    Models,
    books::Share,
    plan::{Called, Prompted, Said, Unit, What},
};

/// What is kept with each node.
type Leases = BTreeMap<NodeId, Vec<Lent>>;

impl Problem {
    /// Adds what a finished round made, in ask order, and charges for it.
    pub(super) fn commit(&mut self, work: Work, models: &Models<'_>) {
        let Work { round, mut units, shares, reservation, .. } = work;
        let admitted = units.len() as u32;
        let mut spent = Spend::default();
        let Round { asks, score, retain } = round;
        self.trace.push(Event::Round {
            round: self.rounds,
            asks: asks.clone(),
            score,
            retain: retain.clone(),
            admitted,
        });
        if let Some(shares) = shares {
            charge_by_books(&mut units, &shares, models);
        } else if self.rounds == 0 {
            spent += self.charge_prompt(&mut units, models);
        }
        let mut fresh: BTreeMap<NodeId, Vec<Lent>> = BTreeMap::new();
        let mut said: Vec<(NodeId, Option<f64>)> = Vec::new();
        let mut units = units.into_iter().peekable();
        while let Some(Doing { unit, sampled, seen, run, scored }) = units.next() {
            let mut scored = scored.into_iter();
            if let Some(cost) = sampled.as_ref().and_then(|sampled| sampled.prompt) {
                self.paid = true;
                self.trace.push(Event::Prompt { cost });
                spent += self.charge(NodeId::ROOT, cost);
            }
            match (unit, sampled) {
                (Unit::Tool(called), _) => {
                    let step = seen.expect("a round ends when every observation is there");
                    spent += self.observe(&called, &step, run, &mut fresh);
                }
                (Unit::Score { node, scorer }, _) => {
                    let judged = scored.next().flatten();
                    spent += self.mark(node, Some(scorer), judged, None);
                }
                (Unit::Sample { parent, request }, Some(Sampled { step, cost, lease, .. })) => {
                    let node = self.tree.add(parent, Arc::clone(&step), request.seed, Vec::new());
                    lend(&mut fresh, node, Kv::Path, lease);
                    spent += self.charge(node, cost);
                    self.trace.push(node_event(node, parent, &[], request.seed, &step, cost));
                    let judged = scored.next().flatten();
                    spent += self.mark(node, score, judged, Some(&mut fresh));
                }
                (Unit::Prompt(prompted), Some(sampled)) => {
                    let (ask, at) = (prompted.ask, prompted.at());
                    let marks = (score, scored);
                    spent += self.reply(*prompted, sampled, marks, &mut fresh, &mut said);
                    let same = |next: &Doing| match &next.unit {
                        Unit::Prompt(next) => (next.ask, next.at()) == (ask, at),
                        _ => false,
                    };
                    if !units.peek().is_some_and(same) {
                        self.settle_judgements(&asks[ask], &said);
                        said.clear();
                    }
                }
                _ => unreachable!("a round ends when every sample is there"),
            }
        }
        self.account.settle(reservation, spent);
        self.ledger.sequential_depth += 1;
        self.rounds += 1;
        match retain {
            Retain::All => extend(&mut self.leases, fresh),
            Retain::New(keep) => {
                self.leases.retain(|id, _| keep.contains(id));
                extend(&mut self.leases, fresh);
            }
            Retain::Nothing => self.leases.clear(),
        }
    }

    /// Records what a tool left. It has no KV of its own; it shares that of the step that called.
    fn observe(
        &mut self,
        called: &Called,
        step: &Arc<Step>,
        run: Entry,
        fresh: &mut Leases,
    ) -> Spend {
        let (from, seed) = (called.node, called.call.seed);
        let node = self.tree.add(from, Arc::clone(step), seed, Vec::new());
        if let Some(lent) = self.leases.get(&from) {
            let before: Tokens = self.tree.tokens(from).into();
            let share = |lent: &Lent| match lent.kv {
                Kv::Path => Lent { kv: Kv::Prompt(Tokens::clone(&before)), ..lent.clone() },
                _ => lent.clone(),
            };
            fresh.insert(node, lent.iter().map(share).collect());
        }
        self.trace.push(node_event(node, from, &[], seed, step, run));
        self.charge(node, run)
    }

    /// Records the reply to a form's prompt: new nodes, or what a judge says of old ones.
    fn reply(
        &mut self,
        prompted: Prompted,
        sampled: Sampled,
        (score, mut scored): (Option<ScorerId>, impl Iterator<Item = Option<Judged>>),
        fresh: &mut Leases,
        judgements: &mut Vec<(NodeId, Option<f64>)>,
    ) -> Spend {
        let (at, merged) = (prompted.at(), prompted.merged());
        let makes = prompted.makes().map(|(parent, ..)| parent);
        let Prompted { what, request, .. } = prompted;
        let Sampled { step, said, mut cost, lease, .. } = sampled;
        let seed = request.seed;
        let kv = Kv::Prompt([&request.prefix[..], &step.tokens[..]].concat().into());
        let mut spent = Spend::default();
        let steps = match said {
            Said::Steps(steps) => steps,
            Said::Value(value) => {
                judgements.push((at, value.map(|value| f64::from(value.get()))));
                self.judged(vec![at], seed, &step, cost);
                lend(&mut self.leases, at, kv, lease);
                return self.charge(at, cost);
            }
            Said::Vote(choice) => {
                let What::Vote { nodes, .. } = what else {
                    unreachable!("a vote is cast in votes")
                };
                let vote = |place| choice.map(|choice| if choice == place { 1.0 } else { 0.0 });
                judgements.extend(nodes.iter().enumerate().map(|(place, &id)| (id, vote(place))));
                self.judged(nodes, seed, &step, cost);
                lend(&mut self.leases, at, kv, lease);
                return self.charge(at, cost);
            }
        };
        let parent = makes.expect("only judgements make no nodes");
        let proposed = matches!(what, What::Propose { .. });
        if proposed {
            // Each node pays for its own tokens, the parent for all the rest.
            cost.decode_wasted -= steps.iter().map(|step| step.tokens.len() as u64).sum::<u64>();
            spent += self.charge(parent, cost);
            self.trace.push(Event::Proposed {
                parent,
                seed,
                tokens: step.tokens.to_vec(),
                text: step.text.clone(),
                made: steps.len() as u32,
                cost,
            });
        }
        let mut prompt = Some((kv, lease));
        if proposed && let Some((kv, lease)) = prompt.take() {
            lend(&mut self.leases, at, kv, lease);
        }
        for step in steps {
            let tokens = step.tokens.len() as u64;
            let own = Entry { decode_wasted: tokens, ..Entry::default() };
            let cost = if proposed { own } else { cost };
            let node = self.tree.add(parent, Arc::clone(&step), seed, merged.clone());
            if let Some((kv, lease)) = prompt.take() {
                lend(fresh, node, kv, lease);
            }
            spent += self.charge(node, cost);
            self.trace.push(node_event(node, parent, &merged, seed, &step, cost));
            spent += self.mark(node, score, scored.next().flatten(), Some(&mut *fresh));
        }
        spent
    }

    fn judged(&mut self, nodes: Vec<NodeId>, seed: Seed, step: &Step, cost: Entry) {
        let (tokens, text) = (step.tokens.to_vec(), step.text.clone());
        self.trace.push(Event::Judged { nodes, seed, tokens, text, cost });
    }

    /// Turns what was said of the same nodes in one ask into scores: of each node, the mean of what could
    /// be read. Where a budget has cut some of it off, there is no score: it would be another one than
    /// with more budget.
    fn settle_judgements(&mut self, ask: &Ask, said: &[(NodeId, Option<f64>)]) {
        let Ask::Judge { samples, scorer, .. } = ask else { return };
        let mut nodes: Vec<NodeId> = said.iter().map(|one| one.0).collect();
        nodes.sort_unstable();
        nodes.dedup();
        for node in nodes {
            let of_node = || said.iter().filter(|one| one.0 == node);
            let values: Vec<f64> = of_node().filter_map(|one| one.1).collect();
            if values.is_empty() || of_node().count() < *samples as usize {
                continue;
            }
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let score = Score::new(mean as f32).expect("finite scores have a finite mean");
            self.score(node, *scorer, score, Entry::default());
        }
    }

    /// Records the score of a node, where it was scored.
    fn mark(
        &mut self,
        node: NodeId,
        scorer: Option<ScorerId>,
        judged: Option<Judged>,
        fresh: Option<&mut Leases>,
    ) -> Spend {
        let (Some(scorer), Some(Judged { score, cost, lease })) = (scorer, judged) else {
            return Spend::default();
        };
        lend(fresh.unwrap_or(&mut self.leases), node, Kv::Scorer, lease);
        self.score(node, scorer, score, cost)
    }

    fn charge(&mut self, node: NodeId, cost: Entry) -> Spend {
        self.ledger.charge(node, cost);
        cost.spend()
    }

    fn score(&mut self, node: NodeId, scorer: ScorerId, score: Score, cost: Entry) -> Spend {
        self.tree.set_score(node, scorer, score);
        self.trace.push(Event::Scored { node, scorer, score, cost });
        self.charge(node, cost)
    }

    /// Charges the prompt to the root, once and whole, and takes it off the samples that computed it:
    /// who had computed how much of it, another problem included, leaves no mark.
    fn charge_prompt(&mut self, units: &mut [Doing], models: &Models<'_>) -> Spend {
        let (len, cost) = (self.tree.prompt().tokens.len() as u64, models.policy.cost());
        let mut left = len;
        for sampled in units.iter_mut().filter_map(|doing| doing.sampled.as_mut()) {
            let moved = sampled.cost.prefill_new.min(left);
            left -= moved;
            let flops = cost.forward(len - moved, len);
            sampled.cost.prefill_new -= moved;
            sampled.cost.prefill_cached += moved;
            sampled.cost.flops = sampled.cost.flops.saturating_sub(flops);
        }
        self.paid = true;
        let cost = Entry { prefill_new: len, flops: cost.forward(0, len), ..Entry::default() };
        self.trace.push(Event::Prompt { cost });
        self.charge(NodeId::ROOT, cost)
    }
}

/// Makes requests cost what the books say of their prefixes. Where the engine has computed more than
/// that, because it had let go of what the search holds, the last request pays the difference.
fn charge_by_books(units: &mut [Doing], shares: &[Share], models: &Models<'_>) {
    let model = models.policy.cost();
    let (mut more, mut more_flops) = (0_i128, 0_i128);
    let mut asked = units.iter_mut().filter_map(|doing| doing.sampled.as_mut()).peekable();
    for share in shares {
        let Some(sampled) = asked.next() else { break };
        let Entry { prefill_new, flops, .. } = sampled.cost;
        share.charge(&mut sampled.cost, &model);
        more += i128::from(prefill_new) - i128::from(share.tokens());
        more_flops += flops as i128 - sampled.cost.flops as i128;
        if let Some(prompt) = share.prompt {
            let flops = prompt.flops(&model);
            more_flops -= flops as i128;
            sampled.prompt = Some(Entry { prefill_new: prompt.own, flops, ..Entry::default() });
        }
        if asked.peek().is_none() && more > 0 {
            let cost = &mut sampled.cost;
            cost.prefill_new += more as u64;
            cost.prefill_cached = cost.prefill_cached.saturating_sub(more as u64);
            cost.flops += more_flops.max(0) as u128;
        }
    }
}

/// Keeps a lease with a node, where there is one.
fn lend(leases: &mut Leases, node: NodeId, kv: Kv, lease: Option<Lease>) {
    let lent = lease.map(|lease| Lent { kv, lease: Arc::new(lease) });
    leases.entry(node).or_default().extend(lent);
}

/// Adds what is kept with nodes to what is kept with them already.
fn extend(leases: &mut Leases, fresh: Leases) {
    for (node, lent) in fresh {
        leases.entry(node).or_default().extend(lent);
    }
}

fn node_event(
    node: NodeId,
    parent: NodeId,
    merged: &[NodeId],
    seed: Seed,
    step: &Step,
    cost: Entry,
) -> Event {
    Event::Node {
        node,
        parent,
        merged: merged.to_vec(),
        observed: step.observed,
        seed,
        tokens: step.tokens.to_vec(),
        text: step.text.clone(),
        logprob: step.stats.iter().map(|stat| f64::from(stat.logprob)).sum(),
        finish: step.finish,
        cost,
    }
}
