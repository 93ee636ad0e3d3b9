//! The `conformd` program: arguments in, exit code out.

fn main() {}
