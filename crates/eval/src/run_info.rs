//! Run information: exactly what was run, and whether another run is the same.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::grade::GRADER_VERSION;

/// The layout of run directories this version writes.
pub const FORMAT: u32 = 1;

/// The contents of `run.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunInfo {
    /// The layout of the directory.
    pub format: u32,
    /// Everything that decides what is generated: model, dataset, prompt, strategy, sampling, budget,
    /// seed. A run is resumed with the same, or not at all.
    pub generation: Value,
    /// What decides the grades. It may change: records can be regraded.
    pub grading: Value,
    /// Where and when. It decides nothing.
    pub runtime: Value,
}

impl RunInfo {
    /// The information of a run that starts now on this machine.
    #[must_use]
    pub fn new(generation: Value) -> Self {
        Self {
            format: FORMAT,
            generation,
            grading: grading(),
            runtime: json!({
                "espalier": env!("CARGO_PKG_VERSION"),
                "os": std::env::consts::OS,
                "arch": std::env::consts::ARCH,
                "cpus": std::thread::available_parallelism().ok().map(usize::from),
                "cpu": cpu_model(),
                "started_unix_s": unix_seconds(),
            }),
        }
    }
}

impl RunInfo {
    /// What every report of the run must say of how model-written code was isolated; `None` where nothing.
    #[must_use]
    pub fn warning(&self) -> Option<&str> {
        let said = |part: &Value| part["sandbox"]["warning"].is_string();
        let part = [&self.generation, &self.grading].into_iter().find(|part| said(part))?;
        part["sandbox"]["warning"].as_str()
    }
}

/// What decides the grades of this version.
#[must_use]
pub fn grading() -> Value {
    json!({ "grader": GRADER_VERSION })
}

/// One field of two configurations that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldDiff {
    /// The field, with dots between levels.
    pub field: String,
    /// Its value in the first; `None` where it is missing.
    pub was: Option<Value>,
    /// Its value in the second; `None` where it is missing.
    pub now: Option<Value>,
}

impl fmt::Display for FieldDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |value: &Option<Value>| {
            value.as_ref().map_or_else(|| "nothing".to_owned(), |value| format!("`{value}`"))
        };
        write!(f, "{}: was {}, now {}", self.field, text(&self.was), text(&self.now))
    }
}

/// The fields in which two configurations differ, by name.
///
/// ```
/// use serde_json::json;
/// let diff = espalier_eval::diff(&json!({"a": 1, "b": {"c": 2}}), &json!({"a": 1, "b": {"c": 3}}));
/// assert_eq!(diff.len(), 1);
/// assert_eq!(diff[0].to_string(), "b.c: was `2`, now `3`");
/// ```
#[must_use]
pub fn diff(was: &Value, now: &Value) -> Vec<FieldDiff> {
    let mut found = Vec::new();
    collect("", Some(was), Some(now), &mut found);
    found
}

fn collect(field: &str, was: Option<&Value>, now: Option<&Value>, found: &mut Vec<FieldDiff>) {
    let empty = Map::new();
    let maps = match (was, now) {
        (Some(Value::Object(was)), Some(Value::Object(now))) => Some((was, now)),
        (Some(Value::Object(was)), None) => Some((was, &empty)),
        (None, Some(Value::Object(now))) => Some((&empty, now)),
        _ => None,
    };
    let Some((before, after)) = maps else {
        if was != now {
            let (was, now) = (was.cloned(), now.cloned());
            found.push(FieldDiff { field: field.to_owned(), was, now });
        }
        return;
    };
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let path = if field.is_empty() { name.clone() } else { format!("{field}.{name}") };
        collect(&path, before.get(name), after.get(name), found);
    }
}

/// The processor's name, where the system says.
fn cpu_model() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

#[expect(clippy::disallowed_methods, reason = "a run says when it was made; nothing depends on it")]
fn unix_seconds() -> Option<u64> {
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH).ok().map(|since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_named() {
        let was = json!({"model": "a", "sampling": {"temperature": 0.8, "top_p": 1.0}, "n": 4});
        let now =
            json!({"model": "b", "sampling": {"temperature": 0.7}, "n": 4, "width": {"m": 2}});
        let shown: Vec<String> = diff(&was, &now).iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "model: was `\"a\"`, now `\"b\"`",
                "sampling.temperature: was `0.8`, now `0.7`",
                "sampling.top_p: was `1.0`, now nothing",
                "width.m: was nothing, now `2`",
            ]
        );
        assert!(diff(&was, &was).is_empty());
    }
}
