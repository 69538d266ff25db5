//! Golden scores: tiny random reward models of every family, against the reference implementations.
//!
//! `crates/models/tests/fixtures/prm.py` made models and scores; `provenance.json` beside it says with which
//! versions. The references read whole texts; here steps are scored one by one.

use std::{
    num::NonZeroU32,
    path::{Path as FilePath, PathBuf},
    sync::Arc,
};

use espalier_core::{ChatFormat, Finish, Path, Prompt, ScoreAsk, Scored, Step, TokenId, collect};
use espalier_models::{
    ChatTemplate, DeviceChoice, EngineOptions, LocalPolicy, LocalReader, load, share,
};
use espalier_prm::{
    Bounds, Family, RewardModel, WrongFamily,
    families::{
        math_shepherd::math_shepherd, qwen::qwen, rlhflow::rlhflow, skywork::skywork,
        value::value_of_chat,
    },
};
use serde::Deserialize;

/// `f32` against `f32`, sums in another order; scores are of size 1.
const TOLERANCE: f32 = 1e-5;

const FAMILIES: [&str; 5] = ["math-shepherd", "rlhflow", "qwen", "skywork", "value"];

/// A problem, its steps, and what the reference says of the whole text.
#[derive(Debug, Deserialize)]
struct Case {
    problem: String,
    steps: Vec<String>,
    ids: Vec<TokenId>,
    scores: Vec<f32>,
}

fn cases(name: &str) -> Vec<Case> {
    let text = std::fs::read_to_string(fixture(name).join("cases.json")).expect("it is there");
    serde_json::from_str(&text).expect("it is a list of cases")
}

fn fixture(name: &str) -> PathBuf {
    FilePath::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/fixtures/prm").join(name)
}

/// The checkpoint of one family read as one of another, and a view of what its engine does.
fn open(
    checkpoint: &str,
    family: &str,
) -> Result<(RewardModel<LocalReader>, LocalPolicy), WrongFamily> {
    let model = load(&fixture(checkpoint), DeviceChoice::Cpu, EngineOptions::default());
    let model = model.expect("the model loads");
    let (watch, reader) = share(model.engine);
    let context = NonZeroU32::new(reader.context()).expect("it is not 0");
    let bounds = Bounds { longest: watch.longest_token(), context };
    let chat = || -> Box<dyn ChatFormat> {
        let plain = || ChatTemplate::new("{{ messages[-1].content }}", "", "").expect("it parses");
        Box::new(model.chat.clone().unwrap_or_else(plain))
    };
    let family: Family = match family {
        "math-shepherd" => math_shepherd(&reader, reader.added_bos(), bounds)?,
        "rlhflow" => rlhflow(&reader, chat(), bounds)?,
        "qwen" => qwen(&reader, chat(), bounds)?,
        "skywork" => skywork(&reader, reader.bos(), bounds)?,
        _ => value_of_chat(&reader, chat(), bounds)?,
    };
    Ok((RewardModel::new(reader, family), watch))
}

/// The paths of a case, one a step, as a policy would have sampled them: of tokens of its own, each step
/// but the last ended by a blank line.
fn paths(case: &Case) -> Vec<Path> {
    let last = case.steps.len() - 1;
    let step = |(index, text): (usize, &String)| Step {
        tokens: [7, 7, 7].into(),
        text: if index == last { text.clone() } else { format!("{text}\n\n") },
        stats: Vec::new(),
        alternatives: Vec::new(),
        observed: None,
        finish: if index == last { Finish::Eos } else { Finish::Step },
    };
    let steps: Vec<Arc<Step>> = case.steps.iter().enumerate().map(step).map(Arc::new).collect();
    let prompt = Prompt { problem: case.problem.clone(), tokens: [9, 9].into() };
    let prompt = Arc::new(prompt);
    let path = |n| Path { prompt: Arc::clone(&prompt), steps: steps[..n].to_vec() };
    (1..=steps.len()).map(path).collect()
}

fn score(scorer: &mut RewardModel<LocalReader>, path: &Path) -> Scored {
    collect(scorer, [ScoreAsk { path: path.clone() }]).remove(0).expect("it can be scored")
}

/// Tokens of the reference's whole text up to where its last score is read.
fn read_of(family: &str, ids: &[TokenId]) -> usize {
    match family {
        // RLHFlow reads the third token from the end, and Qwen's chat ends with two after the mark.
        "rlhflow" | "qwen" => ids.len() - 2,
        _ => ids.len(),
    }
}

#[test]
fn scores_are_those_of_the_reference() {
    for family in FAMILIES {
        for case in cases(family) {
            let (mut scorer, _) = open(family, family).expect("it is of its family");
            let mut leases = Vec::new();
            for (path, expected) in paths(&case).iter().zip(&case.scores) {
                let scored = score(&mut scorer, path);
                let error = (scored.score.get() - expected).abs();
                assert!(error <= TOLERANCE, "{family}: off by {error:e} in {case:?}");
                if path.steps.len() == case.steps.len() {
                    let read = scored.usage.prefill_new + scored.usage.prefill_cached;
                    assert_eq!(read, read_of(family, &case.ids) as u64, "{family}: {case:?}");
                }
                leases.push(scored.lease);
            }
        }
    }
}

#[test]
fn step_by_step_is_as_the_whole_text_and_computes_it_once() {
    for family in FAMILIES {
        for case in cases(family) {
            let (mut scorer, watch) = open(family, family).expect("it is of its family");
            let (mut new, mut leases) = (Vec::new(), Vec::new());
            let mut scores = Vec::new();
            for path in paths(&case) {
                let scored = score(&mut scorer, &path);
                new.push(scored.usage.prefill_new);
                scores.push(scored.score.get());
                leases.push(scored.lease);
            }
            let paths = paths(&case);
            for (path, score_of_parts) in paths.iter().zip(&scores) {
                let (mut fresh, _) = open(family, family).expect("it is of its family");
                let whole = score(&mut fresh, path);
                let error = (whole.score.get() - score_of_parts).abs();
                assert!(error <= 1e-6, "{family}: off by {error:e}");
                assert_eq!(whole.usage.prefill_cached, 0);
            }
            assert_eq!(watch.stats().computed_tokens, new.iter().sum::<u64>(), "{family}");
            // Only where the end of the text is not the step's is anything read twice.
            let read = read_of(family, &case.ids) as u64;
            match family {
                "value" => assert!(new.iter().sum::<u64>() >= read),
                _ => assert_eq!(new.iter().sum::<u64>(), read, "{family}"),
            }
            drop(leases);
            drop(scorer);
        }
    }
}

/// Siblings share their parent's text: the engine computes each token of the tree of texts once, and that
/// is what is charged.
#[test]
fn branches_compute_no_token_twice() {
    for family in FAMILIES {
        let (mut scorer, watch) = open(family, family).expect("it is of its family");
        let whole = paths(&cases(family).remove(1)).remove(3);
        let first = Path { steps: whole.steps[..1].to_vec(), prompt: Arc::clone(&whole.prompt) };
        let mut tree = vec![first.clone()];
        for step in &whole.steps[1..] {
            let mut child = first.clone();
            child.steps.push(Arc::clone(step));
            tree.push(child);
        }
        let asks = tree.iter().map(|path| ScoreAsk { path: path.clone() });
        let scored: Vec<Scored> =
            collect(&mut scorer, asks).into_iter().map(|one| one.expect("it is scored")).collect();
        let charged: u64 = scored.iter().map(|one| one.usage.prefill_new).sum();
        assert_eq!(watch.stats().computed_tokens, charged, "{family}");
        let mut uncached = 0;
        for (path, in_tree) in tree.iter().zip(&scored) {
            let (mut fresh, _) = open(family, family).expect("it is of its family");
            let alone = score(&mut fresh, path);
            assert!((alone.score.get() - in_tree.score.get()).abs() <= 1e-6, "{family}");
            uncached += alone.usage.prefill_new;
        }
        let shared = 3 * scored[0].usage.prefill_new;
        // Where the end of the text moves, it is not shared.
        let moving = if family == "value" { 3 * 3 } else { 0 };
        assert!(charged <= uncached - shared + moving, "{family}: {charged} of {uncached}");
    }
}

/// The end of a chat moves: the tokens that close the turn are read again, and one more where the
/// tokenizer had joined the step's last token with what came then.
#[test]
fn a_moving_end_is_rolled_back_and_charged() {
    let case = cases("value").remove(0);
    let (mut scorer, _) = open("value", "value").expect("it is of its family");
    let paths = paths(&case);
    let first = score(&mut scorer, &paths[0]);
    let second = score(&mut scorer, &paths[1]);
    let common = first.usage.prefill_new - second.usage.prefill_cached;
    assert!((2..=4).contains(&common), "`<|im_end|>` and a newline at least: {common}");
    assert!(second.usage.prefill_new > common);
}

#[test]
fn a_checkpoint_of_another_family_is_refused() {
    let refused = |checkpoint: &str, family: &str| match open(checkpoint, family) {
        Ok(_) => panic!("`{checkpoint}` is read as `{family}`"),
        Err(error) => error.to_string(),
    };
    for (checkpoint, family, reason) in [
        ("rlhflow", "qwen", "a head `score` of 2 outputs, the checkpoint has no head but"),
        (
            "value",
            "qwen",
            "it needs a head `score` of 2 outputs, the checkpoint has a head `score` of 1 output;",
        ),
        ("skywork", "qwen", "the checkpoint has a head `v_head` of 1 output;"),
        (
            "qwen",
            "skywork",
            "a head `v_head` of 1 output, the checkpoint has a head `score` of 2 outputs;",
        ),
        (
            "qwen",
            "value",
            "a head `score` of 1 output, the checkpoint has a head `score` of 2 outputs;",
        ),
        ("rlhflow", "value", "has no head but the vocabulary's;"),
        ("skywork", "math-shepherd", "makes 2 tokens of the mark `ки`, where 1 must be;"),
        ("value", "math-shepherd", "tokens of the mark `ки`, where 1 must be;"),
    ] {
        let message = refused(checkpoint, family);
        assert!(message.contains(&format!("of the family `{family}`")), "{message}");
        assert!(message.contains(reason), "{message}");
        assert!(
            message.ends_with("name the family of this checkpoint, or give another checkpoint")
        );
    }
}
