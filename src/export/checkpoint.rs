//! The checkpoint: the state of an export as one object in S3.
//!
//! ```text
//! "LLCHECK4"  8 bytes: magic number, with the version of the format
//! CRC-32      4 bytes, little-endian, of the state
//! state       postcard
//! ```

use serde::{Deserialize, Serialize};

use super::state::AggregationState;
use crate::job_id::JobId;
use crate::notification::Completion;
use crate::table::aggregation::Aggregation;
use crate::table::rows::{JobDescription, JobRow};

/// Magic number. Its version changes with the format, so that a build does not misread the checkpoint of another.
const MAGIC: &[u8; 8] = b"LLCHECK4";
const HEADER: usize = MAGIC.len() + size_of::<u32>();

/// The state of an export, from which another invocation can resume.
#[derive(Debug, Deserialize, Serialize)]
pub struct Checkpoint {
    /// The message that started the export. Later copies of the message do not change it.
    #[serde(with = "as_json")]
    pub completion: Completion,
    /// True if this export overwrites a committed job: it deletes what earlier exports left, and replaces their row.
    pub replaces: bool,
    /// The aggregations that the export was started with.
    pub aggregations: Vec<Aggregation>,
    /// Facts about the job from the first reply.
    pub description: JobDescription,
    /// True if the pages are known not to be grouped by label. All labels then stay open until the last page.
    pub all_open: bool,
    /// Highest number of pages that any reading of the job reached before a restart.
    pub furthest: u64,
    /// Number of invocations in a row that made no progress.
    pub stalled: u32,
    /// The state of each aggregation. Empty before page 1.
    pub(super) states: Vec<AggregationState>,
    /// Number of registered partitions, in the order of the aggregations and their labels.
    pub registered: usize,
}

impl Checkpoint {
    /// Returns the state before page 1.
    pub fn new(completion: Completion, aggregations: &[Aggregation]) -> Self {
        Self {
            aggregations: aggregations.to_vec(),
            replaces: completion.overwrite || completion.replaces,
            completion: Completion { overwrite: false, replaces: false, ..completion },
            description: JobDescription::default(),
            all_open: false,
            furthest: 0,
            stalled: 0,
            states: Vec::new(),
            registered: 0,
        }
    }

    /// Returns the number of pages read so far, in all aggregations.
    pub fn pages(&self) -> u64 {
        self.states.iter().map(AggregationState::pages).sum()
    }

    /// Resets the state to page 1. `pages_before` is the number of pages that earlier invocations had read.
    pub(super) fn restart(&mut self, pages_before: u64) {
        self.furthest = self.furthest.max(pages_before);
        self.states.clear();
        self.registered = 0;
    }

    /// Returns the row of the job. All its files have to be in the lake.
    pub fn row(&self) -> JobRow {
        let labels = self.states.iter().map(|state| (state.aggregation(), state.closed().clone()));
        JobRow::succeeded(self.completion.clone(), self.description.clone(), labels.collect())
    }

    /// Returns the bytes of the object.
    #[expect(clippy::expect_used, clippy::missing_panics_doc, reason = "says why it does not happen")]
    pub fn encode(&self) -> Vec<u8> {
        let header = [&MAGIC[..], &[0; size_of::<u32>()]].concat();
        let mut bytes = postcard::to_extend(self, header).expect("every part of the state can be serialized");
        let checksum = crc32fast::hash(&bytes[HEADER..]);
        bytes[MAGIC.len()..HEADER].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Parses the bytes of an object. They have to be complete and undamaged, belong to this job and these aggregations,
    /// and have the format of this build.
    ///
    /// # Errors
    /// The reason for which the bytes cannot be used.
    pub fn decode(bytes: &[u8], job: &JobId, aggregations: &[Aggregation]) -> Result<Self, String> {
        let Some((header, state)) = bytes.split_at_checked(HEADER) else { return Err("it is truncated".to_owned()) };
        let (magic, checksum) = header.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err("it was written by another build".to_owned());
        }
        if checksum != crc32fast::hash(state).to_le_bytes() {
            return Err("CRC mismatch".to_owned());
        }
        let (checkpoint, rest) =
            postcard::take_from_bytes::<Self>(state).map_err(|error| format!("it cannot be parsed: {error}"))?;
        let saved = checkpoint.states.iter().map(AggregationState::aggregation);
        let is_complete = checkpoint.states.is_empty() || saved.eq(checkpoint.aggregations.iter().copied());
        if !rest.is_empty() || !is_complete || !checkpoint.states.iter().all(AggregationState::is_consistent) {
            return Err("it is inconsistent".to_owned());
        }
        if checkpoint.completion.job_id != *job {
            return Err(format!("it belongs to job {}", checkpoint.completion.job_id));
        }
        let saved = &checkpoint.aggregations;
        if saved != aggregations {
            return Err(format!("it is for {saved:?}, but AGGREGATE_BY is {aggregations:?}"));
        }
        Ok(checkpoint)
    }
}

/// Serializes the message as JSON text: postcard cannot omit fields, and the message omits fields that are absent.
mod as_json {
    use serde::de::Error as _;
    use serde::ser::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    use crate::notification::Completion;

    pub(super) fn serialize<S: Serializer>(completion: &Completion, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&serde_json::to_string(completion).map_err(S::Error::custom)?)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Completion, D::Error> {
        serde_json::from_str(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rekognition::pages::Position;

    fn job() -> JobId {
        JobId::try_from("job-1").unwrap()
    }

    fn bytes() -> Vec<u8> {
        let completion = serde_json::from_str(r#"{"JobId":"job-1","Timestamp":5,"Video":{"S3Bucket":"b"}}"#).unwrap();
        let mut checkpoint = Checkpoint::new(completion, &[Aggregation::Timestamps]);
        checkpoint.furthest = 7;
        checkpoint.states.push(AggregationState::before_page_1(Aggregation::Timestamps, false, Position::default()));
        checkpoint.encode()
    }

    #[test]
    fn decodes_what_it_encodes() {
        let checkpoint = Checkpoint::decode(&bytes(), &job(), &[Aggregation::Timestamps]).unwrap();
        assert_eq!(checkpoint.completion.timestamp, Some(5));
        assert_eq!((checkpoint.furthest, checkpoint.all_open), (7, false));
        assert_eq!(checkpoint.encode(), bytes());
    }

    #[test]
    fn rejects_changed_and_truncated_bytes() {
        let whole = bytes();
        for index in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[index] ^= 1;
            assert!(Checkpoint::decode(&damaged, &job(), &[Aggregation::Timestamps]).is_err(), "byte {index}");
            assert!(Checkpoint::decode(&whole[..index], &job(), &[Aggregation::Timestamps]).is_err(), "cut at {index}");
        }
        assert!(Checkpoint::decode(&[whole, vec![0]].concat(), &job(), &[Aggregation::Timestamps]).is_err());
    }

    #[test]
    fn rejects_the_checkpoint_of_another_job_or_of_other_settings() {
        let other = JobId::try_from("job-2").unwrap();
        let error = Checkpoint::decode(&bytes(), &other, &[Aggregation::Timestamps]).unwrap_err();
        assert!(error.contains("job-1"), "{error}");
        let error = Checkpoint::decode(&bytes(), &job(), &Aggregation::ALL).unwrap_err();
        assert!(error.contains("AGGREGATE_BY"), "{error}");
        // The settings also count after a restart.
        let mut restarted = Checkpoint::decode(&bytes(), &job(), &[Aggregation::Timestamps]).unwrap();
        restarted.restart(0);
        let error = Checkpoint::decode(&restarted.encode(), &job(), &Aggregation::ALL).unwrap_err();
        assert!(error.contains("AGGREGATE_BY"), "{error}");
    }
}
