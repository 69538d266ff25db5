//! The `espalier` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    // The sandbox starts its workers by running this program again.
    espalier_exec::intercept();
    espalier_eval::cli::main()
}
