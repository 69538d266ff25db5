//! Quantized weights multiplied as they are, in real models: what that costs, and that it is bit-equal
//! however tokens are batched and chunked.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod files;

use std::sync::Arc;

use espalier_core::{NodeId, Read, Request, Sampling, Seed, Stops, Tokens, Until, Want, collect};
use espalier_models::{DeviceChoice, EngineOptions, Kernels, Model, load, share};

/// The models with quantized weights, and the relative error of logits that rounding activations may cost.
const MODELS: [(&str, f64); 2] =
    [("SmolLM2-135M-Instruct.Q4_1.gguf", 0.06), ("qwen2.5-coder-0.5b-instruct-q4_k_m.gguf", 0.06)];
const TEXT: &str = "Natalia sold clips to 48 of her friends in April, and then she sold half as many \
    clips in May. How many clips did Natalia sell altogether in April and May?";

fn open(name: &str, options: EngineOptions) -> Option<Model> {
    Some(load(&files::model(name)?, DeviceChoice::Cpu, options).unwrap())
}

#[test]
fn logits_are_near_those_of_widened_weights() {
    for (name, limit) in MODELS {
        let logits = |kernels| {
            let mut model = open(name, EngineOptions { kernels, ..EngineOptions::default() })?;
            let tokens = model.engine.tokenizer().encode(TEXT).unwrap();
            Some(model.engine.stages(&tokens).unwrap().logits)
        };
        let (Some(found), Some(expected)) = (logits(Kernels::Fastest), logits(Kernels::F32)) else {
            return;
        };
        let norm = |numbers: &mut dyn Iterator<Item = f64>| numbers.map(|x| x * x).sum::<f64>();
        let mut differences = found.iter().zip(&expected).map(|(a, b)| f64::from(a - b));
        let error = norm(&mut differences) / norm(&mut expected.iter().map(|x| f64::from(*x)));
        assert!(error.sqrt() < limit, "{name}: {}", error.sqrt());
        assert!(error > 0.0, "{name}: the weights were widened");
    }
}

#[test]
fn weights_take_the_memory_of_the_file() {
    for (name, _) in MODELS {
        let Some(model) = open(name, EngineOptions::default()) else { return };
        let file = std::fs::metadata(files::model(name).unwrap()).unwrap().len();
        let bytes = model.info.weight_bytes;
        assert!(bytes < file + file / 20, "{name}: {bytes} of {file}");
        assert!(model.info.kernels.contains("by 8-bit activations"), "{}", model.info.kernels);
    }
}

#[test]
fn tokens_have_the_same_bits_alone_together_in_chunks_and_read_at_once() {
    for (name, _) in MODELS {
        let Some(model) = open(name, EngineOptions::default()) else { return };
        let prompt = model.engine.tokenizer().encode(TEXT).unwrap();
        let request = |seed: u64| Request {
            prefix: prompt.clone().into(),
            until: Until::Tokens(6),
            max_tokens: 6,
            stops: Arc::new(Stops::default()),
            sampling: Sampling::at(1.0),
            seed: Seed::run(seed).child(NodeId::ROOT, 0),
            retain: false,
        };
        let (mut policy, mut reader) = share(model.engine);
        let together = collect(&mut policy, (0..9).map(request));
        let options = EngineOptions { prefill_chunk: 7, ..EngineOptions::default() };
        let (mut alone, _) = share(open(name, options).unwrap().engine);
        for (seed, one) in together.into_iter().enumerate() {
            let step = one.unwrap().step;
            let bits: Vec<u32> = step.stats.iter().map(|stat| stat.logprob.to_bits()).collect();
            if seed % 4 == 0 {
                let own = collect(&mut alone, [request(seed as u64)]).remove(0).unwrap().step;
                assert_eq!(own.tokens, step.tokens);
                let own: Vec<u32> = own.stats.iter().map(|stat| stat.logprob.to_bits()).collect();
                assert_eq!(own, bits, "{name}: alone");
            }
            let tokens: Tokens = [&prompt[..], &step.tokens[..]].concat().into();
            let want = Want::Tokens { from: prompt.len() as u32 };
            let read = collect(&mut reader, [Read { tokens, want, retain: false }]).remove(0);
            let read: Vec<u32> = read.unwrap().values.iter().map(|row| row[0].to_bits()).collect();
            assert_eq!(read, bits, "{name}: read at once");
        }
    }
}
