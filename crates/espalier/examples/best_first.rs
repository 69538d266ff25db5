//! A new strategy: best-first search, which always continues the best open node.

#![expect(clippy::print_stdout, reason = "an example shows what it finds")]

use std::{num::NonZeroU32, sync::Arc};

use espalier::core::{
    Account, Ask, Budget, Frozen, Immediate, NodeId, Policy, Prompt, Retain, Round, Sampling,
    ScorerId, Until, toy,
};
use espalier::search::{Config, Models, Strategy, Task, Tree, search};

/// Gives the best node that has no children yet `width` of them, until a budget ends the search.
struct BestFirst {
    width: u32,
    scorer: ScorerId,
}

impl Strategy for BestFirst {
    fn next(&mut self, tree: &Tree, _: &Account) -> Round {
        let leaf = |id: &NodeId| tree.expandable(*id) && tree.children(*id).is_empty();
        let score = |id: &NodeId| tree.node(*id).score(self.scorer);
        let Some(best) = tree.ids().filter(leaf).max_by_key(score) else { return Round::end() };
        Round {
            asks: vec![Ask::sample(best, self.width, Until::Boundary)],
            score: Some(self.scorer),
            retain: Retain::All,
        }
    }

    fn name(&self) -> &'static str {
        "best-first"
    }
}

/// Searches a toy world and checks what the strategy promises.
pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut policy, mut scorer) = (toy::Letters::new(), Immediate::new(toy::Hashed));
    let prompt = Prompt { problem: "abc".to_owned(), tokens: policy.encode("abc")? };
    let strategy = Box::new(BestFirst { width: 3, scorer: ScorerId(0) });
    let task = Task { prompt: Arc::new(prompt), hash: 1, strategy };
    let tokens = |n| NonZeroU32::new(n).expect("it is not 0");
    let budget = Budget { generated: Some(400), ..Budget::default() };
    let config = Config { budget, ..Config::new(Sampling::at(1.0), tokens(8), tokens(64)) };
    let mut models = Models { policy: &mut policy, scorers: vec![&mut scorer], tools: Vec::new() };
    let outcome = search(task, &mut models, &config, &Frozen);

    // Budgets, the ledger and the trace are the driver's: a strategy gets them for nothing.
    assert!(outcome.spent.generated <= 400 && outcome.tree.len() > 20);
    // The best first step is continued before its siblings are.
    let score = |id: &NodeId| outcome.tree.node(*id).score(ScorerId(0));
    let best = outcome.tree.children(NodeId::ROOT).iter().max_by_key(|id| score(id));
    assert!(best.is_some_and(|id| !outcome.tree.children(*id).is_empty()));
    println!("{} nodes for {} tokens", outcome.tree.len(), outcome.spent.generated);
    Ok(())
}
