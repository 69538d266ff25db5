//! The sandbox of a run: a pool of interpreters as a tool, opened before anything is computed.

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow};
use espalier_exec::{
    Echo, Error, Executor, Launcher, Limits, Pool, PoolConfig, PythonTool, Replay, ReplayLimits,
    TierChoice, show, tool::Show,
};
use serde_json::Value;

use super::failure::Failure;
use crate::{DatasetKind, OutputFormat, RunInfo, StrategySpec, args};

/// Blocks of one path, at most. No strategy here comes near it with a budget of tokens that models have.
const PATH_BLOCKS: NonZeroUsize = NonZeroUsize::new(256).expect("256 is not 0");

/// Blocks that are remembered.
const KNOWN_BLOCKS: NonZeroUsize = NonZeroUsize::new(10_000).expect("10,000 is not 0");

/// All that was printed, and nothing by itself: what a grader of functions reads.
pub(super) const PRINTED: (Echo, Show) = (Echo::Off, |outcome| outcome.stdout.text());

/// The tool `python`, and how what it runs is isolated.
#[derive(Debug)]
pub(super) struct Sandbox {
    pub(super) python: PythonTool<Replay<Pool>>,
    /// Part of what a run is reproduced from.
    pub(super) isolation: Value,
    /// What every report must say.
    pub(super) warning: Option<String>,
}

impl Sandbox {
    /// Starts the interpreters.
    ///
    /// # Errors
    ///
    /// Bad input where there is no Python, or no sandbox of the tier that is asked for: then with the sandbox's
    /// own diagnosis.
    pub(super) fn open(args: &args::Sandbox, shown: (Echo, Show)) -> Result<Self, Failure> {
        let python = args.needed("a sandbox").map_err(Failure::bad)?;
        let tier: TierChoice = args
            .sandbox_tier
            .parse()
            .map_err(|why: String| Failure::BadInput(anyhow!("`--sandbox-tier`: {why}")))?;
        let cpu = Duration::try_from_secs_f64(args.tool_seconds)
            .with_context(|| format!("`--tool-seconds {}` is no time", args.tool_seconds))
            .map_err(Failure::BadInput)?;
        let limits = Limits { cpu, wall: cpu * 4 + Duration::from_secs(5), ..Limits::default() };
        let config = PoolConfig {
            python: python.to_owned(),
            workers: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            tier,
            limits,
            launcher: Launcher::ThisProgram,
        };
        let pool = Pool::start(&config).map_err(refusal)?;
        let isolation = serde_json::to_value(pool.isolation())?;
        let warning = pool.isolation().warning.clone();
        let limits = ReplayLimits { path_blocks: PATH_BLOCKS, known_blocks: KNOWN_BLOCKS };
        let (echo, show) = shown;
        let python = PythonTool::new(Replay::new(pool, limits), echo, show);
        Ok(Self { python, isolation, warning })
    }
}

/// What of a run is seen. A grader of functions reads all that was printed. Of a program that is the reasoning, the
/// printed lines alone are the answer; otherwise the model also sees the value of a last expression, as in the source
/// of the Numina format.
pub(super) fn seen(kind: DatasetKind, strategy: &StrategySpec) -> (Echo, Show) {
    if kind.is_run() {
        return PRINTED;
    }
    match (strategy, strategy.output()) {
        (StrategySpec::Pal { .. }, _) => (Echo::Off, show::numina),
        (_, Some(OutputFormat::Tora)) => (Echo::LastExpression, show::tora),
        (_, Some(OutputFormat::Qwen)) => (Echo::LastExpression, show::qwen),
        (_, Some(OutputFormat::Numina) | None) => (Echo::LastExpression, show::numina),
    }
}

/// Says of runs that are over whose code was not isolated.
#[expect(clippy::print_stdout, reason = "part of the result of a command")]
pub(super) fn warn<'a>(runs: impl IntoIterator<Item = (&'a Path, &'a RunInfo)>) {
    for (dir, info) in runs {
        if let Some(warning) = info.warning() {
            println!("`{}`: {warning}", dir.display());
        }
    }
}

fn refusal(error: Error) -> Failure {
    let diagnosis = match &error {
        Error::Unavailable { diagnosis, .. } => Some(diagnosis.to_string()),
        _ => None,
    };
    let error = anyhow::Error::from(error);
    Failure::BadInput(match diagnosis {
        Some(diagnosis) => {
            error.context(format!("nothing was run; of the sandbox's layers:\n{diagnosis}\n"))
        }
        None => error,
    })
}
