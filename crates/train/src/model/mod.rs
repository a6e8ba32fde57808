//! A decoder-only transformer: parameters in one flat vector, a forward and a backward pass over a batch of sequences.
//!
//! ```text
//! x = embedding[token]
//! for each layer:  x += attention(norm(x)) W_o,   x += (f(norm(x) W_gate) * norm(x) W_up) W_down
//! loss = cross-entropy(norm(x) W_head)
//! ```
//!
//! With f the activation. A plain feed-forward block is `f(norm(x) W_up) W_down`; a tied head has `embedding/width` for `W_head`;
//! queries and keys may be normalised per head.
//!
//! Sequences of a batch may differ in length: their rows stand one after the other, and only attention and rotary
//! positions know where one ends. Nothing is padded.

pub(crate) mod attention;
pub(crate) mod feed_forward;
pub(crate) mod head;
pub(crate) mod init;
pub(crate) mod layout;
pub(crate) mod linear;
pub(crate) mod pass;
pub(crate) mod workspace;
