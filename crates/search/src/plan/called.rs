//! Called units: asks that a tool carries out.

use espalier_core::{
    Call, Finish, ModelError, NodeId, Observation, Observed, Policy, Profile, Seed, Shown, Step,
    ToolId,
};

use super::{Unit, missing};
use crate::{Models, Tree};

/// A call of a tool.
pub(crate) struct Called {
    /// The node whose step ends with it.
    pub(crate) node: NodeId,
    pub(crate) tool: ToolId,
    pub(crate) call: Call,
    /// Tokens the observation may have.
    room: u64,
}

/// What makes two calls of a problem the same: the tool, the inputs before it, and its input.
pub(crate) type Key = (ToolId, Vec<String>, String);

impl Called {
    pub(crate) fn key(&self) -> Key {
        (self.tool, self.call.earlier.clone(), self.call.input.clone())
    }

    /// The step that follows the call: what the policy reads of the observation. Where it fills the path, it
    /// is cut, and leads nowhere.
    pub(crate) fn step(
        &self,
        of: &Step,
        observation: &Observation,
        profile: &dyn Profile,
        policy: &dyn Policy,
    ) -> Result<Step, ModelError> {
        let output = plain(&observation.output, policy)?;
        let observation = Observation { output, ..observation.clone() };
        let Shown { text, mut finish } = profile.show(of, &observation);
        let mut tokens = policy.encode(&text)?;
        if tokens.len() as u64 > self.room {
            tokens = tokens[..self.room as usize].into();
            finish = Finish::Length;
        }
        Ok(Step {
            text: policy.decode(&tokens),
            tokens,
            stats: Vec::new(),
            alternatives: Vec::new(),
            observed: Some(Observed { tool: self.tool, status: observation.status }),
            finish,
        })
    }
}

/// An output that says to the policy nothing but its letters: where it spells a special token, such as the end of
/// a turn, what opens it stands apart.
fn plain(output: &str, policy: &dyn Policy) -> Result<String, ModelError> {
    let said = policy.decode(&policy.encode(output)?);
    let letters = |text: &str| text.split_whitespace().collect::<String>();
    if letters(&said) == letters(output) {
        return Ok(output.to_owned());
    }
    Ok(output.replace('<', "< ").replace('[', "[ "))
}

/// What is wrong with calling a tool here.
pub(super) fn check(
    node: NodeId,
    tool: ToolId,
    tree: &Tree,
    models: &Models<'_>,
) -> Option<String> {
    if let Some(reason) = missing(tree, node) {
        return Some(reason);
    }
    let Some(equipped) = models.tools.get(tool.index()) else {
        return Some(format!("no tool `{tool}` among the {} given; pass it", models.tools.len()));
    };
    let Some(step) = tree.node(node).step.as_ref().filter(|step| step.observed.is_none()) else {
        return Some(format!("node `{node}` has no step that a policy wrote; name one that calls"));
    };
    if step.finish == Finish::Length {
        return Some(format!(
            "node `{node}` was cut by length, and its call may be, too; leave it out"
        ));
    }
    if let Some(observation) = tree.observation(node) {
        return Some(format!("node `{node}` called a tool before; read its child `{observation}`"));
    }
    let name = equipped.tool.name();
    let call = equipped.profile.call(step);
    call.is_none().then(|| format!("node `{node}` has no call of `{name}`; ask where there is one"))
}

/// The unit of a checked ask.
pub(super) fn unit(
    node: NodeId,
    tool: ToolId,
    seed: Seed,
    tree: &Tree,
    models: &Models<'_>,
) -> Option<Unit> {
    let profile = &models.tools.get(tool.index())?.profile;
    let call = |id: NodeId| tree.node(id).step.as_ref().and_then(|step| profile.call(step));
    let input = call(node)?;
    // The steps on the path that this tool has answered.
    let answered = |&id: &NodeId| tree.observed(id).is_some_and(|seen| seen.tool == tool);
    let mut earlier: Vec<String> = tree
        .ancestors(node)
        .filter(answered)
        .filter_map(|id| tree.parent(id))
        .filter_map(call)
        .collect();
    earlier.reverse();
    let room = tree.room(node);
    Some(Unit::Tool(Box::new(Called { node, tool, call: Call { earlier, input, seed }, room })))
}
