//! Branches: requests under way.

use std::collections::VecDeque;

use espalier_core::{Finish, Request, Ticket, TokenId, TokenStat, Until, Usage};

use crate::{StreamDecoder, kv::Loc};

/// One request under way.
#[derive(Debug)]
pub(super) struct Branch {
    pub(super) ticket: Ticket,
    pub(super) request: Request,
    /// All tokens so far: the prefix, then what was sampled.
    pub(super) tokens: Vec<TokenId>,
    /// The computed place it has reached; it holds the node.
    pub(super) loc: Loc,
    /// Tokens known but not reached yet: the rest of the prefix, or the token sampled last.
    pub(super) todo: VecDeque<TokenId>,
    pub(super) stats: Vec<TokenStat>,
    pub(super) alternatives: Vec<Vec<(TokenId, f32)>>,
    pub(super) text: String,
    pub(super) decoder: StreamDecoder,
    pub(super) usage: Usage,
}

impl Branch {
    pub(super) fn new(ticket: Ticket, request: Request, root: Loc) -> Self {
        Self {
            ticket,
            tokens: request.prefix.to_vec(),
            request,
            loc: root,
            todo: VecDeque::new(),
            stats: Vec::new(),
            alternatives: Vec::new(),
            text: String::new(),
            decoder: StreamDecoder::new(),
            usage: Usage::default(),
        }
    }

    /// Tokens sampled.
    pub(super) fn sampled(&self) -> usize {
        self.tokens.len() - self.request.prefix.len()
    }

    /// The tokens reached: all but `todo`.
    pub(super) fn reached(&self) -> usize {
        self.tokens.len() - self.todo.len()
    }

    /// Returns true if and only if a part of its prompt was computed for it: it is as good as admitted.
    pub(super) fn has_begun(&self) -> bool {
        self.usage.prefill_new > 0
    }

    /// Positions between what the branch had reached and `now`.
    pub(super) fn reached_before(&self, now: usize) -> std::ops::Range<usize> {
        let before = (self.usage.prefill_new + self.usage.prefill_cached) as usize;
        before..now.max(before)
    }

    /// Counts the token at `position` as computed for this branch, or as found.
    pub(super) fn count(&mut self, position: usize, computed: bool) {
        let usage = &mut self.usage;
        let counter = match (position < self.request.prefix.len(), computed) {
            (true, true) => &mut usage.prefill_new,
            (true, false) => &mut usage.prefill_cached,
            (false, true) => &mut usage.decode_new,
            (false, false) => &mut usage.decode_cached,
        };
        *counter += 1;
    }

    /// Whether the branch ends with the token just sampled. `fresh` is the text it added.
    pub(super) fn finish(
        &self,
        token: TokenId,
        fresh: &str,
        eos: &[TokenId],
        context: usize,
    ) -> Option<Finish> {
        if eos.contains(&token) {
            return Some(Finish::Eos);
        }
        let stops = &self.request.stops;
        let completed = |stop: &String| completes(&self.text, fresh.len(), stop);
        if stops.end.iter().any(completed) {
            return Some(Finish::Eos);
        }
        let closes = |fence: &String| completed(fence) && closed(&self.text, fence);
        let at_boundary = self.request.until == Until::Boundary
            && (stops.boundary.iter().any(completed) || stops.fence.iter().any(closes));
        if at_boundary || self.request.is_full(self.sampled()) {
            return Some(Finish::Step);
        }
        let full = self.tokens.len() >= context;
        (full || self.sampled() >= self.request.max_tokens as usize).then_some(Finish::Length)
    }
}

/// Whether the last `fresh` bytes of `text` complete a `stop` that has something before it: a step that
/// is only its own boundary is not a step.
fn completes(text: &str, fresh: usize, stop: &str) -> bool {
    if stop.is_empty() {
        return false;
    }
    let earlier = text.len() - fresh;
    let from = earlier.saturating_sub(stop.len().saturating_sub(1));
    let from = (0..=from).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    text[from..]
        .match_indices(stop)
        .any(|(at, _)| from + at + stop.len() > earlier && !text[..from + at].trim().is_empty())
}

/// Whether every block that a `fence` opens is closed by another.
fn closed(text: &str, fence: &str) -> bool {
    text.matches(fence).count().is_multiple_of(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_closes_what_another_has_opened() {
        let ends = |text: &str, fresh| completes(text, fresh, "```") && closed(text, "```");
        assert!(!ends("So:\n```python", 9), "it opens a block");
        assert!(ends("So:\n```python\nprint(1)\n```", 3));
        assert!(ends("```python\nprint(1)\n```\n", 4), "a token may go past the fence");
        assert!(!ends("```python\nprint(1)\n```\nso", 2), "it was closed before");
    }

    #[test]
    fn a_stop_may_span_tokens_and_needs_something_before_it() {
        assert!(completes("a\n\n", 1, "\n\n"));
        assert!(completes("a.\n\nB", 4, "\n\n"));
        assert!(!completes("a\n\nB", 1, "\n\n"), "it was completed before");
        assert!(!completes("\n\n", 2, "\n\n"), "nothing stands before it");
        assert!(completes("é\n\n", 1, "\n\n"));
        assert!(!completes("abc", 1, ""));
    }
}
