//! Panels: a matrix rearranged so that a register tile reads it from one end to the other.

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
use super::amx;
use super::operands::Precision;
use super::real::Real;
use super::tile::PANEL;

/// Floats a k x n matrix takes in panels.
pub(crate) fn packed_floats(k: usize, n: usize, precision: Precision) -> usize {
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    if amx::available() {
        return amx::packed_floats(k, n, precision).max(k * n.next_multiple_of(PANEL));
    }
    let _ = precision;
    k * n.next_multiple_of(PANEL)
}

/// Rearranges a row-major k x n matrix, for many products with it, into n/[`PANEL`] panels of k rows.
pub(crate) fn pack<F: Real>(panels: &mut [F], matrix: &[F], k: usize, n: usize, precision: Precision) {
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    if amx::pays::<F>(k, n) {
        return amx::pack(bytemuck::cast_slice_mut(panels), bytemuck::cast_slice(matrix), k, n, precision);
    }
    let _ = precision;
    for (panel, first) in panels.chunks_exact_mut(k * PANEL).zip((0..n).step_by(PANEL)) {
        pack_panel(panel, &matrix[first..], n, k, PANEL.min(n - first));
    }
}

/// [`pack`] of the transpose of a row-major n x k matrix.
pub(crate) fn pack_transposed<F: Real>(panels: &mut [F], matrix: &[F], k: usize, n: usize, precision: Precision) {
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    if amx::pays::<F>(k, n) {
        return amx::pack_transposed(bytemuck::cast_slice_mut(panels), bytemuck::cast_slice(matrix), k, n, precision);
    }
    let _ = precision;
    for (panel, first) in panels.chunks_exact_mut(k * PANEL).zip((0..n).step_by(PANEL)) {
        pack_transposed_panel(panel, &matrix[first * k..], k, k, PANEL.min(n - first));
    }
}

/// Copies `rows` rows of `columns <= PANEL` values that lie `stride` apart into a dense panel, the rest filled with zeros.
#[inline(always)]
pub(super) fn pack_panel<F: Real>(panel: &mut [F], source: &[F], stride: usize, rows: usize, columns: usize) {
    let packed = &mut panel.as_chunks_mut::<PANEL>().0[..rows];
    for (row, packed) in packed.iter_mut().enumerate() {
        let source = &source[row * stride..][..columns];
        match <&[F; PANEL]>::try_from(source) {
            Ok(source) => *packed = *source,
            Err(_) => {
                packed[..columns].copy_from_slice(source);
                packed[columns..].fill(F::ZERO);
            }
        }
    }
}

/// Writes the transpose of `columns <= PANEL` rows of `rows` values that lie `stride` apart into a dense panel of `rows` rows,
/// the rest filled with zeros.
#[inline(always)]
pub(super) fn pack_transposed_panel<F: Real>(
    panel: &mut [F],
    source: &[F],
    stride: usize,
    rows: usize,
    columns: usize,
) {
    let panel = &mut panel.as_chunks_mut::<PANEL>().0[..rows];
    if columns < PANEL {
        panel.as_flattened_mut().fill(F::ZERO);
        for column in 0..columns {
            for (row, &value) in panel.iter_mut().zip(&source[column * stride..][..rows]) {
                row[column] = value;
            }
        }
        return;
    }
    if rows > 0 {
        assert!((PANEL - 1) * stride + rows <= source.len());
    }
    for (row, packed) in panel.iter_mut().enumerate() {
        for column in 0..PANEL {
            // SAFETY: column < PANEL and row < rows, so the index is below the length asserted above. Written as gathers:
            // scattered stores take twice as long.
            packed[column] = unsafe { *source.get_unchecked(column * stride + row) };
        }
    }
}
