//! Values kept once, however often they come.

use std::hash::Hash;

use indexmap::IndexSet;
use serde::{Deserialize, Serialize};

/// Distinct values, each with a number in the order in which they first came.
#[derive(Debug, Deserialize, Serialize)]
#[serde(bound(deserialize = "T: Deserialize<'de> + Eq + Hash"))]
pub struct Interned<T> {
    values: IndexSet<T>,
    last: u32,
}

impl<T> Default for Interned<T> {
    fn default() -> Self {
        Self { values: IndexSet::new(), last: 0 }
    }
}

/// So many values are compared before one is hashed. Most labels have no more.
const FEW: usize = 8;

impl<T: Eq + Hash> Interned<T> {
    /// The number of a value. Neighbours are mostly alike, so the last one is compared first.
    pub fn number(&mut self, value: T) -> u32 {
        if self.values.get_index(self.last as usize) != Some(&value) {
            let known = self.values.iter().take(FEW).position(|known| *known == value);
            self.last = known.unwrap_or_else(|| self.values.insert_full(value).0) as u32;
        }
        self.last
    }
}

impl<T> Interned<T> {
    /// The value with this number, which [`Interned::number`] gave.
    pub fn get(&self, number: u32) -> &T {
        &self.values[number as usize]
    }

    /// All values, by number.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.values.iter()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.values.len()
    }
}
