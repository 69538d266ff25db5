//! The learner: a network, its optimizer, and one step of both.

use std::thread;

use burn::module::{Module, ModuleVisitor, Param, ParamGroup};
use burn::optim::{AdamWConfig, GradientsAccumulator, GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor, activation::log_softmax};
use espalier_models::ModelConfig;

use crate::net::Net;
use crate::packing::Batch;
use crate::recipe::Recipe;
use crate::sequence::Sequence;

/// A network in training.
#[expect(missing_debug_implementations, reason = "Burn's optimizer has none")]
pub struct Learner {
    /// The network.
    pub net: Net,
    /// The optimizer and its moments.
    pub optimizer: ModuleOptimizer,
    config: ModelConfig,
    device: Device,
}

/// What one step was like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepReport {
    /// Mean negative log-likelihood of the targets, in nats.
    pub loss: f64,
    /// Norm of the gradient before clipping.
    pub gradient_norm: f64,
    /// Tokens that went through the network, padding left out.
    pub tokens: usize,
}

/// One part of a step, computed.
struct Part {
    loss: f64,
    gradients: GradientsParams,
    tokens: usize,
}

impl Learner {
    /// A learner of `net`, whose weights live on `device`.
    #[must_use]
    pub fn new(net: Net, config: ModelConfig, recipe: &Recipe, device: Device) -> Self {
        Self { net, optimizer: optimizer(recipe), config, device }
    }

    /// The network's shape.
    #[must_use]
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// One step over packed `rows`: the mean over all their targets is lowered.
    ///
    /// Returns `None`, and changes nothing, where the loss or the gradient is not finite.
    pub fn step(
        &mut self,
        sequences: &[Sequence],
        rows: &[Vec<usize>],
        recipe: &Recipe,
        rate: f64,
    ) -> Option<StepReport> {
        let weight: f64 = rows.iter().flatten().map(|&index| sequences[index].weight()).sum();
        let parts = self.parts(sequences, rows, recipe, weight);
        let (mut loss, mut tokens) = (0.0, 0);
        let mut sum = GradientsAccumulator::new();
        for part in parts {
            loss += part.loss;
            tokens += part.tokens;
            sum.accumulate(&self.net, part.gradients);
        }
        let gradients = sum.grads();
        let gradient_norm = norm(&self.net, &gradients);
        if !loss.is_finite() || !gradient_norm.is_finite() {
            return None;
        }
        let clip = f64::from(recipe.clip);
        let gradients = if gradient_norm > clip {
            scaled(&self.net, gradients, clip / gradient_norm)
        } else {
            gradients
        };
        self.net = self.optimizer.step(rate, self.net.clone(), gradients);
        Some(StepReport { loss, gradient_norm, tokens })
    }

    /// The parts of a step, as many at a time as there are cores for; in order.
    fn parts(
        &self,
        sequences: &[Sequence],
        rows: &[Vec<usize>],
        recipe: &Recipe,
        weight: f64,
    ) -> Vec<Part> {
        let size = rows.len().div_ceil(recipe.accumulation.max(1)).max(1);
        let chunks: Vec<&[Vec<usize>]> = rows.chunks(size).collect();
        let workers = self.workers(chunks.len());
        if workers < 2 {
            let one = |rows: &&[Vec<usize>]| self.part(sequences, rows, recipe, weight);
            return chunks.iter().map(one).collect();
        }
        let mut parts: Vec<Option<Part>> = chunks.iter().map(|_| None).collect();
        thread::scope(|scope| {
            for (worker, slots) in deal(&mut parts, workers).into_iter().enumerate() {
                let chunks = &chunks;
                scope.spawn(move || {
                    // One thread a part: Burn would else share every product among all cores.
                    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
                    let work = || {
                        for (turn, slot) in slots.into_iter().enumerate() {
                            let rows = chunks[turn * workers + worker];
                            *slot = Some(self.part(sequences, rows, recipe, weight));
                        }
                    };
                    match pool {
                        Ok(pool) => pool.install(work),
                        Err(_) => work(),
                    }
                });
            }
        });
        parts.into_iter().flatten().collect()
    }

    /// How many parts are computed at the same time: one on a GPU, which is shared anyway.
    fn workers(&self, parts: usize) -> usize {
        let cores = thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        if self.device.clone().inner() == Device::flex() { cores.min(parts) } else { 1 }
    }

    fn part(
        &self,
        sequences: &[Sequence],
        rows: &[Vec<usize>],
        recipe: &Recipe,
        weight: f64,
    ) -> Part {
        // Gradients of networks that share leaves would wait for each other.
        let net = self.net.clone().fork(&self.device);
        let batch = Batch::new(sequences, rows, recipe.width, &self.config, &self.device);
        let tokens = batch.tokens;
        let loss = loss(&net, batch) / weight;
        let value = f64::from(loss.clone().detach().into_scalar::<f32>());
        let gradients = GradientsParams::from_grads(loss.backward(), &net);
        Part { loss: value, gradients, tokens }
    }

    /// The mean loss over `sequences`, without learning from them.
    #[must_use]
    pub fn loss(&self, sequences: &[Sequence], recipe: &Recipe) -> f64 {
        let net = self.net.valid();
        let device = self.device.clone().inner();
        let rows = crate::packing::rows(sequences, recipe.width, 0, 0);
        let (mut sum, mut weight) = (0.0, 0.0);
        for rows in rows.chunks(recipe.rows.max(1)) {
            let batch = Batch::new(sequences, rows, recipe.width, &self.config, &device);
            weight += batch.weight;
            sum += f64::from(loss(&net, batch).into_scalar::<f32>());
        }
        sum / weight
    }
}

/// The negative log-likelihood of the targets of a batch, times their weights, summed; in nats.
fn loss(net: &Net, batch: Batch) -> Tensor<1> {
    let logits = net.logits(batch.ids, &batch.sight, batch.places);
    let said: Tensor<2> = log_softmax(logits, 1).gather(1, batch.targets.unsqueeze_dim(1));
    -(said.squeeze_dim::<1>(1) * batch.weights).sum()
}

/// `AdamW` over all parameters; norms do not decay.
///
/// Source: Loshchilov and Hutter 2019, <https://arxiv.org/abs/1711.05101>, algorithm 2.
fn optimizer(recipe: &Recipe) -> ModuleOptimizer {
    let adam = AdamWConfig::new()
        .with_beta_1(recipe.betas.0)
        .with_beta_2(recipe.betas.1)
        .with_epsilon(recipe.epsilon)
        .with_weight_decay(recipe.weight_decay);
    let undecayed = adam.clone().with_weight_decay(0.0).build();
    adam.init().with_group(ParamGroup::from_predicate("norm"), undecayed, None)
}

/// Slot `i` goes to worker `i mod workers`.
fn deal<T>(slots: &mut [T], workers: usize) -> Vec<Vec<&mut T>> {
    let mut hands: Vec<Vec<&mut T>> = (0..workers).map(|_| Vec::new()).collect();
    for (index, slot) in slots.iter_mut().enumerate() {
        hands[index % workers].push(slot);
    }
    hands
}

/// The norm over all gradients.
fn norm(net: &Net, gradients: &GradientsParams) -> f64 {
    struct Squares<'a>(&'a GradientsParams, f64);
    impl ModuleVisitor for Squares<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(gradient) = self.0.get::<D>(param.id) {
                self.1 += f64::from(gradient.square().sum().into_scalar::<f32>());
            }
        }
    }
    let mut squares = Squares(gradients, 0.0);
    net.visit(&mut squares);
    squares.1.sqrt()
}

/// All gradients times `factor`.
fn scaled(net: &Net, gradients: GradientsParams, factor: f64) -> GradientsParams {
    struct Scale {
        from: GradientsParams,
        to: GradientsParams,
        factor: f64,
    }
    impl ModuleVisitor for Scale {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(gradient) = self.from.remove::<D>(param.id) {
                self.to.register(param.id, gradient * self.factor);
            }
        }
    }
    let mut scale = Scale { from: gradients, to: GradientsParams::new(), factor };
    net.visit(&mut scale);
    scale.to
}
