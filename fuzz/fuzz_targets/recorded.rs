//! Any bytes as a recorded reply: no panic, an error on one line, and a job with exactly the labels that were read.

#![no_main]
#![allow(dead_code, reason = "the module has functions that only the command line calls")]

#[path = "../../cli/src/error.rs"]
mod error;
#[path = "../../cli/src/input.rs"]
mod input;
#[path = "../../cli/src/local/recording/mod.rs"]
mod recording;

use label_lake::table::aggregation::Aggregation;
use libfuzzer_sys::fuzz_target;

use self::recording::Recording;

fuzz_target!(|bytes: &[u8]| {
    let recording = match Recording::parse([Ok(("file".to_owned(), bytes.to_vec()))]) {
        Ok(recording) => recording,
        Err(error) => {
            let text = format!("{error:#}");
            assert!(!text.contains(['\n', '\r']), "{text:?}");
            return;
        }
    };
    let id = recording.job_id(None).map_or_else(|_| "job".to_owned(), |id| id.to_string());
    if recording.check(&id, &[Aggregation::Timestamps]).is_err() {
        return;
    }
    let detections = recording.count(Aggregation::Timestamps);
    let job = recording.into_job().expect("a checked recording is a job");
    assert_eq!(job.label_count(rekognition_simulator::Aggregation::Timestamps), detections);
});
