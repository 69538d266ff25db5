//! A custom policy: anything that continues a prefix. This one draws cards until they sum to 21 or more.

#![expect(clippy::print_stdout, reason = "an example shows what it finds")]

use std::{num::NonZeroU32, sync::Arc};

use espalier::core::{
    Aggregate, Completion, Finish, Frozen, Immediate, ModelCost, ModelError, Path, PathScorer,
    Policy, Prompt, Request, Sampling, Score, ScorerId, Service, Spend, Step, Ticket, TokenId,
    TokenStat, Tokens, Usage,
};
use espalier::search::{Beam, BestOfN, Config, Models, Strategy, Task, search};

/// What the cards are to sum to.
const GOAL: u32 = 21;

/// Draws cards from 1 to 9. A token is a card and a step; 0 starts a game.
#[derive(Default)]
struct Dealer {
    waiting: Vec<(Ticket, Request)>,
    next: u64,
}

impl Service for Dealer {
    type Ask = Request;
    type Reply = Completion;

    fn submit(&mut self, request: Request) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        self.waiting.push((ticket, request));
        ticket
    }

    fn poll(&mut self) -> Vec<(Ticket, Result<Completion, ModelError>)> {
        self.waiting.drain(..).map(|(ticket, request)| (ticket, Ok(deal(&request)))).collect()
    }

    fn cancel(&mut self, ticket: Ticket) {
        self.waiting.retain(|(waiting, _)| *waiting != ticket);
    }
}

/// The text of cards, which continues the text before it.
fn written(cards: &[TokenId]) -> String {
    let mut text = cards.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
    text.push(' ');
    text
}

/// Draws cards: one, or for a whole answer as many as it takes.
fn deal(request: &Request) -> Completion {
    let mut sum: u32 = request.prefix.iter().sum();
    let mut cards: Vec<TokenId> = Vec::new();
    let one = request.until == espalier::core::Until::Boundary;
    while sum < GOAL && !(one && cards.len() == 1) {
        // All randomness comes from the request, so that the same search gives the same tree.
        let card = 1 + (request.seed.uniform(cards.len() as u64) * 9.0) as TokenId;
        cards.push(card);
        sum += card;
    }
    let logprob = -(9_f32.ln());
    let stat =
        TokenStat { logprob, top_logprob: logprob, entropy: None, self_certainty: Some(0.0) };
    let n = cards.len() as u64;
    let step = Step {
        text: written(&cards),
        stats: vec![stat; cards.len()],
        tokens: cards.into(),
        alternatives: Vec::new(),
        observed: None,
        finish: if sum < GOAL { Finish::Step } else { Finish::Eos },
    };
    Completion { step, usage: Usage { decode_new: n, sampled: n, ..Usage::default() }, lease: None }
}

impl Policy for Dealer {
    fn worst_case(&self, requests: &[Request]) -> Vec<Spend> {
        let most = |request: &Request| u64::from(request.max_tokens);
        let spend = |n| Spend { generated: n, computed: n, calls: 1, ..Spend::default() };
        requests.iter().map(most).map(spend).collect()
    }

    fn cost(&self) -> ModelCost {
        ModelCost { trunk: 0, attention: 0, head: 0 }
    }

    fn context(&self) -> u32 {
        64
    }

    fn encode(&self, _: &str) -> Result<Tokens, ModelError> {
        Ok([0].into())
    }

    fn decode(&self, tokens: &[TokenId]) -> String {
        written(tokens)
    }
}

/// How good a hand is: whole tens short of 21 can still be filled, everything above is lost.
struct Hand;

impl PathScorer for Hand {
    fn score(&self, path: &Path) -> Result<Score, ModelError> {
        let sum: u32 = path.tokens().iter().sum();
        let score = match sum {
            GOAL => 1.0,
            sum if sum > GOAL => 0.0,
            // One card of the right value can be drawn.
            sum if GOAL - sum <= 9 => 0.9,
            _ => 0.5,
        };
        Ok(Score::new(score)?)
    }
}

/// Games won of 40.
fn won(strategy: &dyn Fn() -> Box<dyn Strategy>) -> Result<usize, Box<dyn std::error::Error>> {
    let mut won = 0;
    for game in 0..40 {
        let (mut policy, mut scorer) = (Dealer::default(), Immediate::new(Hand));
        let prompt = Prompt { problem: "21".to_owned(), tokens: policy.encode("21")? };
        let task = Task { prompt: Arc::new(prompt), hash: game, strategy: strategy() };
        let tokens = |n| NonZeroU32::new(n).expect("it is not 0");
        let config = Config::new(Sampling::at(1.0), tokens(1), tokens(22));
        let mut models =
            Models { policy: &mut policy, scorers: vec![&mut scorer], tools: Vec::new() };
        let outcome = search(task, &mut models, &config, &Frozen);
        let sums = outcome.tree.finished().map(|id| outcome.tree.path(id).tokens().iter().sum());
        won += usize::from(sums.into_iter().any(|sum: u32| sum == GOAL));
    }
    Ok(won)
}

/// Plays with one hand and with a beam, and checks that the beam wins more.
pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let one = won(&|| Box::new(BestOfN::new(1, ScorerId(0)).expect("1 is not 0")))?;
    let beam = || Beam::new(3, None, 21, ScorerId(0), Aggregate::Last).expect("no number is 0");
    let nine = won(&|| Box::new(beam()))?;
    println!("one hand wins {one} of 40 games, a beam of width 3 {nine}");
    assert!(one < 16 && nine > 30);
    Ok(())
}
