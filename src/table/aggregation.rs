//! `AggregateBy` of GetLabelDetection, which selects the tables that an export fills.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::aws::names::InvalidName;
use crate::table::schema::{LABEL_DETECTIONS, LABEL_SEGMENTS, Table};

/// A value of `AggregateBy` in GetLabelDetection. Each value has its own table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub enum Aggregation {
    /// One element per label and time at which the label is detected.
    Timestamps,
    /// One element per label and segment of the video in which the label is detected.
    Segments,
}

impl Aggregation {
    /// All aggregations, in the order of the column `aggregate_by`.
    pub const ALL: [Self; 2] = [Self::Timestamps, Self::Segments];

    /// Returns the name that the API uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Timestamps => "TIMESTAMPS",
            Self::Segments => "SEGMENTS",
        }
    }

    /// Returns the table of this aggregation.
    pub const fn table(self) -> &'static Table {
        match self {
            Self::Timestamps => &LABEL_DETECTIONS,
            Self::Segments => &LABEL_SEGMENTS,
        }
    }
}

/// The aggregations of an export: at least one, without duplicates, in the order of [`Aggregation::ALL`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aggregations(Vec<Aggregation>);

impl Default for Aggregations {
    fn default() -> Self {
        Self(vec![Aggregation::Timestamps])
    }
}

impl Deref for Aggregations {
    type Target = [Aggregation];

    fn deref(&self) -> &[Aggregation] {
        &self.0
    }
}

impl fmt::Display for Aggregations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(|aggregation| aggregation.name()).collect();
        f.write_str(&names.join(","))
    }
}

impl FromStr for Aggregations {
    type Err = InvalidName;

    fn from_str(given: &str) -> Result<Self, InvalidName> {
        let invalid = InvalidName("TIMESTAMPS, SEGMENTS, or both with a comma");
        let mut aggregations = Vec::new();
        for name in given.split(',') {
            match Aggregation::ALL.iter().find(|aggregation| aggregation.name() == name.trim()) {
                Some(&aggregation) if !aggregations.contains(&aggregation) => aggregations.push(aggregation),
                _ => return Err(invalid),
            }
        }
        aggregations.sort_unstable();
        Ok(Self(aggregations))
    }
}
