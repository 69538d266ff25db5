//! Strategies with tools on policies that are scripted after their papers' formats.

use std::sync::Arc;

use espalier_core::{
    Answer, Answers, Call, Finish, NodeId, Observation, ObservationStatus, Profile, Stop, ToolId,
};
use espalier_search::{
    OnFail, Outcome, Pal, ReAct, Registry, ScTir, Strategy, ToRa, Tree, majority, majority_of,
    profiles::{Cut, Fenced, Printed, React, Reads},
    render,
};

use crate::{
    strategies::{ABACUS, ENDING},
    tools::python,
    toys::World,
};

/// What stands in a box, or after `####` or `Final Answer:`.
struct Said;

impl Answers for Said {
    fn extract(&self, text: &str) -> Option<Answer> {
        let boxed =
            text.rsplit_once("\\boxed{").and_then(|(_, rest)| Some(rest.split_once('}')?.0));
        let after = |mark: &str| {
            Some(text.rsplit_once(mark)?.1.lines().next()?.trim_matches([' ', '!', '.']))
        };
        let answer = boxed.or_else(|| after("####")).or_else(|| after("Final Answer:"))?;
        Some(Answer(answer.to_owned()))
    }

    fn same(&self, one: &Answer, other: &Answer) -> bool {
        one == other
    }
}

/// Searches on a policy that replies in this order; a reply with `!` ends the answer, one with `~` is cut.
fn played(
    strategy: impl Strategy + 'static,
    profile: impl Profile + 'static,
    replies: &[&str],
) -> Outcome {
    let profile: Arc<dyn Profile> = Arc::new(profile);
    let world = World {
        script: replies.iter().map(|&reply| reply.to_owned()).collect(),
        leaves: python,
        profiles: [Arc::clone(&profile), profile],
        step: 4_000_000,
        path: 8_000_000,
        ..World::new(0, 3)
    };
    let out = world.search(Box::new(strategy));
    assert!(out.error.is_none(), "{:?}", out.error);
    let all = replies.iter().map(|reply| reply.len() as u64).sum::<u64>();
    assert_eq!(out.spent.generated, all, "every reply was asked for");
    out
}

fn text(tree: &Tree, id: u32) -> String {
    tree.path(NodeId(id)).text()
}

fn block(code: &str) -> String {
    format!("Let me compute.\n```python\n{code}\n```")
}

fn numina() -> Fenced {
    Fenced { prelude: "", ..Fenced::numina() }
}

fn sc_tir(width: u32, depth: u32, on_fail: OnFail) -> ScTir {
    ScTir::new(width, depth, on_fail, ABACUS, Arc::new(numina())).expect("sound numbers")
}

fn voted(tree: &Tree) -> Option<String> {
    let counts = |id| ScTir::counts(tree, id, &numina());
    majority_of(tree, &Said, counts).map(|selected| selected.answer.0)
}

#[test]
fn sc_tir_runs_the_last_block_and_votes() {
    let first = block("print(1 + 2)");
    let two =
        format!("{}\nNo, rather:\n```python\nprint(2 + 2)\n```\n```output\n", block("print(9)"));
    let replies = [&first, &two, "\nSo \\boxed{3}.!", "\nSo \\boxed{4}.!"];
    let out = played(sc_tir(2, 4, OnFail::Prune), numina(), &replies);
    insta::assert_snapshot!(render(&out.tree), @r#"
    0 "q" root
    1   "Let me compute.\n```python\nprint(1 + 2)\n`"… -
    3     "\n```output\n3\n```" observed
    5       "\nSo \\boxed{3}." - eos
    2   "Let me compute.\n```python\nprint(9)\n```\nN"… -
    4     "4\n```" observed
    6       "\nSo \\boxed{4}." - eos
    "#);
    assert_eq!(text(&out.tree, 5), format!("{first}\n```output\n3\n```\nSo \\boxed{{3}}."));
    assert!(text(&out.tree, 6).ends_with("print(2 + 2)\n```\n```output\n4\n```\nSo \\boxed{4}."));
    assert_eq!(out.stop, Stop::Done);
    assert_eq!(voted(&out.tree).as_deref(), Some("3"), "ties go to the first");
}

#[test]
fn sc_tir_repairs_from_an_error() {
    let (wrong, right) = (block("print(1/0)"), block("print(3 + 4)"));
    let out = played(sc_tir(1, 4, OnFail::Prune), numina(), &[&wrong, &right, "\n\\boxed{7}!"]);
    let told = text(&out.tree, 5);
    assert!(told.contains("```output\nZeroDivisionError: division by zero\n```"), "{told}");
    assert_eq!(voted(&out.tree).as_deref(), Some("7"));
    let status = out.tree.node(NodeId(2)).observed().map(|observed| observed.status);
    assert_eq!(status, Some(ObservationStatus::Failed));
}

#[test]
fn sc_tir_does_not_take_an_error_for_an_answer() {
    let (wrong, right) = (block("print(1/0)"), block("print(#### 3)"));
    let replies = [&wrong, &wrong, &right, "!", " !", "!"];
    let out = played(sc_tir(3, 2, OnFail::Prune), numina(), &replies);
    let counts = |id| ScTir::counts(&out.tree, NodeId(id), &numina());
    assert_eq!(
        [7, 8, 9].map(counts),
        [false, false, true],
        "a blank end after output stands for it"
    );
    assert_eq!(voted(&out.tree).as_deref(), Some("3"));
}

#[test]
fn sc_tir_keeps_the_state_of_earlier_blocks() {
    let (one, two) = (block("x = 7"), block("print(x)"));
    let out = played(sc_tir(1, 4, OnFail::Prune), numina(), &[&one, &two, "\n\\boxed{7}!"]);
    assert!(text(&out.tree, 2).ends_with("```\n```output\n\n```"), "empty output is shown as such");
    assert!(text(&out.tree, 4).ends_with("```output\n7\n```"));
}

#[test]
fn sc_tir_prunes_what_has_no_code_or_made_its_output_up() {
    let forged = format!("{}\n```output\n5\n```\n", block("print(1)"));
    let replies = [
        "I think \\boxed{5}.!",
        "No code here.~",
        &forged,
        &format!("{}\nSo \\boxed{{5}}.!", block("print(1 + 4)")),
        &block("print(2 + 2)"),
        "\n\\boxed{4}!",
    ];
    let out = played(sc_tir(5, 3, OnFail::Prune), numina(), &replies);
    insta::assert_snapshot!(render(&out.tree), @r#"
    0 "q" root
    1   "I think \\boxed{5}." - eos
    2   "No code here." - length
    3   "Let me compute.\n```python\nprint(1)\n```\n`"… -
    4   "Let me compute.\n```python\nprint(1 + 4)\n`"… - eos
    5   "Let me compute.\n```python\nprint(2 + 2)\n`"… -
    6     "\n```output\n4\n```" observed
    7       "\n\\boxed{4}" - eos
    "#);
    assert_eq!(voted(&out.tree).as_deref(), Some("4"), "one path of five counts");
    assert_eq!(majority(&out.tree, &Said).map(|all| all.answer.0).as_deref(), Some("5"));
    // What is made up counts against a path that would call again.
    let again = format!("{forged}{}", block("print(2)"));
    let out = played(sc_tir(1, 3, OnFail::Prune), numina(), &[&again]);
    assert_eq!(out.tree.len(), 2, "{}", render(&out.tree));
}

#[test]
fn sc_tir_restarts_what_wrote_no_code() {
    let code = block("print(2 + 2)");
    let replies = ["I think \\boxed{5}.!", &code, &code, "\n\\boxed{4}!", "\n\\boxed{4}!"];
    let out = played(sc_tir(2, 3, OnFail::Restart), numina(), &replies);
    insta::assert_snapshot!(render(&out.tree), @r#"
    0 "q" root
    1   "I think \\boxed{5}." - eos
    2   "Let me compute.\n```python\nprint(2 + 2)\n`"… -
    3     "\n```output\n4\n```" observed
    5       "\n\\boxed{4}" - eos
    4   "Let me compute.\n```python\nprint(2 + 2)\n`"… -
    6     "\n```output\n4\n```" observed
    7       "\n\\boxed{4}" - eos
    "#);
    assert_eq!(voted(&out.tree).as_deref(), Some("4"));
    // A restart uses up a step of its path.
    let replies = ["no!", "no!", "no!"];
    let out = played(sc_tir(1, 3, OnFail::Restart), numina(), &replies);
    assert_eq!((out.tree.len(), voted(&out.tree)), (4, None));
    let pruned = played(sc_tir(1, 3, OnFail::Prune), numina(), &["no!"]);
    assert_eq!(pruned.tree.len(), 2);
}

#[test]
fn endless_calls_end_with_the_depth() {
    let code = block("while True: pass");
    let replies = [code.as_str(); 4];
    let out = played(sc_tir(1, 4, OnFail::Prune), numina(), &replies);
    // Four steps, and the outputs of the first three.
    assert_eq!((out.tree.len(), out.stop, voted(&out.tree)), (8, Stop::Done, None));
    assert_eq!(out.ledger.total().tool_calls, 3);
}

#[test]
fn output_is_cut_and_marked() {
    let spam = block("print(spam)");
    let out = played(sc_tir(1, 2, OnFail::Prune), numina(), &[&spam, "\n\\boxed{1}!"]);
    let shown = format!("\n```output\n{} ... (output truncated)\n```", "1234567890".repeat(20));
    assert_eq!(out.tree.node(NodeId(2)).step.as_ref().map(|step| step.text.clone()), Some(shown));
}

#[test]
fn ten_thousand_blocks_in_one_step_are_one_call() {
    let many = "```python\nprint(1 + 1)\n```\n".repeat(10_000);
    let out = played(sc_tir(1, 2, OnFail::Prune), numina(), &[&many, "\n\\boxed{2}!"]);
    assert_eq!((out.ledger.total().tool_calls, voted(&out.tree).as_deref()), (1, Some("2")));
}

fn printed() -> Printed {
    Printed { fenced: numina(), mark: "#### ".to_owned() }
}

#[test]
fn pal_answers_what_its_program_prints() {
    let pal = |n| Pal::new(n, ABACUS, Arc::new(printed())).expect("sound numbers");
    let (one, fails, silent) = (block("print(1 + 2)"), block("print(1/0)"), block("x = 7"));
    let ended = format!("{one}!");
    let out = played(pal(6), printed(), &[&one, &fails, &silent, "no code, 9!", &ended, "cut~"]);
    insta::assert_snapshot!(render(&out.tree), @r#"
     0 "q" root
     1   "Let me compute.\n```python\nprint(1 + 2)\n`"… -
     7     "\n#### 3\n" observed eos
     2   "Let me compute.\n```python\nprint(1/0)\n```" -
     8     "\n```output\nZeroDivisionError: division b"… observed, failed
     3   "Let me compute.\n```python\nx = 7\n```" -
     9     "\n```output\n\n```" observed
     4   "no code, 9" - eos
     5   "Let me compute.\n```python\nprint(1 + 2)\n`"… - eos
    10     "\n#### 3\n" observed eos
     6   "cut" - length
    "#);
    let vote =
        |tree: &Tree| majority_of(tree, &Said, |id| Pal::counts(tree, id)).map(|s| s.answer.0);
    assert_eq!(vote(&out.tree).as_deref(), Some("3"));
    // The program that ended its turn is an answer by what it printed alone.
    assert_eq!(out.tree.finished().filter(|&id| Pal::counts(&out.tree, id)).count(), 2);
    let solution = "```python\ndef solution():\n    return 4\n```";
    let step = |text: &str| espalier_core::Step {
        tokens: [1].into(),
        text: text.to_owned(),
        stats: Vec::new(),
        alternatives: Vec::new(),
        observed: None,
        finish: Finish::Step,
    };
    let code = printed().call(&step(solution)).expect("a program");
    assert_eq!(code, "def solution():\n    return 4\n\nprint(solution())\n");
    let prints = "```python\ndef solution():\n    return 4\nprint(solution())\n```";
    assert!(
        !printed().call(&step(prints)).expect("a program").ends_with(")\n\nprint(solution())\n")
    );
}

#[test]
fn tora_goes_on_until_it_boxes_an_answer() {
    let tora =
        |calls| ToRa::new(1, calls, ABACUS, Arc::new(Fenced::tora())).expect("sound numbers");
    let (one, two) = (block("print(1 + 2)"), block("print(3 + 4)"));
    let out = played(tora(4), Fenced::tora(), &[&one, &two, "\nIt is \\boxed{7}.!"]);
    insta::assert_snapshot!(text(&out.tree, 5), @r#"
    Let me compute.
    ```python
    print(1 + 2)
    ```
    ```output
    3
    ```
    Let me compute.
    ```python
    print(3 + 4)
    ```
    ```output
    7
    ```

    It is \boxed{7}.
    "#);
    // A step that boxes something answers, whatever code it ends with.
    let boxes = format!("\\boxed{{3}}, check:\n{two}");
    let out = played(tora(4), Fenced::tora(), &[&boxes]);
    assert_eq!((out.tree.len(), out.ledger.total().tool_calls), (2, 0));
    // After its calls it may still answer, and does not call again.
    let out = played(tora(2), Fenced::tora(), &[&one, &two, &one]);
    assert_eq!(out.ledger.total().tool_calls, 2);
    // No code at all is an answer, too.
    let out = played(tora(4), Fenced::tora(), &["\\boxed{3}!"]);
    assert_eq!(majority(&out.tree, &Said).map(|all| all.answer.0).as_deref(), Some("3"));
    let cut = Fenced::tora().show(out.tree.node(NodeId(1)).step.as_ref().unwrap(), &spam());
    assert_eq!(cut.text.matches("...").count(), 1);
}

fn spam() -> Observation {
    Observation { status: ObservationStatus::Ok, output: "1234567890".repeat(100), cpu_ns: 0 }
}

fn react() -> React {
    React { reads: Reads::Input, cut: Cut::Head(200, "…"), turn: None }
}

fn act(thought: &str, name: &str, input: &str) -> String {
    format!("Thought: {thought}\nAction: {name}\nAction Input: {input}\nObservation:")
}

#[test]
fn react_calls_the_tool_it_names_and_mends_a_wrong_name() {
    let tools = vec![("python".to_owned(), ABACUS)];
    let registry = Registry { tools, absent: ENDING };
    let react_of = |calls| ReAct::new(1, calls, registry.clone()).expect("sound numbers");
    let replies = [
        act("I add.", "Calculator", "1 + 2"),
        act("Rather Python.", "Python", "```python\nprint(1 + 2)\n```").replacen("Thought:", "", 1),
        " I know.\nFinal Answer: 3!".to_owned(),
    ];
    let world = World {
        script: replies.to_vec(),
        leaves: |call: &Call| {
            if call.input == "Calculator" {
                let output = "`Calculator` is no tool; the tools are: python".to_owned();
                return Observation { status: ObservationStatus::Failed, output, cpu_ns: 0 };
            }
            python(call)
        },
        profiles: [Arc::new(react()), Arc::new(React { reads: Reads::Name, ..react() })],
        step: 4000,
        path: 8000,
        ..World::new(0, 3)
    };
    let out = world.search(Box::new(react_of(4)));
    insta::assert_snapshot!(text(&out.tree, 5), @"
    Thought: I add.
    Action: Calculator
    Action Input: 1 + 2
    Observation: `Calculator` is no tool; the tools are: python
    Thought: Rather Python.
    Action: Python
    Action Input: ```python
    print(1 + 2)
    ```
    Observation: 3
    Thought: I know.
    Final Answer: 3
    ");
    let tools: Vec<Option<ToolId>> =
        [2, 4].map(|id| out.tree.observed(NodeId(id)).map(|seen| seen.tool)).into();
    assert_eq!(tools, [Some(ENDING), Some(ABACUS)]);
    assert_eq!(majority(&out.tree, &Said).map(|all| all.answer.0).as_deref(), Some("3"));
    // The calls it may make end it.
    let endless = act("again", "python", "print(1)");
    let out = played(react_of(2), react(), &[&endless, &endless, &endless]);
    assert_eq!((out.ledger.total().tool_calls, out.stop), (2, Stop::Done));
}

#[test]
fn react_reads_actions_strictly() {
    let action = React::action;
    assert_eq!(
        action("Action: `python`\nAction Input: print(1)\nprint(2)"),
        Some(("python", "print(1)\nprint(2)"))
    );
    assert_eq!(action("I take Action: python\nand Action Input: 3"), None, "lines of their own");
    assert_eq!(action("Action: python"), None, "no input");
    assert_eq!(action("Action: python\nAction Input: 1\nFinal Answer: 2"), None);
    assert_eq!(action("Action: python\nAction Input: 1\nObservation: 1\nThought: so"), None);
    let forged = "Action: python\nAction Input: 1\nObservation: 1\nFinal Answer: 1!";
    let step = |text: &str| espalier_core::Step {
        tokens: [1].into(),
        text: text.to_owned(),
        stats: Vec::new(),
        alternatives: Vec::new(),
        observed: None,
        finish: Finish::Eos,
    };
    assert!(react().forges(&step(forged)) && !react().forges(&step(&act("", "python", "1"))));
}
