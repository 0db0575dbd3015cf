//! The program `tejido`; everything is in the library.

use std::process::ExitCode;

/// A run without news mostly reads short texts; with the system's allocator a third of its time goes to their memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    tejido::cli::main()
}
