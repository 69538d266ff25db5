//! The network and the runtime compute the same.

use burn::tensor::{Device, Tensor};
use espalier_core::{Read, Want, collect};
use espalier_models::{Architecture, DeviceChoice, EngineOptions, HfWeights, load, share};
use espalier_train::house::vocabulary;
use espalier_train::{Batch, Loaded, Net, Sequence, Storage, export, packing};

use crate::small;

fn log_softmax(row: &[f32]) -> Vec<f32> {
    let top = row.iter().copied().fold(f32::MIN, f32::max);
    let sum: f64 = row.iter().map(|logit| f64::from(logit - top).exp()).sum();
    row.iter().map(|logit| logit - top - sum.ln() as f32).collect()
}

/// Two sequences in one row, every token a place: what packing must keep apart.
#[test]
fn an_exported_network_has_the_logits_it_had_in_training() {
    for architecture in [Architecture::Llama, Architecture::Qwen2] {
        let config = small::config(architecture);
        let device = Device::flex();
        let net = small::net(&config, 5, &device);
        let texts: [Vec<u32>; 2] = [vec![30, 4, 77, 12, 99, 210], vec![8, 8, 150, 31, 60, 61, 62]];
        let sequences = texts.each_ref().map(|text| Sequence::completion(&text[..1], &text[1..]));
        let rows = packing::rows(&sequences, 16, 0, 0);
        assert_eq!(rows.len(), 1, "both sequences fit one row");
        let batch = Batch::new(&sequences, &rows, 16, &config, &device);
        let logits: Tensor<2> = net.logits(batch.ids, &batch.sight, batch.places);
        let logits = logits.into_data().try_into_vec::<f32>().unwrap();

        let dir = tempfile::tempdir().unwrap();
        let files = [
            ("tokenizer.json", vocabulary::tokenizer()),
            ("tokenizer_config.json", vocabulary::tokenizer_config(vocabulary::QUESTION)),
        ];
        export::write(dir.path(), &net, &config, Storage::F32, &files).unwrap();
        let model = load(dir.path(), DeviceChoice::Cpu, EngineOptions::default()).unwrap();
        let (_, mut reader) = share(model.engine);
        let mut at = 0;
        for index in rows[0].iter().copied() {
            let tokens = sequences[index].tokens.clone();
            let positions: Vec<u32> = (0..tokens.len() as u32).collect();
            let n = positions.len();
            let want = Want::Next { positions };
            let read = Read { tokens: tokens.into(), want, retain: false };
            let reading = collect(&mut reader, [read]).remove(0).unwrap();
            for row in 0..n {
                let ours = &logits[(at + row) * config.vocab..(at + row + 1) * config.vocab];
                for (ours, theirs) in log_softmax(ours).iter().zip(&reading.values[row]) {
                    assert!((ours - theirs).abs() < 1e-4, "{architecture:?} {ours} {theirs}");
                }
            }
            at += n;
        }
    }
}

#[test]
fn what_is_exported_is_loaded_bit_for_bit() {
    let config = small::config(Architecture::Qwen2);
    let device = Device::flex();
    let net = small::net(&config, 9, &device);
    let dir = tempfile::tempdir().unwrap();
    export::write(dir.path(), &net, &config, Storage::F32, &[]).unwrap();
    let weights = HfWeights::open(dir.path()).unwrap();
    let back = Net::new(&config, &mut Loaded::new(&weights, device)).unwrap();
    assert_eq!(export::tensors(&net, &config), export::tensors(&back, &config));
}
