//! Run views: what a run was and what it added up to, as the page shows it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::{Shown, problem::ProblemView, problem::spent_share};
use crate::comparison::strategy_name;
use crate::record::Record;
use crate::summary::Summary;
use crate::table::{human, interval, percent};

/// All that the page shows, trees aside.
#[derive(Debug, Serialize)]
pub(super) struct PageView<'a> {
    pub(super) title: &'a str,
    pub(super) runs: Vec<RunView>,
    /// Ids, in the order of the first run.
    pub(super) problems: &'a [&'a str],
}

/// A run.
#[derive(Debug, Serialize)]
pub(super) struct RunView {
    name: String,
    dir: String,
    /// Who scores.
    scorer: Option<String>,
    /// Labels and what they say.
    facts: Vec<(&'static str, String)>,
    pub(super) problems: BTreeMap<String, ProblemView>,
}

impl RunView {
    /// The view of a run without its problems.
    pub(super) fn new(shown: &Shown) -> Self {
        let generation = &shown.info.generation;
        Self {
            name: strategy_name(&generation["strategy"]),
            dir: shown.dir.display().to_string(),
            scorer: generation["strategy"]["scorer"].as_str().map(str::to_owned),
            facts: facts(shown),
            problems: BTreeMap::new(),
        }
    }
}

fn facts(shown: &Shown) -> Vec<(&'static str, String)> {
    let (generation, runtime) = (&shown.info.generation, &shown.info.runtime);
    let summary = Summary::of(&shown.records, Value::Null, None);
    let mut facts = Vec::new();
    let mut say = |label: &'static str, text: Option<String>| {
        facts.extend(text.filter(|text| !text.is_empty()).map(|text| (label, text)));
    };
    let accuracy = summary.accuracy.zip(summary.interval).map(|(accuracy, range)| {
        let (correct, n) = (summary.correct, summary.n);
        format!("{} ({correct} of {n}), 95 % interval {}", percent(accuracy), interval(&range))
    });
    say("accuracy", accuracy);
    say("failed", (summary.failed > 0).then(|| summary.failed.to_string()));
    say(
        "mean tokens",
        summary.generated_mean.zip(summary.computed_mean).map(|(sampled, computed)| {
            format!("{} sampled, {} computed", human(sampled), human(computed))
        }),
    );
    let (done, uncached) = (summary.ledger.flops as f64, summary.ledger.flops_uncached as f64);
    say("FLOPs", Some(format!("{}, {} without any cache", human(done), human(uncached))));
    say("sandbox", sandbox(&generation["sandbox"]));
    say("budget", Some(budget(shown)));
    say("strategy", Some(fields(&generation["strategy"])));
    say("model", model(&generation["model"]));
    for member in generation["members"].as_array().into_iter().flatten() {
        say("member", model(&member["model"]));
    }
    say("reward model", model(&generation["prm"]));
    let dataset = &generation["dataset"];
    say(
        "dataset",
        dataset["kind"].as_str().map(|kind| format!("{kind}, {} problems", dataset["problems"])),
    );
    say("device", runtime["device"].as_str().map(str::to_owned));
    let kv = shown.kv_bytes_per_token().map_or_else(
        || "the run does not say how many bytes a token holds; tokens are shown instead".to_owned(),
        |bytes| format!("{bytes} bytes a token"),
    );
    say("keys and values", Some(kv));
    say("branches", shown.source.as_ref().err().map(|error| format!("not graded: {error}")));
    facts
}

/// How model-written code was isolated, with the warning where it was not.
fn sandbox(isolation: &Value) -> Option<String> {
    let tier = isolation["tier"].as_str()?;
    let warning =
        isolation["warning"].as_str().map_or_else(String::new, |text| format!(": {text}"));
    Some(format!("tier {tier}{warning}"))
}

fn budget(shown: &Shown) -> String {
    let bounds = shown.info.generation["budget"].as_str().unwrap_or_default();
    let shares: Vec<f64> = shown
        .records
        .iter()
        .filter_map(|record: &Record| spent_share(record, &shown.info))
        .collect();
    if shares.is_empty() {
        return "unbounded".to_owned();
    }
    let mean = shares.iter().sum::<f64>() / shares.len() as f64;
    let most = shares.iter().copied().fold(0.0, f64::max);
    format!("{bounds}: {} spent on average, {} at most", percent(mean), percent(most))
}

fn model(model: &Value) -> Option<String> {
    let (name, hash) = (model["name"].as_str()?, model["sha256"].as_str().unwrap_or_default());
    Some(format!("{name} ({})", hash.get(..12).unwrap_or(hash)))
}

/// The fields of an object that are set, name and scorer aside.
fn fields(object: &Value) -> String {
    let Some(fields) = object.as_object() else { return String::new() };
    let said = fields.iter().filter(|(name, value)| *name != "name" && !value.is_null());
    let words = said.map(|(name, value)| match value {
        Value::String(text) => format!("{name} {text}"),
        // A temperature is an f32 in the run, and longer as an f64.
        Value::Number(number) if number.is_f64() => {
            format!("{name} {}", number.as_f64().unwrap_or_default() as f32)
        }
        other => format!("{name} {other}"),
    });
    words.collect::<Vec<_>>().join(", ")
}
