//! Doing independent work on several threads, with results in order.

/// `work(0), work(1), ..., work(count - 1)`, computed on up to `threads` threads (0 means one per core).
///
/// The result does not depend on `threads`. Where there are no threads (WebAssembly), or one is enough, it is a plain loop.
pub fn map<T: Send>(count: usize, threads: usize, work: impl Fn(usize) -> T + Sync + Send) -> Vec<T> {
    #[cfg(not(target_arch = "wasm32"))]
    if threads != 1 && count > 1 {
        use rayon::prelude::*;
        // A pool of its own: the caller decides the threads, not a global.
        if let Ok(pool) = rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
            return pool.install(|| (0..count).into_par_iter().map(&work).collect());
        }
    }
    let _ = threads;
    (0..count).map(work).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn order_does_not_depend_on_threads() {
        let one = super::map(100, 1, |i| i * i);
        assert_eq!(one, super::map(100, 4, |i| i * i));
        assert_eq!(one[7], 49);
    }
}
