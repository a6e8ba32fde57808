//! Which column of a table holds the parameters, and what its name says was counted.

use crate::counting::ParamCounting;

/// The plain column: its name says nothing of the counting, and all parameters are meant.
pub(super) const PARAMS: &str = "params";

/// Columns whose names say what was counted, where there is no plain one.
const COUNTED: [(&str, ParamCounting); 8] = [
    ("total_params", ParamCounting::Total),
    ("params_total", ParamCounting::Total),
    ("non_embedding_params", ParamCounting::NonEmbedding),
    ("params_non_embedding", ParamCounting::NonEmbedding),
    ("matmul_params", ParamCounting::Matmul),
    ("params_matmul", ParamCounting::Matmul),
    ("active_params", ParamCounting::Active),
    ("params_active", ParamCounting::Active),
];

/// A column of parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ParamColumn {
    pub(super) name: &'static str,
    /// What its name says was counted; `None` of the plain one.
    pub(super) counting: Option<ParamCounting>,
}

impl ParamColumn {
    /// The column of a table that `has` it: the plain one where it is there, or where there is none.
    ///
    /// # Errors
    /// Two columns that count in two ways, without a plain one to say which is meant.
    pub(super) fn of(has: impl Fn(&str) -> bool) -> Result<Self, [&'static str; 2]> {
        let plain = Self { name: PARAMS, counting: None };
        if has(PARAMS) {
            return Ok(plain);
        }
        let mut found = COUNTED.into_iter().filter(|(name, _)| has(name));
        let Some((name, counting)) = found.next() else { return Ok(plain) };
        match found.find(|(_, other)| *other != counting) {
            Some((other, _)) => Err([name, other]),
            None => Ok(Self { name, counting: Some(counting) }),
        }
    }
}
