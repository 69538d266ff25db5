//! The `espalier` binary: built when it must be, then run in our place.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail};
use cargo_metadata::Message;

use crate::process::{cargo, root, show};
use crate::python;

/// The commands that are the binary's own.
pub(crate) const COMMANDS: &[&str] = &[
    "eval", "sweep", "anytime", "table", "collect", "trace", "report", "compare", "regrade",
    "grade", "model",
];

/// Builds the binary, names the house model where no model is named and the Python environment where a strategy
/// runs code, and runs it with `args`.
pub(crate) fn run(args: &[OsString]) -> Result<ExitCode> {
    let program = build(&features(args))?;
    let mut command = Command::new(program);
    command.args(args).args(house_model(args));
    if needs_python(args) {
        command.arg("--python").arg(python::environment()?);
    }
    replace(command)
}

/// Builds the `espalier` binary with cargo features and returns where it is.
pub(crate) fn build(features: &[&str]) -> Result<PathBuf> {
    build_of("espalier-eval", "espalier", features)
}

/// Builds a package's binary with cargo features and returns where it is.
pub(crate) fn build_of(package: &str, name: &str, features: &[&str]) -> Result<PathBuf> {
    let mut command = cargo(&["build", "--release", "-p", package, "--bin", name]);
    if !features.is_empty() {
        command.args(["--features", &features.join(",")]);
    }
    command.arg("--message-format=json-render-diagnostics").stdout(Stdio::piped());
    let mut child =
        command.spawn().with_context(|| format!("could not start `{}`", show(&command)))?;
    let stdout = child.stdout.take().context("a piped stream is there")?;
    let mut program = None;
    for message in Message::parse_stream(std::io::BufReader::new(stdout)) {
        if let Message::CompilerArtifact(artifact) = message?
            && artifact.target.name == name
            && let Some(executable) = artifact.executable
        {
            program = Some(executable.into_std_path_buf());
        }
    }
    if !child.wait()?.success() {
        bail!("the `{name}` binary did not build: see cargo's messages above");
    }
    program.with_context(|| format!("cargo built no `{name}` binary; is its Cargo.toml intact?"))
}

/// The features of the binary that `args` need.
pub(crate) fn features(args: &[OsString]) -> Vec<&'static str> {
    let args: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
    let hub = args.iter().any(|arg| arg.starts_with("hf:") || arg.contains("=hf:"));
    let cuda = args.iter().any(|arg| arg.starts_with("--device=cuda"))
        || args.windows(2).any(|pair| pair[0] == "--device" && pair[1].starts_with("cuda"));
    [(hub, "hub"), (cuda, "cuda")].iter().filter(|(is, _)| *is).map(|(_, name)| *name).collect()
}

/// Strategies whose paths are scored.
const SCORED: [&str; 11] = [
    "best-of-n",
    "gate",
    "compute-optimal",
    "ab-mcts",
    "beam",
    "dvts",
    "lookahead",
    "rebase",
    "particle-filter",
    "uct",
    "puct",
];

/// Strategies whose models write code that is run.
const CALLING: [&str; 4] = ["sc-tir", "pal", "tora", "react"];

/// The dataset whose answers are run.
const RUN: [&str; 2] = ["humaneval", "--dataset=humaneval"];

/// Returns true if and only if `args` run a strategy with code, or a dataset of functions, and name no interpreter.
fn needs_python(args: &[OsString]) -> bool {
    let words: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
    let says =
        |flag: &str| words.iter().any(|word| word == flag || word.starts_with(&format!("{flag}=")));
    let strategy = words.get(1).map(|word| &**word);
    words.first().is_some_and(|word| word == "eval")
        && (strategy.is_some_and(|name| CALLING.contains(&name))
            || says("--code")
            || words.iter().any(|word| RUN.contains(&&**word)))
        && !["--python", "--help", "-h", "--version", "-V"].iter().any(|flag| says(flag))
}

/// Whether a strategy asks with prompts, which the house model cannot read. `is` tells whether a flag has a
/// value.
fn is_prompted(strategy: &str, is: &dyn Fn(&str, &str) -> bool) -> bool {
    match strategy {
        "tot-bfs" | "tot-dfs" => !is("--generate", "sample") || !is("--evaluate", "score"),
        name if CALLING.contains(&name) => true,
        "beam" => is("--next", "prompt"),
        _ => false,
    }
}

/// Strategies, and series of a sweep, that show the model its own answers: the house's reviser was trained to
/// use them.
const REVISED: [&str; 3] = ["revision", "hybrid", "graph"];

/// The house model's temperature, chosen among 0.8, 1.0 and 1.3 on its test puzzles beside the paper's.
const TEMPERATURE: &str = "1";

/// The arguments that a run without a model gets: the house model, its reward model where something is
/// scored, and greedy's row beside a strategy's.
pub(crate) fn house_model(args: &[OsString]) -> Vec<OsString> {
    let words: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
    let value = |flag: &str| {
        let joined = words.iter().find_map(|word| word.strip_prefix(flag)?.strip_prefix('='));
        let after = words.windows(2).find(|pair| pair[0] == flag).map(|pair| &*pair[1]);
        joined.or(after)
    };
    let says = |flag: &str| value(flag).is_some() || words.iter().any(|word| word == flag);
    let (command, strategy) = (words.first().map(|word| &**word), words.get(1).map(|word| &**word));
    // `eval` alone is a usage error, which needs no model.
    let runs = command == Some("sweep") || (command == Some("eval") && words.len() > 1);
    let is = |flag: &str, wanted: &str| value(flag) == Some(wanted);
    // A search that runs code asks for it in words, which the house model cannot read.
    let prompted = says("--code") || strategy.is_some_and(|name| is_prompted(name, &is));
    if !runs
        || prompted
        || strategy == Some("ensemble")
        || ["--help", "-h", "--version", "-V", "--model"].iter().any(|flag| says(flag))
    {
        return Vec::new();
    }
    let house = root().join("assets").join("house");
    let series = value("--series").unwrap_or_default();
    let names = if command == Some("sweep") { series } else { strategy.unwrap_or_default() };
    let revised = names.split(',').any(|name| REVISED.contains(&name));
    let mut more =
        vec!["--model".into(), house.join(if revised { "reviser" } else { "policy" }).into()];
    let scored = revised
        || command == Some("sweep")
        || is("--evaluate", "score")
        || strategy.is_some_and(|name| SCORED.contains(&name));
    let by_prm = value("--scorer").is_none_or(|scorer| scorer == "prm");
    if scored && by_prm && !says("--prm") {
        more.extend(["--prm".into(), house.join("prm").into()]);
    }
    if (command == Some("sweep") || strategy != Some("greedy")) && !says("--temperature") {
        more.extend(["--temperature".into(), TEMPERATURE.into()]);
    }
    if command == Some("eval") && strategy != Some("greedy") && !says("--beside") {
        more.extend(["--beside".into(), "greedy".into()]);
    }
    more
}

/// Becomes `command`, so that signals and the exit code are its own.
#[cfg(unix)]
pub(crate) fn replace(mut command: Command) -> Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    let error = command.exec();
    Err(error).with_context(|| format!("could not start `{}`", show(&command)))
}

/// Runs `command` and ends with its exit code.
#[cfg(not(unix))]
pub(crate) fn replace(mut command: Command) -> Result<ExitCode> {
    let status =
        command.status().with_context(|| format!("could not start `{}`", show(&command)))?;
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn a_run_without_a_model_gets_the_house_model() {
        let more = |line: &str| -> Vec<String> {
            let more = house_model(&args(line));
            more.iter().filter_map(|arg| arg.to_str()).map(str::to_owned).collect()
        };
        let flags = |line: &str| -> Vec<String> {
            more(line).into_iter().filter(|arg| arg.starts_with("--")).collect()
        };
        assert_eq!(flags("eval beam --width 4"), ["--model", "--prm", "--temperature", "--beside"]);
        assert!(more("eval beam")[1].ends_with("policy") && more("eval beam")[3].ends_with("prm"));
        assert_eq!(flags("eval beam --prm other"), ["--model", "--temperature", "--beside"]);
        assert_eq!(flags("eval beam --scorer entropy"), ["--model", "--temperature", "--beside"]);
        assert_eq!(
            flags("eval best-of-n --scorer=prm"),
            ["--model", "--prm", "--temperature", "--beside"]
        );
        assert_eq!(
            flags("eval puct --simulations 8"),
            ["--model", "--prm", "--temperature", "--beside"]
        );
        assert_eq!(
            flags("eval compute-optimal --then beam:4"),
            ["--model", "--prm", "--temperature", "--beside"]
        );
        assert!(more("table runs/a runs/b --out table.json").is_empty());
        assert_eq!(flags("eval self-consistency --n 8"), ["--model", "--temperature", "--beside"]);
        assert_eq!(
            flags("eval tot-dfs --generate sample --evaluate=score --threshold 0.5"),
            ["--model", "--prm", "--temperature", "--beside"]
        );
        assert_eq!(flags("eval greedy"), ["--model"]);
        assert_eq!(flags("sweep"), ["--model", "--prm", "--temperature"]);
        assert_eq!(flags("sweep --temperature 0.5"), ["--model", "--prm"]);
        for line in [
            "eval revision --chains 1 --revisions 3",
            "eval graph --n 8",
            "sweep --series best-of-n,hybrid",
            "sweep --series=graph",
        ] {
            assert!(more(line)[1].ends_with("reviser") && more(line)[3].ends_with("prm"), "{line}");
        }
        assert!(more("sweep --series beam,rebase")[1].ends_with("policy"));
        assert_eq!(
            flags("eval revision --scorer entropy"),
            ["--model", "--temperature", "--beside"]
        );
        for line in [
            "eval beam --model m.gguf",
            "eval beam --model=m.gguf",
            "eval beam --help",
            "eval tot-bfs --limit 3",
            "eval tot-bfs --limit 3 --evaluate score",
            "eval beam --next prompt",
            "eval sc-tir --width 8",
            "eval pal",
            "eval ensemble --member a --member b",
            "eval beam --code numina",
            "eval",
            "model inspect m.gguf",
        ] {
            assert!(more(line).is_empty(), "{line}");
        }
    }

    #[test]
    fn the_python_environment_goes_to_strategies_that_run_code() {
        let calling = ["eval sc-tir --model m", "eval pal --limit 3", "eval tora", "eval react"];
        let code = ["eval beam --code numina", "eval uct --code=qwen"];
        let functions = ["eval greedy --dataset humaneval", "eval beam --dataset=humaneval -q"];
        for line in calling.into_iter().chain(code).chain(functions) {
            assert!(needs_python(&args(line)), "{line}");
        }
        for line in [
            "eval beam --width 4",
            "eval pal --python /usr/bin/python3",
            "eval pal --python=p",
            "eval sc-tir --help",
            "trace pal",
            "eval greedy --dataset humaneval --python p",
            "eval",
        ] {
            assert!(!needs_python(&args(line)), "{line}");
        }
    }

    #[test]
    fn features_follow_from_the_arguments() {
        assert_eq!(features(&args("eval beam --device cpu")), Vec::<&str>::new());
        assert_eq!(features(&args("eval beam --device cuda:1")), ["cuda"]);
        assert_eq!(features(&args("eval beam --device=cuda")), ["cuda"]);
        assert_eq!(features(&args("eval beam --model hf:org/name")), ["hub"]);
        assert_eq!(features(&args("model inspect hf:org/name --device cuda")), ["hub", "cuda"]);
        assert_eq!(features(&args("eval beam --model=hf:org/name")), ["hub"]);
    }
}
