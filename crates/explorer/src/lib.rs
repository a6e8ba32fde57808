//! isoflop inside a page: a door that takes one JSON request and gives one JSON reply, natively and as WebAssembly.
//!
//! ```text
//! request -> Session (runs, fit, plan) -> reply
//! ```
//!
//! The door computes nothing: it asks the library, and its answers hold the library's own JSON, the same as `--json` of the command
//! line.

mod error;
#[cfg(target_arch = "wasm32")]
mod exports;
mod page;
mod request;
mod session;

pub use page::{Held, HeldTable, section};
pub use request::{LARGEST_REQUEST, MOST_RUNS};
pub use session::Session;
