//! Laws of an engine that is short of room: what is held keeps the limit, no result changes, nothing waits for
//! ever, and what cannot fit is refused while the rest goes on.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod files;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use espalier_core::{
    Completion, ModelError, NodeId, Policy, Read, Reader, Request, Sampling, Seed, Service, Stops,
    Ticket, Until, Want, collect,
};
use espalier_models::{
    Available, DeviceChoice, EngineOptions, LocalPolicy, LocalReader, least_kv, load, share,
};
use proptest::prelude::*;

/// Bytes of keys, values and the hidden row of a token of the tiny llama: 3 layers of 2 heads of 8, 32 wide.
const TOKEN: u64 = (3 * 2 * 2 * 8 + 32) * 4;

/// The limit under which a request that computes so many tokens fits alone, and none that computes more.
fn limit_for(tokens: u64) -> u64 {
    let path = files::fixture("llama").expect("the fixture is in the repository");
    let model = load(&path, DeviceChoice::Cpu, EngineOptions::default()).unwrap();
    least_kv(&model.info.config, espalier_models::KvPrecision::F32) + (tokens - 1) * TOKEN
}

fn engine(options: EngineOptions, memory: Option<Available>) -> (LocalPolicy, LocalReader) {
    let path = files::fixture("llama").expect("the fixture is in the repository");
    let engine = load(&path, DeviceChoice::Cpu, options).unwrap().engine;
    share(match memory {
        Some(source) => engine.with_memory(source),
        None => engine,
    })
}

fn limited(kv_limit: u64) -> (LocalPolicy, LocalReader) {
    engine(EngineOptions { kv_limit: Some(kv_limit), ..EngineOptions::default() }, None)
}

fn request(prefix: &[u32], seed: u64, max_tokens: u32) -> Request {
    Request {
        prefix: prefix.into(),
        until: Until::Tokens(max_tokens),
        max_tokens,
        stops: Arc::new(Stops::default()),
        sampling: Sampling::at(0.7),
        seed: Seed::run(seed).child(NodeId::ROOT, 0),
        retain: true,
    }
}

fn read(tokens: &[u32]) -> Read {
    Read { tokens: tokens.into(), want: Want::Tokens { from: 1 }, retain: false }
}

/// Tokens and the bits of their log-probabilities.
fn said(completion: &Completion) -> (Vec<u32>, Vec<u32>) {
    let step = &completion.step;
    (step.tokens.to_vec(), step.stats.iter().map(|stat| stat.logprob.to_bits()).collect())
}

fn bits(values: &[Vec<f32>]) -> Vec<u32> {
    values.iter().flatten().map(|value| value.to_bits()).collect()
}

/// A round of a search: requests that go on from earlier paths, and how many of them are given up at once.
#[derive(Debug, Clone)]
struct Round {
    /// Which path, how much of it, seed, tokens, whether its keys and values are wanted.
    asks: Vec<(usize, usize, u64, u32, bool)>,
    cancelled: usize,
    /// Leases of so many of the oldest paths are dropped.
    dropped: usize,
    /// A path that is read in the midst of it.
    read: Option<usize>,
}

fn rounds() -> impl Strategy<Value = Vec<Round>> {
    let ask = (0_usize..40, 0_usize..12, 0_u64..5, 1_u32..45, any::<bool>());
    let round =
        (prop::collection::vec(ask, 1..9), 0_usize..3, 0_usize..3, prop::option::of(0_usize..40));
    let round =
        round.prop_map(|(asks, cancelled, dropped, read)| Round { asks, cancelled, dropped, read });
    prop::collection::vec(round, 1..6)
}

/// What a search said, and how many tokens of it were computed.
#[derive(Debug, PartialEq)]
struct Found {
    said: Vec<(Vec<u32>, Vec<u32>)>,
    read: Vec<Vec<u32>>,
}

/// Carries rounds out; every request must stay within what it reserved for itself.
fn carry_out(
    (policy, reader): &mut (LocalPolicy, LocalReader),
    prompts: &[Vec<u32>],
    rounds: &[Round],
) -> Found {
    let mut paths: Vec<(Vec<u32>, Option<espalier_core::Lease>)> =
        prompts.iter().map(|prompt| (prompt.clone(), None)).collect();
    let mut found = Found { said: Vec::new(), read: Vec::new() };
    for round in rounds {
        let requests: Vec<Request> = round
            .asks
            .iter()
            .map(|&(path, cut, seed, n, retain)| {
                let whole = &paths[path % paths.len()].0;
                let prefix = &whole[..(whole.len() - cut.min(whole.len() - 1)).min(110)];
                Request { retain, ..request(prefix, seed, n) }
            })
            .collect();
        let worst: u64 = policy.worst_case(&requests).iter().map(|worst| worst.computed).sum();
        let tickets: Vec<Ticket> =
            requests.iter().map(|request| policy.submit(request.clone())).collect();
        let asked = round.read.map(|path| read(&paths[path % paths.len()].0));
        let reading = asked.filter(|read| read.tokens.len() > 1).map(|read| reader.submit(read));
        let mut done = BTreeMap::new();
        done.extend(policy.poll());
        let given_up: Vec<Ticket> =
            tickets.iter().copied().filter(|ticket| !done.contains_key(ticket)).collect();
        let given_up = &given_up[..round.cancelled.min(given_up.len())];
        for ticket in given_up {
            policy.cancel(*ticket);
        }
        while tickets.iter().any(|ticket| !done.contains_key(ticket) && !given_up.contains(ticket))
        {
            done.extend(policy.poll());
        }
        if let Some(ticket) = reading {
            let mut readings = BTreeMap::new();
            while !readings.contains_key(&ticket) {
                readings.extend(reader.poll());
            }
            found.read.push(bits(&readings.remove(&ticket).unwrap().unwrap().values));
        }
        let mut computed = 0;
        for (ticket, request) in tickets.iter().zip(&requests) {
            let Some(one) = done.remove(ticket) else { continue };
            let one = one.unwrap();
            computed += one.usage.computed();
            found.said.push(said(&one));
            let whole = [&request.prefix[..], &one.step.tokens[..]].concat();
            paths.push((whole, one.lease));
        }
        assert!(computed <= worst, "{computed} > {worst}");
        for path in paths.iter_mut().filter(|path| path.1.is_some()).take(round.dropped) {
            path.1 = None;
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_limit_is_kept_and_changes_nothing_but_the_cost(
        prompts in prop::collection::vec(prop::collection::vec(3_u32..90, 1..60), 1..4),
        mut rounds in rounds(),
        more in prop::sample::select(vec![0_u64, 10, 100, 300, 1_000]),
        chunk in 1_usize..70,
        max_branches in 1_usize..9,
    ) {
        // What is given up depends on how far a poll goes, which a limit changes.
        for round in &mut rounds {
            round.cancelled = 0;
        }
        let free = carry_out(&mut engine(EngineOptions::default(), None), &prompts, &rounds);
        let limit = limit_for(155) + more * TOKEN;
        let options = EngineOptions { prefill_chunk: chunk, max_branches, kv_limit: Some(limit), ..EngineOptions::default() };
        let mut tight = engine(options, None);
        prop_assert_eq!(carry_out(&mut tight, &prompts, &rounds), free);
        let peak = tight.0.stats().kv_peak_bytes;
        prop_assert!(peak <= limit, "{} > {}", peak, limit);
    }

    #[test]
    fn a_limit_is_kept_where_requests_are_given_up(
        prompts in prop::collection::vec(prop::collection::vec(3_u32..90, 1..60), 1..4),
        rounds in rounds(),
        more in prop::sample::select(vec![0_u64, 100, 500]),
        chunk in 1_usize..70,
    ) {
        let limit = limit_for(155) + more * TOKEN;
        let options = EngineOptions { prefill_chunk: chunk, kv_limit: Some(limit), ..EngineOptions::default() };
        let mut tight = engine(options, None);
        carry_out(&mut tight, &prompts, &rounds);
        let peak = tight.0.stats().kv_peak_bytes;
        prop_assert!(peak <= limit, "{} > {}", peak, limit);
    }

    #[test]
    fn scarce_memory_changes_no_result_and_reservations_hold(
        prompts in prop::collection::vec(prop::collection::vec(3_u32..90, 1..60), 1..4),
        mut rounds in rounds(),
        is_read in any::<bool>(),
    ) {
        for round in &mut rounds {
            round.cancelled = 0;
            round.read = round.read.filter(|_| is_read);
        }
        let free = carry_out(&mut engine(EngineOptions::default(), None), &prompts, &rounds);
        // A pretended machine with room for a long path beside what is held, whatever that is.
        let mut tight = engine(EngineOptions::default(), Some(|| Some(400 * TOKEN)));
        prop_assert_eq!(carry_out(&mut tight, &prompts, &rounds), free);
    }
}

#[test]
fn batches_shrink_to_what_a_limit_admits() {
    let requests: Vec<Request> = (0..12)
        .map(|seed| request(&(seed as u32 + 5..seed as u32 + 45).collect::<Vec<_>>(), seed, 30))
        .collect();
    let run = |limit| {
        let (mut policy, _) = match limit {
            Some(limit) => limited(limit),
            None => engine(EngineOptions::default(), None),
        };
        let done = collect(&mut policy, requests.iter().cloned());
        let done: Vec<_> = done.iter().map(|one| said(one.as_ref().unwrap())).collect();
        (done, policy.stats())
    };
    let (expected, free) = run(None);
    // A request computes 69 tokens, and may have 128 beside: three fit.
    let limit = 3 * 197 * TOKEN;
    let (found, tight) = run(Some(limit));
    assert_eq!(found, expected);
    assert!(tight.kv_peak_bytes <= limit && limit < free.kv_peak_bytes, "{tight:?}, {free:?}");
    assert!(
        tight.steps > 2 * free.steps,
        "{} of {} steps: nothing waited",
        tight.steps,
        free.steps
    );
    assert_eq!(tight.computed_tokens, free.computed_tokens, "what waits is not computed twice");
}

#[test]
fn what_cannot_fit_alone_is_refused_and_the_rest_goes_on() {
    let limit = limit_for(69);
    let (mut policy, mut reader) = limited(limit);
    let prompt: Vec<u32> = (5..45).collect();
    let requests = [request(&prompt, 1, 30), request(&prompt, 1, 31), request(&prompt, 2, 30)];
    let tickets: Vec<Ticket> = requests.into_iter().map(|one| policy.submit(one)).collect();
    let first = policy.poll();
    assert_eq!(policy.stats().computed_tokens, 0, "it is refused before anything is computed");
    let [(ticket, Err(error))] = &first[..] else { panic!("{first:?}") };
    assert_eq!(*ticket, tickets[1]);
    assert!(
        matches!(error, ModelError::KvLimit { tokens: 70, needed, limit: most } if *needed == limit + TOKEN && *most == limit),
        "{error:?}"
    );
    let text = error.to_string();
    for part in [
        "70 tokens",
        &(limit + TOKEN).to_string(),
        &limit.to_string(),
        "`kv_limit`",
        "`--kv-limit`",
        "`--max-tokens`",
    ] {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
    let mut done = BTreeMap::new();
    while done.len() < 2 {
        done.extend(policy.poll());
    }
    assert!([0, 2].iter().all(|&at| done[&tickets[at]].as_ref().unwrap().step.tokens.len() > 1));
    let too_long = collect(&mut reader, [read(&[7; 70]), read(&[7; 69])]);
    assert!(matches!(too_long[0], Err(ModelError::KvLimit { tokens: 70, .. })));
    assert_eq!(too_long[1].as_ref().unwrap().values.len(), 68);
    assert!(policy.stats().kv_peak_bytes <= limit);
}

#[test]
fn a_long_run_that_others_left_keeps_no_request_out() {
    // Room for one request of 155 tokens; the first leaves 150 tokens, of which the second shares 2.
    let limit = limit_for(155);
    let (mut policy, _) = limited(limit);
    let long: Vec<u32> = (0..150).map(|at| 3 + at % 80).collect();
    let kept = collect(&mut policy, [request(&long, 1, 2)]).remove(0).unwrap();
    assert!(kept.lease.is_some());
    let other: Vec<u32> =
        long[..2].iter().copied().chain((0..120).map(|at| 83 - at % 70)).collect();
    let one = collect(&mut policy, [request(&other, 1, 34)]).remove(0).unwrap();
    let (mut fresh, _) = engine(EngineOptions::default(), None);
    let alone = collect(&mut fresh, [request(&other, 1, 34)]).remove(0).unwrap();
    assert_eq!(said(&one), said(&alone));
    let stats = policy.stats();
    assert!(stats.kv_peak_bytes <= limit && stats.evicted_tokens >= 150, "{stats:?}");
}

#[test]
fn scarce_memory_evicts_what_is_idle_and_nobody_counts_on() {
    // Room for some 650 tokens on a pretended machine.
    let (mut policy, _) = engine(EngineOptions::default(), Some(|| Some(750 * TOKEN)));
    let prompts: Vec<Vec<u32>> =
        (0..8).map(|at| (0..100).map(|token| 3 + (token * (at + 1) + at) % 90).collect()).collect();
    let mut kept = Vec::new();
    for prompt in &prompts {
        kept.push(collect(&mut policy, [request(prompt, 1, 20)]).remove(0).unwrap());
    }
    let stats = policy.stats();
    assert!(stats.evicted_tokens > 0 && stats.kv_peak_bytes <= 750 * TOKEN, "{stats:?}");
    // A reservation that is made now knows of it.
    let again = request(&prompts[0], 2, 20);
    let worst = policy.worst_case(std::slice::from_ref(&again))[0].computed;
    let usage = collect(&mut policy, [again]).remove(0).unwrap().usage;
    assert!(usage.prefill_new > 90 && usage.computed() <= worst, "{usage:?}, {worst}");
}

#[test]
fn scarce_memory_evicts_nothing_that_a_reader_counts_on() {
    static FREE: AtomicU64 = AtomicU64::new(600 * TOKEN);
    let source = || Some(FREE.load(Ordering::Relaxed));
    let (mut policy, mut reader) = engine(EngineOptions::default(), Some(source));
    let prompt: Vec<u32> = (5..85).collect();
    let worst = reader.worst_case(&[read(&prompt)])[0].computed;
    let mut kept = Vec::new();
    for seed in 0..12 {
        let shifted: Vec<u32> = prompt.iter().map(|token| 3 + (token * 7 + seed) % 90).collect();
        kept.push(collect(&mut policy, [request(&shifted, 1, 20)]).remove(0));
        FREE.store(150 * TOKEN, Ordering::Relaxed);
    }
    let (good, bad): (Vec<_>, Vec<_>) = kept.into_iter().partition(Result::is_ok);
    assert!(!good.is_empty() && !bad.is_empty(), "{} fit", good.len());
    assert_eq!(policy.stats().evicted_tokens, 0);
    assert!(bad.iter().all(|one| matches!(one, Err(ModelError::NoMemory { .. }))));
    drop(good);
    let reading = collect(&mut reader, [read(&prompt)]).remove(0).unwrap();
    assert!(reading.usage.computed() <= worst);
    assert!(collect(&mut policy, [request(&prompt, 1, 20)])[0].is_ok(), "there is room again");
}

#[test]
fn without_memory_a_request_ends_with_an_error_that_says_what_to_do() {
    let (mut policy, mut reader) = engine(EngineOptions::default(), Some(|| Some(250 * TOKEN)));
    let prompt: Vec<u32> = (5..45).collect();
    let done = collect(&mut policy, [request(&prompt, 1, 10), request(&prompt, 1, 150)]);
    assert!(done[0].is_ok());
    let error = done[1].as_ref().unwrap_err();
    let ModelError::NoMemory { tokens: 189, needed, left } = error else { panic!("{error:?}") };
    assert!(needed > left, "{error:?}");
    let text = error.to_string();
    for part in ["189 tokens", "memory", "`--max-tokens`", "`--in-flight`"] {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
    let error = collect(&mut reader, [read(&[5; 250])]).remove(0).unwrap_err();
    assert!(matches!(error, ModelError::NoMemory { tokens: 250, .. }), "{error:?}");
    assert!(policy.stats().computed_tokens < 60, "only what fits was computed");
}

#[test]
fn an_unknown_memory_bounds_nothing() {
    let (mut policy, _) = engine(EngineOptions::default(), Some(|| None));
    let prompt: Vec<u32> = (5..45).collect();
    assert!(collect(&mut policy, [request(&prompt, 1, 30)])[0].is_ok());
}
