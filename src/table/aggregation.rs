//! `AggregateBy` of GetLabelDetection, which decides the tables that an export fills.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::aws::names::InvalidName;
use crate::table::schema::{LABEL_DETECTIONS, LABEL_SEGMENTS, Table};

/// `AggregateBy` of GetLabelDetection. Each has a table of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub enum Aggregation {
    /// One label for each moment at which it is detected.
    Timestamps,
    /// One label for each segment of the video in which it is detected.
    Segments,
}

impl Aggregation {
    /// Both, in the order of the column `aggregate_by`.
    pub const ALL: [Self; 2] = [Self::Timestamps, Self::Segments];

    /// Returns the name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Timestamps => "TIMESTAMPS",
            Self::Segments => "SEGMENTS",
        }
    }

    /// Returns the table that the rows go to.
    pub const fn table(self) -> &'static Table {
        match self {
            Self::Timestamps => &LABEL_DETECTIONS,
            Self::Segments => &LABEL_SEGMENTS,
        }
    }
}

/// The aggregations of one export: at least one, each once, in the order of [`Aggregation::ALL`].
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
