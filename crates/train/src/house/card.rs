//! The model card: what the house model was trained on, how, for how long, and what it scores.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use espalier_eval::{Interval, duration, human};
use serde_json::Value;

use super::scores::{Scores, Solved};
use super::{Pipeline, Plan};
use crate::error::TrainError;
use crate::export::write_whole;
use crate::recipe::Recipe;

/// Steps between two rows of a printed loss curve.
const ROW_EVERY: u64 = 250;

/// What a card says beside the plan and the scores.
#[derive(Debug, Clone)]
pub struct Circumstances {
    /// The command that trained it.
    pub command: String,
    /// The machine.
    pub machine: String,
}

impl Pipeline<'_> {
    /// Writes `house/`: the shipped policy, the reward model, the reviser, the loss curves and the card.
    ///
    /// # Errors
    ///
    /// [`TrainError::Write`] where the disk refuses, [`TrainError::Read`] where a model is missing.
    pub fn card(&self, scores: &[Scores], around: &Circumstances) -> Result<(), TrainError> {
        let house = self.dir.join("house");
        let shipped = self.plan.shipped;
        copy(&self.policy(shipped), &house.join("policy"))?;
        copy(&self.prm(), &house.join("prm"))?;
        copy(&self.reviser(), &house.join("reviser"))?;
        let mut curves = Vec::new();
        let stages = self.plan.policies.iter().find(|(size, _)| *size == shipped);
        for stage in 1..=stages.map_or(0, |(_, stages)| stages.len()) {
            let name = format!("policy, stage {stage}");
            curves.push((name, self.dir.join(shipped.name()).join(format!("stage-{stage}"))));
        }
        for stage in 1..=self.plan.prm.len() {
            let dir = self.dir.join("prm").join(format!("stage-{stage}"));
            curves.push((format!("reward model, stage {stage}"), dir));
        }
        curves.push(("reviser".to_owned(), self.dir.join("reviser").join("stage-1")));
        let mut read = Vec::new();
        for (name, dir) in curves {
            let points = curve(&dir.join("loss.jsonl"))?;
            let file = format!("loss-{}.jsonl", name.replace([',', ' '], "-").replace("--", "-"));
            let mut lines = String::new();
            for point in &points {
                let _ = writeln!(lines, "{point}");
            }
            write_whole(&house.join(file), lines.as_bytes())?;
            read.push((name, points));
        }
        let text = text(self.plan, scores, &read, around);
        write_whole(&house.join("README.md"), text.as_bytes())
    }
}

/// Copies the files of a model's folder.
fn copy(from: &Path, to: &Path) -> Result<(), TrainError> {
    fs::create_dir_all(to).map_err(|error| TrainError::write(to, error))?;
    let entries = fs::read_dir(from).map_err(|error| TrainError::read(from, error))?;
    for entry in entries {
        let path = entry.map_err(|error| TrainError::read(from, error))?.path();
        let bytes = fs::read(&path).map_err(|error| TrainError::read(&path, error))?;
        write_whole(&to.join(path.file_name().unwrap_or_default()), &bytes)?;
    }
    Ok(())
}

/// Every tenth point of a loss curve, and those with a held-out loss.
fn curve(path: &Path) -> Result<Vec<Value>, TrainError> {
    let text = fs::read_to_string(path).map_err(|error| TrainError::read(path, error))?;
    let points = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let kept = |point: &Value| {
        let step = point["step"].as_u64().unwrap_or(1);
        step.is_multiple_of(10) || point.get("held_out").is_some()
    };
    Ok(points.filter(kept).collect())
}

fn text(
    plan: &Plan,
    scores: &[Scores],
    curves: &[(String, Vec<Value>)],
    around: &Circumstances,
) -> String {
    let mut text = String::new();
    let shipped = plan.shipped;
    let _ = write!(
        text,
        "# The house model\n\n\
         A policy (`policy/`, {0} parameters), a process reward model for it (`prm/`) and a policy that \
         revises and merges answers (`reviser/`), both as large, trained by this project for Countdown and \
         the Game of 24.\n\
         All have the Llama architecture in the standard Hugging Face layout, weights in half \
         precision.\n\
         They know nothing else: their vocabulary is small numbers, operators and three words.\n\n\
         ```text\nReach 24 with 4 5 6 10\n10 - 6 = 4 left 4 4 5\n4 * 5 = 20 left 4 20\n\
         4 + 20 = 24 left 24\n#ANSWER: ((10 - 6) * 5) + 4\n```\n\n\
         The reward model reads the same text and, after the last token of each step, says `+` where \
         the target can still be reached and all lines are true, else `-`.\n\n\
         The reviser reads up to four answers after the question, and writes one more: its chat template \
         keeps of a prompt nothing but these. `cargo xtask eval revision` and `graph` use it.\n\n",
        human(shipped.parameters() as f64),
    );
    text.push_str(&scores_text(plan, scores));
    text.push_str(&data_text(plan));
    text.push_str(&training_text(plan, curves, around));
    text
}

fn scores_text(plan: &Plan, scores: &[Scores]) -> String {
    let mut text = "## Scores\n\n\
        The tree-of-thoughts paper's hundred puzzles (rows 901 to 1000 of its list), none of which was \
        trained on; solved means that the expression uses each number once and comes to 24, in exact \
        arithmetic.\n\
        Intervals are Wilson's at 95 %, of the first seed.\n\n\
        | policy | parameters | greedy | beam, width 4, reward model: seeds 1, 2, 3 | beam, width 4, \
        its own log-probability | steps judged right | step by step | calibration error |\n\
        | --- | --- | --- | --- | --- | --- | --- | --- |\n"
        .to_owned();
    for of in scores {
        let mark = if of.size == plan.shipped.name() { " (shipped)" } else { "" };
        let _ = writeln!(
            text,
            "| {}{mark} | {} | {} | {} | {} | {} | {} | {} |",
            of.size,
            human(of.parameters as f64),
            solved(&of.greedy),
            solved(&of.beam),
            solved(&of.confidence),
            share(of.judgement.accuracy, of.judgement.interval.as_ref()),
            by_step(&of.judgement.by_step),
            of.judgement.calibration_error.map_or("-".to_owned(), |error| format!("{error:.3}")),
        );
    }
    text.push_str(
        "\nBeam search is that of `cargo xtask eval beam --width 4`: temperature 1, candidates that equal a \
         sibling drawn anew up to three times.\nSteps judged are those of 16 solutions that each policy samples at temperature 1 on all 256 \
         test puzzles, held against an exhaustive solver.\n\n",
    );
    text
}

/// Accuracies from the first step to the answer.
fn by_step(of: &[(u64, f64)]) -> String {
    let each: Vec<String> = of.iter().map(|(_, share)| format!("{:.1}", share * 100.0)).collect();
    format!("{} %", each.join(", "))
}

fn solved(of: &Solved) -> String {
    let each: Vec<String> = of.accuracies.iter().map(|one| format!("{:.0}", one * 100.0)).collect();
    let interval = of.interval.as_ref().map_or(String::new(), interval);
    format!("{} %{interval}", each.join(", "))
}

fn share(of: Option<f64>, bounds: Option<&Interval>) -> String {
    let bounds = bounds.map_or(String::new(), interval);
    of.map_or("-".to_owned(), |share| format!("{:.1} %{bounds}", share * 100.0))
}

fn interval(of: &Interval) -> String {
    format!(" ({:.1} to {:.1})", of.low * 100.0, of.high * 100.0)
}

fn data_text(plan: &Plan) -> String {
    format!(
        "## Data\n\n\
         All of it is generated, from seed {}: {} solved puzzles for each stage of the policy; for the \
         reward model {} walks drawn by rule and all that the policy itself writes in searches of {} \
         training puzzles, labelled by an exhaustive solver in exact arithmetic; for the reviser the \
         policy's own answers to {} training puzzles, followed by a right one \
         (`crates/train/src/house/`, `data.rs`, `on_policy.rs` and `attempts.rs`).\n\
         Of the 1,362 solvable games of 24 with numbers to 13, 256 are for testing: the paper's hundred \
         and one in eight of the others, by a hash.\n\
         No training puzzle has the numbers of a test puzzle, whatever its target, and no state on a \
         training path is a test puzzle.\n\n",
        plan.seed,
        human(plan.solved as f64),
        human(plan.prm.iter().map(|stage| stage.judged as f64).sum()),
        human(plan.prm.iter().map(|stage| stage.posed as f64).sum()),
        human(plan.reviser.posed as f64),
    )
}

fn training_text(plan: &Plan, curves: &[(String, Vec<Value>)], around: &Circumstances) -> String {
    let mut text = format!(
        "## Training\n\n```console\n$ {}\n```\n\nMachine: {}.\n\n",
        around.command, around.machine
    );
    for (size, stages) in plan.policies.iter().filter(|(size, _)| *size == plan.shipped) {
        for (index, stage) in stages.iter().enumerate() {
            let name = format!("policy ({}), stage {}", size.name(), index + 1);
            let _ = writeln!(text, "- {name}: {}", recipe(&stage.recipe));
        }
    }
    for (index, stage) in plan.prm.iter().enumerate() {
        let from = if index == 0 { ", from the policy's stage 1" } else { "" };
        let _ =
            writeln!(text, "- reward model, stage {}{from}: {}", index + 1, recipe(&stage.recipe));
    }
    let _ = writeln!(text, "- reviser, from the shipped policy: {}", recipe(&plan.reviser.recipe));
    text.push('\n');
    for (name, points) in curves {
        let last = points.last();
        let number = |key: &str| last.and_then(|point| point[key].as_f64()).unwrap_or(0.0);
        let _ = writeln!(
            text,
            "Loss of the {name}, in nats a target ({} tokens, {}):\n\n| step | loss | held out |\n| --- \
             | --- | --- |",
            human(number("tokens")),
            duration(number("seconds")),
        );
        for point in points {
            let step = point["step"].as_u64().unwrap_or(0);
            if let Some(held_out) = point["held_out"].as_f64().filter(|_| step % ROW_EVERY == 0) {
                let loss = point["loss"].as_f64().unwrap_or(f64::NAN);
                let _ = writeln!(text, "| {step} | {loss:.4} | {held_out:.4} |");
            }
        }
        text.push('\n');
    }
    text
}

fn recipe(recipe: &Recipe) -> String {
    format!(
        "{} steps of {} rows of {} tokens, AdamW (β {} and {}, ε {:e}, decay {}), rate {:e} to {:e} by \
         a half cosine after {} steps of warm-up, gradients clipped at {}, seed {}",
        recipe.steps,
        recipe.rows,
        recipe.width,
        recipe.betas.0,
        recipe.betas.1,
        recipe.epsilon,
        recipe.weight_decay,
        recipe.peak_rate,
        recipe.final_rate,
        recipe.warm_up,
        recipe.clip,
        recipe.seed,
    )
}
