//! Reading: log-probabilities of given sequences, sharing the policy's KV.

use burn::tensor::Tensor;
use espalier_core::{ModelError, Read, Reading, Spend, Usage, Want};

use super::{
    core_loop::{Engine, Store},
    sample_step::to_vec,
};
use crate::{distribution::Distribution, kv::Loc, nn::Between};

/// Positions whose logits are held at once.
const ROWS: usize = 32;

impl Engine {
    /// Reads a sequence: computes what is not held, then applies the output head where it is wanted.
    pub(super) fn read(&mut self, read: &Read) -> Result<Reading, ModelError> {
        let positions = self.positions(read)?;
        let tokens = &read.tokens;
        let first = positions.first().copied().unwrap_or(tokens.len());
        let (mut loc, held) = self.held_for(read, first);
        let mut usage = Usage { prefill_cached: held as u64, ..Usage::default() };
        let mut rows: Vec<Tensor<2>> = Vec::new();
        self.tree.hold(loc.node);
        for &position in positions.iter().take_while(|&&position| position < held) {
            rows.push(self.hidden_at(self.place(&tokens[..=position])));
        }
        let mut reached = held;
        while reached < tokens.len() {
            let n = (tokens.len() - reached).min(self.options.prefill_chunk);
            let (ix, hidden) = self.run(loc, &tokens[reached..reached + n], n - 1, None);
            for &position in positions.iter().filter(|&&at| at >= reached && at < reached + n) {
                rows.push(hidden.clone().narrow(0, position - reached, 1));
            }
            self.let_go(loc.node);
            self.give_back();
            loc = Loc { node: ix, len: n };
            usage.prefill_new += n as u64;
            usage.flops += self.cost.forward(reached as u64, (reached + n) as u64);
            reached += n;
        }
        let heads = rows.len() as u128 * u128::from(self.head_flops(&read.want));
        usage.flops += heads;
        usage.flops_uncached = self.cost.forward(0, tokens.len() as u64) + heads;
        let values = self.values(read, &positions, &rows);
        let lease = read.retain.then(|| self.lease(loc));
        self.let_go(loc.node);
        Ok(Reading { values: values?, usage, lease })
    }

    /// The positions whose next-token distribution is wanted, in order as given.
    fn positions(&self, read: &Read) -> Result<Vec<usize>, ModelError> {
        let bad = |reason: String| ModelError::BadRequest { reason };
        if !matches!(read.want, Want::Head { .. }) {
            self.check_vocabulary()?;
        }
        let positions: Vec<usize> = match &read.want {
            Want::NextOf { positions, ids } => {
                let vocab = self.decoder.config.vocab;
                if let Some(id) = ids.iter().find(|&&id| id as usize >= vocab) {
                    return Err(bad(format!("token id `{id}` is not in the vocabulary")));
                }
                positions.iter().map(|&at| at as usize).collect()
            }
            Want::Next { positions } => positions.iter().map(|&at| at as usize).collect(),
            Want::Tokens { from: 0 } => {
                return Err(
                    bad("the first token has nothing before it; read from 1 on".to_owned()),
                );
            }
            Want::Tokens { from } => (*from as usize - 1..read.tokens.len() - 1).collect(),
            Want::Head { name, positions } => {
                if self.decoder.heads.iter().all(|head| head.name != *name) {
                    return Err(bad(format!("`{}` has no head named `{name}`", self.name)));
                }
                positions.iter().map(|&at| at as usize).collect()
            }
            _ => return Err(bad("this engine does not know what is wanted".to_owned())),
        };
        if let Some(at) = positions.iter().find(|&&at| at >= read.tokens.len()) {
            let len = read.tokens.len();
            return Err(bad(format!("position `{at}` is beyond the sequence's {len} tokens")));
        }
        if !positions.is_sorted() {
            return Err(bad("positions must be in ascending order".to_owned()));
        }
        Ok(positions)
    }

    /// The place from which a read goes on, and the tokens it computes.
    pub(super) fn to_read(&self, read: &Read) -> (Loc, usize) {
        let Ok(positions) = self.positions(read) else { return (self.tree.root(), 0) };
        let first = positions.first().copied().unwrap_or(read.tokens.len());
        let (loc, held) = self.held_for(read, first);
        (loc, read.tokens.len() - held)
    }

    /// The longest held prefix after which every wanted position can still be read.
    fn held_for(&self, read: &Read, first: usize) -> (Loc, usize) {
        let loc = self.tree.longest(&read.tokens);
        let held = self.tree.position(loc);
        let all_hidden = (first..held).all(|at| self.tree.ready(&read.tokens[..=at]).is_some());
        if all_hidden {
            return (loc, held);
        }
        let loc = self.tree.longest(&read.tokens[..first]);
        (loc, self.tree.position(loc))
    }

    fn place(&self, path: &[u32]) -> Loc {
        self.tree.ready(path).unwrap_or_else(|| self.tree.longest(path))
    }

    /// The hidden row of the token before a place, `[1, E]`.
    pub(super) fn hidden_at(&self, loc: Loc) -> Tensor<2> {
        let node = self.tree.node(loc.node);
        match &node.store {
            Store::Segment(segment) => {
                segment.hidden.clone().narrow(0, loc.len - 1 - node.hidden_from, 1)
            }
            Store::Front(slot) => self.front.hidden(*slot, loc.len - 1),
            Store::Root => unreachable!("the empty prefix has no hidden row"),
        }
    }

    fn values(
        &self,
        read: &Read,
        positions: &[usize],
        rows: &[Tensor<2>],
    ) -> Result<Vec<Vec<f32>>, ModelError> {
        if let Want::Head { name, .. } = &read.want {
            return self.head_values(name, rows);
        }
        let vocab = self.decoder.config.vocab;
        let mut values = Vec::with_capacity(rows.len());
        for (rows, positions) in rows.chunks(ROWS).zip(positions.chunks(ROWS)) {
            let logits = self.logits(Tensor::cat(rows.to_vec(), 0))?;
            for (row, position) in logits.chunks_exact(vocab).zip(positions) {
                let distribution = Distribution::new(row).map_err(|_| self.not_finite("logits"))?;
                values.push(match &read.want {
                    Want::NextOf { ids, .. } => {
                        ids.iter().map(|&id| distribution.logprob(row, id)).collect()
                    }
                    Want::Tokens { .. } => {
                        vec![distribution.logprob(row, read.tokens[position + 1])]
                    }
                    _ => row.iter().map(|logit| logit - distribution.log_normalizer()).collect(),
                });
            }
        }
        Ok(values)
    }

    /// What a head says of hidden rows.
    fn head_values(&self, name: &str, rows: &[Tensor<2>]) -> Result<Vec<Vec<f32>>, ModelError> {
        let head = self.decoder.heads.iter().find(|head| head.name == name);
        let Some(head) = head.filter(|_| !rows.is_empty()) else { return Ok(Vec::new()) };
        let hidden = Tensor::cat(rows.to_vec(), 0);
        let values = match self.decoder.between {
            Between::Burn => to_vec(head.forward(hidden))?,
            Between::Kernels => head.rows(to_vec(hidden)?),
        };
        if values.iter().any(|value| !value.is_finite()) {
            return Err(self.not_finite(&format!("head {name}")));
        }
        Ok(values.chunks_exact(head.outputs).map(<[f32]>::to_vec).collect())
    }

    /// What one position costs.
    fn head_flops(&self, want: &Want) -> u64 {
        let Want::Head { name, .. } = want else { return self.cost.head };
        let head = self.decoder.heads.iter().find(|head| head.name == *name);
        head.map_or(0, |head| 2 * head.parameters())
    }

    pub(super) fn worst_case_read(&self, read: &Read) -> Spend {
        let len = read.tokens.len() as u64;
        let held = match self.positions(read) {
            Ok(positions) => {
                let first = positions.first().copied().unwrap_or(read.tokens.len());
                self.held_for(read, first).1 as u64
            }
            Err(_) => len,
        };
        let heads = u128::from(len) * u128::from(self.head_flops(&read.want));
        Spend {
            scored: len - held,
            computed: len - held,
            calls: 1,
            flops: self.cost.forward(held, len) + heads,
            ..Spend::default()
        }
    }
}
