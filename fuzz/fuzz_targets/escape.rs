//! Any label name as a partition: it comes back exact by Hive's rule, and stays one segment of the key.

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

/// Hive's `FileUtils.unescapePathName`: `%` and two hex digits are one character, and all else is itself.
fn unescape(path: &str) -> String {
    let characters: Vec<char> = path.chars().collect();
    let mut value = String::new();
    let mut at = 0;
    while at < characters.len() {
        let digits: String = characters[at + 1..].iter().take(2).collect();
        let code = u8::from_str_radix(&digits, 16).ok().filter(|_| characters[at] == '%' && digits.len() == 2);
        value.push(code.map_or(characters[at], char::from));
        at += if code.is_some() { 3 } else { 1 };
    }
    value
}
