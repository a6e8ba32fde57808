//! A seeded permutation of any number of items, computed item by item: shuffles a billion windows without a table.

/// A bijection of `0..length` decided by a key.
///
/// A Feistel network over the next power of four, of which values outside the range are sent through again until they fall
/// inside (cycle walking; Black & Rogaway 2002, "Ciphers with arbitrary finite domains"). At most four times as many values as
/// items, so fewer than four rounds of the walk on average.
#[derive(Debug, Clone, Copy)]
pub struct Permutation {
    length: u64,
    half_bits: u32,
    keys: [u64; ROUNDS],
}

/// Four rounds make a pseudo-random permutation of a random round function (Luby & Rackoff 1988); two more are cheap.
const ROUNDS: usize = 6;

impl Permutation {
    /// The permutation of `0..length` that belongs to `key`.
    pub fn new(length: u64, key: u64) -> Self {
        let bits = u64::BITS - length.saturating_sub(1).leading_zeros();
        let mut keys = [0; ROUNDS];
        let mut state = key;
        for round_key in &mut keys {
            state = state.wrapping_add(GOLDEN);
            *round_key = mix(state);
        }
        Self { length, half_bits: bits.div_ceil(2).max(1), keys }
    }

    /// Where item `index` goes. The index must be below the length.
    pub fn apply(&self, index: u64) -> u64 {
        debug_assert!(index < self.length);
        let mut value = self.encrypt(index);
        while value >= self.length {
            value = self.encrypt(value);
        }
        value
    }

    /// The item that goes to `place`: the inverse of [`apply`](Self::apply).
    pub fn invert(&self, place: u64) -> u64 {
        debug_assert!(place < self.length);
        let mut value = self.decrypt(place);
        while value >= self.length {
            value = self.decrypt(value);
        }
        value
    }

    fn mask(&self) -> u64 {
        (1 << self.half_bits) - 1
    }

    fn encrypt(&self, value: u64) -> u64 {
        let (mut left, mut right) = (value >> self.half_bits, value & self.mask());
        for key in self.keys {
            (left, right) = (right, left ^ (mix(right ^ key) & self.mask()));
        }
        (left << self.half_bits) | right
    }

    fn decrypt(&self, value: u64) -> u64 {
        let (mut left, mut right) = (value >> self.half_bits, value & self.mask());
        for key in self.keys.iter().rev() {
            (left, right) = (right ^ (mix(left ^ key) & self.mask()), left);
        }
        (left << self.half_bits) | right
    }
}

/// 2^64 divided by the golden ratio, made odd: steps by it visit all 64-bit values.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// A well-mixed bijection of 64-bit integers: the finaliser of SplitMix64 (Steele, Lea & Flood 2014).
pub(super) fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// A hash of two integers, for keys that must differ when either does.
pub(super) fn mix_pair(first: u64, second: u64) -> u64 {
    mix(mix(first.wrapping_add(GOLDEN)) ^ second.wrapping_mul(GOLDEN))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_item_comes_once_and_can_be_found_again(length in 1_u64..3000, key: u64) {
            let permutation = Permutation::new(length, key);
            let mut seen = vec![false; length as usize];
            for index in 0..length {
                let place = permutation.apply(index);
                prop_assert!(place < length);
                prop_assert!(!seen[place as usize]);
                seen[place as usize] = true;
                prop_assert_eq!(permutation.invert(place), index);
            }
        }

        #[test]
        fn huge_ranges_stay_in_range(length in (1_u64 << 40)..(1_u64 << 62), key: u64, index: u64) {
            let permutation = Permutation::new(length, key);
            let place = permutation.apply(index % length);
            prop_assert!(place < length);
            prop_assert_eq!(permutation.invert(place), index % length);
        }
    }

    #[test]
    fn neighbours_are_scattered_evenly() {
        // 4096 items in 16 bins by (first half or second, eighth of the place): chi-squared with 7 degrees of freedom per
        // half stays below 24.3 with probability 0.999.
        for key in 0..20 {
            let permutation = Permutation::new(4096, key);
            let mut bins = [0_f64; 8];
            for index in 0..2048 {
                bins[(permutation.apply(index) / 512) as usize] += 1.0;
            }
            let chi_squared: f64 = bins.iter().map(|count| (count - 256.0) * (count - 256.0) / 256.0).sum();
            assert!(chi_squared < 24.3, "key {key}: {bins:?}");
        }
    }

    #[test]
    fn keys_that_differ_give_other_orders() {
        let order = |key| (0..64).map(|index| Permutation::new(64, key).apply(index)).collect::<Vec<_>>();
        assert_ne!(order(0), order(1));
        assert_ne!(order(1), order(2));
    }
}
