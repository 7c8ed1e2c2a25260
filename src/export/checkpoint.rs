//! Stop here, go on there: the state of an export as one object.
//!
//! ```text
//! "LLCHECK3"  8 bytes: what it is, and the version of what follows
//! CRC-32      4 bytes, little-endian, of what follows
//! state       postcard
//! ```

use serde::{Deserialize, Serialize};

use crate::export::chain::Chain;
use crate::job_id::JobId;
use crate::notification::Completion;
use crate::table::aggregation::Aggregation;
use crate::table::rows::{JobDescription, JobRow};

/// Changes whenever the state does, so that another build's checkpoint is not misread.
const MAGIC: &[u8; 8] = b"LLCHECK3";
const HEADER: usize = MAGIC.len() + size_of::<u32>();

/// All that another invocation needs to go on with a job.
#[derive(Debug, Deserialize, Serialize)]
pub struct Checkpoint {
    /// The message that began the export: it counts, whatever later copies say.
    #[serde(with = "as_json")]
    pub completion: Completion,
    /// True if this export removes what earlier exports of the job left, and replaces their row.
    pub replaces: bool,
    /// The aggregations that it was begun with.
    pub aggregations: Vec<Aggregation>,
    /// What the first reply says of the job.
    pub description: JobDescription,
    /// True if the pages are known not to be grouped by label: all labels stay open until the last page.
    pub all_open: bool,
    /// The most pages that an earlier reading of the job came to, before it had to start over.
    pub furthest: u64,
    /// How many invocations in a row made no progress.
    pub stalled: u32,
    /// The pages of each aggregation; none before the first page.
    pub chains: Vec<Chain>,
    /// How many partitions are registered, in the order of the chains and their labels.
    pub registered: usize,
}

impl Checkpoint {
    /// Returns the state before the first page.
    pub fn new(completion: Completion, aggregations: &[Aggregation]) -> Self {
        Self {
            aggregations: aggregations.to_vec(),
            replaces: completion.overwrite || completion.replaces,
            completion: Completion { overwrite: false, replaces: false, ..completion },
            description: JobDescription::default(),
            all_open: false,
            furthest: 0,
            stalled: 0,
            chains: Vec::new(),
            registered: 0,
        }
    }

    /// Returns how many pages were read, in all aggregations.
    pub fn pages(&self) -> u64 {
        self.chains.iter().map(Chain::pages).sum()
    }

    /// Goes back to before the first page. Earlier invocations had come to this many pages.
    pub fn start_over(&mut self, pages_before: u64) {
        self.furthest = self.furthest.max(pages_before);
        self.chains.clear();
        self.registered = 0;
    }

    /// Returns the row of the job, when all its files are in the lake.
    pub fn row(&self) -> JobRow {
        let summaries = self.chains.iter().map(|chain| (chain.aggregation(), chain.summaries().clone()));
        JobRow::succeeded(self.completion.clone(), self.description.clone(), summaries.collect())
    }

    /// The bytes of the object.
    #[expect(clippy::expect_used, clippy::missing_panics_doc, reason = "says why it does not happen")]
    pub fn encode(&self) -> Vec<u8> {
        let header = [&MAGIC[..], &[0; size_of::<u32>()]].concat();
        let mut bytes = postcard::to_extend(self, header).expect("every part of the state can be serialized");
        let checksum = crc32fast::hash(&bytes[HEADER..]);
        bytes[MAGIC.len()..HEADER].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Reads the bytes of an object, strictly: all of them, undamaged, of this job and these aggregations, written by
    /// a build that writes the same.
    ///
    /// # Errors
    /// Why they are of no use.
    pub fn decode(bytes: &[u8], job: &JobId, aggregations: &[Aggregation]) -> Result<Self, String> {
        let Some((header, state)) = bytes.split_at_checked(HEADER) else { return Err("it is cut off".to_owned()) };
        let (magic, checksum) = header.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err("another build wrote it".to_owned());
        }
        if checksum != crc32fast::hash(state).to_le_bytes() {
            return Err("its checksum is wrong".to_owned());
        }
        let (checkpoint, rest) =
            postcard::take_from_bytes::<Self>(state).map_err(|error| format!("it cannot be read: {error}"))?;
        let begun = checkpoint.chains.iter().map(Chain::aggregation);
        let is_complete = checkpoint.chains.is_empty() || begun.eq(checkpoint.aggregations.iter().copied());
        if !rest.is_empty() || !is_complete || !checkpoint.chains.iter().all(Chain::is_sound) {
            return Err("it contradicts itself".to_owned());
        }
        if checkpoint.completion.job_id != *job {
            return Err(format!("it is of job {}", checkpoint.completion.job_id));
        }
        let saved = &checkpoint.aggregations;
        if saved != aggregations {
            return Err(format!("it is of {saved:?}, and AGGREGATE_BY says {aggregations:?}"));
        }
        Ok(checkpoint)
    }
}

/// Postcard knows no absent fields, and the message leaves out those that it has not.
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

    fn job() -> JobId {
        JobId::try_from("job-1").unwrap()
    }

    fn bytes() -> Vec<u8> {
        let completion = serde_json::from_str(r#"{"JobId":"job-1","Timestamp":5,"Video":{"S3Bucket":"b"}}"#).unwrap();
        let mut checkpoint = Checkpoint::new(completion, &[Aggregation::Timestamps]);
        checkpoint.furthest = 7;
        checkpoint.chains.push(Chain::begin(Aggregation::Timestamps, false));
        checkpoint.encode()
    }

    #[test]
    fn it_is_read_back() {
        let checkpoint = Checkpoint::decode(&bytes(), &job(), &[Aggregation::Timestamps]).unwrap();
        assert_eq!(checkpoint.completion.timestamp, Some(5));
        assert_eq!((checkpoint.furthest, checkpoint.all_open), (7, false));
        assert_eq!(checkpoint.encode(), bytes());
    }

    #[test]
    fn any_change_of_a_byte_and_any_cut_is_noticed() {
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
    fn another_jobs_and_another_settings_checkpoint_is_refused() {
        let other = JobId::try_from("job-2").unwrap();
        let error = Checkpoint::decode(&bytes(), &other, &[Aggregation::Timestamps]).unwrap_err();
        assert!(error.contains("job-1"), "{error}");
        let error = Checkpoint::decode(&bytes(), &job(), &Aggregation::ALL).unwrap_err();
        assert!(error.contains("AGGREGATE_BY"), "{error}");
        // That of a job that started over, too.
        let mut started_over = Checkpoint::decode(&bytes(), &job(), &[Aggregation::Timestamps]).unwrap();
        started_over.start_over(0);
        let error = Checkpoint::decode(&started_over.encode(), &job(), &Aggregation::ALL).unwrap_err();
        assert!(error.contains("AGGREGATE_BY"), "{error}");
    }
}
