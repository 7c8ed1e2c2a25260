//! The state of one aggregation between two pages, as a checkpoint saves it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::rekognition::pages::Position;
use crate::table::aggregation::Aggregation;
use crate::table::grouping::{ClosedLabel, Grouping};
use crate::table::layout::LabelPartition;

/// The state of one aggregation between two pages. All earlier pages are flattened, and the files of all closed labels are
/// in the lake.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct AggregationState {
    pub(super) aggregation: Aggregation,
    pub(super) position: Position,
    /// Pagination token of the next page. `None` after the last page.
    pub(super) next_token: Option<String>,
    pub(super) grouping: Grouping,
}

impl AggregationState {
    /// Returns the state before page 1. `position` carries the pace of the calls for page 1.
    pub(super) fn before_page_1(aggregation: Aggregation, all_open: bool, position: Position) -> Self {
        let grouping = if all_open { Grouping::all_open(aggregation) } else { Grouping::one_open(aggregation) };
        Self { aggregation, position, next_token: None, grouping }
    }

    /// Returns the aggregation.
    pub(super) fn aggregation(&self) -> Aggregation {
        self.aggregation
    }

    /// Returns the number of pages read so far.
    pub(super) fn pages(&self) -> u64 {
        self.position.pages()
    }

    /// Returns true if a deserialized state is internally consistent.
    pub(super) fn is_consistent(&self) -> bool {
        self.grouping.is_consistent()
    }

    /// Returns the labels whose files are in the lake.
    pub(super) fn labels(&self) -> impl Iterator<Item = &LabelPartition> {
        self.grouping.labels()
    }

    /// Returns the labels whose files are in the lake, with their summaries and the checksums of their files.
    pub(super) fn closed(&self) -> &BTreeMap<LabelPartition, ClosedLabel> {
        self.grouping.closed()
    }
}
