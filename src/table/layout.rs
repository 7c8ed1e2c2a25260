//! Where things are in the bucket: keys, and names as Hive escapes them.
//!
//! ```text
//! <prefix>/label_detections/job_id=<job>/label=<label>/part-00000.parquet
//! <prefix>/label_segments/job_id=<job>/label=<label>/part-00000.parquet
//! <prefix>/jobs/job-<job>.parquet
//! <prefix>/_checkpoints/<job>
//! ```

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};

use crate::aws::names::KeyPrefix;
use crate::error::Error;
use crate::job_id::JobId;
use crate::table::schema::{JOBS, Table};

/// What Hive writes for a partition value that is null or empty.
pub const HIVE_DEFAULT_PARTITION: &str = "__HIVE_DEFAULT_PARTITION__";

/// S3 allows 1,024 bytes of UTF-8 a key.
const MAX_KEY_BYTES: usize = 1024;

/// The partition that a label's rows go to.
///
/// A label without a name, with an empty one, and one that is named like Hive's default partition share
/// that partition, as one path has one file; the column `label_name` tells them apart.
///
/// ```
/// use label_lake::table::layout::LabelPartition;
/// assert_eq!(LabelPartition::new(Some("")), LabelPartition::new(None));
/// assert_eq!(LabelPartition::new(Some("Dog")).name(), Some("Dog"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(from = "Option<String>")]
pub struct LabelPartition(Option<Box<str>>);

impl LabelPartition {
    /// The partition for `Label.Name`.
    pub fn new(name: Option<&str>) -> Self {
        Self(name.filter(|name| is_partition_of_its_own(name)).map(Box::from))
    }

    /// The label's name; `None` for the default partition.
    pub fn name(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// The value of the partition key `label`: raw, as a catalog stores it.
    pub fn partition_value(&self) -> &str {
        self.name().unwrap_or(HIVE_DEFAULT_PARTITION)
    }

    /// Whether a label with this name belongs to this partition. Allocates nothing.
    pub fn holds(&self, name: Option<&str>) -> bool {
        self.name() == name.filter(|name| is_partition_of_its_own(name))
    }
}

fn is_partition_of_its_own(name: &str) -> bool {
    !name.is_empty() && name != HIVE_DEFAULT_PARTITION
}

impl From<Option<String>> for LabelPartition {
    fn from(name: Option<String>) -> Self {
        Self::new(name.as_deref())
    }
}

impl fmt::Display for LabelPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.partition_value())
    }
}

/// A key that S3 takes.
///
/// - below the prefix of the lake,
/// - at most 1,024 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey(String);

impl ObjectKey {
    /// The key, not URL-encoded.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The keys of one lake.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// Empty, or ends with `/`.
    prefix: String,
}

impl Layout {
    /// A lake below `prefix`, which has no leading or trailing `/`; empty is the bucket itself.
    pub fn new(prefix: &KeyPrefix) -> Self {
        let prefix = prefix.as_str();
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        Self { prefix }
    }

    /// The one file of a label.
    ///
    /// # Errors
    /// `KeyTooLong`.
    pub fn part(&self, table: &Table, job: &JobId, label: &LabelPartition) -> Result<ObjectKey, Error> {
        Self::key(job, format!("{}part-00000.parquet", self.partition(table, job, label)))
    }

    /// What the keys of a label begin with: the path of its partition, escaped, with a `/` at its end.
    pub fn partition(&self, table: &Table, job: &JobId, label: &LabelPartition) -> String {
        format!("{}label={}/", self.partitions(table, job), escape(label.partition_value()))
    }

    /// The row of the job in `jobs`: the commit.
    ///
    /// # Errors
    /// `KeyTooLong`.
    pub fn commit(&self, job: &JobId) -> Result<ObjectKey, Error> {
        Self::key(job, format!("{}job-{job}.parquet", self.folder(&JOBS)))
    }

    /// Where the job is saved while it is under way. Athena and Hive ignore what begins with `_`.
    ///
    /// # Errors
    /// `KeyTooLong`.
    pub fn checkpoint(&self, job: &JobId) -> Result<ObjectKey, Error> {
        Self::key(job, format!("{}_checkpoints/{job}", self.prefix))
    }

    /// What all keys of a job in a partitioned table begin with.
    pub fn partitions(&self, table: &Table, job: &JobId) -> String {
        format!("{}job_id={job}/", self.folder(table))
    }

    /// The label of a file, by its key; `None` for what is no Parquet file in a partition of the job.
    pub fn label_of(&self, table: &Table, job: &JobId, key: &str) -> Option<LabelPartition> {
        let (value, file) = key.strip_prefix(&self.partitions(table, job))?.strip_prefix("label=")?.split_once('/')?;
        file.ends_with(".parquet").then(|| LabelPartition::new(Some(&unescape(value))))
    }

    /// The job whose row has this key; `None` for what is no row.
    pub fn job_of(&self, key: &str) -> Option<JobId> {
        let name = key.strip_prefix(&self.folder(&JOBS))?.strip_prefix("job-")?.strip_suffix(".parquet")?;
        JobId::try_from(name).ok()
    }

    /// What all keys of a table begin with.
    pub fn folder(&self, table: &Table) -> String {
        format!("{}{}/", self.prefix, table.name)
    }

    fn key(job: &JobId, key: String) -> Result<ObjectKey, Error> {
        if key.len() > MAX_KEY_BYTES {
            return Err(Error::KeyTooLong { job: job.clone(), key });
        }
        Ok(ObjectKey(key))
    }
}

/// Escapes a partition value as Hive's `FileUtils.escapePathName` does: control characters and
/// `" # % ' * / : = ? \ { [ ] ^` become `%` and two upper-case hex digits. All else stays, non-ASCII too:
/// Hive, Spark and Trino decode `%XX` to one character, not to one byte of UTF-8.
///
/// ```
/// use label_lake::table::layout::escape;
/// assert_eq!(escape("Farmer's Market"), "Farmer%27s Market");
/// assert_eq!(escape("Caño Cristales"), "Caño Cristales");
/// ```
pub fn escape(value: &str) -> Cow<'_, str> {
    if !value.contains(is_escaped) {
        return Cow::Borrowed(value);
    }
    let mut escaped = String::with_capacity(value.len() + 8);
    for character in value.chars() {
        if is_escaped(character) {
            // Writing to a String does not fail.
            let _ = write!(escaped, "%{:02X}", u32::from(character));
        } else {
            escaped.push(character);
        }
    }
    Cow::Owned(escaped)
}

/// Takes back [`escape`], as Hive's `FileUtils.unescapePathName` does: `%` and two hex digits are one character. Any
/// other `%` stays.
///
/// ```
/// use label_lake::table::layout::unescape;
/// assert_eq!(unescape("Farmer%27s Market"), "Farmer's Market");
/// assert_eq!(unescape("100%"), "100%");
/// ```
pub fn unescape(path: &str) -> String {
    let mut value = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        value.push_str(before);
        // Two digits, and not the sign that the parser would take too.
        let digits = after.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        if let Some(code) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            value.push(char::from(code));
            rest = &after[2..];
        } else {
            value.push('%');
            rest = after;
        }
    }
    value + rest
}

fn is_escaped(character: char) -> bool {
    matches!(
        character,
        '\0'..='\x1f' | '\x7f' | '"' | '#' | '%' | '\'' | '*' | '/' | ':' | '=' | '?' | '\\' | '{' | '[' | ']' | '^'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::table::schema::{LABEL_DETECTIONS, LABEL_SEGMENTS};

    fn job() -> JobId {
        JobId::try_from("job-1").unwrap()
    }

    #[test]
    fn each_character_of_hives_list_is_escaped_and_no_other_ascii_one() {
        let escaped: String = (0..=0x7f_u8).map(char::from).filter(|&character| is_escaped(character)).collect();
        let mut listed: String = (0..0x20_u8).map(char::from).collect();
        listed.push_str("\"#%'*/:=?[\\]^{\x7f");
        assert_eq!(escaped, listed);
    }

    #[test]
    fn keys_are_spelled_as_the_contract_does() {
        let layout = Layout::new(&"lake/v1".parse().unwrap());
        let part = |name| layout.part(&LABEL_DETECTIONS, &job(), &LabelPartition::new(name)).unwrap().to_string();
        let root = "lake/v1/label_detections/job_id=job-1/label=";
        assert_eq!(part(Some("St. Peter's Basilica")), format!("{root}St. Peter%27s Basilica/part-00000.parquet"));
        assert_eq!(part(None), format!("{root}__HIVE_DEFAULT_PARTITION__/part-00000.parquet"));
        assert_eq!(Layout::new(&KeyPrefix::none()).commit(&job()).unwrap().as_str(), "jobs/job-job-1.parquet");
    }

    #[test]
    fn a_key_of_more_than_1024_bytes_is_an_error() {
        let label = |bytes: usize| LabelPartition::new(Some(&"x".repeat(bytes)));
        let fixed = Layout::default().part(&LABEL_DETECTIONS, &job(), &label(1)).unwrap().as_str().len() - 1;
        assert!(Layout::default().part(&LABEL_DETECTIONS, &job(), &label(1024 - fixed)).is_ok());
        let error = Layout::default().part(&LABEL_DETECTIONS, &job(), &label(1025 - fixed)).unwrap_err();
        assert_eq!(error.error_type(), "KeyTooLong");
    }

    #[test]
    fn a_label_and_a_job_are_found_by_their_keys() {
        let layout = Layout::new(&"lake/v1".parse().unwrap());
        for name in [Some("St. Peter's Basilica"), Some("50% = a/b: ñ"), None] {
            let label = LabelPartition::new(name);
            let key = layout.part(&LABEL_DETECTIONS, &job(), &label).unwrap();
            assert_eq!(layout.label_of(&LABEL_DETECTIONS, &job(), key.as_str()), Some(label));
            assert_eq!(layout.label_of(&LABEL_SEGMENTS, &job(), key.as_str()), None);
            assert_eq!(layout.job_of(key.as_str()), None);
        }
        assert_eq!(
            layout.label_of(&LABEL_DETECTIONS, &job(), "lake/v1/label_detections/job_id=job-1/label=a/_x"),
            None
        );
        assert_eq!(layout.job_of(layout.commit(&job()).unwrap().as_str()), Some(job()));
        assert_eq!(layout.job_of("lake/v1/jobs/job-a.b.parquet"), None);
    }

    #[test]
    fn a_percent_sign_that_escapes_nothing_stays() {
        for path in ["%", "%2", "a%zz", "%+1", "%ñ", "%%"] {
            assert_eq!(unescape(path), path);
        }
        assert_eq!(unescape("%%41%e9"), "%Aé");
    }

    proptest! {
        #[test]
        fn escaping_is_undone_by_hives_rule(name in "\\PC*|[\\x00-\\x7f]{0,20}") {
            let escaped = escape(&name);
            prop_assert!(!escaped.contains('/'));
            prop_assert_eq!(unescape(&escaped), name);
        }

        #[test]
        fn two_names_share_a_key_only_in_the_default_partition(a in "[%2F/ a'=]{0,4}", b in "[%2F/ a'=]{0,4}") {
            let layout = Layout::default();
            let key = |name: &str| layout.part(&LABEL_DETECTIONS, &job(), &LabelPartition::new(Some(name))).unwrap();
            prop_assert_eq!(key(&a) == key(&b), a == b);
        }
    }
}
