//! Runs with tools, on a toy policy that writes code.

use espalier_core::{
    Call, Completion, Finish, Frozen, ImmediateTool, ModelCost, ModelError, Observation, Request,
    Service, Spend, Ticket, TokenId, Tokens, Tool, toy::Letters,
};
use tempfile::TempDir;

use super::{dataset, info, plan};
use crate::run::*;
use crate::spec::{Calling, OnFailName, OutputFormat};

/// Letters that say what a model writes that solves problems with code: a block, and the answer once its output
/// is there.
pub(crate) struct Coder(Letters);

pub(crate) fn coder() -> Coder {
    let mut letters = Letters::new();
    (letters.eos, letters.boundary) = (0.0, 0.0);
    Coder(letters)
}

/// What the observation ends with.
const OUTPUT: &str = "```output\n42\n```";

impl Service for Coder {
    type Ask = Request;
    type Reply = Completion;

    fn submit(&mut self, ask: Request) -> Ticket {
        self.0.submit(Request {
            until: espalier_core::Until::Tokens(u32::from(ends(&ask)) + 1),
            ..ask
        })
    }

    fn poll(&mut self) -> Vec<(Ticket, Result<Completion, ModelError>)> {
        let mut replies = self.0.poll();
        for (_, reply) in &mut replies {
            let Ok(Completion { step, .. }) = reply else { continue };
            // Two tokens were asked for where the output is there.
            (step.text, step.finish) = match step.tokens.len() {
                1 => ("```python\nprint(6 * 7)\n```".to_owned(), Finish::Step),
                _ => ("\nSo \\boxed{1042}.".to_owned(), Finish::Eos),
            };
        }
        replies
    }

    fn cancel(&mut self, ticket: Ticket) {
        self.0.cancel(ticket);
    }
}

/// Whether a prefix ends with the output.
fn ends(request: &Request) -> bool {
    Letters::new().decode(&request.prefix).trim_end().ends_with(OUTPUT)
}

impl Policy for Coder {
    fn worst_case(&self, requests: &[Request]) -> Vec<Spend> {
        self.0.worst_case(requests)
    }

    fn cost(&self) -> ModelCost {
        self.0.cost()
    }

    fn context(&self) -> u32 {
        self.0.context()
    }

    fn encode(&self, text: &str) -> Result<Tokens, ModelError> {
        self.0.encode(text)
    }

    fn decode(&self, tokens: &[TokenId]) -> String {
        self.0.decode(tokens)
    }
}

/// Says 42 to everything.
pub(crate) fn python() -> impl Tool {
    ImmediateTool::new("python", |call: &Call| {
        assert!(call.input.ends_with("print(6 * 7)\n"), "{}", call.input);
        Ok(Observation { cpu_ns: 5, ..Observation::ok("42".to_owned()) })
    })
}

pub(crate) fn calling(output: OutputFormat) -> Calling {
    Calling { output, temperature: 0.8, seed: 1 }
}

fn with_tools(strategy: StrategySpec) -> Vec<Record> {
    let (dataset, dir) = (dataset(), TempDir::new().unwrap());
    let mut store = Store::create(dir.path(), info()).unwrap();
    let plan = Run { budget: Budget::default(), ..plan(&dataset, strategy, 3) };
    let plan = Run { max_tokens: NonZeroU32::new(400).unwrap(), ..plan };
    let mut put = |problem: &Problem| {
        let tokens = problem.question.bytes().map(TokenId::from).collect();
        Ok(Arc::new(Prompt { problem: problem.question.clone(), tokens }))
    };
    let mut go_on = |_: &Progress| ControlFlow::Continue(());
    let mut coder = coder();
    let bare =
        run(&plan, &mut put, &mut coder, Helpers::default(), &mut store, &Frozen, &mut go_on);
    assert!(matches!(bare, Err(RunError::NoTools { .. })));
    let mut python = python();
    let tools = Some(Toolkit { python: &mut python, turn: None });
    let helpers = Helpers { prm: None, tools };
    let ended = run(&plan, &mut put, &mut coder, helpers, &mut store, &Frozen, &mut go_on);
    assert_eq!(ended.unwrap(), Ended::Complete);
    assert!(store.records().iter().all(|record| record.error.is_none()));
    store.records().to_vec()
}

#[test]
fn code_is_run_and_its_output_read() {
    let modulo = NonZeroU32::new(1000);
    let on_fail = OnFailName::Prune;
    let calling = calling(OutputFormat::Numina);
    let sc_tir = |modulo| StrategySpec::ScTir { width: 2, depth: 2, on_fail, modulo, calling };
    for (modulo, answer) in [(None, "1042"), (modulo, "42")] {
        for record in with_tools(sc_tir(modulo)) {
            assert_eq!(record.answer.as_deref(), Some(answer));
            assert!(record.text.unwrap().contains(OUTPUT));
            // Both paths made the same call, which ran once.
            assert_eq!((record.ledger.tool_calls, record.ledger.tool_cpu_ns), (1, 5));
            assert_eq!((record.spend.generated, record.spend.calls), (2 + 4, 4));
        }
    }
    for record in with_tools(StrategySpec::Pal { n: 2, calling }) {
        // What the program printed is the answer, without another word of the model's.
        assert_eq!(
            (record.answer.as_deref(), record.rule),
            (Some("42"), Some(crate::Rule::Hashes))
        );
        assert_eq!(record.spend.generated, 2);
    }
    let calling = self::calling(OutputFormat::Tora);
    for record in with_tools(StrategySpec::ToRa { n: 1, calls: 1, calling }) {
        assert_eq!(record.answer.as_deref(), Some("1042"));
    }
}
