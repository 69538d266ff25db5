//! Laws of step marks, over a reader that hashes prefixes and counts what it computes.

use std::{collections::BTreeSet, sync::Arc};

use espalier_core::{
    Axis, Finish, Lease, ModelError, Path, Prompt, Read, Reader as _, ScoreAsk, ScoreBound, Scored,
    Scorer, Service, Spend, Step, TokenId, Usage, Want, collect, toy::HashReader,
};
use espalier_prm::{SameMark, StepMarks, step_marks::good_share};
use proptest::prelude::*;

const GOOD: TokenId = 43;
const BAD: TokenId = 45;

fn marks(reader: HashReader) -> StepMarks<HashReader> {
    StepMarks::new(reader, GOOD, BAD).expect("the marks differ")
}

fn reader(at_once: usize, reversed: bool, fails: Option<u64>) -> HashReader {
    let mut reader = HashReader::new();
    (reader.at_once, reader.reversed, reader.fails) = (at_once, reversed, fails);
    reader
}

fn prompt(tokens: &[TokenId]) -> Arc<Prompt> {
    Arc::new(Prompt { problem: String::new(), tokens: tokens.into() })
}

fn step(tokens: &[TokenId]) -> Arc<Step> {
    Arc::new(Step {
        tokens: tokens.into(),
        text: String::new(),
        stats: Vec::new(),
        alternatives: Vec::new(),
        observed: None,
        finish: Finish::Step,
    })
}

fn path(prompt: &Arc<Prompt>, steps: &[Vec<TokenId>]) -> Path {
    Path { prompt: Arc::clone(prompt), steps: steps.iter().map(|one| step(one)).collect() }
}

fn one(scorer: &mut StepMarks<HashReader>, path: &Path) -> Scored {
    collect(scorer, [ScoreAsk { path: path.clone() }]).remove(0).expect("the path can be read")
}

/// A step: few letters, so that steps agree now and then, and one that ends it.
fn tokens() -> impl Strategy<Value = Vec<TokenId>> {
    prop::collection::vec(0_u32..2, 0..5).prop_map(|mut letters| {
        letters.push(9);
        letters
    })
}

fn steps() -> impl Strategy<Value = Vec<Vec<TokenId>>> {
    prop::collection::vec(tokens(), 1..6)
}

/// A tree: each node's parent, an earlier one or none for the root, and its step.
fn tree() -> impl Strategy<Value = Vec<(usize, Vec<TokenId>)>> {
    prop::collection::vec((any::<usize>(), tokens()), 1..16)
}

/// The paths of a tree's nodes.
fn grown(prompt: &Arc<Prompt>, tree: &[(usize, Vec<TokenId>)]) -> Vec<Path> {
    let mut paths = vec![Path::root(Arc::clone(prompt))];
    for (parent, tokens) in tree {
        let mut path = paths[parent % paths.len()].clone();
        path.steps.push(step(tokens));
        paths.push(path);
    }
    paths
}

/// The prefixes of these paths: the token ids that a model has to compute.
fn distinct<'a>(paths: impl IntoIterator<Item = &'a Path>) -> u64 {
    let mut prefixes = BTreeSet::new();
    for path in paths {
        let tokens = path.tokens();
        prefixes.extend((1..=tokens.len()).map(|len| tokens[..len].to_vec()));
    }
    prefixes.len() as u64
}

fn at_most(real: &Spend, worst: &Spend) -> bool {
    Axis::ALL.into_iter().all(|axis| real.on(axis) <= worst.on(axis))
}

proptest! {
    #[test]
    fn step_by_step_is_as_the_whole_text(start in tokens(), steps in steps()) {
        let prompt = prompt(&start);
        let mut scorer = marks(HashReader::new());
        let mut leases: Vec<Lease> = Vec::new();
        for n in 1..=steps.len() {
            let path = path(&prompt, &steps[..n]);
            let scored = one(&mut scorer, &path);
            let whole = one(&mut marks(HashReader::new()), &path);
            prop_assert_eq!(scored.score, whole.score);
            let before = if n == 1 { 0 } else { path.tokens().len() - steps[n - 1].len() };
            prop_assert_eq!(scored.usage.prefill_cached, before as u64);
            prop_assert_eq!(scored.usage.flops_uncached, whole.usage.flops);
            // A child holds all there is of its parent.
            leases.clear();
            leases.extend(scored.lease);
        }
        prop_assert_eq!(scorer.reader().computed, distinct([&path(&prompt, &steps)]));
    }

    #[test]
    fn is_the_share_of_the_good_mark(start in tokens(), steps in steps()) {
        let path = path(&prompt(&start), &steps);
        let tokens = path.tokens();
        let want = Want::NextOf { positions: vec![tokens.len() as u32 - 1], ids: vec![GOOD, BAD] };
        let read = Read { tokens: tokens.into(), want, retain: false };
        let values = collect(&mut HashReader::new(), [read]).remove(0).unwrap().values;
        let (good, bad) = (f64::from(values[0][0]).exp(), f64::from(values[0][1]).exp());
        let score = one(&mut marks(HashReader::new()), &path).score.get();
        prop_assert!((f64::from(score) - good / (good + bad)).abs() < 1e-5);
        prop_assert!((0.0..=1.0).contains(&score));
    }

    #[test]
    fn no_token_is_computed_twice(
        start in tokens(),
        tree in tree(),
        at_once in 1_usize..5,
        reversed: bool,
    ) {
        let prompt = prompt(&start);
        let paths = grown(&prompt, &tree);
        let mut scorer = marks(reader(at_once, reversed, None));
        let asks = paths[1..].iter().map(|path| ScoreAsk { path: path.clone() });
        let scored: Vec<Scored> =
            collect(&mut scorer, asks).into_iter().map(|one| one.expect("it can be read")).collect();
        let new: u64 = scored.iter().map(|one| one.usage.prefill_new).sum();
        prop_assert_eq!(scorer.reader().computed, distinct(&paths[1..]));
        prop_assert_eq!(new, distinct(&paths[1..]));
        let nano_usd = scorer.reader().price();
        for (path, one) in paths[1..].iter().zip(&scored) {
            let Usage { prefill_new, prefill_cached, .. } = one.usage;
            prop_assert_eq!(prefill_new + prefill_cached, path.tokens().len() as u64);
            let price = prefill_new * nano_usd.prefill + prefill_cached * nano_usd.cached;
            prop_assert_eq!(one.usage.nano_usd, price);
        }
        prop_assert_eq!(scorer.reader_mut().leased(), scored.len());
        drop(scored);
        prop_assert_eq!(scorer.reader_mut().leased(), 0);
    }

    #[test]
    fn spends_at_most_its_worst_case(
        start in tokens(),
        tree in tree(),
        kept in prop::collection::vec(any::<bool>(), 16),
        wanted in prop::collection::vec((any::<usize>(), tokens(), 0_u32..4), 1..8),
    ) {
        let prompt = prompt(&start);
        let paths = grown(&prompt, &tree);
        let mut scorer = marks(HashReader::new());
        let asks = paths[1..].iter().map(|path| ScoreAsk { path: path.clone() });
        let scored = collect(&mut scorer, asks);
        let leases: Vec<Lease> = scored
            .into_iter()
            .zip(&kept)
            .filter_map(|(one, kept)| one.expect("it can be read").lease.filter(|_| *kept))
            .collect();
        let (mut bounds, mut asks) = (Vec::new(), Vec::new());
        for (parent, tokens, more) in &wanted {
            let parent = paths[parent % paths.len()].clone();
            let mut path = parent.clone();
            path.steps.push(step(tokens));
            bounds.push(ScoreBound { parent, max_tokens: tokens.len() as u32 + more });
            asks.push(ScoreAsk { path });
        }
        let worst = scorer.worst_case(&bounds);
        prop_assert_eq!(worst.len(), asks.len());
        let before = scorer.reader().computed;
        let mut told = 0;
        // The leases come later: worst cases count on them.
        let mut alive = leases;
        for (scored, worst) in collect(&mut scorer, asks).into_iter().zip(&worst) {
            let scored = scored.expect("it can be read");
            let real = Spend::of_scorer(&scored.usage);
            prop_assert!(at_most(&real, worst), "{real:?} is more than {worst:?}");
            prop_assert_eq!(real.scored, real.computed);
            told += real.scored;
            alive.extend(scored.lease);
        }
        prop_assert!(scorer.reader().computed - before <= told, "the model did more than was told");
    }

    /// Two searches whose prompts are equal, token for token: each costs as if it were alone.
    #[test]
    fn costs_the_same_alone_and_in_company(
        start in tokens(),
        tree in tree(),
        other in tree(),
        at_once in 1_usize..5,
    ) {
        let alone = |tree| -> Vec<(Usage, f32)> {
            let mut scorer = marks(HashReader::new());
            let paths = grown(&prompt(&start), tree);
            let asks = paths[1..].iter().map(|path| ScoreAsk { path: path.clone() });
            let scored = collect(&mut scorer, asks);
            scored.into_iter().map(Result::unwrap).map(|one| (one.usage, one.score.get())).collect()
        };
        let trees = [&tree, &other];
        let mut scorer = marks(reader(at_once, false, None));
        let paths = trees.map(|tree| grown(&prompt(&start), tree));
        let bound = ScoreBound { parent: paths[0][0].clone(), max_tokens: 3 };
        let before = scorer.worst_case(std::slice::from_ref(&bound));
        let mut mixed: Vec<(usize, Path)> = Vec::new();
        for n in 1..paths.iter().map(Vec::len).max().unwrap() {
            for (whose, paths) in paths.iter().enumerate() {
                mixed.extend(paths.get(n).map(|path| (whose, path.clone())));
            }
        }
        let asks = mixed.iter().map(|(_, path)| ScoreAsk { path: path.clone() });
        let scored: Vec<Scored> = collect(&mut scorer, asks).into_iter().map(Result::unwrap).collect();
        for (whose, tree) in trees.into_iter().enumerate() {
            let ours = mixed.iter().zip(&scored).filter(|((of, _), _)| *of == whose);
            let ours: Vec<(Usage, f32)> = ours.map(|(_, one)| (one.usage, one.score.get())).collect();
            prop_assert_eq!(ours, alone(tree));
        }
        let stranger = ScoreBound { parent: Path::root(prompt(&start)), ..bound };
        prop_assert_eq!(scorer.worst_case(&[stranger]), before);
    }

    #[test]
    fn a_failure_and_a_cancelled_ask_leave_the_others_alone(
        start in tokens(),
        tree in tree(),
        fails in 0_u64..16,
        cancelled in 0_usize..16,
    ) {
        let prompt = prompt(&start);
        let paths = grown(&prompt, &tree);
        let mut scorer = marks(reader(4, false, Some(fails)));
        // The root cannot be scored: its ticket is answered without the reader.
        let tickets: Vec<_> =
            paths.iter().map(|path| scorer.submit(ScoreAsk { path: path.clone() })).collect();
        let gone = tickets[cancelled % tickets.len()];
        scorer.cancel(gone);
        let mut replies = Vec::new();
        while replies.len() < tickets.len() - 1 {
            replies.extend(scorer.poll());
        }
        prop_assert!(replies.is_sorted_by_key(|(ticket, _)| *ticket));
        for (ticket, reply) in &replies {
            prop_assert!(*ticket != gone);
            let index = ticket.0 as usize;
            match reply {
                _ if index == 0 => prop_assert!(
                    matches!(reply, Err(ModelError::BadRequest { .. })), "{:?}", reply
                ),
                Err(error) => {
                    prop_assert!(matches!(error, ModelError::NotFinite { .. }), "{error}");
                    prop_assert_eq!(index as u64 - 1, fails);
                }
                Ok(scored) => {
                    let alone = one(&mut marks(HashReader::new()), &paths[index]);
                    prop_assert_eq!(scored.score, alone.score);
                }
            }
        }
        drop(replies);
        prop_assert!(scorer.poll().is_empty());
        prop_assert_eq!((scorer.reader_mut().leased(), scorer.reader().in_flight()), (0, 0));
    }

    #[test]
    fn more_good_is_a_higher_score(good in -80.0_f32..0.0, bad in -80.0_f32..0.0, by in 0.0_f32..9.0) {
        let score = |good, bad| good_share(good, bad).unwrap();
        prop_assert!(score(good, bad) <= score(good + by, bad));
        prop_assert!(score(good, bad) >= score(good, bad + by));
        let sum = score(good, bad).get() + score(bad, good).get();
        prop_assert!((sum - 1.0).abs() < 1e-6);
    }
}

#[test]
fn two_lines_of_numbers() {
    let share = |good: f32, bad: f32| good_share(good, bad).unwrap().get();
    assert!((share(0.3_f32.ln(), 0.1_f32.ln()) - 0.75).abs() < 1e-6);
    assert!(share(f32::NEG_INFINITY, -3.0) <= 0.0);
    assert!(share(-3.0, f32::NEG_INFINITY) >= 1.0);
    for (good, bad) in [
        (f32::NAN, -1.0),
        (-1.0, f32::NAN),
        (f32::INFINITY, -1.0),
        (-1.0, f32::INFINITY),
        (f32::NEG_INFINITY, f32::NEG_INFINITY),
    ] {
        assert!(matches!(good_share(good, bad), Err(ModelError::NotFinite { .. })), "{good} {bad}");
    }
}

#[test]
fn what_cannot_be_scored_is_an_error_not_zero() {
    assert_eq!(StepMarks::new(HashReader::new(), 7, 7).err(), Some(SameMark { mark: 7 }));
    let mut scorer = marks(HashReader::new());
    let prompt = prompt(&[1, 2]);
    for path in [Path::root(Arc::clone(&prompt)), path(&prompt, &[vec![]])] {
        let reply = collect(&mut scorer, [ScoreAsk { path }]).remove(0);
        assert!(matches!(reply, Err(ModelError::BadRequest { .. })), "{reply:?}");
    }
    assert_eq!(scorer.reader().computed, 0);
}

/// What a search let go of is computed and paid for again.
#[test]
fn what_is_not_held_is_computed_again() {
    let prompt = prompt(&[1, 2, 3]);
    let mut scorer = marks(HashReader::new());
    let parent = one(&mut scorer, &path(&prompt, &[vec![4, 9]]));
    let bound = ScoreBound { parent: path(&prompt, &[vec![4, 9]]), max_tokens: 2 };
    assert_eq!(scorer.worst_case(std::slice::from_ref(&bound))[0].scored, 2);
    drop(parent.lease);
    let bounds = [bound.clone(), bound];
    let scored: Vec<u64> = scorer.worst_case(&bounds).iter().map(|worst| worst.scored).collect();
    assert_eq!(scored, [7, 2], "the second finds what the first has computed");
    let child = one(&mut scorer, &path(&prompt, &[vec![4, 9], vec![5, 9]]));
    assert_eq!((child.usage.prefill_new, child.usage.prefill_cached), (7, 0));
}

/// Only the ends of what was read are sure to have their outputs held: a text that is the beginning of
/// another costs its last token again, and one that was read before costs nothing.
#[test]
fn the_beginning_of_what_is_held_costs_its_last_token() {
    let prompt = prompt(&[1, 2, 3]);
    let mut scorer = marks(HashReader::new());
    let _long = one(&mut scorer, &path(&prompt, &[vec![4, 5, 9]]));
    let short = one(&mut scorer, &path(&prompt, &[vec![4, 5]]));
    assert_eq!((short.usage.prefill_new, short.usage.prefill_cached), (1, 4));
    let again = one(&mut scorer, &path(&prompt, &[vec![4, 5]]));
    assert_eq!((again.usage.prefill_new, again.usage.prefill_cached), (0, 5));
    assert_eq!(again.score, short.score);
}

/// What failed or was cancelled is not held, and nothing later counts on it.
#[test]
fn what_was_not_read_is_not_counted_on() {
    let ask = ScoreAsk { path: path(&prompt(&[1, 2, 3]), &[vec![4, 9]]) };
    let mut scorer = marks(reader(4, false, Some(0)));
    assert!(collect(&mut scorer, [ask.clone()]).remove(0).is_err());
    let ticket = scorer.submit(ask.clone());
    scorer.cancel(ticket);
    let scored = collect(&mut scorer, [ask]).remove(0).expect("only the first fails");
    assert_eq!((scored.usage.prefill_new, scored.usage.prefill_cached), (5, 0));
}
