//! The program `tejido`; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    tejido::cli::main()
}
