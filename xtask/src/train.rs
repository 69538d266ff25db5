//! `cargo xtask train`: the training binary, built and run in our place.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::binary;

/// How glibc's allocator is told to keep what it is given back: every tensor of a training step is as
/// large as one of the step before, and pages that are returned to the system are zeroed again. Worth a
/// fifth of the time on a CPU; other allocators ignore it.
const TUNABLES: &str = "glibc.malloc.mmap_threshold=1073741824:\
    glibc.malloc.trim_threshold=4294967296:glibc.malloc.top_pad=268435456";

/// Builds `espalier-train` and runs it with `args`.
pub(crate) fn run(args: &[OsString]) -> Result<ExitCode> {
    let features: Vec<&str> =
        binary::features(args).into_iter().filter(|name| *name == "cuda").collect();
    let mut command =
        Command::new(binary::build_of("espalier-train", "espalier-train", &features)?);
    command.args(args);
    if std::env::var_os("GLIBC_TUNABLES").is_none() {
        command.env("GLIBC_TUNABLES", TUNABLES);
    }
    binary::replace(command)
}
