//! Tools: what strategies call, by number, and how calls stand in a model's text.

mod calculator;

use std::sync::Arc;

use espalier_core::{Profile, Tool, ToolId};
use espalier_search::{
    Equipped, Registry, absent,
    profiles::{Cut, Fenced, Printed, React, Reads, Turn},
};

pub use calculator::{calculator, compute};

use crate::countdown::ANSWER_MARK;
use crate::dataset::AnswerForm;
use crate::spec::{OutputFormat, StrategySpec};

/// Runs Python.
pub(crate) const PYTHON: ToolId = ToolId(0);
/// Computes exactly.
pub(crate) const CALCULATOR: ToolId = ToolId(1);
/// Answers for tools there are not.
pub(crate) const ABSENT: ToolId = ToolId(2);

/// The names by which ReAct calls tools.
pub const NAMES: [&str; 2] = ["python", "calculator"];

/// What a ReAct observation shows of an output, in characters of its beginning and of its end.
///
/// Source: that of Qwen2.5-Math, <https://github.com/QwenLM/Qwen2.5-Math>; ReAct's own tools are searches.
const SHOWN: usize = 200;

/// What a run calls.
pub struct Toolkit<'a> {
    /// Runs Python.
    pub python: &'a mut dyn Tool,
    /// How an observation is put where the model has ended its turn; `None` for models without turns.
    pub turn: Option<Turn>,
}

impl std::fmt::Debug for Toolkit<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Toolkit").field("turn", &self.turn).finish_non_exhaustive()
    }
}

/// The tools that are always there.
pub(crate) struct BuiltIn {
    calculator: Box<dyn Tool>,
    absent: Box<dyn Tool>,
}

impl BuiltIn {
    pub(crate) fn new() -> Self {
        let absent = absent(&NAMES);
        Self { calculator: Box::new(calculator()), absent: Box::new(absent) }
    }
}

/// The tools of a strategy, by their ids; none for one that calls none.
pub(crate) fn equip<'a>(
    strategy: &StrategySpec,
    form: AnswerForm,
    kit: Option<&'a mut Toolkit<'_>>,
    built_in: &'a mut BuiltIn,
) -> Vec<Equipped<'a>> {
    let Some(kit) = kit.filter(|_| strategy.output().is_some()) else { return Vec::new() };
    let turn = kit.turn.clone();
    let python = profile(strategy, form, turn.clone());
    let mut tools = vec![Equipped { tool: &mut *kit.python, profile: python }];
    if matches!(strategy, StrategySpec::ReAct { .. }) {
        let profile = || react(Reads::Input, turn.clone());
        tools.push(Equipped { tool: &mut *built_in.calculator, profile: profile() });
        let profile = react(Reads::Name, turn);
        tools.push(Equipped { tool: &mut *built_in.absent, profile });
    }
    tools
}

/// How a strategy's calls of Python stand in the text.
pub(crate) fn profile(
    strategy: &StrategySpec,
    form: AnswerForm,
    turn: Option<Turn>,
) -> Arc<dyn Profile> {
    let fenced = match strategy.output() {
        Some(OutputFormat::Tora) => Fenced::tora(),
        Some(OutputFormat::Qwen) => Fenced::qwen(),
        Some(OutputFormat::Numina) | None => Fenced::numina(),
    };
    let fenced = Fenced { turn: turn.clone(), ..fenced };
    match strategy {
        StrategySpec::Pal { .. } => {
            let mark = match form {
                AnswerForm::Number | AnswerForm::Latex | AnswerForm::Function => "#### ".to_owned(),
                AnswerForm::Expression => format!("{ANSWER_MARK} "),
            };
            Arc::new(Printed { fenced, mark })
        }
        StrategySpec::ReAct { .. } => react(Reads::Input, turn),
        _ => Arc::new(fenced),
    }
}

fn react(reads: Reads, turn: Option<Turn>) -> Arc<dyn Profile> {
    Arc::new(React { reads, cut: Cut::Ends(SHOWN, "..."), turn })
}

/// The tools that ReAct can call.
pub(crate) fn registry() -> Registry {
    let [python, calculator] = NAMES.map(str::to_owned);
    Registry { tools: vec![(python, PYTHON), (calculator, CALCULATOR)], absent: ABSENT }
}
