//! The `espalier` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    espalier_eval::cli::main()
}
