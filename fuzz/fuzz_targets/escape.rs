//! Any label name as a partition value: Hive's rule decodes it exactly, and it stays one segment of the key.

#![no_main]

use label_lake::job_id::JobId;
use label_lake::table::layout::{LabelPartition, Layout, escape};
use label_lake::table::schema::LABEL_DETECTIONS;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|name: &str| {
    let escaped = escape(name);
    assert!(!escaped.contains('/') && !escaped.chars().any(|character| character.is_ascii_control()), "{escaped:?}");
    assert_eq!(unescape(&escaped), name);

    let job = JobId::try_from("job-1").unwrap();
    let label = LabelPartition::new(Some(name));
    if let Ok(key) = Layout::new(&"lake".parse().unwrap()).part_key(&LABEL_DETECTIONS, &job, &label) {
        let segments: Vec<_> = key.as_str().split('/').collect();
        let ["lake", "label_detections", "job_id=job-1", partition, "part-00000.parquet"] = segments[..] else {
            panic!("{key}");
        };
        let value = unescape(partition.strip_prefix("label=").unwrap());
        assert_eq!(value, label.partition_value());
        assert!(value == name || name.is_empty(), "{value:?}");
    }
});

/// Decodes as Hive's `FileUtils.unescapePathName` does: `%` and two hex digits are one character; everything else is
/// unchanged.
fn unescape(path: &str) -> String {
    let characters: Vec<char> = path.chars().collect();
    let mut value = String::new();
    let mut index = 0;
    while index < characters.len() {
        let digits: String = characters[index + 1..].iter().take(2).collect();
        let code = u8::from_str_radix(&digits, 16).ok().filter(|_| characters[index] == '%' && digits.len() == 2);
        value.push(code.map_or(characters[index], char::from));
        index += if code.is_some() { 3 } else { 1 };
    }
    value
}
