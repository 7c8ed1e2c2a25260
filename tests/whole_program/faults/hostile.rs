//! Any bytes as an event: the same properties as `fuzz/fuzz_targets/event.rs`, over inputs made by chance.

use label_lake::handler::Event;
use label_lake::notification::Delivery;
use label_lake::table::layout::Layout;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde::Deserialize as _;
use serde_json::{Value, json};

/// JSON that looks like an event: the names that are looked for, around anything.
fn event_like() -> impl Strategy<Value = Value> {
    let text = prop_oneof!["\\PC{0,70}", "[a-z./\\n\\\\%-]{0,70}", Just(r#"{"JobId":"job-1"}"#.to_owned())];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    let name = prop_oneof![
        proptest::sample::select(vec![
            "Records",
            "Sns",
            "body",
            "messageId",
            "Message",
            "requestPayload",
            "JobId",
            "API",
            "Timestamp",
            "Video",
            "Overwrite",
            "Continuation",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,5}",
    ];
    leaf.prop_recursive(6, 60, 4, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(name.clone(), inner.clone(), 0..5).prop_map(|fields| fields.into_iter().collect()),
            // A message in a string, as SNS and SQS wrap it.
            inner.prop_map(|inner| json!({"Message": inner.to_string()})),
        ]
    })
}

fn check(event: &Value) -> Result<(), TestCaseError> {
    for message in Delivery::unwrap_event(event).messages {
        match message.completion {
            Ok(completion) => {
                let layout = Layout::new(&"lake/v1".parse().unwrap());
                let commit = layout.commit_key(&completion.job_id).unwrap();
                let name = commit.as_str().strip_prefix("lake/v1/jobs/job-").unwrap();
                prop_assert!(!name.contains('/') && name.ends_with(".parquet"), "{}", commit);
                let checkpoint = layout.checkpoint_key(&completion.job_id).unwrap();
                prop_assert_eq!(checkpoint.as_str().split('/').count(), 4);
            }
            Err(error) => {
                let text = error.with_sources();
                prop_assert!(!text.contains(['\n', '\r']), "{:?}", text);
            }
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn whatever_an_event_holds_is_a_job_inside_the_lake_or_an_error_of_one_line(event in event_like()) {
        check(&event)?;
    }

    #[test]
    fn whatever_bytes_come_are_an_event(bytes in vec(any::<u8>(), 0..200), cut in 0_usize..100) {
        let mut sample = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/events/sqs-redrive.json")).unwrap();
        let at = cut * sample.len() / 100;
        sample.splice(at..at, bytes.clone());
        for bytes in [bytes, sample] {
            prop_assert!(Event::deserialize(&mut serde_json::Deserializer::from_slice(&bytes)).is_ok());
            if let Ok(event) = serde_json::from_slice(&bytes) {
                check(&event)?;
            }
        }
    }
}
