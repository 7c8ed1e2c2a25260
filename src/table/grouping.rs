//! Which labels are open: pages → one file for each label.
//!
//! `SortBy=NAME` groups the labels over all pages, so one label is open at a time: when the next begins, the one
//! before is complete, and its rows become a file. Should a label come back after that, the order is not what was
//! relied on. Then the job is read again with all labels open until its last page.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use aws_sdk_rekognition::types::LabelDetection;
use serde::{Deserialize, Serialize};

use crate::job_id::JobId;
use crate::table::aggregation::Aggregation;
use crate::table::layout::LabelPartition;
use crate::table::parquet::{Format, encode_rows};
use crate::table::rows::{LabelSummary, Rows};

/// The labels of one job in one aggregation.
#[derive(Debug, Deserialize, Serialize)]
pub struct Grouping {
    aggregation: Aggregation,
    open: Open,
    closed: BTreeMap<LabelPartition, LabelSummary>,
    #[serde(skip)]
    format: OnceLock<Format>,
}

#[derive(Debug, Deserialize, Serialize)]
enum Open {
    /// The label under way.
    One(Option<Box<(LabelPartition, Rows)>>),
    /// All labels so far.
    All(BTreeMap<LabelPartition, Rows>),
}

/// The one file of a label, complete.
#[derive(Debug)]
pub struct LabelFile {
    /// The label.
    pub label: LabelPartition,
    /// Parquet.
    pub bytes: Vec<u8>,
    /// How many rows it has.
    pub rows: u64,
}

/// Whether a file may still lack rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// All rows of its label, if the pages are grouped by label.
    Provisional,
    /// All rows of its label, whatever the order: the job's last page was seen.
    Complete,
}

/// Why a page cannot be taken in.
#[derive(Debug, PartialEq)]
pub enum Disorder {
    /// This label came back after it was closed: read the job again with [`Grouping::all_open`].
    CameBack(LabelPartition),
    /// With all labels open, the rows take more than this many bytes.
    TooLarge(usize),
}

impl Grouping {
    /// One label open at a time.
    pub fn one_open(aggregation: Aggregation) -> Self {
        Self { aggregation, open: Open::One(None), closed: BTreeMap::new(), format: OnceLock::new() }
    }

    /// All labels open.
    pub fn all_open(aggregation: Aggregation) -> Self {
        Self { aggregation, open: Open::All(BTreeMap::new()), closed: BTreeMap::new(), format: OnceLock::new() }
    }

    /// Which aggregation it is of.
    pub fn aggregation(&self) -> Aggregation {
        self.aggregation
    }

    /// Whether a file is whole whatever the order of the pages.
    pub fn completeness(&self) -> Completeness {
        match self.open {
            Open::One(_) => Completeness::Provisional,
            Open::All(_) => Completeness::Complete,
        }
    }

    /// Whether a grouping from elsewhere can be gone on with.
    pub fn is_sound(&self) -> bool {
        match &self.open {
            Open::One(open) => open.iter().all(|open| open.1.is_sound()),
            Open::All(open) => open.values().all(Rows::is_sound),
        }
    }

    /// Takes in a page, and returns the files of the labels that it completes. With all labels open, they may take
    /// `budget` bytes.
    ///
    /// # Errors
    /// [`Disorder`]; the grouping is of no use then.
    pub fn add(&mut self, job: &JobId, page: Vec<LabelDetection>, budget: usize) -> Result<Vec<LabelFile>, Disorder> {
        let mut files = Vec::new();
        for detection in page {
            let name = detection.label.as_ref().and_then(|label| label.name.as_deref());
            match &mut self.open {
                Open::One(Some(open)) if open.0.holds(name) => open.1.push(detection),
                Open::One(open) => {
                    let label = LabelPartition::new(name);
                    if self.closed.contains_key(&label) {
                        return Err(Disorder::CameBack(label));
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
            return Err(Disorder::TooLarge(budget));
        }
        Ok(files)
    }

    /// After the last page: closes one of the labels that are still open.
    pub fn close_next(&mut self, job: &JobId) -> Option<LabelFile> {
        let (label, rows) = match &mut self.open {
            Open::One(open) => *open.take()?,
            Open::All(open) => open.pop_first()?,
        };
        Some(self.close(job, label, rows))
    }

    /// The labels closed so far.
    pub fn labels(&self) -> impl Iterator<Item = &LabelPartition> {
        self.closed.keys()
    }

    /// What the table `jobs` says of the labels closed so far.
    pub fn summaries(&self) -> &BTreeMap<LabelPartition, LabelSummary> {
        &self.closed
    }

    fn close(&mut self, job: &JobId, label: LabelPartition, mut rows: Rows) -> LabelFile {
        let summary = rows.summary();
        let format = self.format.get_or_init(|| Format::new(self.aggregation.table(), job));
        let bytes = encode_rows(&mut rows, format);
        self.closed.insert(label.clone(), summary);
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
    fn a_label_is_complete_when_the_next_begins() {
        let mut grouping = one_open();
        assert_eq!(names(&grouping.add(&job(), page(&["Car", "Car"]), BUDGET).unwrap()), [""; 0]);
        let files = grouping.add(&job(), page(&["Car", "Dog", "Eel"]), BUDGET).unwrap();
        assert_eq!(names(&files), ["Car", "Dog"]);
        assert_eq!(files[0].rows, 3);
        assert_eq!(names(&Vec::from_iter(grouping.close_next(&job()))), ["Eel"]);
        assert!(grouping.close_next(&job()).is_none());
        assert_eq!(grouping.summaries().len(), 3);
    }

    #[test]
    fn a_label_that_comes_back_is_an_error() {
        let mut grouping = one_open();
        let disorder = grouping.add(&job(), page(&["Car", "Dog", "Car"]), BUDGET).unwrap_err();
        assert_eq!(disorder, Disorder::CameBack(LabelPartition::new(Some("Car"))));
    }

    #[test]
    fn with_all_labels_open_the_order_does_not_matter() {
        let mut grouping = Grouping::all_open(Aggregation::Timestamps);
        assert!(grouping.add(&job(), page(&["Car", "Dog", "Car"]), BUDGET).unwrap().is_empty());
        let files: Vec<_> = std::iter::from_fn(|| grouping.close_next(&job())).collect();
        assert_eq!(names(&files), ["Car", "Dog"]);
        assert_eq!(files[0].rows, 2);

        let mut grouping = Grouping::all_open(Aggregation::Timestamps);
        assert_eq!(grouping.add(&job(), page(&["Car", "Dog"]), 100).unwrap_err(), Disorder::TooLarge(100));
    }

    #[test]
    fn names_of_the_default_partition_share_a_file() {
        let mut grouping = one_open();
        let mut labels = page(&["", "__HIVE_DEFAULT_PARTITION__"]);
        labels.push(LabelDetection::builder().build());
        assert!(grouping.add(&job(), labels, BUDGET).unwrap().is_empty());
        assert_eq!(grouping.close_next(&job()).unwrap().rows, 3);
    }
}
