//! The instructions of the matrix unit: its set-up, and products of up to 2 x 2 blocks summed in tile registers.

use std::arch::asm;

use super::available;
use super::split::{Block, SIDE};

/// The tile registers of this thread, set up; given back when dropped, so that the system need not save them.
pub(super) struct Tiles(());

/// What the tile registers hold: 16 rows of 64 bytes each. Layout of the operand of `ldtilecfg`.
#[repr(C, align(64))]
struct Configuration {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

impl Tiles {
    /// Sets them up. Panics where the matrix unit is not [`available`].
    pub(super) fn new() -> Self {
        assert!(available());
        let mut configuration =
            Configuration { palette: 1, start_row: 0, reserved: [0; 14], row_bytes: [0; 16], rows: [0; 16] };
        configuration.row_bytes[..8].fill(64);
        configuration.rows[..8].fill(16);
        // SAFETY: the processor and the system allow it, as just asserted; 64 bytes are read.
        unsafe {
            asm!(
                "ldtilecfg [{}]", in(reg) &configuration, options(nostack, readonly),
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            );
        }
        Self(())
    }
}

impl Drop for Tiles {
    fn drop(&mut self) {
        // SAFETY: the registers were set up by `new`.
        unsafe { asm!("tilerelease", options(nostack, nomem)) }
    }
}

/// Defines the sums of a product of 2 x 2 blocks of so many bytes. The sums stand in tmm0 to tmm3.
macro_rules! sums {
    ($name:ident, $parts:literal, $bytes:literal, [$($step:expr),* $(,)?]) => {
        /// `out = left right`, or `out += left right`, over `depth` blocks of the inner size.
        ///
        /// # Safety
        /// The tile registers are set up. There are `depth` blocks, at least one, at each pointer; the output has 32 rows
        /// of 32 columns, rows `stride` apart.
        unsafe fn $name(
            left: [*const Block<$parts>; 2], right: [*const Block<$parts>; 2], depth: usize, out: *mut f32, stride: usize,
            add: bool,
        ) {
            const { assert!($bytes == size_of::<Block<$parts>>()) };
            // SAFETY: the caller's promise.
            unsafe {
                asm!(
                    "test {add}, {add}",
                    "jnz 2f",
                    "tilezero tmm0",
                    "tilezero tmm1",
                    "tilezero tmm2",
                    "tilezero tmm3",
                    "jmp 3f",
                    "2:",
                    "tileloadd tmm0, [{c0} + {stride}*1]",
                    "tileloadd tmm1, [{c0} + {stride}*1 + 64]",
                    "tileloadd tmm2, [{c1} + {stride}*1]",
                    "tileloadd tmm3, [{c1} + {stride}*1 + 64]",
                    "3:",
                    $($step,)*
                    concat!("add {a0}, ", $bytes),
                    concat!("add {a1}, ", $bytes),
                    concat!("add {b0}, ", $bytes),
                    concat!("add {b1}, ", $bytes),
                    "dec {depth}",
                    "jnz 3b",
                    "tilestored [{c0} + {stride}*1], tmm0",
                    "tilestored [{c0} + {stride}*1 + 64], tmm1",
                    "tilestored [{c1} + {stride}*1], tmm2",
                    "tilestored [{c1} + {stride}*1 + 64], tmm3",
                    a0 = inout(reg) left[0] => _,
                    a1 = inout(reg) left[1] => _,
                    b0 = inout(reg) right[0] => _,
                    b1 = inout(reg) right[1] => _,
                    depth = inout(reg) depth => _,
                    c0 = in(reg) out,
                    c1 = in(reg) out.wrapping_add(SIDE * stride),
                    stride = in(reg) size_of::<f32>() * stride,
                    line = in(reg) 64usize,
                    add = in(reg) usize::from(add),
                    out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                    out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                    options(nostack),
                );
            }
        }
    };
}

/// Loads a part, by its offset in bytes, of both left blocks.
macro_rules! left {
    ($offset:literal) => {
        concat!("tileloadd tmm4, [{a0} + {line}*1 + ", $offset, "]\ntileloadd tmm5, [{a1} + {line}*1 + ", $offset, "]")
    };
}

/// Loads a part of both right blocks.
macro_rules! right {
    ($offset:literal) => {
        concat!("tileloadd tmm6, [{b0} + {line}*1 + ", $offset, "]\ntileloadd tmm7, [{b1} + {line}*1 + ", $offset, "]")
    };
}

/// Adds the products of the parts loaded last.
macro_rules! add_products {
    () => {
        "tdpbf16ps tmm0, tmm4, tmm6
         tdpbf16ps tmm1, tmm4, tmm7
         tdpbf16ps tmm2, tmm5, tmm6
         tdpbf16ps tmm3, tmm5, tmm7"
    };
}

// In either, one of the two factors stays in its registers from one product of parts to the next.
sums! {
    sums_of_two_parts, 2, 2048,
    [left!(0), right!(1024), add_products!(), right!(0), add_products!(), left!(1024), add_products!()]
}
sums! {
    sums_of_three_parts, 3, 3072,
    [
        left!(0), right!(2048), add_products!(), right!(1024), add_products!(), left!(1024), add_products!(), right!(0),
        add_products!(), left!(2048), add_products!(), left!(0), add_products!(),
    ]
}

/// Blocks whose products the matrix unit can sum.
pub(super) trait Summed: Sized {
    /// Those of one of the functions above.
    const SUMS: unsafe fn([*const Self; 2], [*const Self; 2], usize, *mut f32, usize, bool);
}

impl Summed for Block<2> {
    const SUMS: unsafe fn([*const Self; 2], [*const Self; 2], usize, *mut f32, usize, bool) = sums_of_two_parts;
}

impl Summed for Block<3> {
    const SUMS: unsafe fn([*const Self; 2], [*const Self; 2], usize, *mut f32, usize, bool) = sums_of_three_parts;
}

impl Tiles {
    /// `out = left right` or, with `add`, `out += left right`, for 32 rows and columns: two rows of left blocks and two columns
    /// of right ones, each as many blocks of the inner size. Rows of the output are `stride` apart.
    pub(super) fn multiply<B: Summed>(
        &self,
        left: [&[B]; 2],
        right: [&[B]; 2],
        out: &mut [f32],
        stride: usize,
        add: bool,
    ) {
        let depth = left[0].len();
        assert!(depth > 0 && [left[1], right[0], right[1]].iter().all(|blocks| blocks.len() == depth));
        assert!(2 * SIDE <= stride && (2 * SIDE - 1) * stride + 2 * SIDE <= out.len());
        // SAFETY: the lengths were just checked; that there is a `Tiles` says that the registers are set up.
        unsafe { B::SUMS(left.map(<[_]>::as_ptr), right.map(<[_]>::as_ptr), depth, out.as_mut_ptr(), stride, add) }
    }
}
