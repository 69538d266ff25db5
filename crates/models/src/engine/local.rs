//! Views of one engine: a policy and a reader that share its weights, its KV and its batches.

use std::{cell::RefCell, num::NonZeroU32, rc::Rc, sync::Arc};

use espalier_core::{
    Completion, Head, ModelCost, ModelError, Policy, Price, Read, Reader, Reading, Request,
    Service, Spend, Ticket, TokenId, Tokens,
};

use super::{Engine, EngineStats};
use crate::{LoadError, Tokenizer};

/// Decode steps one poll may take.
const STEPS_A_POLL: usize = 8;

/// The engine as a policy.
#[derive(Debug, Clone)]
pub struct LocalPolicy {
    engine: Rc<RefCell<Engine>>,
}

/// The engine as a reader.
#[derive(Debug, Clone)]
pub struct LocalReader {
    engine: Rc<RefCell<Engine>>,
}

impl LocalReader {
    /// Returns true if and only if both have the same token at every id.
    #[must_use]
    pub fn has_vocabulary_of(&self, policy: &LocalPolicy) -> bool {
        let (ours, theirs) = (self.tokenizer(), policy.tokenizer());
        let same = |id| ours.token_bytes(id) == theirs.token_bytes(id);
        ours.vocab_size() == theirs.vocab_size() && (0..ours.vocab_size() as u32).all(same)
    }

    /// The id of a token; `None` where the text is not one token.
    #[must_use]
    pub fn token_id(&self, token: &str) -> Option<TokenId> {
        self.tokenizer().token_id(token)
    }

    /// The token with which texts of this vocabulary begin, where it has one.
    #[must_use]
    pub fn bos(&self) -> Option<TokenId> {
        self.tokenizer().bos()
    }

    /// The token that its tokenizer puts before every text, if it does that.
    #[must_use]
    pub fn added_bos(&self) -> Option<TokenId> {
        let tokenizer = self.tokenizer();
        tokenizer.bos().filter(|_| tokenizer.add_bos())
    }

    /// The tokens a sequence can hold.
    #[must_use]
    pub fn context(&self) -> u32 {
        self.engine.borrow().context() as u32
    }

    fn tokenizer(&self) -> Arc<Tokenizer> {
        Arc::clone(self.engine.borrow().tokenizer())
    }
}

/// Makes views of an engine. Whoever polls moves the work of all of them on.
#[must_use]
pub fn share(engine: Engine) -> (LocalPolicy, LocalReader) {
    let engine = Rc::new(RefCell::new(engine));
    (LocalPolicy { engine: Rc::clone(&engine) }, LocalReader { engine })
}

impl LocalPolicy {
    /// The ids of a whole prompt: as [`encode`](Policy::encode), after the token with which texts of this
    /// vocabulary begin, unless the text has it.
    ///
    /// # Errors
    ///
    /// [`ModelError`] where the tokenizer fails.
    pub fn prompt(&self, text: &str) -> Result<Tokens, ModelError> {
        ids(self.engine.borrow().tokenizer.prompt(text))
    }

    fn tokenizer(&self) -> Arc<Tokenizer> {
        Arc::clone(self.engine.borrow().tokenizer())
    }

    /// The longest text that one token stands for, in bytes.
    ///
    /// # Complexity
    ///
    /// Linear in the vocabulary.
    #[must_use]
    pub fn longest_token(&self) -> NonZeroU32 {
        self.tokenizer().longest_token()
    }

    /// What the engine has done and holds.
    #[must_use]
    pub fn stats(&self) -> EngineStats {
        self.engine.borrow_mut().reclaim();
        self.engine.borrow().stats()
    }
}

fn encode(engine: &Engine, text: &str) -> Result<Tokens, ModelError> {
    ids(engine.tokenizer.encode(text))
}

fn ids(encoded: Result<Vec<u32>, LoadError>) -> Result<Tokens, ModelError> {
    encoded.map(Into::into).map_err(|source| ModelError::Failed {
        operation: "encode".to_owned(),
        source: Box::new(source),
    })
}

impl Service for LocalPolicy {
    type Ask = Request;
    type Reply = Completion;

    fn submit(&mut self, request: Request) -> Ticket {
        self.engine.borrow_mut().submit_request(request)
    }

    fn poll(&mut self) -> Vec<(Ticket, Result<Completion, ModelError>)> {
        let mut engine = self.engine.borrow_mut();
        for _ in 0..STEPS_A_POLL {
            if !engine.completions.is_empty() || !engine.step() {
                break;
            }
        }
        let mut done = std::mem::take(&mut engine.completions);
        done.sort_by_key(|(ticket, _)| *ticket);
        done
    }

    fn cancel(&mut self, ticket: Ticket) {
        self.engine.borrow_mut().cancel(ticket);
    }
}

impl Policy for LocalPolicy {
    fn worst_case(&self, requests: &[Request]) -> Vec<Spend> {
        self.engine.borrow().worst_case(requests)
    }

    fn cost(&self) -> ModelCost {
        self.engine.borrow().cost
    }

    fn context(&self) -> u32 {
        self.engine.borrow().context() as u32
    }

    fn encode(&self, text: &str) -> Result<Tokens, ModelError> {
        encode(&self.engine.borrow(), text)
    }

    fn decode(&self, tokens: &[TokenId]) -> String {
        self.engine.borrow().tokenizer.decode_text(tokens)
    }
}

impl Service for LocalReader {
    type Ask = Read;
    type Reply = Reading;

    fn submit(&mut self, read: Read) -> Ticket {
        self.engine.borrow_mut().submit_read(read)
    }

    fn poll(&mut self) -> Vec<(Ticket, Result<Reading, ModelError>)> {
        let mut engine = self.engine.borrow_mut();
        for _ in 0..STEPS_A_POLL {
            if !engine.readings.is_empty() || !engine.step() {
                break;
            }
        }
        let mut done = std::mem::take(&mut engine.readings);
        done.sort_by_key(|(ticket, _)| *ticket);
        done
    }

    fn cancel(&mut self, ticket: Ticket) {
        self.engine.borrow_mut().cancel(ticket);
    }
}

impl Reader for LocalReader {
    fn heads(&self) -> Vec<Head> {
        let engine = self.engine.borrow();
        let told = |head: &crate::nn::Head| Head {
            name: head.name.clone(),
            outputs: head.outputs as u32,
            flops: 2 * head.parameters(),
        };
        engine.decoder().heads.iter().map(told).collect()
    }

    fn worst_case(&self, reads: &[Read]) -> Vec<Spend> {
        let mut engine = self.engine.borrow_mut();
        engine.is_read = true;
        reads.iter().map(|read| engine.worst_case_read(read)).collect()
    }

    fn cost(&self) -> ModelCost {
        self.engine.borrow().cost
    }

    fn price(&self) -> Price {
        Price::default()
    }

    fn encode(&self, text: &str) -> Result<Tokens, ModelError> {
        encode(&self.engine.borrow(), text)
    }
}
