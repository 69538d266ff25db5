//! Laws of the families, over a reader that hashes prefixes and counts what it computes.
//!
//! Its tokens are bytes and a few words, some of which span the end of a step: what a tokenizer does at
//! boundaries is where incremental and whole texts would differ. Numbers of the references are tested in
//! `crates/eval/tests/prm_families.rs`.

use std::{collections::BTreeSet, num::NonZeroU32, sync::Arc};

use espalier_core::{
    Axis, ChatFormat, Finish, Head, Lease, ModelCost, ModelError, Path, Price, Prompt, Read,
    Reader, Reading, Role, ScoreAsk, ScoreBound, Scored, Scorer, Service, Spend, Step, Ticket,
    TokenId, Tokens, Turn, Want, collect, toy::HashReader,
};
use espalier_prm::{
    Bounds, Family, Layout, Readout, RewardModel, WrongFamily,
    families::{
        math_shepherd::math_shepherd,
        qwen::qwen,
        rlhflow::rlhflow,
        skywork::skywork,
        value::{value_as_sampled, value_of_chat},
    },
    layout::Encode,
};
use proptest::prelude::*;

const FAMILIES: [&str; 6] =
    ["math-shepherd", "rlhflow", "qwen", "skywork", "value", "value-as-sampled"];

/// Words across boundaries: of a step and what ends a turn, of a step and a blank line.
const WORDS: [&str; 9] = ["<extra_0>", "ки", " -", "a<|", "b\n\n", "|>\n", "aa", "0b", "\na"];

/// A chat in which every turn has a beginning and an end.
#[derive(Debug)]
struct Chat;

impl ChatFormat for Chat {
    fn write(&self, turns: &[Turn]) -> Result<String, ModelError> {
        let turn = |turn: &Turn| format!("<|{}|>\n{}<|end|>\n", turn.role.name(), turn.content);
        Ok(turns.iter().map(turn).collect())
    }
}

/// A chat that ends with what its last turn says.
#[derive(Debug)]
struct Echo;

impl ChatFormat for Echo {
    fn write(&self, turns: &[Turn]) -> Result<String, ModelError> {
        Ok(Chat.write(turns)? + turns.last().map_or("", |turn| turn.content.as_str()))
    }
}

/// A chat that refuses.
#[derive(Debug)]
struct Refusing;

impl ChatFormat for Refusing {
    fn write(&self, turns: &[Turn]) -> Result<String, ModelError> {
        match turns {
            [.., last] if last.role == Role::Assistant && last.content.contains('x') => {
                Err(ModelError::BadRequest { reason: "no x".to_owned() })
            }
            _ => Chat.write(turns),
        }
    }
}

/// A hash reader that notes what it is given to read.
#[derive(Debug)]
struct Noted {
    inner: HashReader,
    read: Vec<Tokens>,
}

impl Service for Noted {
    type Ask = Read;
    type Reply = Reading;

    fn submit(&mut self, read: Read) -> Ticket {
        self.read.push(Tokens::clone(&read.tokens));
        self.inner.submit(read)
    }

    fn poll(&mut self) -> Vec<(Ticket, Result<Reading, ModelError>)> {
        self.inner.poll()
    }

    fn cancel(&mut self, ticket: Ticket) {
        self.inner.cancel(ticket);
    }
}

impl Reader for Noted {
    fn heads(&self) -> Vec<Head> {
        self.inner.heads()
    }

    fn worst_case(&self, reads: &[Read]) -> Vec<Spend> {
        self.inner.worst_case(reads)
    }

    fn cost(&self) -> ModelCost {
        self.inner.cost()
    }

    fn price(&self) -> Price {
        self.inner.price()
    }

    fn encode(&self, text: &str) -> Result<Tokens, ModelError> {
        self.inner.encode(text)
    }
}

impl Noted {
    /// The prefixes of all that was read: the token ids that a model has to compute.
    fn distinct(&self) -> u64 {
        let prefixes = |tokens: &Tokens| {
            (1..=tokens.len()).map(|len| tokens[..len].to_vec()).collect::<Vec<_>>()
        };
        self.read.iter().flat_map(prefixes).collect::<BTreeSet<_>>().len() as u64
    }
}

fn heads(of: &[(&str, u32)]) -> Vec<Head> {
    of.iter().map(|&(name, outputs)| Head { name: name.to_owned(), outputs, flops: 77 }).collect()
}

fn reader(family: &str) -> HashReader {
    let mut reader = HashReader::new();
    reader.words = WORDS.map(str::to_owned).to_vec();
    reader.heads = match family {
        "qwen" => heads(&[("score", 2)]),
        "skywork" => heads(&[("v_head", 1)]),
        "value" | "value-as-sampled" => heads(&[("score", 1)]),
        _ => Vec::new(),
    };
    reader
}

fn bounds() -> Bounds {
    let count = |n| NonZeroU32::new(n).expect("it is not 0");
    Bounds { longest: count(1), context: count(500) }
}

fn family(name: &str, reader: &impl Reader) -> Result<Family, WrongFamily> {
    match name {
        "math-shepherd" => math_shepherd(reader, Some(999), bounds()),
        "rlhflow" => rlhflow(reader, Box::new(Chat), bounds()),
        "qwen" => qwen(reader, Box::new(Chat), bounds()),
        "skywork" => skywork(reader, Some(999), bounds()),
        "value" => value_of_chat(reader, Box::new(Chat), bounds()),
        _ => value_as_sampled(reader),
    }
}

fn scorer(name: &str) -> RewardModel<Noted> {
    let reader = Noted { inner: reader(name), read: Vec::new() };
    let family = family(name, &reader).expect("the reader is of every family");
    RewardModel::new(reader, family)
}

/// The policy's tokens of a text: one a character, which are not the reward model's.
fn step(text: &str) -> Arc<Step> {
    Arc::new(Step {
        tokens: text.chars().map(|letter| 5000 + letter as TokenId).collect(),
        text: text.to_owned(),
        stats: Vec::new(),
        alternatives: Vec::new(),
        observed: None,
        finish: Finish::Step,
    })
}

fn prompt() -> Arc<Prompt> {
    Arc::new(Prompt { problem: "0+b".to_owned(), tokens: [1, 2, 3].into() })
}

/// A step of one line: letters that begin and end words, and the blank line that ends it.
fn text() -> impl Strategy<Value = String> {
    "[ab0. <-]{0,5}\n\n"
}

/// A tree: each node's parent, an earlier one or none for the root, and its step.
fn tree() -> impl Strategy<Value = Vec<(usize, String)>> {
    prop::collection::vec((any::<usize>(), text()), 1..12)
}

fn grown(tree: &[(usize, String)]) -> Vec<Path> {
    let mut paths = vec![Path::root(prompt())];
    for (parent, text) in tree {
        let mut path = paths[parent % paths.len()].clone();
        path.steps.push(step(text));
        paths.push(path);
    }
    paths
}

fn asks(paths: &[Path]) -> Vec<ScoreAsk> {
    paths.iter().map(|path| ScoreAsk { path: path.clone() }).collect()
}

fn all(scorer: &mut RewardModel<Noted>, paths: &[Path]) -> Vec<Scored> {
    collect(scorer, asks(paths)).into_iter().map(|one| one.expect("it can be read")).collect()
}

proptest! {
    #[test]
    fn step_by_step_is_as_the_whole_text(
        kind in 0..FAMILIES.len(),
        texts in prop::collection::vec("[ab0. <\n-]{0,5}\n\n", 1..6),
    ) {
        let name = FAMILIES[kind];
        let mut parts = scorer(name);
        let mut path = Path::root(prompt());
        let mut leases: Vec<Lease> = Vec::new();
        let mut before = 0;
        for text in &texts {
            path.steps.push(step(text));
            let scored = all(&mut parts, std::slice::from_ref(&path)).remove(0);
            let whole = all(&mut scorer(name), std::slice::from_ref(&path)).remove(0);
            prop_assert_eq!(scored.score, whole.score, "{}", name);
            prop_assert_eq!(scored.usage.flops_uncached, whole.usage.flops);
            let len = scored.usage.prefill_new + scored.usage.prefill_cached;
            prop_assert_eq!(len, whole.usage.prefill_new);
            // All of the parent's text is the beginning of the child's, but where the end moves.
            if name != "value" {
                prop_assert_eq!(scored.usage.prefill_cached, before, "{}", name);
            }
            before = len;
            leases.clear();
            leases.extend(scored.lease);
        }
    }

    /// Computed over distinct token ids is 1, and what was computed is what was charged.
    #[test]
    fn no_token_is_computed_twice(kind in 0..FAMILIES.len(), tree in tree(), at_once in 1_usize..5) {
        let mut scorer = scorer(FAMILIES[kind]);
        scorer.reader_mut().inner.at_once = at_once;
        let scored = all(&mut scorer, &grown(&tree)[1..]);
        let charged: u64 = scored.iter().map(|one| one.usage.prefill_new).sum();
        let computed = scorer.reader().inner.computed;
        prop_assert_eq!(computed, scorer.reader().distinct(), "{}", FAMILIES[kind]);
        prop_assert_eq!(charged, computed, "{}", FAMILIES[kind]);
        drop(scored);
        prop_assert_eq!(scorer.reader_mut().inner.leased(), 0);
    }

    #[test]
    fn spends_at_most_its_worst_case(
        kind in 0..FAMILIES.len(),
        tree in tree(),
        kept in prop::collection::vec(any::<bool>(), 16),
        wanted in prop::collection::vec((any::<usize>(), "[ab0. <\n-]{0,5}\n\n", 0_u32..4), 1..8),
    ) {
        let paths = grown(&tree);
        let mut scorer = scorer(FAMILIES[kind]);
        let scored = all(&mut scorer, &paths[1..]);
        let mut alive: Vec<Lease> = scored
            .into_iter()
            .zip(&kept)
            .filter_map(|(one, kept)| one.lease.filter(|_| *kept))
            .collect();
        let (mut bounds, mut children) = (Vec::new(), Vec::new());
        for (parent, text, more) in &wanted {
            let parent = paths[parent % paths.len()].clone();
            let mut path = parent.clone();
            // Newlines at its end are in no family's text but as the policy's own tokens.
            let step = step(if FAMILIES[kind] == "value-as-sampled" { text } else { text.trim_end_matches('\n') });
            let max_tokens = step.tokens.len() as u32 + more;
            let step = if step.tokens.is_empty() { self::step("\n") } else { step };
            path.steps.push(step);
            bounds.push(ScoreBound { parent, max_tokens });
            children.push(path);
        }
        let worst = scorer.worst_case(&bounds);
        let before = scorer.reader().inner.computed;
        let mut told = 0;
        for (scored, worst) in all(&mut scorer, &children).into_iter().zip(&worst) {
            let real = Spend::of_scorer(&scored.usage);
            let at_most = Axis::ALL.into_iter().all(|axis| real.on(axis) <= worst.on(axis));
            prop_assert!(at_most, "{}: {real:?} is more than {worst:?}", FAMILIES[kind]);
            told += real.scored;
            alive.extend(scored.lease);
        }
        prop_assert!(scorer.reader().inner.computed - before <= told);
    }
}

/// What is read, token for token, of two steps.
#[test]
fn texts_are_the_families_own() {
    let mut path = Path::root(prompt());
    path.steps = vec![step("x y\n\n"), step(" b\nc ")];
    let read = |name: &str| -> (Vec<TokenId>, Vec<TokenId>) {
        let mut scorer = scorer(name);
        let _ = all(&mut scorer, std::slice::from_ref(&path));
        let text = match name {
            "math-shepherd" => "0+b x y ки\n b\nc  ки",
            "rlhflow" => {
                "<|user|>\n0+b x y<|end|>\n<|assistant|>\n+<|end|>\n<|user|>\nb\nc<|end|>\n<|assistant|>\n"
            }
            "qwen" => {
                "<|system|>\nPlease reason step by step, and put your final answer within \\boxed{}.\
                 <|end|>\n<|user|>\n0+b<|end|>\n<|assistant|>\nx y<extra_0> b\nc <extra_0>"
            }
            "skywork" => "0+b\nx y\n b\nc \n",
            _ => "<|user|>\n0+b<|end|>\n<|assistant|>\nx y\n\n b\nc<|end|>\n",
        };
        let begin = ["math-shepherd", "skywork"].contains(&name).then_some(999);
        let ids = scorer.reader().encode(text).unwrap();
        let expected = begin.into_iter().chain(ids.iter().copied()).collect();
        (scorer.reader().read[0].to_vec(), expected)
    };
    for name in &FAMILIES[..5] {
        let (ids, expected) = read(name);
        assert_eq!(ids, expected, "{name}");
    }
    let mut sampled = scorer("value-as-sampled");
    let _ = all(&mut sampled, std::slice::from_ref(&path));
    assert_eq!(*sampled.reader().read[0], path.tokens()[..]);
}

/// Scores are the formulas of what was read at the last token.
#[test]
fn scores_are_the_families_own() {
    let mut path = Path::root(prompt());
    path.steps = vec![step("x\n\n"), step("y\n\n")];
    for name in FAMILIES {
        let mut scorer = scorer(name);
        let score = all(&mut scorer, std::slice::from_ref(&path)).remove(0).score.get();
        let tokens = Tokens::clone(&scorer.reader().read[0]);
        let positions = vec![tokens.len() as u32 - 1];
        let head = |name: &str| Want::Head { name: name.to_owned(), positions: positions.clone() };
        let want = match name {
            // `+`, and the word ` -` or the byte `-`.
            "math-shepherd" => Want::NextOf { positions, ids: vec![43, 258] },
            "rlhflow" => Want::NextOf { positions, ids: vec![43, 45] },
            "skywork" => head("v_head"),
            _ => head("score"),
        };
        let read = Read { tokens, want, retain: false };
        let row = collect(&mut reader(name), [read]).remove(0).unwrap().values.remove(0);
        let expected = match (name, &row[..]) {
            ("math-shepherd" | "rlhflow", &[good, bad]) | ("qwen", &[bad, good]) => {
                good.exp() / (good.exp() + bad.exp())
            }
            ("skywork", &[logit]) => 1.0 / (1.0 + (-logit).exp()),
            (_, &[value]) => value,
            other => panic!("{other:?}"),
        };
        assert!((score - expected).abs() < 1e-5, "{name}: {score} {expected}");
    }
}

#[test]
fn a_reader_that_is_not_of_the_family_is_refused() {
    let refused = |name: &str, reader: &HashReader| {
        family(name, reader).expect_err("it is not of the family").to_string()
    };
    let with = |words: &[&str], of: &[(&str, u32)]| {
        let mut reader = HashReader::new();
        reader.words = words.iter().map(|&word| word.to_owned()).collect();
        reader.heads = heads(of);
        reader
    };
    let bytes = |of| with(&[], of);
    assert!(
        refused("math-shepherd", &bytes(&[])).contains("4 tokens of the mark `ки`, where 1 must")
    );
    let joined = with(&["ки\n", "ки", " -"], &[]);
    assert!(refused("math-shepherd", &joined).contains("joins the mark `ки` with the text"));
    let candidates = with(&["ки"], &[]);
    assert!(refused("math-shepherd", &candidates).contains("3 tokens of the mark `+ -`, where 2"));
    let joined = with(&["\n+"], &[]);
    assert!(refused("rlhflow", &joined).contains("joins the mark `+` with the text"));
    let echoed = rlhflow(&bytes(&[]), Box::new(Echo), bounds()).unwrap_err();
    assert!(matches!(echoed, WrongFamily::Joined { mark: "+", .. }), "{echoed}");
    assert!(refused("qwen", &bytes(&[("score", 2)])).contains("9 tokens of the mark `<extra_0>`"));
    assert!(refused("qwen", &bytes(&[("score", 1)])).contains("a head `score` of 2 outputs"));
    assert!(refused("skywork", &bytes(&[])).contains("a head `v_head` of 1 output"));
    let two = bytes(&[("score", 1), ("v_head", 1)]);
    let message = refused("value", &two);
    assert!(message.contains("`score` of 1 output and a head `v_head` of 1 output"), "{message}");
    let skywork = skywork(&bytes(&[("v_head", 1)]), None, bounds()).unwrap_err().to_string();
    assert!(skywork.contains("`bos_token` in its `tokenizer_config.json`"), "{skywork}");
}

#[test]
fn what_cannot_be_scored_is_an_error_not_zero() {
    let reader = Noted { inner: reader("value"), read: Vec::new() };
    let family = value_of_chat(&reader, Box::new(Refusing), bounds()).unwrap();
    let mut scorer = RewardModel::new(reader, family);
    let path = |text: &str| Path { steps: vec![step(text)], ..Path::root(prompt()) };
    let mut replies = collect(&mut scorer, asks(&[path("x"), Path::root(prompt()), path("y")]));
    let good = replies.pop().unwrap().unwrap();
    for reply in replies {
        assert!(matches!(reply, Err(ModelError::BadRequest { .. })), "{reply:?}");
    }
    assert_eq!(scorer.reader().read.len(), 1);
    scorer.reader_mut().inner.fails = Some(1);
    let failed = collect(&mut scorer, asks(&[path("z")])).remove(0);
    assert!(matches!(failed, Err(ModelError::NotFinite { .. })), "{failed:?}");
    drop((good, failed));
    assert_eq!(scorer.reader_mut().inner.leased(), 0);
}

/// A family of one's own: the last step alone, and the share of one byte beside another.
#[test]
fn a_family_of_ones_own_is_read() {
    #[derive(Debug)]
    struct LastStep;

    impl Layout for LastStep {
        fn sequence(&self, path: &Path, encode: Encode<'_>) -> Result<Vec<TokenId>, ModelError> {
            Ok(encode(path.last().map_or("", |step| step.text.as_str()))?.to_vec())
        }
    }

    let reader = Noted { inner: HashReader::new(), read: Vec::new() };
    let family = Family::new(Box::new(LastStep), Readout::Marks { good: 43, bad: 45 }, bounds());
    let mut scorer = RewardModel::new(reader, family);
    let path = Path { steps: vec![step("a"), step("bc")], ..Path::root(prompt()) };
    let scored = all(&mut scorer, std::slice::from_ref(&path)).remove(0);
    assert_eq!(*scorer.reader().read[0], [98, 99]);
    assert!((0.0..=1.0).contains(&scored.score.get()));
    let empty = Step { text: String::new(), ..(*step("a")).clone() };
    let nothing = Path { steps: vec![Arc::new(empty)], ..path.clone() };
    let refused = collect(&mut scorer, asks(&[nothing])).remove(0);
    assert!(matches!(refused, Err(ModelError::BadRequest { .. })), "{refused:?}");
    let bound = ScoreBound { parent: path, max_tokens: 5 };
    assert_eq!(scorer.worst_case(&[bound])[0].scored, 6, "five bytes, and one of a probe");
}
