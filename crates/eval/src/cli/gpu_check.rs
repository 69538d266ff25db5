//! `espalier gpu-check`: golden numbers on a device, then its throughput.

use std::path::Path;

use anyhow::{Context, anyhow};
use espalier_models::{DeviceChoice, EngineOptions, WeightSource, load, share};

use super::{failure::Failure, throughput::measure};
use crate::args::GpuCheck;

/// The largest error that passes, f32 against f32.
const TOLERANCE: f32 = 1e-4;

/// Carries `espalier gpu-check` out.
#[expect(clippy::print_stdout, reason = "the result of the command")]
pub(super) fn gpu_check(args: &GpuCheck) -> Result<(), Failure> {
    let device: DeviceChoice = args.device.parse().map_err(Failure::bad)?;
    let (_, name) = device.open().map_err(Failure::bad)?;
    println!("device: {name}");
    let mut worst: f32 = 0.0;
    for model in ["llama", "llama3", "qwen2"] {
        let dir = args.fixtures.join(model);
        let error = golden(&dir, device).map_err(Failure::BadInput)?;
        println!("golden logits of `{model}`: largest error {error:.1e} (at most {TOLERANCE:.0e})");
        worst = worst.max(error);
    }
    if let Some(path) = &args.model {
        let model = load(path, device, EngineOptions::default()).map_err(Failure::bad)?;
        let (mut policy, _) = share(model.engine);
        for branches in [1, 16, 64, 256] {
            let one = measure(&mut policy, model.info.config.vocab, (512, branches, 32), 3)?;
            println!(
                "{}: {} branches, 512-token prefix: prefill {:.0} tokens/s, decode {:.0} tokens/s",
                model.info.name, one.branches, one.prefill, one.decode
            );
        }
    }
    if worst > TOLERANCE {
        return Err(Failure::Failed(anyhow!("logits on `{name}` are off by {worst:.1e}")));
    }
    Ok(())
}

/// The largest difference of any stage from the reference.
fn golden(dir: &Path, device: DeviceChoice) -> Result<f32, anyhow::Error> {
    let golden = espalier_models::HfWeights::open(dir.join("golden.safetensors"))
        .with_context(|| "give the fixtures' folder with `--fixtures`")?;
    let ids: Vec<u32> = std::fs::read_to_string(dir.join("input_ids.json"))
        .map_err(anyhow::Error::from)
        .and_then(|text| Ok(serde_json::from_str(&text)?))
        .with_context(|| format!("cannot read `{}`", dir.join("input_ids.json").display()))?;
    let mut model = load(dir, device, EngineOptions::default())?;
    let stages = model.engine.stages(&ids)?;
    let mut worst: f32 = 0.0;
    let mut compare = |name: &str, got: &[f32]| -> Result<(), anyhow::Error> {
        let expected = golden.read_f32(name)?;
        let errors = got.iter().zip(&expected).map(|(a, b)| (a - b).abs());
        let error =
            errors.fold(0.0, |worst: f32, e| if e.is_nan() { f32::INFINITY } else { worst.max(e) });
        worst = worst.max(error);
        Ok(())
    };
    for (layer, stream) in stages.stream.iter().enumerate() {
        compare(&format!("hidden.{layer}"), stream)?;
    }
    compare("final_norm", &stages.norm)?;
    compare("logits", &stages.logits)?;
    Ok(worst)
}
