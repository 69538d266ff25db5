//! Runs written by hand, so that what the page shows is known.

use std::fs;
use std::path::{Path, PathBuf};

use espalier_core::{
    Ask, Entry, Event, Finish, NodeId, Retain, Score, ScorerId, Seed, Stop, Until,
};
use espalier_eval::{Dataset, DatasetKind, Outcome, Record, RunInfo, Store};
use serde_json::{Value, json};

/// A node to be: its parent, its text, its score and why it ends. It has a token for each character.
pub(crate) type Made<'a> = (u32, &'a str, f32, Finish);

/// A dataset of questions, all of which have the answer 18.
pub(crate) fn dataset(dir: &Path, questions: &[&str]) -> (PathBuf, Dataset) {
    let line = |question: &&str| json!({ "question": question, "answer": "#### 18" }).to_string();
    let path = dir.join("data.jsonl");
    fs::write(&path, questions.iter().map(line).collect::<Vec<_>>().join("\n")).unwrap();
    let dataset = Dataset::read(DatasetKind::Gsm8k, &path).unwrap();
    (path, dataset)
}

/// What a run says of itself.
pub(crate) fn info(strategy: &Value, data: &Path, kv_bytes_per_token: Option<u64>) -> RunInfo {
    let mut info = RunInfo::new(json!({
        "strategy": strategy,
        "dataset": { "kind": "gsm8k", "sha256": "0", "problems": 2 },
        "model": { "name": "toy", "sha256": "0123456789abcdef" },
        "budget": "tokens=200",
    }));
    info.runtime["data"] = data.display().to_string().into();
    info.runtime["kv_bytes_per_token"] = json!(kv_bytes_per_token);
    info
}

/// Writes a run that made these nodes, a list a round, of each problem; the last node is selected.
pub(crate) fn write(dir: &Path, info: RunInfo, dataset: &Dataset, problems: &[Vec<Vec<Made<'_>>>]) {
    let mut store = Store::create(dir, info).unwrap();
    for (item, rounds) in dataset.items.iter().zip(problems) {
        let problem = &item.problem;
        let events = events(problem.hash, rounds);
        store.write_trace(&problem.id, problem.hash, &events).unwrap();
        let nodes: Vec<&Made<'_>> = rounds.iter().flatten().collect();
        let mut text = String::new();
        let mut at = nodes.len();
        while at > 0 {
            text.insert_str(0, nodes[at - 1].1);
            at = nodes[at - 1].0 as usize;
        }
        let mut ledger = Entry::default();
        for event in &events {
            if let Event::Node { cost, .. } | Event::Scored { cost, .. } | Event::Prompt { cost } =
                event
            {
                ledger += *cost;
            }
        }
        let outcome = Outcome {
            stop: Stop::Done,
            spend: ledger.spend(),
            ledger,
            nodes: nodes.len() as u64 + 1,
            rounds: rounds.len() as u32,
            node: Some(NodeId(nodes.len() as u32)),
            text: Some(text),
            wall_s: 0.5,
        };
        store.append(Record::graded(DatasetKind::Gsm8k, item, outcome)).unwrap();
    }
}

fn events(problem: u64, rounds: &[Vec<Made<'_>>]) -> Vec<Event> {
    let seed = Seed::run(1).problem(problem);
    let mut events = vec![Event::Start { problem, prompt_tokens: 7, seed }];
    let mut next = 1;
    for (round, made) in rounds.iter().enumerate() {
        let asks = made.iter().map(|one| Ask::sample(NodeId(one.0), 1, Until::Boundary)).collect();
        let (score, retain) = (Some(ScorerId(0)), Retain::New(Vec::new()));
        events.push(Event::Round {
            round: round as u32,
            asks,
            score,
            retain,
            admitted: made.len() as u32,
        });
        if round == 0 {
            events.push(Event::Prompt { cost: Entry { prefill_new: 7, ..Entry::default() } });
        }
        for &(parent, text, score, finish) in made {
            let (node, parent) = (NodeId(next), NodeId(parent));
            let tokens: Vec<u32> = text.chars().map(u32::from).collect();
            let sampled = tokens.len() as u64;
            let cost =
                Entry { decode_wasted: sampled, decode_new: sampled, calls: 1, ..Entry::default() };
            events.push(Event::Node {
                node,
                parent,
                merged: Vec::new(),
                observed: None,
                seed: seed.child(parent, next),
                tokens,
                text: text.to_owned(),
                logprob: -0.25 * sampled as f64,
                finish,
                cost,
            });
            let (score, scorer) = (Score::new(score).unwrap(), ScorerId(0));
            let cost = Entry { scorer_new: sampled, calls: 1, ..Entry::default() };
            events.push(Event::Scored { node, scorer, score, cost });
            next += 1;
        }
    }
    events.push(Event::End { stop: Stop::Done });
    events
}
