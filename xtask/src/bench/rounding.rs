//! What quantized weights cost in accuracy when they are multiplied as they are, beside llama.cpp's own cost.
//!
//! Each side is held against its own `f32` arithmetic on the same weights, on the same windows of the same text.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::{Wanted, engine::MODELS, measured::last_object, peer};
use crate::process::{show, target_dir};

/// Characters of the text, where nothing else is said; chosen here.
pub(super) const CHARACTERS: usize = 14_000;

/// The types that are multiplied as they are, by their names in files and those of `llama-quantize`.
const TYPES: [(&str, &str); 8] = [
    ("Q8_0", "Q8_0"),
    ("Q4_0", "Q4_0"),
    ("Q4_1", "Q4_1"),
    ("Q5_0", "Q5_0"),
    ("Q5_1", "Q5_1"),
    ("Q4_K", "Q4_K_S"),
    ("Q5_K", "Q5_K_S"),
    ("Q6_K", "Q6_K"),
];

/// One file's cost.
struct Line {
    model: &'static str,
    /// What was asked of `llama-quantize`; nothing for the file as it came.
    weights: Option<&'static str>,
    /// Types of the weights with their shares, the largest first.
    shares: Vec<(String, f64)>,
    ours: Value,
    peer: Option<Peer>,
}

/// What llama.cpp loses on a file.
struct Peer {
    perplexity: f64,
    perplexity_f32: f64,
    divergence: f64,
}

/// Prints the table, or one JSON object a line.
pub(super) fn run(wanted: &Wanted) -> Result<ExitCode> {
    let text = text(&wanted.data().join("gsm8k").join("test.jsonl"), wanted.characters)?;
    let work = target_dir()?.join("bench").join("rounding");
    fs::create_dir_all(&work).with_context(|| format!("could not make `{}`", work.display()))?;
    let measure = Measure { program: wanted.program()?, llama: wanted.llama(), text, work };
    let folder = wanted.models()?;
    let mut lines = Vec::new();
    for (model, file) in MODELS {
        let path = folder.join(file);
        if !path.is_file() {
            eprintln!("{model}: `{}` is not there; not measured", path.display());
            continue;
        }
        if measure.llama.is_none() {
            eprintln!("{model}: only the file as it is; `--llama DIR` makes it of every type");
        }
        let types = TYPES.iter().filter(|_| measure.llama.is_some()).map(Some);
        for weights in std::iter::once(None).chain(types) {
            let line = measure.line(model, &path, weights)?;
            eprintln!("{}", row(&line));
            if wanted.json {
                println!("{}", object(&line));
            }
            lines.push(line);
        }
    }
    if !wanted.json {
        println!("{HEAD}");
        for line in &lines {
            println!("{}", row(line));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The first characters of GSM8K's questions and answers.
fn text(path: &Path, characters: usize) -> Result<String> {
    let lines = fs::read_to_string(path).with_context(|| {
        format!("could not read `{}`; name a folder that has it with `--data`", path.display())
    })?;
    let mut text = String::new();
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        let row: Value =
            serde_json::from_str(line).with_context(|| format!("`{}`", path.display()))?;
        let part = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let _ = write!(text, "{}\n{}\n\n", part("question"), part("answer"));
        if text.len() > characters * 4 {
            break;
        }
    }
    Ok(text.chars().take(characters).collect())
}

/// What measures.
struct Measure {
    program: PathBuf,
    llama: Option<PathBuf>,
    text: String,
    work: PathBuf,
}

impl Measure {
    /// Measures the model made of a type, or as it is. What is made is removed.
    fn line(
        &self,
        model: &'static str,
        path: &Path,
        weights: Option<&(&'static str, &'static str)>,
    ) -> Result<Line> {
        let made = self.work.join("weights.gguf");
        let file = match (weights, &self.llama) {
            (Some((_, name)), Some(llama)) => {
                // All of one type, as far as rows divide into its blocks.
                peer::quantize(llama, &["--pure"], path, &made, name)?;
                &made
            }
            _ => path,
        };
        let shares = self.shares(file)?;
        let ours = self.ours(file)?;
        let peer = self.llama.as_ref().map(|llama| self.peer(llama, file)).transpose()?;
        if made.exists() {
            fs::remove_file(&made).with_context(|| format!("`{}`", made.display()))?;
        }
        Ok(Line { model, weights: weights.map(|(name, _)| *name), shares, ours, peer })
    }

    /// What part of the weights of matrices is of which type.
    fn shares(&self, file: &Path) -> Result<Vec<(String, f64)>> {
        let mut command = Command::new(&self.program);
        let found = last_object(command.args(["model", "inspect", "--json"]).arg(file))?;
        let tensors = found["tensors"].as_array().context("`model inspect` told no tensors")?;
        Ok(shares(tensors))
    }

    fn ours(&self, file: &Path) -> Result<Value> {
        let mut command = Command::new(&self.program);
        command.args(["model", "rounding", "--json", "--device", "cpu"]).arg(file);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child =
            command.spawn().with_context(|| format!("could not start `{}`", show(&command)))?;
        let mut input = child.stdin.take().context("a piped stream is there")?;
        writeln!(input, "{}", json!(self.text))?;
        drop(input);
        let done = child.wait_with_output()?;
        if !done.status.success() {
            bail!("`{}` failed: {}", show(&command), done.status);
        }
        serde_json::from_slice(&done.stdout)
            .with_context(|| format!("`{}` printed no JSON object", show(&command)))
    }

    /// llama.cpp on the file, and on its weights widened.
    fn peer(&self, llama: &Path, file: &Path) -> Result<Peer> {
        let [wide, base, text] =
            ["wide.gguf", "base.kld", "text.txt"].map(|name| self.work.join(name));
        fs::write(&text, &self.text).with_context(|| format!("`{}`", text.display()))?;
        peer::quantize(llama, &[], file, &wide, "F32")?;
        let perplexity = |model: &Path| {
            let mut command = Command::new(llama.join("llama-perplexity"));
            command.args(["-c", "512", "-t", "1", "-m"]).arg(model);
            command.arg("--kl-divergence-base").arg(&base);
            command
        };
        let told = peer::told(perplexity(&wide).arg("-f").arg(&text))?;
        let perplexity_f32 = number_after(&told, "Final estimate: PPL =")?;
        let told = peer::told(perplexity(file).arg("--kl-divergence"))?;
        for made in [wide, base, text] {
            fs::remove_file(&made).with_context(|| format!("`{}`", made.display()))?;
        }
        Ok(Peer {
            perplexity: number_after(&told, "Mean PPL(Q)")?,
            perplexity_f32,
            divergence: number_after(&told, "Mean    KLD")?,
        })
    }
}

/// The first number after a mark.
fn number_after(text: &str, mark: &str) -> Result<f64> {
    let found = text.split_once(mark).and_then(|(_, rest)| {
        rest.trim_start_matches([' ', ':']).split_whitespace().next()?.parse().ok()
    });
    found.with_context(|| format!("`llama-perplexity` printed no `{mark}`"))
}

/// Types of matrices with their shares of all weights of matrices, the largest first.
fn shares(tensors: &[Value]) -> Vec<(String, f64)> {
    let mut counts: Vec<(String, f64)> = Vec::new();
    for tensor in tensors {
        let sizes: Vec<f64> =
            tensor["shape"].as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
        let name = tensor["dtype"].as_str().unwrap_or_default();
        if sizes.len() < 2 {
            continue;
        }
        let values: f64 = sizes.iter().product();
        match counts.iter_mut().find(|(other, _)| other == name) {
            Some((_, count)) => *count += values,
            None => counts.push((name.to_owned(), values)),
        }
    }
    let all: f64 = counts.iter().map(|(_, count)| count).sum();
    for (_, count) in &mut counts {
        *count /= all;
    }
    counts.sort_by(|a, b| b.1.total_cmp(&a.1));
    counts
}

const HEAD: &str = "\
| model | weights | relative error of logits | divergence, nats | perplexity as stored | as f32 | change | \
llama.cpp: divergence | as stored | as F32 | change |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |";

/// The line as one of a Markdown table.
fn row(line: &Line) -> String {
    let number = |key: &str| line.ours[key].as_f64().unwrap_or(f64::NAN);
    let change = |stored: f64, wide: f64| format!("{:+.2} %", (stored / wide - 1.0) * 100.0);
    let share = |(name, share): &(String, f64)| format!("{name} {:.0} %", share * 100.0);
    let shares = line.shares.iter().map(share).collect::<Vec<_>>().join(", ");
    let weights = line.weights.map_or("as it is".to_owned(), str::to_owned);
    let (stored, wide) = (number("perplexity"), number("perplexity_f32"));
    let peer = line.peer.as_ref().map_or("- | - | - | -".to_owned(), |peer| {
        let Peer { perplexity, perplexity_f32, divergence } = peer;
        let change = change(*perplexity, *perplexity_f32);
        format!("{divergence:.5} | {perplexity:.4} | {perplexity_f32:.4} | {change}")
    });
    format!(
        "| {} | {weights} ({shares}) | {:.2} % | {:.5} | {stored:.4} | {wide:.4} | {} | {peer} |",
        line.model,
        number("relative_error") * 100.0,
        number("divergence"),
        change(stored, wide),
    )
}

/// The line as a JSON object.
fn object(line: &Line) -> Value {
    let shares: Vec<Value> =
        line.shares.iter().map(|(name, share)| json!({ "type": name, "share": share })).collect();
    let peer = line.peer.as_ref().map(|peer| {
        json!({
            "perplexity": peer.perplexity, "perplexity_f32": peer.perplexity_f32,
            "divergence": peer.divergence,
        })
    });
    json!({
        "model": line.model, "weights": line.weights, "shares": shares, "ours": line.ours, "peer": peer,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_behind_their_marks() {
        let told = "x Final estimate: PPL = 5.1279 +/- 0.2\nMean PPL(Q)     :   5.159070 ±   0.2\n";
        assert_eq!(
            number_after(told, "Final estimate: PPL =").unwrap().to_bits(),
            5.1279_f64.to_bits()
        );
        assert_eq!(number_after(told, "Mean PPL(Q)").unwrap().to_bits(), 5.15907_f64.to_bits());
        let error = number_after(told, "Mean    KLD").unwrap_err().to_string();
        assert!(error.contains("printed no `Mean    KLD`"), "{error}");
    }

    #[test]
    fn shares_are_those_of_matrices() {
        let tensors = [
            json!({ "shape": [2, 3], "dtype": "Q5_0" }),
            json!({ "shape": [3, 6], "dtype": "Q4_K" }),
            json!({ "shape": [6], "dtype": "F32" }),
        ];
        let found = shares(&tensors);
        assert_eq!(found, [("Q4_K".to_owned(), 0.75), ("Q5_0".to_owned(), 0.25)]);
        let ours = json!({
            "relative_error": 0.043, "divergence": 0.002, "perplexity": 5.05, "perplexity_f32": 5.0,
        });
        let line = Line { model: "M", weights: Some("Q4_K"), shares: found, ours, peer: None };
        let row = row(&line);
        assert!(row.starts_with("| M | Q4_K (Q4_K 75 %, Q5_0 25 %) | 4.30 % |"), "{row}");
        assert!(row.contains("| +1.00 % | - |"), "{row}");
        assert_eq!(object(&line)["shares"][1]["type"], "Q5_0");
    }
}
