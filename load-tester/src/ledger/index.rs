//! From the key that a message carries (a name's, or an id) to the client's slot for that symbol. A handful of keys is
//! searched one by one, which fits in a cache line or two; more go into a table.

use std::collections::HashMap;

use foldhash::fast::FixedState;

/// Up to so many keys, looking at each is faster than hashing.
const FEW: usize = 16;

/// Where each key's slot is.
#[derive(Debug, PartialEq, Eq)]
pub enum Index {
    /// The slot is the place of the key.
    Few(Box<[u64]>),
    /// The slot is what the table says.
    Many(HashMap<u64, u32, FixedState>),
}

impl Index {
    /// In place of a key: this slot is never found.
    pub const UNUSED: u64 = u64::MAX;

    /// An index of `keys`, each of which stands for the slot at its place.
    #[must_use]
    pub fn new(keys: Vec<u64>) -> Self {
        if keys.len() <= FEW {
            return Self::Few(keys.into());
        }
        let slots = keys.into_iter().zip(0..).filter(|&(key, _)| key != Self::UNUSED);
        Self::Many(slots.collect())
    }

    /// The slot of `key`.
    #[inline]
    #[must_use]
    pub fn slot(&self, key: u64) -> Option<usize> {
        match self {
            Self::Few(keys) => {
                keys.iter().position(|&each| each == key).filter(|_| key != Self::UNUSED)
            }
            Self::Many(slots) => slots.get(&key).map(|&slot| slot as usize),
        }
    }
}
