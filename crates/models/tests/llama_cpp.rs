//! Greedy continuations of SmolLM2-135M-Instruct against llama.cpp, weights dequantized to f32 on both
//! sides. `fixtures/smollm2_greedy.py` made the reference.

mod files;

use std::sync::Arc;

use espalier_core::{Request, Sampling, Seed, Stops, Until, collect};
use espalier_models::{DeviceChoice, EngineOptions, Kernels, load, share};

#[test]
fn greedy_continuations_equal_llama_cpp() {
    let Some(model) = files::model("SmolLM2-135M-Instruct.Q4_1.gguf") else { return };
    let fixture = files::fixture("smollm2_greedy.json").expect("the fixture is in the repository");
    let fixture: serde_json::Value =
        serde_json::from_slice(&std::fs::read(fixture).unwrap()).unwrap();
    let ids = |value: &serde_json::Value| -> Vec<u32> {
        value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
    };
    let prompts = fixture["prompts"].as_array().unwrap();
    assert!(prompts.len() >= 20);
    let options = EngineOptions { kernels: Kernels::F32, ..EngineOptions::default() };
    let engine = load(&model, DeviceChoice::Cpu, options).unwrap().engine;
    let tokenizer = Arc::clone(engine.tokenizer());
    let (mut policy, _) = share(engine);
    let requests = prompts.iter().map(|prompt| Request {
        prefix: ids(&prompt["prompt_ids"]).into(),
        until: Until::End,
        max_tokens: 64,
        stops: Arc::new(Stops::default()),
        sampling: Sampling::greedy(),
        seed: Seed::run(0),
        retain: false,
    });
    let done = collect(&mut policy, requests);
    for (prompt, completion) in prompts.iter().zip(done) {
        let name = &prompt["name"];
        let text = prompt["text"].as_str().unwrap();
        assert_eq!(tokenizer.encode(text).unwrap(), ids(&prompt["prompt_ids"]), "{name}");
        let (got, expected) = (completion.unwrap().step.tokens.to_vec(), ids(&prompt["ids"]));
        let split = got.iter().zip(&expected).position(|(a, b)| a != b);
        if let Some(at) = split {
            let gap = prompt["gap"][at].as_f64().unwrap();
            assert!(
                gap < 1e-3,
                "{name} parts at {at}, where the reference's top two are {gap} apart"
            );
        } else {
            assert_eq!(got.len(), expected.len(), "{name}");
        }
    }
}
