//! Matrix products of `f32` on the matrix unit of a processor (Intel AMX), which multiplies 16 x 32 by 32 x 16 numbers in bf16.
//!
//! Every number becomes a sum of bf16, and the products of the parts are added in `f32`, leaving out those that are small
//! (Henry, Tang & Heinecke 2019, "Leveraging the bfloat16 artificial intelligence datatype for higher-precision
//! computations", arXiv:1904.06376, section II). Three parts hold the 24 bits of an `f32`; the six largest of their products
//! are taken, and an error of 2^-23 of a product is left. Two parts hold 16 or 17 bits; three of four products are taken, and
//! the error is below 2^-15 of a product, 2^-18 in the mean. Numbers below 2^-126 count as zero, infinities become NaN.

mod permission;
mod product;
mod split;
mod tiles;

pub(crate) use permission::available;
pub(crate) use product::{matmul, pack, pack_transposed, packed_floats, pays, scratch_floats};
