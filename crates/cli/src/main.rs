//! The binary `isoflop`.
fn main() {}
