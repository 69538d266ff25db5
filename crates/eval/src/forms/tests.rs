//! Prompts say what they must, and replies are read strictly.

use std::sync::Arc;

use espalier_core::{Merging as _, Prompt, Revising as _, Valuing as _, Voting as _, toy::Letters};

use super::*;

fn asking(kind: DatasetKind) -> Asking {
    let count = |n| NonZeroU32::new(n).unwrap();
    let render: Render = Arc::new(|message: &str| Ok(format!("<user>{message}<model>")));
    Asking { kind, render, begin: vec![7], max_tokens: count(64), most: count(3) }
}

fn reply(text: &str, finish: Finish) -> Step {
    let tokens = Letters::new().encode(text).unwrap();
    Step {
        tokens,
        text: text.to_owned(),
        stats: Vec::new(),
        alternatives: Vec::new(),
        observed: None,
        finish,
    }
}

fn path(question: &str, steps: &[&str]) -> Path {
    let prompt = Prompt { problem: question.to_owned(), tokens: [1].into() };
    let steps = steps.iter().map(|text| Arc::new(reply(text, Finish::Step))).collect();
    Path { prompt: Arc::new(prompt), steps }
}

fn said(query: &Query) -> String {
    assert_eq!(query.tokens[0], 7, "every prompt begins as the model's texts do");
    Letters::new().decode(&query.tokens[1..])
}

#[test]
fn forms_have_their_ids() {
    let forms = asking(DatasetKind::Game24).forms();
    let names = [VALUE, VOTE, PROPOSE, REVISE, MERGE, NEXT].map(|id| forms.get(id).unwrap().name());
    assert_eq!(names, ["value", "vote", "propose", "revise", "merge", "propose"]);
}

#[test]
fn prompts_show_the_task_first_and_what_varies_last() {
    let this = Arc::new(asking(DatasetKind::Game24));
    let letters = Letters::new();
    let question = "Reach 24 with 4 5 6 10";
    let one = path(question, &["10 - 6 = 4 left 4 4 5\n"]);
    let other = path(question, &["4 + 5 = 9 left 6 9 10\n"]);
    let value = judge::Value(Arc::clone(&this));
    let texts = [&one, &other].map(|path| said(&value.query(path, &letters).unwrap()));
    let common = texts[0].bytes().zip(texts[1].bytes()).take_while(|(a, b)| a == b).count();
    let at = texts[0].find("10 - 6 = 4").unwrap();
    assert!(common >= at && texts[0].find(question).unwrap() < at);
    assert!(texts[0].starts_with("<user>") && texts[0].ends_with("<model>"));

    let vote = judge::Vote(Arc::clone(&this));
    let text = said(&vote.query(&[one.clone(), other.clone()], &letters).unwrap());
    assert!(text.contains("Choice 1:\n10 - 6") && text.contains("Choice 2:\n4 + 5"));
    let root = path(question, &[]);
    let text = said(&Propose(Arc::clone(&this)).query(&root, &letters).unwrap());
    assert!(text.contains("(nothing yet)") && text.contains("up to 3 different next lines"));
    let attempts: Vec<Path> = (0..6).map(|n| path(question, &[&format!("try {n}\n")])).collect();
    let text = said(&rewrite::Revise(Arc::clone(&this)).query(&attempts, &letters).unwrap());
    assert!(!text.contains("try 1") && text.contains("Attempt 4:\ntry 5"));
    let text = said(&rewrite::Merge(this).query(&root, &[one, other], &letters).unwrap());
    assert!(text.contains("Solution 1:\n10 - 6") && text.contains("Solution 2:\n4 + 5"));
}

#[test]
fn valuations_are_their_last_word() {
    let value = judge::Value(Arc::new(asking(DatasetKind::Game24)));
    let worth = |text: &str| value.read(&reply(text, Finish::Eos)).map(espalier_core::Score::get);
    assert_eq!(worth("It is likely at first, but 5 and 7 fail.\nImpossible."), Some(0.001));
    assert_eq!(worth("**sure**"), Some(20.0));
    assert_eq!(worth("likely\n"), Some(1.0));
    assert_eq!(worth("I am unsure, unlikely to say"), None, "words count whole");
    assert_eq!(worth(""), None);
}

#[test]
fn votes_name_a_choice_there_is() {
    let vote = judge::Vote(Arc::new(asking(DatasetKind::Game24)));
    let named = |text: &str| vote.read(&reply(text, Finish::Eos), 3);
    assert_eq!(named("Choice 1 fails. The best choice is 2."), Some(1));
    assert_eq!(named("The best choice is 1? No: the best choice is **3**"), Some(2));
    assert_eq!(named("The best choice is 4"), None);
    assert_eq!(named("The best choice is 0"), None);
    assert_eq!(named("Choice 2"), None);
}

#[test]
fn proposals_are_lines_and_answers_end_paths() {
    let propose = Propose(Arc::new(asking(DatasetKind::Game24)));
    let letters = Letters::new();
    let read = |text: &str, finish| {
        let reply = reply(text, finish);
        let proposed = propose.read(&reply, &letters);
        let text = |one: &Proposed| letters.decode(&reply.tokens[one.tokens.clone()]);
        proposed.iter().map(|one| (text(one), one.finish)).collect::<Vec<_>>()
    };
    let lines = "4 * 6 = 24 left 24\n\n#ANSWER: 4 * 6\n";
    assert_eq!(
        read(lines, Finish::Eos),
        [
            ("4 * 6 = 24 left 24\n".to_owned(), Finish::Step),
            ("#ANSWER: 4 * 6\n".to_owned(), Finish::Eos)
        ]
    );
    assert_eq!(read("4 + 5 = 9 left 6 9 10\n4 + 6", Finish::Length).len(), 1, "a cut line is none");
}

#[test]
fn a_next_step_is_the_whole_reply() {
    let next = Next(Arc::new(asking(DatasetKind::Game24)));
    let letters = Letters::new();
    let steps = ["10 - 6 = 4 left 4 4 5", "4 * 5 = 20 left 4 20"];
    let text = said(&next.query(&path("Reach 24 with 4 5 6 10", &steps), &letters).unwrap());
    assert!(text.contains(&format!("{}\n{}\n\nWrite the next step", steps[0], steps[1])), "{text}");
    let read = |text: &str| next.read(&reply(text, Finish::Eos), &letters);
    let line = "4 + 20 = 24 left 24";
    assert_eq!(read(line), [Proposed { tokens: 0..line.len(), finish: Finish::Step }]);
    let answer = "#ANSWER: 4 + ((10 - 6) * 5)";
    assert_eq!(read(answer), [Proposed { tokens: 0..answer.len(), finish: Finish::Eos }]);
    assert_eq!(read(" \n"), []);
}
