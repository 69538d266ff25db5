//! The tour: a model, a scorer and a strategy make a search, within a budget.

use std::{num::NonZeroU32, path::Path, sync::Arc};

use espalier::{
    core::{Aggregate, Budget, Frozen, Prompt, Sampling, ScorerId, Stop},
    models::{DeviceChoice, EngineOptions, load, share},
    prm::Confidence,
    search::{Beam, Config, Models, Task, render, search},
};

#[test]
fn beam_search_over_a_real_architecture() -> Result<(), Box<dyn std::error::Error>> {
    // Any Hugging Face directory or GGUF file; this one is a tiny random Llama.
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/fixtures/llama");
    let model = load(&path, DeviceChoice::Cpu, EngineOptions::default())?;
    let (mut policy, _) = share(model.engine);
    let mut scorer = Confidence::MeanChosenLogprob.scorer();

    let tokens = policy.prompt("Two and two are")?;
    let prompt = Arc::new(Prompt { problem: "2 + 2".to_owned(), tokens });
    let strategy = Box::new(Beam::new(2, None, 3, ScorerId(0), Aggregate::Last)?);
    let task = Task { prompt, hash: 7, strategy };

    let tokens = |n| NonZeroU32::new(n).expect("it is not 0");
    let budget = Budget { generated: Some(60), ..Budget::default() };
    let config =
        Config { budget, seed: 42, ..Config::new(Sampling::at(0.8), tokens(8), tokens(24)) };
    let mut models = Models { policy: &mut policy, scorers: vec![&mut scorer], tools: Vec::new() };
    let outcome = search(task, &mut models, &config, &Frozen);

    println!("{}", render(&outcome.tree));
    assert!(outcome.spent.generated <= 60);
    assert!(matches!(outcome.stop, Stop::Done | Stop::Exhausted(_)));
    assert_eq!(outcome.ledger.total().spend().generated, outcome.spent.generated);
    Ok(())
}
