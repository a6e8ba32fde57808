//! Memory for numbers that starts on a cache line: a vector load that straddles two lines costs twice.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use super::real::Real;

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct CacheLine([u8; 64]);

// SAFETY: 64 plain bytes without padding; every bit pattern is valid.
unsafe impl bytemuck::Zeroable for CacheLine {}
// SAFETY: as above.
unsafe impl bytemuck::Pod for CacheLine {}

/// A fixed number of floats on the heap, aligned to a cache line.
#[derive(Clone)]
pub(crate) struct Buffer<F> {
    lines: Vec<CacheLine>,
    length: usize,
    float: PhantomData<F>,
}

impl<F: Real> Buffer<F> {
    /// `length` zeros.
    pub(crate) fn zeros(length: usize) -> Self {
        let lines = vec![CacheLine([0; 64]); (length * size_of::<F>()).div_ceil(64)];
        Self { lines, length, float: PhantomData }
    }
}

impl<F: Real> Deref for Buffer<F> {
    type Target = [F];

    fn deref(&self) -> &[F] {
        &bytemuck::cast_slice(&self.lines)[..self.length]
    }
}

impl<F: Real> DerefMut for Buffer<F> {
    fn deref_mut(&mut self) -> &mut [F] {
        &mut bytemuck::cast_slice_mut(&mut self.lines)[..self.length]
    }
}
