//! `cargo xtask bench`: the numbers that the project is to reach, as they are today.
//!
//! A row is one of the numbers; the peer's come from the same run, in turns with ours, where the peer is
//! installed. What one process measures is Criterion's: `cargo xtask bench criterion`. What quantized weights cost in
//! accuracy is a table of its own: `cargo xtask bench rounding`.

mod engine;
mod grading;
mod measured;
mod peer;
mod rounding;
mod row;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use anyhow::Result;

use crate::process::{cargo, root, run as run_process, target_dir};
use crate::{Usage, binary, python};
use row::Row;

/// What is asked for.
#[derive(Debug, PartialEq)]
struct Wanted {
    /// The rows, by their numbers; all where none are given.
    rows: Vec<u32>,
    /// The folder of models.
    models: Option<PathBuf>,
    /// The folder of llama.cpp's programs.
    llama: Option<PathBuf>,
    /// The folder of data that is not in the repository.
    data: Option<PathBuf>,
    /// A Python that has Math-Verify.
    math_verify: Option<PathBuf>,
    /// An `espalier` that is already built.
    binary: Option<PathBuf>,
    /// How often each side is measured, in turns.
    rounds: usize,
    /// Characters of the text that perplexity is measured on.
    characters: usize,
    json: bool,
}

/// Prints the table, or runs the Criterion benchmarks.
pub(crate) fn run(args: &[OsString]) -> Result<ExitCode> {
    if args.first().is_some_and(|arg| arg == "criterion") {
        let targets = ["-p", "espalier-benches", "-p", "espalier-exec"];
        run_process(&mut criterion(&targets, &args[1..])?)?;
        return Ok(ExitCode::SUCCESS);
    }
    if args.first().is_some_and(|arg| arg == "rounding") {
        return rounding::run(&wanted(&args[1..])?);
    }
    let wanted = wanted(args)?;
    let mut rows = Vec::new();
    let mut add = |row: Row| {
        eprintln!("{}", row.line());
        rows.push(row);
    };
    engine::rows(&wanted, &mut add)?;
    measured::rows(&wanted, &mut add)?;
    if wanted.json {
        for row in &rows {
            println!("{}", row.json());
        }
    } else {
        print!("{}", row::table(&rows));
    }
    Ok(ExitCode::SUCCESS)
}

/// The command of Criterion's benchmarks of some of cargo's targets; `args` go to Criterion (a name filters).
fn criterion(targets: &[&str], args: &[OsString]) -> Result<Command> {
    let mut command = cargo(&["bench"]);
    command.args(targets).env("ESPALIER_PYTHON", python::environment()?);
    if !args.is_empty() {
        command.arg("--").args(args);
    }
    Ok(command)
}

impl Wanted {
    /// Whether a row is asked for.
    fn has(&self, row: u32) -> bool {
        self.rows.is_empty() || self.rows.contains(&row)
    }

    /// The folder of models.
    fn models(&self) -> Result<PathBuf> {
        let named = self.models.clone().or_else(|| folder("ESPALIER_MODELS"));
        named.map_or_else(|| Ok(target_dir()?.join("models")), Ok)
    }

    /// The folder of data: what is named, else that of the tests.
    fn data(&self) -> PathBuf {
        let shared = || folder("ESPALIER_SHARED").unwrap_or_else(|| root().join("../shared"));
        self.data.clone().unwrap_or_else(|| shared().join("data"))
    }

    /// The Python that has Math-Verify, where there is one.
    fn math_verify(&self) -> Option<PathBuf> {
        let has = |python: &PathBuf| {
            let mut command = Command::new(python);
            command.args(["-c", "import math_verify"]).stderr(Stdio::null());
            command.status().is_ok_and(|status| status.success())
        };
        self.math_verify.clone().or_else(|| Some(PathBuf::from("python3")).filter(has))
    }

    /// The `espalier` binary: what is named, else built.
    fn program(&self) -> Result<PathBuf> {
        self.binary.clone().map_or_else(|| binary::build(&[]), Ok)
    }

    /// The folder of llama.cpp's programs, where one is named.
    fn llama(&self) -> Option<PathBuf> {
        self.llama.clone().or_else(|| folder("ESPALIER_LLAMA"))
    }
}

fn folder(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Reads the arguments.
fn wanted(args: &[OsString]) -> Result<Wanted> {
    let mut wanted = Wanted {
        rows: Vec::new(),
        models: None,
        llama: None,
        data: None,
        math_verify: None,
        binary: None,
        rounds: 3,
        characters: rounding::CHARACTERS,
        json: false,
    };
    let mut args = args.iter().map(|arg| arg.to_string_lossy().into_owned());
    while let Some(arg) = args.next() {
        let (flag, joined) = match arg.split_once('=') {
            Some((flag, value)) => (flag.to_owned(), Some(value.to_owned())),
            None => (arg.clone(), None),
        };
        let mut value = |what: &str| {
            joined
                .clone()
                .or_else(|| args.next())
                .ok_or_else(|| Usage(format!("`{flag}` needs {what}")))
        };
        match &*flag {
            "--json" => wanted.json = true,
            "--models" => wanted.models = Some(value("a folder")?.into()),
            "--llama" => wanted.llama = Some(value("the folder of llama.cpp's programs")?.into()),
            "--data" => wanted.data = Some(value("a folder")?.into()),
            "--math-verify" => wanted.math_verify = Some(value("a Python interpreter")?.into()),
            "--binary" => wanted.binary = Some(value("the path of an `espalier` binary")?.into()),
            "--characters" => wanted.characters = count(&value("a number")?)? as usize,
            "--rounds" => wanted.rounds = count(&value("a number")?)? as usize,
            "--rows" => {
                let rows = value("numbers from 1 to 12")?;
                wanted.rows = rows.split(',').map(count).collect::<Result<_>>()?;
            }
            _ => {
                return Err(Usage(format!(
                    "unknown argument `{arg}`; `bench` takes `--rows`, `--rounds`, `--models`, `--llama`, `--data`, \
                     `--math-verify`, `--binary` and `--json`, `bench rounding` takes `--characters` too, and \
                     Criterion's benchmarks are `bench criterion [NAME]`"
                ))
                .into());
            }
        }
    }
    Ok(wanted)
}

/// A number above 0.
fn count(text: &str) -> Result<u32> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| Usage(format!("`{text}` is no number above 0")).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Wanted> {
        wanted(&line.split_whitespace().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn arguments_say_what_is_measured() {
        let some = read("--rows 1,12 --llama=bin --json --rounds 5 --data d --binary=b").unwrap();
        assert_eq!((some.data(), some.program().unwrap()), ("d".into(), "b".into()));
        assert!(some.has(1) && some.has(12) && !some.has(2) && some.json);
        assert_eq!((some.rounds, some.llama()), (5, Some("bin".into())));
        assert!(read("").unwrap().has(7));
    }

    #[test]
    fn what_makes_no_sense_is_a_usage_error() {
        for (line, says) in [
            ("--rows 1,x", "`x` is no number above 0"),
            ("--rounds 0", "`0` is no number above 0"),
            ("--llama", "`--llama` needs the folder"),
            ("puct", "`bench criterion [NAME]`"),
        ] {
            let error = read(line).unwrap_err();
            assert!(error.is::<Usage>() && error.to_string().contains(says), "{line}: {error}");
        }
    }
}
