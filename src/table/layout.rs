//! Object keys of the lake, and Hive's escaping of partition values.
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

/// Hive's partition value for null and for the empty string.
pub(crate) const HIVE_DEFAULT_PARTITION: &str = "__HIVE_DEFAULT_PARTITION__";

/// Maximum length of an S3 key, in bytes of UTF-8.
const MAX_KEY_BYTES: usize = 1024;

/// The partition of a label.
///
/// A label without a name, a label with an empty name, and a label that is named like Hive's default partition share
/// that partition and its file. The column `label_name` tells them apart.
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
    /// Returns the partition for this `Label.Name`.
    pub fn new(name: Option<&str>) -> Self {
        Self(name.filter(|name| has_own_partition(name)).map(Box::from))
    }

    /// Returns the name of the label, or `None` for the default partition.
    pub fn name(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// Returns the value of the partition key `label`, unescaped as a catalog stores it.
    pub fn partition_value(&self) -> &str {
        self.name().unwrap_or(HIVE_DEFAULT_PARTITION)
    }

    /// Returns true if a label with this name belongs to this partition. Does not allocate.
    pub(crate) fn matches(&self, name: Option<&str>) -> bool {
        self.name() == name.filter(|name| has_own_partition(name))
    }
}

fn has_own_partition(name: &str) -> bool {
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

/// A valid key of an object in the lake: below the prefix of the lake, and at most 1,024 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey(String);

impl ObjectKey {
    /// Returns the key, not URL-encoded.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The keys of a lake.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// Empty, or ends with `/`.
    prefix: String,
}

impl Layout {
    /// Returns the keys of a lake below `prefix`.
    pub fn new(prefix: &KeyPrefix) -> Self {
        let prefix = prefix.as_str();
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        Self { prefix }
    }

    /// Returns the key of a label's file.
    ///
    /// # Errors
    /// `KeyTooLong`.
    pub fn part_key(&self, table: &Table, job: &JobId, label: &LabelPartition) -> Result<ObjectKey, Error> {
        Self::key(job, format!("{}part-00000.parquet", self.partition_prefix(table, job, label)))
    }

    /// Returns the prefix of all keys in the partition of a label: its escaped path, with a trailing `/`.
    pub(crate) fn partition_prefix(&self, table: &Table, job: &JobId, label: &LabelPartition) -> String {
        format!("{}label={}/", self.job_prefix(table, job), escape(label.partition_value()))
    }

    /// Returns the key of the job's row in `jobs`, which is the commit.
    ///
    /// # Errors
    /// `KeyTooLong`.
    pub fn commit_key(&self, job: &JobId) -> Result<ObjectKey, Error> {
        Self::key(job, format!("{}job-{job}.parquet", self.table_prefix(&JOBS)))
    }

    /// Returns the key of the job's checkpoint. Athena and Hive ignore paths that begin with `_`.
    ///
    /// # Errors
    /// `KeyTooLong`.
    pub fn checkpoint_key(&self, job: &JobId) -> Result<ObjectKey, Error> {
        Self::key(job, format!("{}_checkpoints/{job}", self.prefix))
    }

    /// Returns the prefix of all keys of a job in a partitioned table.
    pub fn job_prefix(&self, table: &Table, job: &JobId) -> String {
        format!("{}job_id={job}/", self.table_prefix(table))
    }

    /// Returns the label that a key belongs to, or `None` if it is not the key of a Parquet file in a partition of the
    /// job.
    pub(crate) fn label_from_key(&self, table: &Table, job: &JobId, key: &str) -> Option<LabelPartition> {
        let (value, file) = key.strip_prefix(&self.job_prefix(table, job))?.strip_prefix("label=")?.split_once('/')?;
        file.ends_with(".parquet").then(|| LabelPartition::new(Some(&unescape(value))))
    }

    /// Returns the job whose row has this key, or `None` if it is not the key of a row.
    pub fn job_from_key(&self, key: &str) -> Option<JobId> {
        let name = key.strip_prefix(&self.table_prefix(&JOBS))?.strip_prefix("job-")?.strip_suffix(".parquet")?;
        JobId::try_from(name).ok()
    }

    /// Returns the prefix of all keys of a table.
    pub fn table_prefix(&self, table: &Table) -> String {
        format!("{}{}/", self.prefix, table.name)
    }

    fn key(job: &JobId, key: String) -> Result<ObjectKey, Error> {
        if key.len() > MAX_KEY_BYTES {
            return Err(Error::KeyTooLong { job: job.clone(), key });
        }
        Ok(ObjectKey(key))
    }
}

/// Escapes a partition value like Hive's `FileUtils.escapePathName`.
///
/// Control characters and `" # % ' * / : = ? \ { [ ] ^` become `%` and two upper-case hex digits. All other characters
/// stay as they are, including non-ASCII ones: Hive, Spark and Trino decode `%XX` to one character, not to one byte of
/// UTF-8.
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

/// Reverses [`escape`], like Hive's `FileUtils.unescapePathName`. `%` and two hex digits become one character; any
/// other `%` stays as it is.
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
        // `from_str_radix` alone would also accept a sign.
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
    fn escapes_the_ascii_characters_of_hives_list_and_no_others() {
        let escaped: String = (0..=0x7f_u8).map(char::from).filter(|&character| is_escaped(character)).collect();
        let mut listed: String = (0..0x20_u8).map(char::from).collect();
        listed.push_str("\"#%'*/:=?[\\]^{\x7f");
        assert_eq!(escaped, listed);
    }

    #[test]
    fn keys_have_the_documented_form() {
        let layout = Layout::new(&"lake/v1".parse().unwrap());
        let part = |name| layout.part_key(&LABEL_DETECTIONS, &job(), &LabelPartition::new(name)).unwrap().to_string();
        let root = "lake/v1/label_detections/job_id=job-1/label=";
        assert_eq!(part(Some("St. Peter's Basilica")), format!("{root}St. Peter%27s Basilica/part-00000.parquet"));
        assert_eq!(part(None), format!("{root}__HIVE_DEFAULT_PARTITION__/part-00000.parquet"));
        assert_eq!(Layout::new(&KeyPrefix::none()).commit_key(&job()).unwrap().as_str(), "jobs/job-job-1.parquet");
    }

    #[test]
    fn rejects_keys_of_more_than_1024_bytes() {
        let label = |bytes: usize| LabelPartition::new(Some(&"x".repeat(bytes)));
        let fixed = Layout::default().part_key(&LABEL_DETECTIONS, &job(), &label(1)).unwrap().as_str().len() - 1;
        assert!(Layout::default().part_key(&LABEL_DETECTIONS, &job(), &label(1024 - fixed)).is_ok());
        let error = Layout::default().part_key(&LABEL_DETECTIONS, &job(), &label(1025 - fixed)).unwrap_err();
        assert_eq!(error.error_type(), "KeyTooLong");
    }

    #[test]
    fn parses_labels_and_jobs_from_keys() {
        let layout = Layout::new(&"lake/v1".parse().unwrap());
        for name in [Some("St. Peter's Basilica"), Some("50% = a/b: ñ"), None] {
            let label = LabelPartition::new(name);
            let key = layout.part_key(&LABEL_DETECTIONS, &job(), &label).unwrap();
            assert_eq!(layout.label_from_key(&LABEL_DETECTIONS, &job(), key.as_str()), Some(label));
            assert_eq!(layout.label_from_key(&LABEL_SEGMENTS, &job(), key.as_str()), None);
            assert_eq!(layout.job_from_key(key.as_str()), None);
        }
        assert_eq!(
            layout.label_from_key(&LABEL_DETECTIONS, &job(), "lake/v1/label_detections/job_id=job-1/label=a/_x"),
            None
        );
        assert_eq!(layout.job_from_key(layout.commit_key(&job()).unwrap().as_str()), Some(job()));
        assert_eq!(layout.job_from_key("lake/v1/jobs/job-a.b.parquet"), None);
    }

    #[test]
    fn unescape_keeps_percent_signs_without_hex_digits() {
        for path in ["%", "%2", "a%zz", "%+1", "%ñ", "%%"] {
            assert_eq!(unescape(path), path);
        }
        assert_eq!(unescape("%%41%e9"), "%Aé");
    }

    proptest! {
        #[test]
        fn unescape_reverses_escape(name in "\\PC*|[\\x00-\\x7f]{0,20}") {
            let escaped = escape(&name);
            prop_assert!(!escaped.contains('/'));
            prop_assert_eq!(unescape(&escaped), name);
        }

        #[test]
        fn different_names_have_different_keys(a in "[%2F/ a'=]{0,4}", b in "[%2F/ a'=]{0,4}") {
            let layout = Layout::default();
            let key = |name: &str| layout.part_key(&LABEL_DETECTIONS, &job(), &LabelPartition::new(Some(name))).unwrap();
            prop_assert_eq!(key(&a) == key(&b), a == b);
        }
    }
}
