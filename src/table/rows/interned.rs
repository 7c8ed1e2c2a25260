//! Interning: equal values are stored once and referred to by number.

use std::hash::Hash;

use indexmap::IndexSet;
use serde::{Deserialize, Serialize};

/// Distinct values, numbered in the order of their first occurrence.
#[derive(Debug, Deserialize, Serialize)]
#[serde(bound(deserialize = "T: Deserialize<'de> + Eq + Hash"))]
pub(super) struct Interned<T> {
    values: IndexSet<T>,
    last: u32,
}

impl<T> Default for Interned<T> {
    fn default() -> Self {
        Self { values: IndexSet::new(), last: 0 }
    }
}

/// Number of values compared linearly before falling back to hashing. Most labels have no more values.
const LINEAR_SEARCH: usize = 8;

impl<T: Eq + Hash> Interned<T> {
    /// Returns the number of a value, and stores the value if it is new. Compares it with the last value first, because
    /// neighbors are mostly equal.
    pub(super) fn intern(&mut self, value: T) -> u32 {
        if self.values.get_index(self.last as usize) != Some(&value) {
            let known = self.values.iter().take(LINEAR_SEARCH).position(|known| *known == value);
            self.last = known.unwrap_or_else(|| self.values.insert_full(value).0) as u32;
        }
        self.last
    }
}

impl<T> Interned<T> {
    /// Returns the value with this number, which [`Interned::intern`] returned.
    pub(super) fn get(&self, number: u32) -> &T {
        &self.values[number as usize]
    }

    /// Returns all values, in the order of their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.values.iter()
    }

    /// Returns the number of distinct values.
    pub(super) fn count(&self) -> usize {
        self.values.len()
    }
}
