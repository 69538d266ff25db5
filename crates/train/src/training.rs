//! Training: a learner, its data and its folder, from the first step to the last.

use std::fs;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use espalier_core::Clock;
use espalier_models::ModelConfig;
use serde::Serialize;
use serde_json::json;

use crate::checkpoint::{self, State};
use crate::error::TrainError;
use crate::export::{Storage, config_json, write_json};
use crate::learner::Learner;
use crate::net::Net;
use crate::packing;
use crate::recipe::Recipe;
use crate::sequence::Sequence;

/// What is trained, on what, where.
#[derive(Debug)]
pub struct Training<'a> {
    /// The network's shape.
    pub config: &'a ModelConfig,
    /// The recipe.
    pub recipe: Recipe,
    /// What it learns from.
    pub sequences: &'a [Sequence],
    /// What it is measured on at every checkpoint; may be empty.
    pub held_out: &'a [Sequence],
    /// The run's folder: the loss curve and the checkpoints.
    pub dir: &'a Path,
    /// Where it is computed, without differentiation.
    pub device: Device,
}

/// One line of the loss curve, `loss.jsonl`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// Steps done.
    pub step: u64,
    /// Mean loss of the step's targets, in nats.
    pub loss: f64,
    /// Mean loss of the held-out targets, where they were measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_out: Option<f64>,
    /// Norm of the gradient before clipping.
    pub gradient_norm: f64,
    /// Learning rate.
    pub rate: f64,
    /// Tokens seen so far.
    pub tokens: u64,
    /// Seconds trained so far.
    pub seconds: f64,
}

impl Training<'_> {
    /// Trains to the last step, from the newest checkpoint of the folder where there is one, else from
    /// what `begin` makes on the device it is given.
    ///
    /// `observer` hears of every step and may stop; the run can then be resumed, and ends as it would
    /// have: batches, rates and sums depend on the step alone.
    ///
    /// Returns the network and whether it was trained to the end.
    ///
    /// # Errors
    ///
    /// [`TrainError`]. The last checkpoint stays good.
    pub fn run(
        &self,
        begin: &mut dyn FnMut(&Device) -> Result<Net, TrainError>,
        clock: &dyn Clock,
        observer: &mut dyn FnMut(&Point) -> ControlFlow<()>,
    ) -> Result<(Net, bool), TrainError> {
        self.check()?;
        fs::create_dir_all(self.dir).map_err(|error| TrainError::write(self.dir, error))?;
        let device = self.device.clone().autodiff();
        let (mut learner, mut state) = self.start(begin, &device)?;
        let curve = self.dir.join("loss.jsonl");
        keep_until(&curve, state.step)?;
        let (earlier, started) = (state.seconds, clock.now_ns());
        let mut order = Order::new(self.sequences, self.recipe);
        while state.step < self.recipe.steps {
            let rows = order.rows(state.step);
            let rate = self.recipe.rate(state.step);
            let Some(report) = learner.step(self.sequences, rows, &self.recipe, rate) else {
                return Err(self.diverged(state.step, rows));
            };
            state.step += 1;
            state.tokens += report.tokens as u64;
            state.seconds = earlier + (clock.now_ns() - started) as f64 / 1e9;
            let due = state.step.is_multiple_of(self.recipe.checkpoint_every.max(1));
            let last = state.step == self.recipe.steps;
            let measured = (due || last) && !self.held_out.is_empty();
            let point = Point {
                step: state.step,
                loss: report.loss,
                held_out: measured.then(|| learner.loss(self.held_out, &self.recipe)),
                gradient_norm: report.gradient_norm,
                rate,
                tokens: state.tokens,
                seconds: state.seconds,
            };
            append(&curve, &point)?;
            let stop = observer(&point).is_break();
            if due || last || stop {
                checkpoint::save(&self.checkpoints(), &learner, &state)?;
            }
            if stop && !last {
                return Ok((learner.net, false));
            }
        }
        Ok((learner.net, true))
    }

    fn checkpoints(&self) -> PathBuf {
        self.dir.join("checkpoints")
    }

    fn check(&self) -> Result<(), TrainError> {
        let recipe = &self.recipe;
        let wrong = |field, reason: &str| TrainError::Recipe { field, reason: reason.to_owned() };
        if recipe.steps == 0 || recipe.rows == 0 {
            return Err(wrong("steps", "and `rows` must be at least 1"));
        }
        if recipe.width > self.config.context {
            let (width, context) = (recipe.width, self.config.context);
            let reason = format!("is {width}, but the network holds {context} tokens; lower it");
            return Err(TrainError::Recipe { field: "width", reason });
        }
        let rates = [recipe.peak_rate, recipe.final_rate];
        if !rates.iter().all(|rate| rate.is_finite() && *rate >= 0.0) {
            return Err(wrong("peak_rate", "and `final_rate` must be positive numbers"));
        }
        if self.sequences.is_empty() {
            return Err(wrong("sequences", "are none: there is nothing to learn from"));
        }
        Ok(())
    }

    fn start(
        &self,
        begin: &mut dyn FnMut(&Device) -> Result<Net, TrainError>,
        device: &Device,
    ) -> Result<(Learner, State), TrainError> {
        let fresh = State {
            step: 0,
            tokens: 0,
            seconds: 0.0,
            recipe: self.recipe,
            config: config_json(self.config, Storage::F32),
            data: digest(self.sequences),
        };
        if let Some(path) = checkpoint::newest(&self.checkpoints()) {
            return checkpoint::load(&path, &fresh, self.config, device);
        }
        let net = begin(device)?;
        Ok((Learner::new(net, self.config.clone(), &self.recipe, device.clone()), fresh))
    }

    /// Saves the batch on which training broke down.
    fn diverged(&self, step: u64, rows: &[Vec<usize>]) -> TrainError {
        let batch = self.dir.join(format!("diverged-{step}.json"));
        let tokens: Vec<Vec<&[u32]>> = rows
            .iter()
            .map(|row| row.iter().map(|&index| &*self.sequences[index].tokens).collect())
            .collect();
        match write_json(&batch, &json!({ "step": step, "rows": rows, "tokens": tokens })) {
            Ok(()) => TrainError::Diverged { step, batch },
            Err(error) => error,
        }
    }
}

/// Which rows a step learns from: passes over the data, each in an order of its own, cut into steps.
struct Order<'a> {
    sequences: &'a [Sequence],
    recipe: Recipe,
    epoch: u64,
    /// The first step of the epoch.
    first: u64,
    rows: Vec<Vec<usize>>,
}

impl<'a> Order<'a> {
    fn new(sequences: &'a [Sequence], recipe: Recipe) -> Self {
        let rows = packing::rows(sequences, recipe.width, recipe.seed, 0);
        Self { sequences, recipe, epoch: 0, first: 0, rows }
    }

    /// The rows of a step; steps may be asked for in ascending order only.
    fn rows(&mut self, step: u64) -> &[Vec<usize>] {
        let size = self.recipe.rows;
        loop {
            // Rows that do not fill a step wait for another epoch, unless they are all there are.
            let steps = (self.rows.len() / size).max(1) as u64;
            if step < self.first + steps {
                let from = (step - self.first) as usize * size;
                return &self.rows[from..(from + size).min(self.rows.len())];
            }
            self.first += steps;
            self.epoch += 1;
            let Recipe { width, seed, .. } = self.recipe;
            self.rows = packing::rows(self.sequences, width, seed, self.epoch);
        }
    }
}

/// A hash of all sequences.
fn digest(sequences: &[Sequence]) -> String {
    let mut hash = 0_u64;
    for sequence in sequences {
        let text = format!("{hash:x} {:?} {:?}", sequence.tokens, sequence.targets);
        hash = espalier_eval::content_hash(&text);
    }
    format!("{hash:016x}")
}

/// Drops the points after `step`: they are computed again.
fn keep_until(curve: &Path, step: u64) -> Result<(), TrainError> {
    let Ok(text) = fs::read_to_string(curve) else { return Ok(()) };
    let is_kept = |line: &&str| {
        let point: Result<serde_json::Value, _> = serde_json::from_str(line);
        point.is_ok_and(|point| point["step"].as_u64().is_some_and(|at| at <= step))
    };
    let mut kept = String::new();
    for line in text.lines().filter(is_kept) {
        kept.push_str(line);
        kept.push('\n');
    }
    crate::export::write_whole(curve, kept.as_bytes())
}

fn append(curve: &Path, point: &Point) -> Result<(), TrainError> {
    let write = || {
        let mut file = fs::OpenOptions::new().create(true).append(true).open(curve)?;
        let mut line = serde_json::to_vec(point)?;
        line.push(b'\n');
        file.write_all(&line)
    };
    write().map_err(|error| TrainError::write(curve, error))
}
