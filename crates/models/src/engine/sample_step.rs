//! Sampling: one token for every branch that knows all its tokens. One readback a step.

use burn::tensor::Tensor;
use espalier_core::{Completion, Finish, ModelError, Step, TokenId, TokenStat, token::Entropy};
use espalier_kernels::threads;

use super::{
    branch::Branch,
    core_loop::{Engine, Store},
};
use crate::{distribution::Distribution, kv::Loc, nn::Between, sampler::sample};

impl Engine {
    /// Samples one token for every active branch without known tokens left, and completes those that
    /// end with it.
    pub(super) fn sample(&mut self) {
        let mut places: Vec<Loc> = self
            .active
            .iter()
            .filter(|branch| branch.todo.is_empty())
            .map(|branch| branch.loc)
            .collect();
        places.sort_unstable();
        places.dedup();
        if places.is_empty() {
            self.step_hidden = None;
            return;
        }
        let hidden = self.gather(&places);
        let vocab = self.decoder.config.vocab;
        // Its memory is used again at the next step.
        let mut logits = std::mem::take(&mut self.logits);
        let logits = self.write_logits(hidden, &mut logits).map(|()| logits);
        let rows: Vec<Result<(&[f32], Distribution), ModelError>> = match &logits {
            Ok(logits) => threads::map(logits.chunks_exact(vocab).collect(), |row| {
                Distribution::new(row).map(|distribution| (row, distribution))
            }),
            Err(_) => Vec::new(),
        };
        let tokens = threads::map(self.active.iter().collect(), |branch| {
            let place = places.binary_search(&branch.loc).ok()?;
            let (row, distribution) = rows.get(place)?.as_ref().ok()?;
            branch.todo.is_empty().then(|| draw(branch, row, distribution)).flatten()
        });
        let mut first_at = vec![true; places.len()];
        let mut ended = Vec::new();
        for (at, token) in tokens.into_iter().enumerate() {
            if !self.active[at].todo.is_empty() {
                continue;
            }
            let Ok(place) = places.binary_search(&self.active[at].loc) else { continue };
            let outcome = match rows.get(place) {
                Some(Ok((row, distribution))) => {
                    if std::mem::take(&mut first_at[place]) {
                        self.active[at].usage.flops += u128::from(self.cost.head);
                    }
                    self.extend(at, row, distribution, token).map(Ok)
                }
                _ => Some(Err(self.not_finite("logits"))),
            };
            if let Some(outcome) = outcome {
                ended.push((at, outcome));
            }
        }
        for (at, outcome) in ended.into_iter().rev() {
            let branch = self.active.remove(at);
            self.complete(branch, outcome);
        }
        self.logits = logits.unwrap_or_default();
    }

    /// Logits of hidden rows, `[N, V]`.
    pub(super) fn logits(&self, hidden: Tensor<2>) -> Result<Vec<f32>, ModelError> {
        let mut logits = Vec::new();
        self.write_logits(hidden, &mut logits)?;
        Ok(logits)
    }

    fn write_logits(&self, hidden: Tensor<2>, logits: &mut Vec<f32>) -> Result<(), ModelError> {
        let head = self.decoder.head.as_ref().ok_or_else(|| self.predicts_nothing())?;
        match self.decoder.between {
            Between::Burn => *logits = to_vec(head.forward(hidden))?,
            Between::Kernels => head.multiply(&to_vec(hidden)?, logits),
        }
        Ok(())
    }

    /// Hidden rows of these places, `[places, E]`.
    fn gather(&mut self, places: &[Loc]) -> Tensor<2> {
        let fresh = self.step_hidden.take();
        let slot = |loc: &Loc| match self.tree.node(loc.node).store {
            Store::Front(slot) if loc.len == self.tree.node(loc.node).tokens.len() => Some(slot),
            _ => None,
        };
        let slots: Vec<Option<usize>> = places.iter().map(slot).collect();
        if let Some(fresh) = fresh {
            if slots.len() == fresh.dims()[0]
                && slots.iter().enumerate().all(|(at, slot)| *slot == Some(at))
            {
                return fresh;
            }
            let rows = places.iter().zip(&slots).map(|(loc, slot)| match slot {
                Some(slot) => fresh.clone().narrow(0, *slot, 1),
                None => self.hidden_at(*loc),
            });
            return Tensor::cat(rows.collect(), 0);
        }
        Tensor::cat(places.iter().map(|loc| self.hidden_at(*loc)).collect(), 0)
    }

    /// Adds the token drawn for a branch, unless its step ends before it; returns how the branch ended, if it
    /// did.
    fn extend(
        &mut self,
        at: usize,
        row: &[f32],
        distribution: &Distribution,
        token: Option<TokenId>,
    ) -> Option<Finish> {
        let context = self.context();
        let branch = &mut self.active[at];
        let Some(token) = token else { return Some(Finish::Step) };
        self.stats.sampled_tokens += 1;
        branch.stats.push(TokenStat {
            logprob: distribution.logprob(row, token),
            top_logprob: distribution.top_logprob(),
            entropy: Some(Entropy::Exact(distribution.entropy())),
            self_certainty: Some(distribution.self_certainty()),
        });
        let wanted = usize::from(branch.request.sampling.top_logprobs);
        if wanted > 0 {
            branch.alternatives.push(distribution.top(row, wanted));
        }
        branch.usage.sampled += 1;
        branch.tokens.push(token);
        branch.todo.push_back(token);
        let eos = self.tokenizer.eos();
        let mut fresh = String::new();
        if !eos.contains(&token) && !self.tokenizer.is_special(token) {
            let bytes = self.tokenizer.token_bytes(token).unwrap_or_default();
            fresh = branch.decoder.push(&bytes);
        }
        branch.text.push_str(&fresh);
        branch.finish(token, &fresh, eos, context)
    }

    fn complete(&mut self, mut branch: Branch, outcome: Result<Finish, ModelError>) {
        let (loc, fed) = (branch.loc, branch.reached() as u64);
        let completion = outcome.map(|finish| {
            let lease = branch.request.retain.then(|| self.lease(loc));
            let prefix = branch.request.prefix.len();
            let decoder = std::mem::take(&mut branch.decoder);
            branch.text.push_str(&decoder.finish());
            // A distribution that ended the step gave no token.
            let looked = branch.usage.sampled + u64::from(branch.todo.is_empty());
            let heads = u128::from(looked) * u128::from(self.cost.head);
            branch.usage.flops_uncached = self.cost.forward(0, fed) + heads;
            let step = Step {
                tokens: branch.tokens[prefix..].into(),
                text: branch.text,
                stats: branch.stats,
                alternatives: branch.alternatives,
                observed: None,
                finish,
            };
            Completion { step, usage: branch.usage, lease }
        });
        self.completions.push((branch.ticket, completion));
        self.deferred.push(loc.node);
    }
}

/// Draws a branch's next token; `None` where its step ends before it.
fn draw(branch: &Branch, row: &[f32], distribution: &Distribution) -> Option<TokenId> {
    if branch.request.parts(branch.sampled(), distribution.entropy()) {
        return None;
    }
    let draw = branch.request.seed.uniform(branch.sampled() as u64);
    Some(sample(row, distribution, &branch.request.sampling, &branch.tokens, draw))
}

/// A tensor's values on the host.
pub(super) fn to_vec<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, ModelError> {
    tensor.into_data().try_into_vec::<f32>().map_err(|error| ModelError::Failed {
        operation: "read logits".to_owned(),
        source: format!("{error:?}").into(),
    })
}
