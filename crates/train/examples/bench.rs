//! Scratch.
use burn::tensor::Device;
use espalier_models::{Architecture, ModelConfig, nn::RopeScaling};
use espalier_train::*;
fn main() {
    let a: Vec<usize> = std::env::args().skip(1).map(|a| a.parse().unwrap()).collect();
    let (e, l, f, rows, width, acc) = (a[0], a[1], a[2], a[3], a[4], a[5]);
    let config = ModelConfig { architecture: Architecture::Llama, hidden: e, intermediate: f, layers: l, heads: e/32, kv_heads: e/32, head_dim: 32, vocab: 512, context: 256, norm_epsilon: 1e-5, rope_theta: 1e4, rope_scaling: RopeScaling::None, tied: true };
    let device = Device::flex().autodiff();
    let net = Net::new(&config, &mut Fresh::new(1, device.clone())).unwrap();
    let recipe = Recipe { rows, width, accumulation: acc, ..Recipe::small() };
    let mut learner = Learner::new(net, config, &recipe, device);
    let seqs: Vec<Sequence> = (0..4000u32).map(|i| { let t: Vec<u32> = (0..48).map(|j| (i * 7 + j * j + i * j) % 500).collect(); Sequence::completion(&t[..8], &t[8..]) }).collect();
    let packed = packing::rows(&seqs, width, 1, 0);
    let start = std::time::Instant::now();
    let mut tokens = 0;
    for (i, r) in packed.chunks(rows).take(12).enumerate() {
        if i == 2 { tokens = 0; }
        let t = std::time::Instant::now();
        let rep = learner.step(&seqs, r, &recipe, recipe.rate(i as u64)).unwrap();
        tokens += rep.tokens;
        println!("{i} {rep:?} {:?} {:.0} tok/s", t.elapsed(), rep.tokens as f64 / t.elapsed().as_secs_f64());
    }
    println!("{:?} {tokens}", start.elapsed());
}
