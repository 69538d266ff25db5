//! The `espalier-train` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    espalier_train::cli::main()
}
