//! The figures of the field, one file each: from the library's types to a [`Figure`](crate::figure::Figure).

mod gain;
mod reliability;
mod transfer;
mod valleys;

pub use gain::gain;
pub use reliability::reliability;
pub use transfer::transfer;
pub use valleys::{ValleysInput, valleys};
