//! The peer of the engine's rows: llama.cpp, built by the user.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::process::show;

/// What llama.cpp did with one file in one setting.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Measured {
    /// The weight type and whether sequences share one buffer of keys and values.
    pub(super) setting: String,
    /// Prompt tokens a second.
    pub(super) prefill: f64,
    /// Decoded tokens a second, by the number of sequences.
    pub(super) decode: BTreeMap<u32, f64>,
}

/// The weight types that the peer is tried with, by the names and numbers of `llama-quantize`.
const TYPES: [(&str, &str); 3] = [("Q4_0", "2"), ("Q8_0", "7"), ("F32", "0")];

/// The file that is measured, as the peer's setting is named.
pub(super) const ITSELF: &str = "the file itself";

/// The model itself, and its file in each weight type, made in the folder `to` where it is not there yet.
pub(super) fn files(llama: &Path, model: &Path, to: &Path) -> Result<Vec<(String, PathBuf)>> {
    let name = model.file_stem().context("a model has a name")?.to_string_lossy().into_owned();
    std::fs::create_dir_all(to).with_context(|| format!("could not make `{}`", to.display()))?;
    let mut files = vec![(ITSELF.to_owned(), model.to_owned())];
    for (weights, number) in TYPES {
        let file = to.join(format!("{name}.as-{weights}.gguf"));
        if !file.is_file() {
            quantize(llama, &[], model, &file, number)?;
        }
        files.push((weights.to_owned(), file));
    }
    Ok(files)
}

/// Makes a file of another weight type, whole or not at all.
pub(super) fn quantize(
    llama: &Path,
    flags: &[&str],
    model: &Path,
    file: &Path,
    weights: &str,
) -> Result<()> {
    let part = file.with_extension("part");
    let mut command = Command::new(llama.join("llama-quantize"));
    command.arg("--allow-requantize").args(flags).args([model, &part]).arg(weights);
    output(&mut command)?;
    std::fs::rename(&part, file).with_context(|| format!("could not write `{}`", file.display()))
}

/// Decodes `branches` sequences after a shared prompt of `prefix` tokens, in both settings of the buffer.
pub(super) fn measure(
    llama: &Path,
    (weights, file): (&str, &Path),
    (prefix, branches, tokens): (u32, &[u32], u32),
    threads: usize,
) -> Result<Vec<Measured>> {
    let most = branches.iter().copied().max().unwrap_or(1);
    let list = branches.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
    let mut all = Vec::new();
    for (name, flag) in [("unified", "-kvu"), ("split", "-no-kvu")] {
        let one = prefix + tokens;
        let context = if flag == "-kvu" { prefix + tokens * most } else { one * most };
        let mut command = Command::new(llama.join("llama-batched-bench"));
        command.arg("-m").arg(file).args(["-c", &(context + 256).to_string()]);
        command.args(["-b", "2048", "-ub", "512", "-pps", flag, "--output-format", "jsonl"]);
        command.args(["-npp", &prefix.to_string(), "-ntg", &tokens.to_string(), "-npl", &list]);
        command.args(["-t", &threads.to_string()]);
        all.push(
            read(&output(&mut command)?, format!("{weights}, {name} KV"))
                .with_context(|| format!("`{}` printed no measurement", show(&command)))?,
        );
    }
    Ok(all)
}

/// The measurements in what the program printed; `None` where there are none.
fn read(text: &str, setting: String) -> Option<Measured> {
    let (mut prefill, mut decode): (f64, _) = (0.0, BTreeMap::new());
    for line in text.lines() {
        let Ok(point) = serde_json::from_str::<Value>(line.trim()) else { continue };
        let number = |key: &str| point[key].as_f64();
        let (Some(branches), Some(speed)) = (number("pl"), number("speed_tg")) else { continue };
        decode.insert(branches as u32, speed);
        prefill = prefill.max(number("speed_pp").unwrap_or(0.0));
    }
    (!decode.is_empty()).then_some(Measured { setting, prefill, decode })
}

/// Runs a program and returns its standard output.
fn output(command: &mut Command) -> Result<String> {
    Ok(String::from_utf8_lossy(&done(command)?.stdout).into_owned())
}

/// Runs a program and returns all that it told, standard output first.
pub(super) fn told(command: &mut Command) -> Result<String> {
    let done = done(command)?;
    let [out, error] = [&done.stdout, &done.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    Ok(format!("{out}\n{error}"))
}

fn done(command: &mut Command) -> Result<Output> {
    command.stdin(Stdio::null());
    let done = command.output().with_context(|| {
        format!(
            "could not start `{}`; `--llama` is to be a folder with llama.cpp's `llama-batched-bench`, \
             `llama-quantize` and `llama-perplexity`",
            show(command)
        )
    })?;
    if !done.status.success() {
        let error = String::from_utf8_lossy(&done.stderr);
        let last = error.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        bail!("`{}` failed ({}): {last}", show(command), done.status);
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measurements_are_read_among_other_lines() {
        let text = "main: n_kv_max = 4096\n\n\
            {\"pp\": 512, \"tg\": 32, \"pl\": 1, \"speed_pp\": 400.5, \"speed_tg\": 80.0}\n\
            {\"pp\": 512, \"tg\": 32, \"pl\": 16, \"speed_pp\": 410.0, \"speed_tg\": 200.0}\n";
        let one = read(text, "Q4_0".to_owned()).unwrap();
        assert_eq!(one.prefill.to_bits(), 410.0_f64.to_bits());
        assert_eq!(one.decode, BTreeMap::from([(1, 80.0), (16, 200.0)]));
        assert_eq!(read("nothing", String::new()), None);
    }

    #[test]
    fn a_missing_peer_says_what_is_missing() {
        let error = measure(Path::new("/no/such"), ("F32", Path::new("m")), (1, &[1], 1), 1);
        let error = error.unwrap_err().to_string();
        assert!(error.contains("`--llama` is to be a folder"), "{error}");
    }
}
