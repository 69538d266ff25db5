//! ReAct: thoughts and actions in turn, with a choice of tools.

use espalier_core::{Account, Finish, Round, ToolId};

use super::{BadStrategy, at_least_one};
use crate::{
    Strategy, Tree,
    profiles::React,
    turns::{Then, Turns},
};

/// Which tool a name is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    /// The tools, by the names that the model calls them.
    pub tools: Vec<(String, ToolId)>,
    /// Who answers calls of any other name: most often [`absent`](crate::absent()).
    pub absent: ToolId,
}

impl Registry {
    fn tool(&self, name: &str) -> ToolId {
        let known = self.tools.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        known.map_or(self.absent, |(_, tool)| *tool)
    }
}

/// Samples `n` paths of thoughts and actions: a step ends with an action, the tool it names is called with its
/// input, the observation follows, and the path goes on until the model ends its answer or has made `calls`
/// calls; after the last it may still write one step. One path is the source's setting; several vote.
///
/// A name that no tool has is answered, too, so that the model can mend it.
///
/// A tool of one's own is a function with a name. It is given to the models with the others, by its id, and named in
/// the registry; the prompt has to tell the model of it.
///
/// ```
/// use std::{num::NonZeroU32, sync::Arc};
/// use espalier_core::{Call, Frozen, ImmediateTool, Observation, Policy, Prompt, Sampling, ToolId, toy};
/// use espalier_search::{Config, Equipped, Models, ReAct, Registry, Task, absent, search};
/// use espalier_search::profiles::{Cut, React, Reads};
///
/// let mut words = ImmediateTool::new("words", |call: &Call| {
///     Ok(Observation::ok(call.input.split_whitespace().count().to_string()))
/// });
/// let mut absent = absent(&["words"]);
/// let profile = |reads| Arc::new(React { reads, cut: Cut::Ends(200, "..."), turn: None });
/// let tools = vec![
///     Equipped { tool: &mut words, profile: profile(Reads::Input) },
///     Equipped { tool: &mut absent, profile: profile(Reads::Name) },
/// ];
/// let registry = Registry { tools: vec![("words".to_owned(), ToolId(0))], absent: ToolId(1) };
/// let mut policy = toy::Letters::new();
/// let prompt = Prompt { problem: "abc".to_owned(), tokens: policy.encode("abc")? };
/// let strategy = Box::new(ReAct::new(1, 6, registry)?);
/// let task = Task { prompt: Arc::new(prompt), hash: 1, strategy };
/// let mut models = Models { policy: &mut policy, scorers: Vec::new(), tools };
/// let tokens = |n| NonZeroU32::new(n).expect("not 0");
/// let outcome = search(task, &mut models, &Config::new(Sampling::at(0.0), tokens(16), tokens(64)), &Frozen);
/// assert!(outcome.error.is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Source: Yao et al. 2022, <https://arxiv.org/abs/2210.03629>, section 2; its question answering takes at most 7
/// steps (appendix, HotpotQA) at temperature 0.
///
/// Deviations:
/// - An answer is text that the model ends, read by whoever reads answers; there, it is an action `Finish`.
/// - A step without an action ends the path; the authors' code asks once more for the action alone.
#[derive(Debug, Clone)]
pub struct ReAct {
    turns: Turns,
    registry: Registry,
}

impl ReAct {
    /// `n` paths of `calls` calls each, at most, of the tools in `registry`.
    ///
    /// # Errors
    ///
    /// [`BadStrategy::Zero`] for no paths or no calls.
    pub fn new(n: u32, calls: u32, registry: Registry) -> Result<Self, BadStrategy> {
        let (n, calls) = (at_least_one("--n", n)?, at_least_one("--calls", calls)?);
        Ok(Self { turns: Turns::new(n, calls.saturating_add(1)), registry })
    }
}

impl Strategy for ReAct {
    fn next(&mut self, tree: &Tree, _: &Account) -> Round {
        let (last, registry) = (self.turns.is_last(), &self.registry);
        self.turns.next(tree, |id| {
            let step = tree.node(id).step.as_ref().filter(|step| step.finish != Finish::Length);
            match step.and_then(|step| React::action(&step.text)) {
                Some((name, _)) if !last => Then::Call(registry.tool(name)),
                _ => Then::End,
            }
        })
    }

    fn name(&self) -> &'static str {
        "react"
    }
}
