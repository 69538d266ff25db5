//! Reward models: scorers that read a model in the way of its family.

use std::{cell::RefCell, collections::BTreeMap, sync::Arc};

use espalier_core::{
    ModelError, Path, Read, Reader, Reading, ScoreAsk, ScoreBound, Scored, Scorer, Service, Spend,
    Ticket, Tokens, Usage,
};

use crate::{
    families::Family,
    held::{Held, Prospect, Rates},
    readout::Readout,
    sequences::{Outlook, Sequences},
};

/// A scorer that reads a process or outcome reward model of one of the [families](crate::families).
///
/// The model may have another tokenizer than the policy: problem and steps become its own text, encoded
/// anew for every step. What the text's tokens have in common with what this search holds, by the
/// [`Scored`] leases of earlier steps, is not computed again; the rest is, and is charged. So a score is
/// that of the whole text read at once, whatever was held.
///
/// # Accounting
///
/// A search pays for every token once while it holds the KV itself, and as if it were alone: what other
/// searches hold makes the model compute less, but nothing cheaper. Work that the model does again
/// because it evicted what was leased is the reader's to tell, not the search's to pay, so that a budget
/// admits the same whatever else is in flight.
///
/// The worst case of a step that is encoded anew is a token for every byte its tokens can stand for, as
/// far as the context goes: budgets of scored or computed tokens reserve much more than is spent.
///
/// The scorer must be alone with its reader: it takes every reply the reader gives.
///
/// # Example
///
/// ```
/// use std::sync::Arc;
/// use espalier_core::{Finish, Head, Path, Prompt, ScoreAsk, Step, collect, toy::HashReader};
/// use espalier_prm::{Bounds, RewardModel, families::skywork::skywork};
///
/// let mut reader = HashReader::new(); // a token is a byte
/// reader.heads = vec![Head { name: "v_head".to_owned(), outputs: 1, flops: 8 }];
/// let bounds = Bounds { longest: 1.try_into()?, context: 1000.try_into()? };
/// let family = skywork(&reader, Some(0), bounds)?;
/// let mut scorer = RewardModel::new(reader, family);
/// let step = Step {
///     tokens: [77].into(), // the policy's own
///     text: "1\n\n".to_owned(),
///     stats: Vec::new(),
///     alternatives: Vec::new(),
///     observed: None,
///     finish: Finish::Step,
/// };
/// let prompt = Prompt { problem: "0 + 1".to_owned(), tokens: [78, 79].into() };
/// let path = Path { prompt: Arc::new(prompt), steps: vec![Arc::new(step)] };
/// let scored = collect(&mut scorer, [ScoreAsk { path }]).remove(0)?;
/// assert!((0.0..=1.0).contains(&scored.score.get()));
/// assert_eq!(scored.usage.prefill_new, 1 + 6 + 2); // its beginning, the problem's line, the step's
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct RewardModel<R> {
    reader: R,
    sequences: Sequences,
    readout: Readout,
    next: u64,
    /// The reads submitted, by the reader's ticket.
    waiting: BTreeMap<Ticket, (Ticket, Usage)>,
    /// The asks that could not be read.
    refused: Vec<(Ticket, ModelError)>,
    /// Behind a cell, for worst cases must know what has been released.
    held: RefCell<Held>,
}

impl<R: Reader> RewardModel<R> {
    /// A scorer that reads `reader` as its family is read.
    pub fn new(reader: R, family: Family) -> Self {
        let Family { sequences, readout } = family;
        let (waiting, refused) = (BTreeMap::new(), Vec::new());
        let held = RefCell::default();
        Self { reader, sequences, readout, next: 0, waiting, refused, held }
    }

    /// The model.
    #[must_use]
    pub fn reader(&self) -> &R {
        &self.reader
    }

    /// The model, to set it up or to ask what it holds. Leases that were dropped have reached it.
    pub fn reader_mut(&mut self) -> &mut R {
        self.held.get_mut().reclaim();
        &mut self.reader
    }

    fn rates(&self) -> Rates {
        let head = self.readout.flops(&self.reader);
        Rates { cost: self.reader.cost(), head, price: self.reader.price() }
    }

    /// The tokens to read for a path's last step.
    fn sequence(&self, path: &Path) -> Result<Tokens, ModelError> {
        let bad = |reason: &str| Err(ModelError::BadRequest { reason: reason.to_owned() });
        let steps = path.last().map(|step| step.tokens.len());
        let Some(1..) = steps else {
            return bad("a reward model scores a step of at least one token; the root has none");
        };
        let tokens = self.sequences.of(path, &|text| self.reader.encode(text))?;
        if tokens.is_empty() {
            return bad("the text of the reward model's family is empty; give it a token to read");
        }
        Ok(tokens.into())
    }

    /// What is known of a child's sequence; of one that cannot be made, that it costs nothing.
    fn outlook(&self, bound: &ScoreBound) -> Outlook {
        let encode = |text: &str| self.reader.encode(text);
        let known = self.sequences.outlook(&bound.parent, bound.max_tokens, &encode);
        known.unwrap_or(Outlook { sure: Vec::new(), most: 0 })
    }

    fn scored(
        &mut self,
        ticket: Ticket,
        usage: Usage,
        reading: Result<Reading, ModelError>,
    ) -> Result<Scored, ModelError> {
        let scored = reading.and_then(|Reading { values, lease, .. }| {
            let score = self.readout.score(&values)?;
            let lease = lease.ok_or_else(|| ModelError::BadRequest {
                reason: "the model leases no KV, so that steps cannot be read one by one; \
                         take one that does"
                    .to_owned(),
            })?;
            Ok((score, lease))
        });
        let held = self.held.get_mut();
        match scored {
            Ok((score, lease)) => {
                Ok(Scored { score, usage, lease: Some(held.keep(ticket.0, lease)) })
            }
            Err(error) => {
                held.forget(ticket.0);
                Err(error)
            }
        }
    }
}

impl<R: Reader> Service for RewardModel<R> {
    type Ask = ScoreAsk;
    type Reply = Scored;

    fn submit(&mut self, ask: ScoreAsk) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        let tokens = match self.sequence(&ask.path) {
            Ok(tokens) => tokens,
            Err(error) => {
                self.refused.push((ticket, error));
                return ticket;
            }
        };
        let rates = self.rates();
        let held = self.held.get_mut();
        held.reclaim();
        let usage = held.begin(ticket.0, &ask.path.prompt, &tokens, rates);
        let want = self.readout.want(tokens.len() as u32 - 1);
        let read = self.reader.submit(Read { tokens, want, retain: true });
        self.waiting.insert(read, (ticket, usage));
        ticket
    }

    fn poll(&mut self) -> Vec<(Ticket, Result<Scored, ModelError>)> {
        self.held.get_mut().reclaim();
        let refused = std::mem::take(&mut self.refused);
        let mut done: Vec<_> =
            refused.into_iter().map(|(ticket, why)| (ticket, Err(why))).collect();
        if !self.waiting.is_empty() {
            for (read, reading) in self.reader.poll() {
                if let Some((ticket, usage)) = self.waiting.remove(&read) {
                    done.push((ticket, self.scored(ticket, usage, reading)));
                }
            }
        }
        done.sort_by_key(|(ticket, _)| *ticket);
        done
    }

    /// # Complexity
    ///
    /// Linear in the asks in flight.
    fn cancel(&mut self, ticket: Ticket) {
        self.refused.retain(|(refused, _)| *refused != ticket);
        let ours = |(_, (ours, _)): &(&Ticket, &(Ticket, Usage))| *ours == ticket;
        let read = self.waiting.iter().find(ours).map(|(read, _)| *read);
        if let Some(read) = read {
            self.waiting.remove(&read);
            self.reader.cancel(read);
            self.held.get_mut().forget(ticket.0);
        }
    }
}

impl<R: Reader> Scorer for RewardModel<R> {
    /// # Complexity
    ///
    /// Encodes the text of each parent once more than there are kinds of beginnings; asks for one parent
    /// in a row share that.
    fn worst_case(&self, asks: &[ScoreBound]) -> Vec<Spend> {
        let mut held = self.held.borrow_mut();
        held.reclaim();
        let mut prospects: Vec<Prospect<'_>> = Vec::with_capacity(asks.len());
        let mut last: Option<&ScoreBound> = None;
        for ask in asks {
            let outlook = match (last, prospects.last()) {
                (Some(last), Some(known)) if alike(last, ask) => known.outlook.clone(),
                _ => self.outlook(ask),
            };
            prospects.push(Prospect { prompt: &ask.parent.prompt, outlook });
            last = Some(ask);
        }
        held.worst_case(&prospects, self.rates())
    }
}

/// Whether two bounds are of children of one node.
fn alike(one: &ScoreBound, other: &ScoreBound) -> bool {
    let (a, b) = (&one.parent, &other.parent);
    let same = |(a, b): (&Arc<_>, &Arc<_>)| Arc::ptr_eq(a, b);
    one.max_tokens == other.max_tokens
        && Arc::ptr_eq(&a.prompt, &b.prompt)
        && a.steps.len() == b.steps.len()
        && a.steps.iter().zip(&b.steps).all(same)
}
