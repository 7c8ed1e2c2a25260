//! Any bytes as an event: no panic, no key outside the lake, no raw newline in what is logged.

#![no_main]

use label_lake::handler::Event;
use label_lake::table::layout::{LabelPartition, Layout};
use label_lake::notification::{Completion, Delivery};
use label_lake::table::schema::{LABEL_DETECTIONS, LABEL_SEGMENTS};
use libfuzzer_sys::fuzz_target;
use serde::Deserialize as _;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    // As the runtime reads it: any bytes are an event, of which the handler says what is wrong.
    let event = Event::deserialize(&mut serde_json::Deserializer::from_slice(bytes));
    assert!(event.is_ok(), "refused before the handler saw it: {event:?}");
    let Ok(event) = serde_json::from_slice::<Value>(bytes) else { return };
    for message in Delivery::unwrap_event(&event).messages {
        match message.completion {
            Ok(completion) => check_keys(&completion),
            Err(error) => {
                let text = error.with_sources();
                assert!(!text.contains(['\n', '\r']), "{text:?}");
            }
        }
    }
});

/// Every key of a job is below the prefix, and exactly as deep as the layout says: no id can add a segment.
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
    // What the function sends to itself is read back as the same message.
    let again = serde_json::to_vec(completion).unwrap();
    assert_eq!(serde_json::from_slice::<Completion>(&again).unwrap(), *completion);
}

fn check(key: &str, root: &str, beginnings: &[&str]) {
    let segments: Vec<_> = key.strip_prefix(root).expect("below the prefix").split('/').collect();
    assert_eq!(segments.len(), beginnings.len(), "{key}");
    for (segment, beginning) in segments.iter().zip(beginnings) {
        assert!(segment.starts_with(beginning) && !matches!(*segment, "" | "." | ".."), "{key}");
    }
}
