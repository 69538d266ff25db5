//! `espalier-sandbox`: checks the sandbox of this machine, or runs one file in it.

use std::io::{Write, stdout};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use espalier_core::{Seed, collect};
use espalier_exec::{
    Echo, Executor, Isolation, Launcher, Limits, Outcome, Pool, PoolConfig, Program, TierChoice,
    diagnose, intercept,
};

/// Runs model-written Python where it can do no harm.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask sandbox", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Probes each layer of the sandbox and says what is missing and what to do.
    Check {
        #[command(flatten)]
        python: Python,
        /// Prints one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Runs one file and prints its status, output and times.
    Run {
        /// The program.
        file: PathBuf,
        /// Files whose code runs before it, silently, in the same interpreter.
        #[arg(long)]
        earlier: Vec<PathBuf>,
        #[command(flatten)]
        python: Python,
        /// `highest` (of those that isolate), `full`, `landlock`, or `none-i-accept-the-risk`.
        #[arg(long, default_value = "highest")]
        tier: TierChoice,
        /// CPU seconds it may use.
        #[arg(long, default_value_t = Limits::default().cpu.as_secs_f64())]
        cpu: f64,
        /// Address space it may use, in MiB.
        #[arg(long, default_value_t = Limits::default().memory_bytes >> 20)]
        memory: u64,
        /// Seed of its random numbers.
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// Prints the value of a last expression, as a notebook does.
        #[arg(long)]
        echo: bool,
        /// Prints one JSON object.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, clap::Args)]
struct Python {
    /// The interpreter, 3.10 or newer, with sympy, numpy and mpmath; `cargo xtask` names its own.
    #[arg(long)]
    python: PathBuf,
}

fn main() -> ExitCode {
    intercept();
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            drop(writeln!(std::io::stderr(), "error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn config(python: PathBuf, tier: TierChoice, limits: Limits) -> PoolConfig {
    PoolConfig { python, workers: NonZeroUsize::MIN, tier, limits, launcher: Launcher::ThisProgram }
}

fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Check { python, json } => {
            let config = config(python.python, TierChoice::Highest, Limits::default());
            let diagnosis = diagnose(&config);
            if json {
                writeln!(stdout(), "{}", serde_json::to_string(&diagnosis)?)?;
            } else {
                writeln!(stdout(), "{diagnosis}")?;
            }
            Ok(if diagnosis.tier.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Command::Run { file, earlier, python, tier, cpu, memory, seed, echo, json } => {
            let read = |path: &PathBuf| {
                let bytes = std::fs::read(path)
                    .with_context(|| format!("could not read `{}`", path.display()))?;
                Ok(String::from_utf8_lossy(&bytes).into_owned())
            };
            let program = Program {
                earlier: earlier.iter().map(read).collect::<Result<_>>()?,
                code: read(&file)?,
                seed: Seed::run(seed),
                echo: if echo { Echo::LastExpression } else { Echo::Off },
                replay: Duration::ZERO,
            };
            let cpu = Duration::try_from_secs_f64(cpu)
                .with_context(|| format!("`--cpu {cpu}` is no time; give seconds"))?;
            let limits = Limits {
                cpu,
                wall: cpu * 4 + Duration::from_secs(5),
                memory_bytes: memory << 20,
                ..Limits::default()
            };
            let mut pool = Pool::start(&config(python.python, tier, limits))?;
            let outcome = collect(&mut pool, [program]).remove(0)??;
            report(&outcome, pool.isolation(), json)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn report(outcome: &Outcome, isolation: &Isolation, json: bool) -> Result<()> {
    let mut out = stdout();
    if json {
        let mut object = serde_json::to_value(outcome)?;
        object["stdout"] = outcome.stdout.text().into();
        object["stderr"] = outcome.stderr.text().into();
        object["isolation"] = serde_json::to_value(isolation)?;
        writeln!(out, "{object}")?;
        return Ok(());
    }
    for (name, excerpt) in [("stdout", &outcome.stdout), ("stderr", &outcome.stderr)] {
        let text = excerpt.text();
        if !text.is_empty() {
            writeln!(out, "--- {name}\n{}", text.trim_end())?;
        }
    }
    let ms = |ns: u64| ns as f64 / 1e6;
    writeln!(
        out,
        "--- {}: {:.1} ms CPU, {:.1} ms, {} MB; tier `{}`",
        outcome.status,
        ms(outcome.cpu_ns),
        ms(outcome.wall_ns),
        outcome.memory_bytes / 1_000_000,
        isolation.tier
    )?;
    if let Some(warning) = &isolation.warning {
        writeln!(out, "{warning}")?;
    }
    Ok(())
}
