//! Rows 1 to 3: how fast the engine decodes and prefills, in turns with the peer.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{
    Wanted,
    peer::{self, Measured},
    row::Row,
};
use crate::get_model;
use crate::process::{run_lines, target_dir};

/// Branches of the rows.
const BRANCHES: [u32; 3] = [1, 16, 64];
/// Tokens that branches share, and that each decodes.
const WORK: (u32, u32) = (512, 32);

/// Models that are measured where their files are there.
pub(super) const MODELS: [(&str, &str); 2] = [
    ("SmolLM2-135M", get_model::FILE),
    ("Qwen2.5-Coder-0.5B", "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"),
];

/// Measures rows 1 to 3.
pub(super) fn rows(wanted: &Wanted, add: &mut dyn FnMut(Row)) -> Result<()> {
    if !(1..=3).any(|row| wanted.has(row)) {
        return Ok(());
    }
    let program = wanted.program()?;
    let folder = wanted.models()?;
    for (name, file) in MODELS {
        let model = folder.join(file);
        if !model.is_file() {
            let note = format!("`{}` is not there", model.display());
            for (row, target) in [(1, 3.0), (2, 1.2), (3, 2.0)] {
                if wanted.has(row) {
                    add(Row::times_peer(row, name.to_owned(), None, None, target, note.clone()));
                }
            }
            continue;
        }
        measure(wanted, &program, name, &model, add)?;
    }
    Ok(())
}

/// Whether files of these weights are measured on our side, too: row 2 is about them, and rows 1 and 3 are
/// told of both sides with the same file beside ours as it is stored.
fn is_quantized(weights: &str) -> bool {
    matches!(weights, "Q4_0" | "Q8_0")
}

/// All that was measured of one file, a number for each round.
#[derive(Debug, Default)]
struct Side {
    prefill: Vec<f64>,
    decode: [Vec<f64>; BRANCHES.len()],
}

impl Side {
    fn prefill(&self) -> Option<f64> {
        median(&self.prefill)
    }

    fn decode(&self, at: usize) -> Option<f64> {
        median(&self.decode[at])
    }
}

fn measure(
    wanted: &Wanted,
    program: &Path,
    name: &str,
    model: &Path,
    add: &mut dyn FnMut(Row),
) -> Result<()> {
    let llama = wanted.llama();
    let files = match &llama {
        Some(llama) => peer::files(llama, model, &target_dir()?.join("bench"))?,
        None => Vec::new(),
    };
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut own = Side::default();
    // Of each file that the peer has: ours, and each of its settings.
    let mut same: Vec<Side> = files.iter().map(|_| Side::default()).collect();
    let mut peers: Vec<(String, Side)> = Vec::new();
    // Row 2 is of one branch alone.
    let rest = wanted.has(1) || wanted.has(3);
    let branches = if rest { &BRANCHES[..] } else { &BRANCHES[..1] };
    for _ in 0..wanted.rounds {
        ours(program, model, branches, &mut own)?;
        for (at, (weights, file)) in files.iter().enumerate() {
            if is_quantized(weights) {
                ours(program, file, branches, &mut same[at])?;
            }
            let Some(llama) = &llama else { continue };
            let work = (WORK.0, branches, WORK.1);
            for one in peer::measure(llama, (weights, file), work, threads)? {
                note(&mut peers, &one);
            }
        }
    }
    let best = |number: &dyn Fn(&Side) -> Option<f64>, only: &str| {
        let of = |(setting, side): &(String, Side)| Some((number(side)?, setting.clone()));
        let peers = peers.iter().filter(|(setting, _)| setting.starts_with(only));
        peers.filter_map(of).max_by(|a, b| a.0.total_cmp(&b.0))
    };
    let mut against = |row, what: String, ours, best: Option<(f64, String)>, target| {
        let note = best.as_ref().map_or("no peer: `--llama DIR`".to_owned(), |(_, setting)| {
            format!("llama.cpp's best: {setting}")
        });
        let peer = best.map(|(number, _)| number);
        add(Row::times_peer(row, what, ours, peer, target, note));
    };
    let quantized = || files.iter().zip(&same).filter(|((weights, _), _)| is_quantized(weights));
    for (at, branches) in BRANCHES.iter().enumerate().skip(1) {
        if wanted.has(1) {
            let what = format!("decode, {branches} branches, {name}, tokens/s");
            against(1, what, own.decode(at), best(&|side| side.decode(at), ""), 3.0);
            for ((weights, _), side) in quantized() {
                let what = format!("decode, {branches} branches, {name}, both {weights}, tokens/s");
                against(1, what, side.decode(at), best(&|side| side.decode(at), weights), 3.0);
            }
        }
    }
    if wanted.has(2) {
        for ((weights, _), side) in quantized() {
            let what = format!("decode, 1 branch, {name}, {weights}, tokens/s");
            against(2, what, side.decode(0), best(&|side| side.decode(0), weights), 1.2);
        }
        if files.is_empty() {
            let what = format!("decode, 1 branch, {name}, tokens/s");
            against(2, what, own.decode(0), None, 1.2);
        }
    }
    if wanted.has(3) {
        let what = format!("prefill, 512 tokens, {name}, tokens/s");
        against(3, what, own.prefill(), best(&|side| side.prefill(), ""), 2.0);
        for ((weights, _), side) in quantized() {
            let what = format!("prefill, 512 tokens, {name}, both {weights}, tokens/s");
            against(3, what, side.prefill(), best(&|side| side.prefill(), weights), 2.0);
        }
    }
    Ok(())
}

/// Measures our side once.
fn ours(program: &Path, model: &Path, branches: &[u32], side: &mut Side) -> Result<()> {
    let list = branches.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
    let mut command = Command::new(program);
    command.args(["model", "throughput", "--json", "--device", "cpu"]).arg(model);
    command.args(["--branches", &list, "--repeats", "1"]);
    command.args(["--prefix", &WORK.0.to_string(), "--tokens", &WORK.1.to_string()]);
    let mut points = Vec::new();
    run_lines(&mut command, false, |line| {
        points.extend(serde_json::from_str::<Value>(line).ok());
    })?;
    for (at, point) in points.iter().enumerate().take(BRANCHES.len()) {
        let number = |key: &str| {
            point[key].as_f64().with_context(|| format!("`model throughput` gave no `{key}`"))
        };
        side.prefill.push(number("prefill")?);
        side.decode[at].push(number("decode")?);
    }
    Ok(())
}

/// Adds a measurement to those of its setting.
fn note(peers: &mut Vec<(String, Side)>, one: &Measured) {
    let at = peers.iter().position(|(setting, _)| *setting == one.setting).unwrap_or_else(|| {
        peers.push((one.setting.clone(), Side::default()));
        peers.len() - 1
    });
    let side = &mut peers[at].1;
    side.prefill.push(one.prefill);
    for (branches, numbers) in BRANCHES.iter().zip(&mut side.decode) {
        numbers.extend(one.decode.get(branches));
    }
}

/// The middle value; `None` of none.
pub(super) fn median(values: &[f64]) -> Option<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn rounds_of_a_setting_come_together() {
        let one = |setting: &str, speed: f64| Measured {
            setting: setting.to_owned(),
            prefill: speed,
            decode: BTreeMap::from([(16, speed)]),
        };
        let mut peers = Vec::new();
        for speed in [3.0, 1.0, 2.0] {
            note(&mut peers, &one("Q4_0, unified KV", speed));
            note(&mut peers, &one("F32, split KV", 10.0 * speed));
        }
        assert_eq!(peers.len(), 2);
        assert_eq!((peers[0].1.prefill(), peers[1].1.decode(1)), (Some(2.0), Some(20.0)));
        assert_eq!((peers[0].1.decode(0), median(&[])), (None, None));
    }
}
