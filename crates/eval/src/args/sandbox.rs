//! The grammar of what runs model-written Python.

use std::path::{Path, PathBuf};

use clap::Args;

use super::positive;
use super::strategies::{Puct, Strategy, Uct};
use crate::config::ConfigError;

/// What runs model-written Python.
#[derive(Debug, Clone, Args)]
pub struct Sandbox {
    /// What runs the Python that models write, for strategies that call it and for `--dataset humaneval`: an interpreter,
    /// 3.10 or newer, with sympy, numpy and mpmath; `cargo xtask` names its own
    #[arg(long, value_name = "PATH", help_heading = "Tools")]
    pub python: Option<PathBuf>,
    /// The isolation of what is run: `highest` (of those that isolate), `full`, `landlock`, or
    /// `none-i-accept-the-risk`, which every report then says
    #[arg(
        long,
        value_name = "TIER",
        default_value = "highest",
        requires = "python",
        help_heading = "Tools"
    )]
    pub sandbox_tier: String,
    /// CPU seconds that each call may use, or each test of a function [source of the default: the 5 s of the AIMO
    /// winner's `PythonREPL`]
    #[arg(
        long, value_name = "SECONDS", default_value = "5", value_parser = positive, requires = "python",
        help_heading = "Tools"
    )]
    pub tool_seconds: f64,
}

impl Sandbox {
    /// The interpreter, which `with` needs.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Needed`] where there is none.
    pub fn needed(&self, with: &'static str) -> Result<&Path, ConfigError> {
        self.python.as_deref().ok_or(ConfigError::Needed { flag: "--python PATH", with })
    }

    /// Checks that there is none where nothing is run.
    ///
    /// # Errors
    ///
    /// [`ConfigError::PythonUnused`].
    pub fn unused(&self) -> Result<(), ConfigError> {
        match self.python {
            Some(_) => Err(ConfigError::PythonUnused),
            None => Ok(()),
        }
    }
}

impl Strategy {
    /// What runs model-written code, if anything is run.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Needed`] where there is no `--python` and something is run, [`ConfigError::PythonUnused`] where
    /// there is one and nothing is.
    pub fn sandbox(&self) -> Result<Option<&Sandbox>, ConfigError> {
        let run = self.run();
        let code = match self {
            Self::Beam(args) => args.code.output(),
            Self::Uct(Uct { tree, .. }) | Self::Puct(Puct { tree, .. }) => tree.code.output(),
            _ => None,
        };
        let with = match self {
            Self::ScTir(_) => "sc-tir",
            Self::Pal(_) => "pal",
            Self::ToRa(_) => "tora",
            Self::ReAct(_) => "react",
            _ if code.is_some() => "--code",
            _ if run.dataset().kind.is_run() => "--dataset humaneval",
            _ => return run.sandbox.unused().map(|()| None),
        };
        run.sandbox.needed(with)?;
        Ok(Some(&run.sandbox))
    }
}
