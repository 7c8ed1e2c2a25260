//! Comparison of two lakes, object by object.

use std::collections::BTreeMap;

use bytes::Bytes;

/// The bytes of each object in a bucket, by key.
pub(crate) type Objects = BTreeMap<String, Bytes>;

/// Returns one line for each object that is missing, unexpected or has different bytes.
pub(crate) fn differences(found: &Objects, expected: &Objects) -> Vec<String> {
    let missing = expected.keys().filter(|key| !found.contains_key(*key)).map(|key| format!("missing {key}"));
    let extra_or_different = found.iter().filter_map(|(key, bytes)| match expected.get(key) {
        None => Some(format!("extra {key}")),
        Some(expected_bytes) => (expected_bytes != bytes).then(|| format!("different {key}")),
    });
    missing.chain(extra_or_different).collect()
}

/// Asserts that two lakes have the same objects. A failure prints the keys that differ, but not their bytes.
pub(crate) fn assert_same_lake(found: &Objects, expected: &Objects) {
    assert_eq!(differences(found, expected), [""; 0]);
}
