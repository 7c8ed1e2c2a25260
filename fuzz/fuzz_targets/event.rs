//! Any bytes as an event: no panic, no key outside the lake, no line break in an error text.

#![no_main]

use label_lake::handler::Event;
use label_lake::notification::{Completion, Delivery};
use label_lake::table::layout::{LabelPartition, Layout};
use label_lake::table::schema::{LABEL_DETECTIONS, LABEL_SEGMENTS};
use libfuzzer_sys::fuzz_target;
use serde::Deserialize as _;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    // The runtime deserializes any bytes as an event, so that the handler can report what is wrong with it.
    let event = Event::deserialize(&mut serde_json::Deserializer::from_slice(bytes));
    assert!(event.is_ok(), "rejected before it reached the handler: {event:?}");
    let Ok(event) = serde_json::from_slice::<Value>(bytes) else { return };
    let delivery = Delivery::unwrap_event(&event);
    for request in delivery.requests {
        check_keys(&request.completion);
    }
    for rejected in delivery.rejected {
        let text = rejected.error.with_sources();
        assert!(!text.contains(['\n', '\r']), "{text:?}");
    }
});

/// Asserts that every key of a job is below the prefix and exactly as deep as the layout says: no job ID can add a segment.
fn check_keys(completion: &Completion) {
    let job = &completion.job_id;
    for (prefix, root) in [("", ""), ("lake/v1", "lake/v1/")] {
        let layout = Layout::new(&prefix.parse().unwrap());
        check(layout.commit_key(job).unwrap().as_str(), root, &["jobs", "job-"]);
        check(layout.checkpoint_key(job).unwrap().as_str(), root, &["_checkpoints", ""]);
        for table in [&LABEL_DETECTIONS, &LABEL_SEGMENTS] {
            let part = layout.part_key(table, job, &LabelPartition::new(Some("Dog"))).unwrap();
            check(part.as_str(), root, &[table.name, "job_id=", "label=Dog", "part-00000.parquet"]);
        }
    }
    // A message that the function sends to itself deserializes to the same message.
    let serialized = serde_json::to_vec(completion).unwrap();
    assert_eq!(serde_json::from_slice::<Completion>(&serialized).unwrap(), *completion);
}

/// Asserts that the segments of a key below the root begin like this.
fn check(key: &str, root: &str, prefixes: &[&str]) {
    let segments: Vec<_> = key.strip_prefix(root).expect("below the prefix").split('/').collect();
    assert_eq!(segments.len(), prefixes.len(), "{key}");
    for (segment, prefix) in segments.iter().zip(prefixes) {
        assert!(segment.starts_with(prefix) && !matches!(*segment, "" | "." | ".."), "{key}");
    }
}
