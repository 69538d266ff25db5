//! Rounding: what kernels cost in accuracy, against the same weights widened to `f32`.

use anyhow::anyhow;
use espalier_models::{DeviceChoice, EngineOptions, Kernels, Model, Tokenizer, load};
use serde::Serialize;
use serde_json::json;

use super::failure::Failure;
use super::hub;
use super::model::{lines, print};
use crate::args::RoundingArgs;

/// What was measured, as means over tokens.
#[derive(Debug, Serialize)]
struct Rounding {
    /// How the kernels multiply.
    kernels: String,
    /// Tokens that were predicted.
    tokens: usize,
    /// Length of the difference of both logits over the length of those of `f32`.
    relative_error: f64,
    /// Kullback-Leibler divergence from the distribution of `f32`, nats.
    divergence: f64,
    /// Perplexity of the kernels.
    perplexity: f64,
    /// Perplexity of `f32`.
    perplexity_f32: f64,
}

/// Carries `espalier model rounding` out.
///
/// The text is cut into windows as llama.cpp's `llama-perplexity` cuts it: whole windows only, the model's first token
/// in the place of a window's first where it has one, and the second half of each window counts.
pub(super) fn rounding(args: &RoundingArgs) -> Result<(), Failure> {
    if args.model.kernels == Kernels::F32 {
        let what = "`--kernels f32` is what others are held against; name others";
        return Err(Failure::BadInput(anyhow!(what)));
    }
    let text = lines("give the text on standard input, one JSON string a line")?.concat();
    let device: DeviceChoice = args.model.device.parse().map_err(Failure::bad)?;
    let path = hub::resolve(&args.model.model)?;
    let open = |kernels| -> Result<Model, Failure> {
        let options = EngineOptions { kernels, ..EngineOptions::default() };
        load(&path, device, options).map_err(Failure::bad)
    };
    let mut model = open(args.model.kernels)?;
    let (window, context) = (args.window.get() as usize, model.info.config.context);
    if window > context || window < 4 {
        return Err(Failure::BadInput(anyhow!(
            "`--window {window}` is not between 4 tokens and the model's context of {context}"
        )));
    }
    let windows = windows(model.engine.tokenizer(), &text, window)?;
    let mut reference = open(Kernels::F32)?;
    let mut sum = Sum::default();
    for tokens in &windows {
        let found = model.engine.stages(tokens)?.logits;
        let expected = reference.engine.stages(tokens)?.logits;
        let vocab = expected.len() / tokens.len();
        for at in window / 2..window - 1 {
            let row = at * vocab..(at + 1) * vocab;
            sum.add(&found[row.clone()], &expected[row], tokens[at + 1] as usize);
        }
    }
    let found = sum.means(model.info.kernels.clone());
    let change = (found.perplexity / found.perplexity_f32 - 1.0) * 100.0;
    let text = format!(
        "{}, {} tokens: relative error of the logits {:.2} %, divergence {:.5} nats, perplexity {:.4}, \
         as f32 {:.4} ({change:+.2} %)",
        found.kernels,
        found.tokens,
        found.relative_error * 100.0,
        found.divergence,
        found.perplexity,
        found.perplexity_f32,
    );
    print(args.model.json, &json!(found), &text)
}

/// The windows of a text.
fn windows(tokenizer: &Tokenizer, text: &str, window: usize) -> Result<Vec<Vec<u32>>, Failure> {
    let bos = tokenizer.bos().filter(|_| tokenizer.add_bos());
    let ids: Vec<u32> =
        bos.into_iter().chain(tokenizer.encode(text).map_err(Failure::bad)?).collect();
    if ids.len() < window {
        return Err(Failure::BadInput(anyhow!(
            "the text has {} tokens, which is less than a window of {window}: give more text or a smaller \
             `--window`",
            ids.len()
        )));
    }
    let windows = ids.chunks_exact(window).map(|window| {
        let mut window = window.to_vec();
        window[0] = bos.unwrap_or(window[0]);
        window
    });
    Ok(windows.collect())
}

/// Sums over tokens.
#[derive(Debug, Default)]
struct Sum {
    tokens: usize,
    relative_error: f64,
    divergence: f64,
    surprise: f64,
    surprise_f32: f64,
}

impl Sum {
    /// Adds the logits before the token `next`.
    fn add(&mut self, found: &[f32], expected: &[f32], next: usize) {
        let wide = |logits: &[f32]| logits.iter().map(|x| f64::from(*x)).collect::<Vec<_>>();
        let (found, expected) = (wide(found), wide(expected));
        let length = |squares: f64| squares.sqrt();
        let error = found.iter().zip(&expected).map(|(a, b)| (a - b).powi(2)).sum();
        self.relative_error += length(error) / length(expected.iter().map(|x| x * x).sum());
        let (rest, rest_f32) = (log_sum_exp(&found), log_sum_exp(&expected));
        let each = found.iter().zip(&expected).map(|(a, b)| {
            let logprob = b - rest_f32;
            logprob.exp() * (logprob - (a - rest))
        });
        self.divergence += each.sum::<f64>();
        self.surprise += rest - found[next];
        self.surprise_f32 += rest_f32 - expected[next];
        self.tokens += 1;
    }

    fn means(&self, kernels: String) -> Rounding {
        let mean = |sum: f64| sum / self.tokens as f64;
        Rounding {
            kernels,
            tokens: self.tokens,
            relative_error: mean(self.relative_error),
            divergence: mean(self.divergence),
            perplexity: mean(self.surprise).exp(),
            perplexity_f32: mean(self.surprise_f32).exp(),
        }
    }
}

fn log_sum_exp(logits: &[f64]) -> f64 {
    let most = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    most + logits.iter().map(|x| (x - most).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-6, "{found}, {expected}");
    }

    #[test]
    fn sums_are_those_of_the_definitions() {
        let mut sum = Sum::default();
        // Probabilities 1/2, 1/2 where they are to be 3/4, 1/4; then the same on both sides.
        sum.add(&[0.0, 0.0], &[3_f32.ln(), 0.0], 1);
        sum.add(&[1.0, 1.0], &[1.0, 1.0], 0);
        let found = sum.means(String::new());
        near(found.relative_error, 0.5);
        near(found.divergence, f64::midpoint(0.75 * 1.5_f64.ln(), 0.25 * 0.5_f64.ln()));
        near(found.perplexity, 2.0);
        near(found.perplexity_f32, 8_f64.sqrt());
        assert_eq!(found.tokens, 2);
    }
}
