//! Law 3 for reward scores: what a head says of a position, and what the vocabulary's says of given ids there,
//! has the same bits whatever is read with it, held, shared or evicted, in any chunks and on any threads.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod files;

use std::{cell::Cell, fs, path::Path, sync::Arc};

use espalier_core::{Policy, Read, Reader, Request, Sampling, Seed, Stops, Until, Want, collect};
use espalier_models::{
    Checkpoint, DeviceChoice, EngineOptions, Kernels, KvPrecision, least_kv, load, share,
};
use half::f16;
use proptest::prelude::*;
use rayon::ThreadPoolBuilder;
use safetensors::{Dtype, tensor::TensorView};
use serde_json::json;
use tempfile::TempDir;

/// A model of one small layer, 1024 wide, with random weights in halves and a head of two layers: so wide that
/// Burn's product of its head sums in another order for one row than for many.
fn wide() -> TempDir {
    const HIDDEN: usize = 1024;
    let from = files::fixture("prm/skywork").unwrap();
    let dir = tempfile::tempdir().unwrap();
    for file in ["tokenizer.json", "tokenizer_config.json"] {
        fs::copy(from.join(file), dir.path().join(file)).unwrap();
    }
    let config = json!({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
        "vocab_size": 299, "hidden_size": HIDDEN, "intermediate_size": 16, "num_hidden_layers": 1,
        "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8, "rms_norm_eps": 1e-6,
        "rope_theta": 1e4, "max_position_embeddings": 128, "tie_word_embeddings": true,
    });
    fs::write(dir.path().join("config.json"), config.to_string()).unwrap();
    let mut state = 7_u32;
    let mut noise = |count: usize| -> Vec<u8> {
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f16::from_f32(((state >> 8) as f32 / 8_388_608.0 - 1.0) / 8.0)
        };
        (0..count).flat_map(|_| next().to_le_bytes()).collect()
    };
    let layer = |name: &str| format!("model.layers.0.{name}.weight");
    let tensors = [
        ("model.embed_tokens.weight".to_owned(), vec![299, HIDDEN]),
        (layer("input_layernorm"), vec![HIDDEN]),
        (layer("self_attn.q_proj"), vec![16, HIDDEN]),
        (layer("self_attn.k_proj"), vec![8, HIDDEN]),
        (layer("self_attn.v_proj"), vec![8, HIDDEN]),
        (layer("self_attn.o_proj"), vec![HIDDEN, 16]),
        (layer("post_attention_layernorm"), vec![HIDDEN]),
        (layer("mlp.gate_proj"), vec![16, HIDDEN]),
        (layer("mlp.up_proj"), vec![16, HIDDEN]),
        (layer("mlp.down_proj"), vec![HIDDEN, 16]),
        ("model.norm.weight".to_owned(), vec![HIDDEN]),
        ("score.0.weight".to_owned(), vec![HIDDEN, HIDDEN]),
        ("score.0.bias".to_owned(), vec![HIDDEN]),
        ("score.2.weight".to_owned(), vec![2, HIDDEN]),
        ("score.2.bias".to_owned(), vec![2]),
    ]
    .map(|(name, shape)| (name, noise(shape.iter().product()), shape));
    let tensors = tensors.iter().map(|(name, bytes, shape)| {
        (name, TensorView::new(Dtype::F16, shape.clone(), bytes).unwrap())
    });
    let bytes = safetensors::serialize(tensors, None).unwrap();
    fs::write(dir.path().join("model.safetensors"), bytes).unwrap();
    dir
}

/// A text that goes on from others, and what is asked of it.
#[derive(Debug, Clone)]
struct Branch {
    /// Tokens of the trunk that it begins with, counted from 1.
    cut: prop::sample::Index,
    own: Vec<u32>,
    /// Position `i` is wanted where bit `i` is set; the last always is.
    wanted: u64,
    retain: bool,
}

fn branch() -> impl Strategy<Value = Branch> {
    let own = prop::collection::vec(3_u32..90, 1..32);
    (any::<prop::sample::Index>(), own, any::<u64>(), any::<bool>())
        .prop_map(|(cut, own, wanted, retain)| Branch { cut, own, wanted, retain })
}

/// What a model says of positions of a text, by the head and of two ids, in bits.
type Bits = Vec<Vec<u32>>;

/// How an engine works, and who works beside.
#[derive(Debug, Clone, Copy)]
struct World {
    options: EngineOptions,
    threads: usize,
    /// Tokens that the policy samples after the trunk, before anything is read.
    sampled: u32,
    /// Texts are read so many times.
    times: usize,
}

/// Texts and what is wanted of them.
type Texts = [(Vec<u32>, Vec<u32>, bool)];

impl World {
    /// What is read of texts, the last time; and the tokens evicted meanwhile.
    fn read(self, model: &Path, trunk: &[u32], texts: &Texts) -> (Vec<Bits>, u64) {
        let pool = ThreadPoolBuilder::new().num_threads(self.threads).build().unwrap();
        pool.install(|| {
            let engine = load(model, DeviceChoice::Cpu, self.options).unwrap().engine;
            let (mut policy, mut reader) = share(engine);
            let speaks = policy.cost().head > 0;
            let request = (self.sampled > 0 && speaks).then(|| Request {
                prefix: trunk.into(),
                until: Until::Tokens(self.sampled),
                max_tokens: self.sampled,
                stops: Arc::new(Stops::default()),
                sampling: Sampling::at(1.0),
                seed: Seed::run(1),
                retain: true,
            });
            let _sampled = collect(&mut policy, request);
            let head = reader.heads().remove(0).name;
            let reads: Vec<Read> = texts
                .iter()
                .flat_map(|(tokens, positions, retain)| {
                    let (name, positions) = (head.clone(), positions.clone());
                    let ids = speaks
                        .then(|| Want::NextOf { positions: positions.clone(), ids: vec![5, 9] });
                    let wants = [Some(Want::Head { name, positions }), ids].into_iter().flatten();
                    wants.map(|want| Read { tokens: tokens[..].into(), want, retain: *retain })
                })
                .collect();
            let mut said = Vec::new();
            let mut leases = Vec::new();
            for _ in 0..self.times {
                said.clear();
                for reading in collect(&mut reader, reads.iter().cloned()) {
                    let reading = reading.unwrap();
                    leases.push(reading.lease);
                    let bits = |row: &Vec<f32>| row.iter().map(|value| value.to_bits()).collect();
                    said.push(reading.values.iter().map(bits).collect());
                }
            }
            (said, policy.stats().evicted_tokens)
        })
    }
}

/// A position of a text at a time, by an engine that holds nothing, on one thread.
fn alone(model: &Path, texts: &Texts, kernels: Kernels) -> Vec<Bits> {
    let options = EngineOptions { kernels, ..EngineOptions::default() };
    let world = World { options, threads: 1, sampled: 0, times: 1 };
    let one_by_one: Vec<_> = texts
        .iter()
        .flat_map(|(tokens, positions, _)| {
            positions.iter().map(|&at| (tokens[..=at as usize].to_vec(), vec![at], false))
        })
        .collect();
    let (said, _) = world.read(model, &[], &one_by_one);
    let kinds = said.len() / one_by_one.len();
    // All kinds of a position follow each other; a text has one kind after the other.
    let mut said = said.chunks(kinds);
    let mut all = Vec::new();
    for (_, positions, _) in texts {
        let rows: Vec<&[Bits]> = said.by_ref().take(positions.len()).collect();
        all.extend((0..kinds).map(|kind| rows.iter().map(|row| row[kind][0].clone()).collect()));
    }
    all
}

#[test]
fn a_reward_score_has_the_same_bits_in_any_company() {
    let wide = wide();
    let mut models: Vec<_> = ["qwen", "skywork", "value"]
        .map(|family| files::fixture(&format!("prm/{family}")).unwrap())
        .into();
    models.push(wide.path().to_owned());
    let evictions = Cell::new(0);
    let config =
        ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(
        which in 0_usize..4,
        trunk in prop::collection::vec(3_u32..90, 1..24),
        branches in prop::collection::vec(branch(), 1..12),
        chunk in 1_usize..9,
        threads in 1_usize..5,
        sampled in 0_u32..4,
        kernels in prop::sample::select(vec![Kernels::Fastest, Kernels::F32]),
        limited: bool,
    )| {
        let model = &models[which];
        let texts: Vec<(Vec<u32>, Vec<u32>, bool)> = branches
            .into_iter()
            .map(|Branch { cut, own, wanted, retain }| {
                let tokens = [&trunk[..=cut.index(trunk.len())], &own[..]].concat();
                let last = tokens.len() as u32 - 1;
                let positions = (0..=last).filter(|&at| at == last || wanted >> at & 1 == 1).collect();
                (tokens, positions, retain)
            })
            .collect();
        let config = Checkpoint::open(model).unwrap().config;
        let longest = texts.iter().map(|(tokens, ..)| tokens.len()).max().unwrap() as u64;
        let token = config.kv_bytes_per_token(KvPrecision::F32) + 4 * config.hidden as u64;
        let kv_limit = limited.then(|| least_kv(&config, KvPrecision::F32) + longest * token);
        let options = EngineOptions { prefill_chunk: chunk, kv_limit, kernels, ..EngineOptions::default() };
        let world = World { options, threads, sampled, times: 2 };
        let (said, evicted) = world.read(model, &trunk, &texts);
        evictions.set(evictions.get() + evicted);
        prop_assert_eq!(said, alone(model, &texts, kernels));
    });
    assert!(evictions.get() > 0, "nothing was ever evicted");
}
