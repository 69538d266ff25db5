//! Laws of the engine on tiny real architectures: what is shared, forked, batched, chunked or evicted
//! changes nothing, and nothing is computed twice.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod files;

use std::{collections::BTreeSet, sync::Arc};

use espalier_core::{
    Completion, Finish, NodeId, Policy, Read, Request, Sampling, Seed, Service, Step, Stops,
    TokenStat, Tokens, Until, Want, collect,
};
use espalier_models::{
    DeviceChoice, EngineOptions, KvPrecision, LocalPolicy, LocalReader, load, share,
};
use proptest::prelude::*;

fn engine(model: &str, options: EngineOptions) -> (LocalPolicy, LocalReader) {
    let path = files::fixture(model).expect("the fixture is in the repository");
    share(load(&path, DeviceChoice::Cpu, options).unwrap().engine)
}

fn request(prefix: &[u32], seed: u64, max_tokens: u32, temperature: f32) -> Request {
    Request {
        prefix: prefix.into(),
        until: Until::Tokens(max_tokens),
        max_tokens,
        stops: Arc::new(Stops::default()),
        sampling: Sampling::at(temperature),
        seed: Seed::run(seed).child(NodeId::ROOT, 0),
        retain: true,
    }
}

fn all(policy: &mut LocalPolicy, requests: &[Request]) -> Vec<Completion> {
    collect(policy, requests.iter().cloned()).into_iter().map(Result::unwrap).collect()
}

/// Each request alone on an engine of its own.
fn alone(model: &str, requests: &[Request]) -> Vec<Completion> {
    alone_with(model, KvPrecision::F32, requests)
}

fn alone_with(model: &str, kv: KvPrecision, requests: &[Request]) -> Vec<Completion> {
    let one = |request: &Request| {
        let (mut policy, _) = engine(model, EngineOptions { kv, ..EngineOptions::default() });
        all(&mut policy, std::slice::from_ref(request)).remove(0)
    };
    requests.iter().map(one).collect()
}

/// Token for token and bit for bit the same.
fn assert_same(some: &[Completion], others: &[Completion]) {
    assert_eq!(some.len(), others.len());
    for (one, other) in some.iter().zip(others) {
        let (one, other) = (&one.step, &other.step);
        assert_eq!((&one.tokens, one.finish), (&other.tokens, other.finish));
        let bits = |step: &Step| -> Vec<(u32, u32)> {
            let nats = |stat: &TokenStat| stat.entropy.as_ref().map_or(0.0_f32, |all| all.nats());
            step.stats.iter().map(|stat| (stat.logprob.to_bits(), nats(stat).to_bits())).collect()
        };
        assert_eq!(bits(one), bits(other));
    }
}

/// Sampled ids the model went on from, as distinct (prefix, token) pairs, and the prefixes' tokens.
fn distinct(requests: &[Request], done: &[Completion]) -> u64 {
    let mut seen = BTreeSet::new();
    for (request, completion) in requests.iter().zip(done) {
        let mut path = request.prefix.to_vec();
        path.extend_from_slice(&completion.step.tokens);
        for len in 1..path.len() {
            seen.insert(path[..len].to_vec());
        }
    }
    seen.len() as u64
}

const MODELS: [&str; 3] = ["llama", "llama3", "qwen2"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn batched_and_shared_decoding_equals_decoding_from_scratch(
        which in 0_usize..3,
        prompts in prop::collection::vec((prop::collection::vec(3_u32..90, 1..20), 0_u64..4, 1_u32..12), 1..10),
        common in prop::collection::vec(3_u32..90, 0..12),
        chunk in 1_usize..9,
        temperature in prop::sample::select(vec![0.0_f32, 0.4, 1.0]),
        kv in prop::sample::select(vec![KvPrecision::F32, KvPrecision::F16]),
    ) {
        let requests: Vec<Request> = prompts
            .iter()
            .map(|(own, seed, n)| request(&[common.clone(), own.clone()].concat(), *seed, *n, temperature))
            .collect();
        let options = EngineOptions { prefill_chunk: chunk, max_branches: 5, kv, ..EngineOptions::default() };
        let (mut policy, _) = engine(MODELS[which], options);
        let worst: u64 = policy.worst_case(&requests).iter().map(|spend| spend.computed).sum();
        let done = all(&mut policy, &requests);
        assert_same(&done, &alone_with(MODELS[which], kv, &requests));
        let computed: u64 = done.iter().map(|one| one.usage.computed()).sum();
        prop_assert_eq!(computed, policy.stats().computed_tokens);
        prop_assert!(computed <= worst, "{computed} > {worst}");
    }

    #[test]
    fn forked_decoding_equals_decoding_from_scratch_and_computes_nothing_twice(
        which in 0_usize..3,
        prompt in prop::collection::vec(3_u32..90, 6..20),
        rounds in prop::collection::vec((0_usize..6, 2_u64..5, 1_u32..7), 1..6),
        temperature in prop::sample::select(vec![0.3_f32, 1.0]),
    ) {
        let (mut policy, _) = engine(MODELS[which], EngineOptions::default());
        let (mut requests, mut done): (Vec<Request>, Vec<Completion>) = (Vec::new(), Vec::new());
        let mut paths = vec![prompt];
        for (parent, children, n) in rounds {
            let parent = paths[parent % paths.len()].clone();
            let round: Vec<Request> =
                (0..children).map(|seed| request(&parent, seed, n, temperature)).collect();
            for completion in all(&mut policy, &round) {
                paths.push([parent.clone(), completion.step.tokens.to_vec()].concat());
                done.push(completion);
            }
            requests.extend(round);
        }
        assert_same(&done, &alone(MODELS[which], &requests));
        let computed: u64 = done.iter().map(|one| one.usage.computed()).sum();
        prop_assert_eq!(computed, policy.stats().computed_tokens);
        prop_assert_eq!(computed, distinct(&requests, &done));
    }

    #[test]
    fn eviction_changes_nothing_but_the_cost(
        prompts in prop::collection::vec(prop::collection::vec(3_u32..90, 8..20), 2..6),
    ) {
        let requests: Vec<Request> =
            prompts.iter().map(|prompt| request(prompt, 1, 5, 0.8)).collect();
        // The longest takes 24 tokens, 128 beside and 512 bytes for each.
        let options = EngineOptions { kv_limit: Some(152 * 512), ..EngineOptions::default() };
        let (mut policy, _) = engine("llama", options);
        let expected = alone("llama", &requests);
        for round in 0..2 {
            for (request, expected) in requests.iter().zip(&expected) {
                let done = all(&mut policy, std::slice::from_ref(request));
                assert_same(&done, std::slice::from_ref(expected));
                prop_assert!(round == 0 || done[0].usage.computed() > 0);
                let worst = policy.worst_case(std::slice::from_ref(request))[0];
                prop_assert!(worst.computed >= done[0].usage.computed());
                prop_assert!(worst.flops >= done[0].usage.flops);
            }
        }
    }

    #[test]
    fn reading_equals_sampling_and_reuses_its_keys_and_values(
        which in 0_usize..3,
        prompt in prop::collection::vec(3_u32..90, 6..20),
        n in 2_u32..10,
    ) {
        let (mut policy, mut reader) = engine(MODELS[which], EngineOptions::default());
        let requests = [request(&prompt, 5, n, 1.0)];
        let done = all(&mut policy, &requests);
        let tokens: Tokens = [prompt.clone(), done[0].step.tokens.to_vec()].concat().into();
        let read = Read { tokens, want: Want::Tokens { from: prompt.len() as u32 }, retain: false };
        let reading = collect(&mut reader, [read.clone()]).remove(0).unwrap();
        for (row, stat) in reading.values.iter().zip(&done[0].step.stats) {
            prop_assert_eq!(row[0].to_bits(), stat.logprob.to_bits());
        }
        prop_assert_eq!(reading.values.len(), done[0].step.tokens.len());
        prop_assert_eq!(reading.usage.prefill_new, 1, "all but the last sampled token are held");
        let (_, mut fresh) = engine(MODELS[which], EngineOptions::default());
        let whole = collect(&mut fresh, [read]).remove(0).unwrap();
        for (a, b) in reading.values.iter().flatten().zip(whole.values.iter().flatten()) {
            prop_assert_eq!(a.to_bits(), b.to_bits());
        }
    }
}

#[test]
fn samples_that_agree_are_computed_once() {
    let (mut policy, _) = engine("llama", EngineOptions::default());
    let prompt: Vec<u32> = (5..25).collect();
    let requests: Vec<Request> = (0..8).map(|seed| request(&prompt, seed, 10, 0.0)).collect();
    let done = all(&mut policy, &requests);
    assert!(done[0].step.tokens.len() > 2);
    assert_eq!(policy.stats().computed_tokens, 20 + done[0].step.tokens.len() as u64 - 1);
    assert!(done.iter().all(|one| one.step.tokens == done[0].step.tokens));
}

#[test]
fn a_step_ends_before_a_token_of_high_entropy_and_goes_on_from_what_is_held() {
    let prompt: Vec<u32> = (5..25).collect();
    let until_boundary = |prefix: &[u32], entropy| Request {
        until: Until::Boundary,
        stops: Arc::new(Stops { entropy, ..Stops::default() }),
        ..request(prefix, 3, 12, 1.0)
    };
    let (mut policy, _) = engine("llama", EngineOptions::default());
    let whole = all(&mut policy, &[until_boundary(&prompt, None)]).remove(0).step;
    let entropies: Vec<f32> = whole.stats.iter().map(|stat| stat.entropy.unwrap().nats()).collect();
    // The first of the highest but that of the first token ends the step before it.
    let limit = entropies[1..].iter().copied().fold(0.0, f32::max) - 1e-3;
    let at = 1 + entropies[1..].iter().position(|&nats| nats > limit).unwrap();
    let (mut policy, _) = engine("llama", EngineOptions::default());
    let request = until_boundary(&prompt, Some(limit));
    let worst = policy.worst_case(std::slice::from_ref(&request))[0];
    let done = all(&mut policy, &[request]).remove(0);
    assert_eq!((done.step.finish, &done.step.tokens[..]), (Finish::Step, &whole.tokens[..at]));
    assert_eq!(done.usage.computed(), (prompt.len() + at) as u64, "its last token, too");
    assert!(done.usage.flops == done.usage.flops_uncached && done.usage.flops <= worst.flops);
    let longer = [prompt, done.step.tokens.to_vec()].concat();
    let next = all(&mut policy, &[until_boundary(&longer, None)]).remove(0);
    assert_eq!(next.usage.prefill_new, 0, "nothing is computed twice");
    let full = Stops { step_tokens: std::num::NonZeroU32::new(3), ..Stops::default() };
    let full = Request { stops: Arc::new(full), ..until_boundary(&longer, None) };
    let step = all(&mut policy, &[full]).remove(0).step;
    assert!(step.tokens.len() <= 3 && step.finish != Finish::Length, "{step:?}");
}

#[test]
fn releasing_frees_at_once_and_forks_share() {
    let (mut policy, _) = engine("qwen2", EngineOptions::default());
    let prompt: Vec<u32> = (5..45).collect();
    let done = all(&mut policy, &[request(&prompt, 0, 6, 1.0), request(&prompt, 1, 6, 1.0)]);
    let per_token = 3 * 2 * 2 * 8 * 4; // layers · (keys + values) · heads · size · f32
    let held = policy.stats().kv_bytes;
    let tokens = distinct(&[request(&prompt, 0, 6, 1.0), request(&prompt, 1, 6, 1.0)], &done);
    let hidden = (tokens - 39) * 32 * 4;
    assert!(held >= tokens * per_token, "{held}");
    assert!(held <= (tokens + 6) * per_token + hidden + 6 * 32 * 4, "{held}");
    drop(done);
    assert_eq!(policy.stats().kv_bytes, 0);
}

#[test]
fn bad_requests_are_answered_before_anything_is_computed() {
    let (mut policy, mut reader) = engine("llama", EngineOptions::default());
    let ok: Vec<u32> = vec![5, 6, 7];
    let mut cases = vec![
        (request(&[], 0, 5, 1.0), "prefix is empty"),
        (request(&vec![5; 256], 0, 5, 1.0), "does not fit the context"),
        (request(&[5, 96], 0, 5, 1.0), "`96` is not in the vocabulary"),
        (request(&ok, 0, 0, 1.0), "`max_tokens` is 0"),
        (request(&ok, 0, 5, f32::NAN), "`temperature`"),
    ];
    let mut top_p = request(&ok, 0, 5, 1.0);
    top_p.sampling.top_p = Some(0.0);
    cases.push((top_p, "`top_p`"));
    for (request, message) in cases {
        let error = collect(&mut policy, [request]).remove(0).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    for (want, message) in [
        (Want::Tokens { from: 0 }, "nothing before it"),
        (Want::Next { positions: vec![3] }, "beyond the sequence"),
        (Want::Head { name: "value".to_owned(), positions: vec![0] }, "no head named `value`"),
    ] {
        let read = Read { tokens: ok.clone().into(), want, retain: false };
        let error = collect(&mut reader, [read]).remove(0).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    assert_eq!(policy.stats().computed_tokens, 0);
}

#[test]
fn a_full_context_can_be_read_to_its_end() {
    let (policy, mut reader) = engine("llama", EngineOptions::default());
    let context = policy.context();
    let read = |len: u32| Read {
        tokens: vec![5; len as usize].into(),
        want: Want::NextOf { positions: vec![len - 1], ids: vec![1, 2] },
        retain: false,
    };
    let mut readings = collect(&mut reader, [read(context), read(context + 1)]).into_iter();
    assert_eq!(readings.next().unwrap().unwrap().values[0].len(), 2);
    let error = readings.next().unwrap().unwrap_err().to_string();
    assert!(error.contains("does not fit the context"), "{error}");
}

#[test]
fn a_full_context_ends_a_step_by_length() {
    let (mut policy, _) = engine("llama", EngineOptions::default());
    let prompt = vec![5; 250];
    let done = all(&mut policy, &[request(&prompt, 0, 50, 1.0)]);
    assert_eq!(done[0].step.finish, Finish::Length);
    assert_eq!(done[0].step.tokens.len(), 6);
}

#[test]
fn a_cancelled_request_is_never_answered_and_frees_what_it_held() {
    let (mut policy, _) = engine("llama", EngineOptions::default());
    let prompt: Vec<u32> = (5..25).collect();
    let long = policy.submit(request(&prompt, 0, 60, 1.0));
    let short = policy.submit(request(&prompt, 1, 3, 1.0));
    let mut answered = Vec::new();
    while answered.is_empty() {
        answered = policy.poll();
    }
    policy.cancel(long);
    assert_eq!(answered.iter().map(|(ticket, _)| *ticket).collect::<Vec<_>>(), [short]);
    drop(answered);
    assert!(policy.poll().is_empty());
    assert_eq!(policy.stats().kv_bytes, 0);
}

#[test]
fn long_continuations_equal_the_same_text_read_at_once() {
    for model in MODELS {
        let (mut policy, _) = engine(model, EngineOptions::default());
        let prompt: Vec<u32> = (5..25).collect();
        let requests: Vec<Request> = (0..60).map(|seed| request(&prompt, seed, 200, 1.0)).collect();
        let done = all(&mut policy, &requests);
        assert!(done.iter().any(|one| one.step.tokens.len() > 70), "none is long enough");
        let (_, mut reader) = engine(model, EngineOptions::default());
        for one in &done {
            let tokens: Tokens = [&prompt[..], &one.step.tokens[..]].concat().into();
            let want = Want::Tokens { from: prompt.len() as u32 };
            let reading = collect(&mut reader, [Read { tokens, want, retain: false }]).remove(0);
            for (row, stat) in reading.unwrap().values.iter().zip(&one.step.stats) {
                assert_eq!(row[0].to_bits(), stat.logprob.to_bits());
            }
        }
        let computed: u64 = done.iter().map(|one| one.usage.computed()).sum();
        assert_eq!(computed, distinct(&requests, &done), "{model}");
    }
}
