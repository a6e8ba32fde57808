//! What a product is made of: its factors, in the forms they come in, and the precision it is to have.

/// How well a product keeps the precision of its factors where the processor multiplies numbers of fewer bits faster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precision {
    /// All of it.
    Full,
    /// Factors may be rounded to 16 bits, twice as many as bf16 has. Enough for gradients, which descent averages; not for a
    /// forward pass, where scores become exponents and logits become differences.
    Reduced,
}

/// The left factor, m x k.
#[derive(Clone, Copy)]
pub(crate) enum Left<'a, F> {
    /// Row-major, m x k.
    Rows(&'a [F]),
    /// The transpose of a row-major k x m matrix.
    Columns(&'a [F]),
}

/// The right factor, k x n.
#[derive(Clone, Copy)]
pub(crate) enum Right<'a, F> {
    /// Row-major, k x n.
    Rows(&'a [F]),
    /// What [`pack`](super::pack::pack) made of it.
    Panels(&'a [F]),
}
