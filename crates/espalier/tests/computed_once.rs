//! DESIGN §8 row 4: computed / distinct token ids is 1.00 for search on a real engine, whatever the strategy;
//! under a limit of bytes, the ledger shows what is computed again.

use std::{
    collections::BTreeSet,
    num::{NonZeroU32, NonZeroUsize},
    path::{Path, PathBuf},
    sync::Arc,
};

use espalier::{
    core::{Aggregate, Frozen, NodeId, Prompt, Sampling, ScorerId, Stops},
    models::{DeviceChoice, EngineOptions, EngineStats, load, share},
    prm::Confidence,
    search::{
        Beam, Config, Dvts, Models, Outcome, Puct, Rebase, Report, Strategy, Task, TotBfs, Tree,
        Uct, render, search_many,
        thoughts::{Evaluate, Generate},
    },
};

fn count(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).expect("it is not 0")
}

/// A strategy and how often it continues a path.
type Make = fn(u32, u32) -> Box<dyn Strategy>;

const SCORER: ScorerId = ScorerId(0);

fn beam(width: u32, depth: u32) -> Box<dyn Strategy> {
    Box::new(Beam::new(width, None, depth, SCORER, Aggregate::Last).expect("it is sound"))
}

/// Strategies that go step by step, those that come back to old nodes among them.
const STRATEGIES: [(&str, Make); 6] = [
    ("beam", beam),
    ("dvts", |width, depth| {
        Box::new(Dvts::new(width, None, depth, SCORER, Aggregate::Last).expect("it is sound"))
    }),
    ("rebase", |width, depth| {
        let rebase = Rebase::new(width * width, 0.2, depth, SCORER, Aggregate::Last);
        Box::new(rebase.expect("it is sound"))
    }),
    ("tot-bfs", |width, depth| {
        let (make, judge) = (Generate::Sample(width), Evaluate::Score);
        Box::new(TotBfs::new(width, depth, make, judge, SCORER).expect("it is sound"))
    }),
    ("uct", |width, depth| {
        Box::new(Uct::new(width, 3 * width, depth, 0.5, SCORER).expect("it is sound"))
    }),
    ("puct", |width, depth| {
        Box::new(Puct::new(width, 3 * width, depth, 1.0, SCORER).expect("it is sound"))
    }),
];

/// What searches left, and what their engine did.
struct Done {
    outcomes: Vec<Outcome>,
    stats: EngineStats,
}

impl Done {
    /// (computed token ids, distinct token ids that had to be computed).
    fn counts(&self) -> (u64, u64) {
        let trees = self.outcomes.iter().flat_map(|outcome| distinct(&outcome.tree));
        (self.stats.computed_tokens, trees.collect::<BTreeSet<_>>().len() as u64)
    }
}

/// Searches over `texts`, two at a time, of paths of `depth` steps of `step` tokens at most.
fn searches(
    model: &Path,
    texts: &[&str],
    strategy: &dyn Fn() -> Box<dyn Strategy>,
    (step, depth): (NonZeroU32, u32),
    kv_limit: Option<u64>,
) -> Done {
    let options = EngineOptions { kv_limit, ..EngineOptions::default() };
    let model = load(model, DeviceChoice::Cpu, options).expect("the model loads");
    let (mut policy, _) = share(model.engine);
    let tasks: Vec<Task> = texts
        .iter()
        .enumerate()
        .map(|(hash, text)| {
            let tokens = policy.prompt(text).expect("the text has tokens");
            let prompt = Arc::new(Prompt { problem: (*text).to_owned(), tokens });
            Task { prompt, hash: hash as u64, strategy: strategy() }
        })
        .collect();
    let boundary = vec!["\n".to_owned(), ".".to_owned()];
    // A step that is cut ends its path, so that there is room for one token more.
    let (room, answer) = (count(step.get() + 1), count((step.get() + 1) * depth));
    let config = Config {
        stops: Arc::new(Stops { boundary, step_tokens: Some(step), ..Stops::default() }),
        in_flight: NonZeroUsize::new(2).expect("it is not 0"),
        ..Config::new(Sampling::at(0.8), room, answer)
    };
    let mut scorer = Confidence::MeanChosenLogprob.scorer();
    let mut watch = policy.clone();
    let mut models = Models { policy: &mut policy, scorers: vec![&mut scorer], tools: Vec::new() };
    let mut outcomes: Vec<(usize, Outcome)> = Vec::new();
    let mut keep = |report| {
        if let Report::Finished { index, outcome } = report {
            outcomes.push((index, *outcome));
        }
        std::ops::ControlFlow::Continue(())
    };
    let left = search_many(tasks, &mut models, &config, &Frozen, &mut keep);
    assert!(left.is_empty());
    outcomes.sort_by_key(|one| one.0);
    let stats = watch.stats();
    assert_eq!(stats.kv_bytes, 0, "a finished search holds nothing");
    assert!(espalier::core::Service::poll(&mut watch).is_empty());
    Done { outcomes: outcomes.into_iter().map(|one| one.1).collect(), stats }
}

/// Every prefix whose last token the model must have computed: all but those that end a path.
fn distinct(tree: &Tree) -> BTreeSet<Vec<u32>> {
    let mut seen = BTreeSet::new();
    for id in tree.ids().filter(|id| *id != NodeId::ROOT) {
        let path = tree.tokens(id);
        seen.extend((1..path.len()).map(|len| path[..len].to_vec()));
    }
    seen
}

fn fixture(model: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/fixtures").join(model)
}

const TEXTS: [&str; 3] = ["one and one", "one and two are", "three"];

#[test]
fn on_tiny_architectures() {
    for model in ["llama", "llama3", "qwen2"] {
        for (name, make) in STRATEGIES {
            let done = searches(&fixture(model), &TEXTS, &|| make(3, 4), (count(4), 4), None);
            let (computed, distinct) = done.counts();
            assert!(distinct > 80, "{model}, {name}: {distinct}");
            assert_eq!(computed, distinct, "{model}, {name}");
        }
    }
}

/// Bytes: the longest path of these searches fits alone, 128 tokens beside it and 512 bytes for each.
const TIGHT: u64 = 175 * 512;

#[test]
fn under_a_limit_of_bytes_the_ledger_shows_what_is_computed_again() {
    let mut smaller = 0;
    for (name, make) in STRATEGIES {
        let run = |limit| searches(&fixture("llama"), &TEXTS, &|| make(3, 4), (count(8), 4), limit);
        let (free, tight) = (run(None), run(Some(TIGHT)));
        let ledgers = |done: &Done| -> u64 {
            let computed = |outcome: &Outcome| outcome.ledger.total().spend().computed;
            done.outcomes.iter().map(computed).sum()
        };
        let again = |done: &Done| -> u64 {
            let beside_prompt = |outcome: &Outcome| {
                let prompt = outcome.ledger.node(NodeId::ROOT).prefill_new;
                outcome.ledger.total().prefill_new - prompt
            };
            done.outcomes.iter().map(beside_prompt).sum()
        };
        assert!(tight.stats.evicted_tokens > 0, "{name}");
        assert!(again(&tight) > 0, "{name}");
        let peaks = [&tight, &free].map(|done| done.stats.kv_peak_bytes);
        assert!(peaks[0] <= TIGHT && peaks[0] <= peaks[1], "{name}");
        smaller += u32::from(peaks[0] < peaks[1]);
        // Prompts that begin alike are paid by each problem and computed once.
        assert!(ledgers(&tight) >= tight.stats.computed_tokens, "{name}");
        assert!(tight.counts().0 > tight.counts().1, "{name}");
        for (one, other) in free.outcomes.iter().zip(&tight.outcomes) {
            assert_eq!(render(&one.tree), render(&other.tree), "{name}");
            assert_eq!(other.spent, other.ledger.total().spend(), "{name}");
        }
    }
    // A beam goes on from all that it holds.
    assert!(smaller > 1, "{smaller}");
}

#[test]
fn on_smollm2() {
    #[expect(clippy::disallowed_methods, reason = "a test finds its model")]
    let folder = std::env::var("ESPALIER_MODELS").map(PathBuf::from);
    let folder = folder
        .unwrap_or_else(|_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/models"));
    let model = folder.join("SmolLM2-135M-Instruct.Q4_1.gguf");
    if !model.exists() {
        eprintln!("SKIPPED: {} is not there; set ESPALIER_MODELS", model.display());
        return;
    }
    let texts =
        ["Question: What is 12 times 7?\nAnswer: First", "Question: What is 9 plus 8?\nAnswer:"];
    let (computed, distinct) =
        searches(&model, &texts, &|| beam(2, 3), (count(24), 3), None).counts();
    println!("computed {computed}, distinct {distinct}: {:.2}", computed as f64 / distinct as f64);
    assert_eq!(computed, distinct);
}
