//! A new scorer: a rule about the text, here the share of one letter.

#![expect(clippy::print_stdout, reason = "an example shows what it finds")]

use std::{num::NonZeroU32, sync::Arc};

use espalier::core::{
    Aggregate, Frozen, Immediate, ModelError, NodeId, Path, PathScorer, Policy, Prompt, Sampling,
    Score, ScorerId, toy,
};
use espalier::search::{Beam, Config, Models, Task, search};

/// The share of the letter `a` in a path's text, from 0 to 1.
struct ShareOfA;

impl PathScorer for ShareOfA {
    fn score(&self, path: &Path) -> Result<Score, ModelError> {
        let text = path.text();
        let share = text.matches('a').count() as f32 / text.len().max(1) as f32;
        // A score that is not finite is an error, never a rank.
        Ok(Score::new(share)?)
    }
}

/// Searches a toy world with the rule and checks that it guides.
pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut policy, mut scorer) = (toy::Letters::new(), Immediate::new(ShareOfA));
    let prompt = Prompt { problem: "abc".to_owned(), tokens: policy.encode("abc")? };
    let beam = Beam::new(4, None, 12, ScorerId(0), Aggregate::Last)?;
    let task = Task { prompt: Arc::new(prompt), hash: 1, strategy: Box::new(beam) };
    let tokens = |n| NonZeroU32::new(n).expect("it is not 0");
    let config = Config::new(Sampling::at(1.0), tokens(16), tokens(64));
    let mut models = Models { policy: &mut policy, scorers: vec![&mut scorer], tools: Vec::new() };
    let tree = search(task, &mut models, &config, &Frozen).tree;

    let share = |id: NodeId| tree.node(id).score(ScorerId(0)).map_or(0.0, Score::get);
    let best = tree.finished().map(share).fold(0.0, f32::max);
    let first: Vec<f32> = tree.children(NodeId::ROOT).iter().map(|id| share(*id)).collect();
    let mean = first.iter().sum::<f32>() / first.len() as f32;
    println!("a: {:.0} % of the best answer, {:.0} % of first steps", best * 100.0, mean * 100.0);
    assert!(best > mean + 0.2, "the beam follows its scorer");
    Ok(())
}
