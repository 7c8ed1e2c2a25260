//! Groups the labels of all pages into one file per label.
//!
//! `SortBy=NAME` groups the labels over all pages, so one label is open at a time. When the next label begins, the open
//! one is closed, and its rows become a file. If a closed label returns, the pages are not grouped after all. The job
//! is then read again from page 1, with all labels open until the last page.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use aws_sdk_rekognition::types::LabelDetection;
use serde::{Deserialize, Serialize};

use crate::job_id::JobId;
use crate::table::aggregation::Aggregation;
use crate::table::content::FileChecksum;
use crate::table::layout::LabelPartition;
use crate::table::parquet::{Format, encode_rows};
use crate::table::rows::{LabelSummary, Rows};

/// The open and closed labels of one job in one aggregation.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Grouping {
    aggregation: Aggregation,
    open: Open,
    closed: BTreeMap<LabelPartition, ClosedLabel>,
    #[serde(skip)]
    format: OnceLock<Format>,
}

#[derive(Debug, Deserialize, Serialize)]
enum Open {
    /// At most one label is open at a time.
    One(Option<Box<(LabelPartition, Rows)>>),
    /// All labels so far are open.
    All(BTreeMap<LabelPartition, Rows>),
}

/// A label whose rows are in a file.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct ClosedLabel {
    pub(crate) summary: LabelSummary,
    pub(crate) file: FileChecksum,
}

/// The file of a closed label.
#[derive(Debug)]
pub(crate) struct LabelFile {
    pub(crate) label: LabelPartition,
    /// The file as Parquet.
    pub(crate) bytes: Vec<u8>,
    /// Number of rows.
    pub(crate) rows: u64,
}

/// The completeness of a label's file: whether it may lack rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Completeness {
    /// The file has all rows of its label if the pages are grouped by label.
    Provisional,
    /// The file has all rows of its label, because it was written after the last page of the job.
    Complete,
}

/// The reason for which a page cannot be added.
#[derive(Debug, PartialEq)]
pub(crate) enum GroupingError {
    /// This label returned after it was closed. Read the job again with [`Grouping::all_open`].
    LabelReturned(LabelPartition),
    /// All labels are open, and their rows take more than this many bytes.
    OverBudget(usize),
}

impl Grouping {
    /// Returns an empty grouping that keeps one label open at a time.
    pub(crate) fn one_open(aggregation: Aggregation) -> Self {
        Self { aggregation, open: Open::One(None), closed: BTreeMap::new(), format: OnceLock::new() }
    }

    /// Returns an empty grouping that keeps all labels open until the last page.
    pub(crate) fn all_open(aggregation: Aggregation) -> Self {
        Self { aggregation, open: Open::All(BTreeMap::new()), closed: BTreeMap::new(), format: OnceLock::new() }
    }

    /// Returns the completeness of the files of this grouping.
    pub(crate) fn completeness(&self) -> Completeness {
        match self.open {
            Open::One(_) => Completeness::Provisional,
            Open::All(_) => Completeness::Complete,
        }
    }

    /// Returns true if a deserialized grouping is internally consistent.
    pub(crate) fn is_consistent(&self) -> bool {
        match &self.open {
            Open::One(open) => open.iter().all(|open| open.1.is_consistent()),
            Open::All(open) => open.values().all(Rows::is_consistent),
        }
    }

    /// Adds the labels of a page, and returns the files of the labels that it closes. If all labels are open, their
    /// rows may take at most `budget` bytes.
    ///
    /// # Errors
    /// [`GroupingError`]. The page may have been added in part, and the files of labels that it closed are lost. So the
    /// grouping must be dropped.
    pub(crate) fn add_page(
        &mut self,
        job: &JobId,
        page: Vec<LabelDetection>,
        budget: usize,
    ) -> Result<Vec<LabelFile>, GroupingError> {
        let mut files = Vec::new();
        for detection in page {
            let name = detection.label.as_ref().and_then(|label| label.name.as_deref());
            match &mut self.open {
                Open::One(Some(open)) if open.0.matches(name) => open.1.push(detection),
                Open::One(open) => {
                    let label = LabelPartition::new(name);
                    if self.closed.contains_key(&label) {
                        return Err(GroupingError::LabelReturned(label));
                    }
                    let mut rows = Rows::new(self.aggregation);
                    rows.push(detection);
                    if let Some(complete) = open.replace(Box::new((label, rows))) {
                        files.push(self.close(job, complete.0, complete.1));
                    }
                }
                Open::All(open) => {
                    let rows = open.entry(LabelPartition::new(name)).or_insert_with(|| Rows::new(self.aggregation));
                    rows.push(detection);
                }
            }
        }
        if let Open::All(open) = &self.open
            && open.values().map(Rows::memory).sum::<usize>() > budget
        {
            return Err(GroupingError::OverBudget(budget));
        }
        Ok(files)
    }

    /// Closes one of the labels that are open after the last page, and returns its file. Returns `None` if no label is
    /// open.
    pub(crate) fn close_next(&mut self, job: &JobId) -> Option<LabelFile> {
        let (label, rows) = match &mut self.open {
            Open::One(open) => *open.take()?,
            Open::All(open) => open.pop_first()?,
        };
        Some(self.close(job, label, rows))
    }

    /// Returns the labels closed so far.
    pub(crate) fn labels(&self) -> impl Iterator<Item = &LabelPartition> {
        self.closed.keys()
    }

    /// Returns the labels closed so far, with their summaries and the checksums of their files.
    pub(crate) fn closed(&self) -> &BTreeMap<LabelPartition, ClosedLabel> {
        &self.closed
    }

    fn close(&mut self, job: &JobId, label: LabelPartition, mut rows: Rows) -> LabelFile {
        let summary = rows.summary();
        let format = self.format.get_or_init(|| Format::new(self.aggregation.table(), job));
        let bytes = encode_rows(&mut rows, format);
        self.closed.insert(label.clone(), ClosedLabel { summary, file: FileChecksum::of(&bytes) });
        LabelFile { label, bytes, rows: summary.rows }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_rekognition::types::Label as ApiLabel;

    use super::*;

    fn page(names: &[&str]) -> Vec<LabelDetection> {
        let label = |name: &&str| ApiLabel::builder().name(*name).build();
        names.iter().map(|name| LabelDetection::builder().label(label(name)).build()).collect()
    }

    fn names(files: &[LabelFile]) -> Vec<String> {
        files.iter().map(|file| file.label.to_string()).collect()
    }

    const BUDGET: usize = 1 << 20;

    fn job() -> JobId {
        JobId::try_from("job-1").unwrap()
    }

    fn one_open() -> Grouping {
        Grouping::one_open(Aggregation::Timestamps)
    }

    #[test]
    fn closes_a_label_when_the_next_begins() {
        let mut grouping = one_open();
        assert_eq!(names(&grouping.add_page(&job(), page(&["Car", "Car"]), BUDGET).unwrap()), [""; 0]);
        let files = grouping.add_page(&job(), page(&["Car", "Dog", "Eel"]), BUDGET).unwrap();
        assert_eq!(names(&files), ["Car", "Dog"]);
        assert_eq!(files[0].rows, 3);
        assert_eq!(names(&Vec::from_iter(grouping.close_next(&job()))), ["Eel"]);
        assert!(grouping.close_next(&job()).is_none());
        assert_eq!(grouping.closed().len(), 3);
    }

    #[test]
    fn rejects_a_label_that_returns_after_it_was_closed() {
        let mut grouping = one_open();
        let error = grouping.add_page(&job(), page(&["Car", "Dog", "Car"]), BUDGET).unwrap_err();
        assert_eq!(error, GroupingError::LabelReturned(LabelPartition::new(Some("Car"))));
    }

    #[test]
    fn accepts_labels_in_any_order_if_all_are_open() {
        let mut grouping = Grouping::all_open(Aggregation::Timestamps);
        assert!(grouping.add_page(&job(), page(&["Car", "Dog", "Car"]), BUDGET).unwrap().is_empty());
        let files: Vec<_> = std::iter::from_fn(|| grouping.close_next(&job())).collect();
        assert_eq!(names(&files), ["Car", "Dog"]);
        assert_eq!(files[0].rows, 2);

        let mut grouping = Grouping::all_open(Aggregation::Timestamps);
        assert_eq!(grouping.add_page(&job(), page(&["Car", "Dog"]), 100).unwrap_err(), GroupingError::OverBudget(100));
    }

    #[test]
    fn labels_of_the_default_partition_share_a_file() {
        let mut grouping = one_open();
        let mut labels = page(&["", "__HIVE_DEFAULT_PARTITION__"]);
        labels.push(LabelDetection::builder().build());
        assert!(grouping.add_page(&job(), labels, BUDGET).unwrap().is_empty());
        assert_eq!(grouping.close_next(&job()).unwrap().rows, 3);
    }
}
