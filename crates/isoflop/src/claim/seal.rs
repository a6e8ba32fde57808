//! What makes a file tamper-evident: its hash covers every value in it, and it has no place for anything else.
//!
//! The hash is over the values as this program writes them, not over the file's bytes. So white space between values may change
//! (another line ending, another indentation), and a number may get another spelling that reads as the same number: the claim is the
//! same. A value or key that is changed, added or left out is noticed.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::error::ClaimError;
use crate::runs::hexadecimal;

/// SHA-256 of `text`, in hexadecimal.
pub(super) fn hash(text: &str) -> String {
    hexadecimal(&Sha256::digest(text.as_bytes()))
}

#[derive(Deserialize)]
struct Schema {
    schema: String,
}

/// Whether `text` says that it is of `schema`.
pub(super) fn is_of(schema: &str, text: &str) -> bool {
    serde_json::from_str::<Schema>(text).is_ok_and(|found| found.schema == schema)
}

/// The content of a file of `schema`, which is a `what`.
pub(super) fn parse<Sealed: Serialize + DeserializeOwned>(
    text: &str,
    source_name: &str,
    what: &'static str,
    schema: &'static str,
) -> Result<Sealed, ClaimError> {
    let malformed = |error| ClaimError::Malformed { source_name: source_name.to_owned(), what, error };
    let Schema { schema: found } = serde_json::from_str(text).map_err(malformed)?;
    if found != schema {
        return Err(ClaimError::OtherSchema { source_name: source_name.to_owned(), what, found, schema });
    }
    let sealed: Sealed = serde_json::from_str(text).map_err(malformed)?;
    let (written, whole) = (serde_json::to_value(&sealed), serde_json::from_str::<Value>(text));
    if written.map_err(malformed)? != whole.map_err(malformed)? {
        return Err(ClaimError::Unsealed { source_name: source_name.to_owned(), what });
    }
    Ok(sealed)
}

/// Refuses content that does not hash to what its file says.
pub(super) fn check(source_name: &str, found: &str, computed: String) -> Result<(), ClaimError> {
    if found == computed {
        return Ok(());
    }
    Err(ClaimError::Altered { source_name: source_name.to_owned(), found: found.to_owned(), computed })
}
