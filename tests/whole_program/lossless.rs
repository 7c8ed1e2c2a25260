//! Property test: whatever labels a reply holds, they can be rebuilt from the Parquet files alone.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rekognition_simulator::Aggregation::{Segments, Timestamps};
use rekognition_simulator::{Job, Simulator};
use serde_json::{Map, Value, json};

use crate::support::{BOTH_TABLES, Function, assert_lossless};

/// Generates a field that has a value, is null, or is absent.
fn field(name: &'static str, value: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Vec<(String, Value)>> {
    prop_oneof![
        6 => value.prop_map(move |value| vec![(name.to_owned(), value)]),
        1 => Just(vec![(name.to_owned(), Value::Null)]),
        2 => Just(vec![]),
    ]
    .boxed()
}

fn object(fields: Vec<BoxedStrategy<Vec<(String, Value)>>>) -> BoxedStrategy<Value> {
    fields.prop_map(|fields| Value::from(fields.into_iter().flatten().collect::<Map<_, _>>())).boxed()
}

fn float() -> BoxedStrategy<Value> {
    let extremes = [0.0, -0.0, f32::MAX, f32::MIN, f32::MIN_POSITIVE, 1e-45, 89.929_93, -0.012_5, 1.25, 100.0];
    prop_oneof![
        proptest::sample::select(extremes.to_vec()),
        any::<f32>().prop_filter("finite", |float| float.is_finite())
    ]
    .prop_map(|float| json!(f64::from(float)))
    .boxed()
}

fn text() -> BoxedStrategy<Value> {
    prop_oneof![Just(""), Just("Dog"), Just("Caño"), Just("a/b 'c'"), Just("日本")].prop_map(Value::from).boxed()
}

fn names() -> BoxedStrategy<Value> {
    vec(object(vec![field("Name", text()), field("Unknown", Just(json!(1)))]), 0..4).prop_map(Value::from).boxed()
}

fn color() -> BoxedStrategy<Value> {
    object(vec![
        field("Red", (0..256).prop_map(Value::from)),
        field("Green", (0..256).prop_map(Value::from)),
        field("Blue", (0..256).prop_map(Value::from)),
        field("HexCode", Just(json!("#fff"))),
        field("CSSColor", Just(json!("white"))),
        field("SimplifiedColor", text()),
        field("PixelPercent", float()),
    ])
}

fn instance() -> BoxedStrategy<Value> {
    let area =
        object(vec![field("Left", float()), field("Top", float()), field("Width", float()), field("Height", float())]);
    object(vec![
        field("BoundingBox", area),
        field("Confidence", float()),
        field("DominantColors", vec(color(), 0..3).prop_map(Value::from)),
    ])
}

fn label(instances: bool) -> BoxedStrategy<Value> {
    let mut fields = vec![
        field("Name", prop_oneof![4 => text(), 1 => "\\PC{0,8}".prop_map(Value::from)]),
        field("Confidence", float()),
        field("Parents", names()),
        field("Aliases", names()),
        field("Categories", names()),
        field("NewerField", Just(json!({"a": [1]}))),
    ];
    if instances {
        fields.push(field("Instances", vec(instance(), 0..5).prop_map(Value::from)));
    }
    object(fields)
}

/// Generates few distinct times, so that many labels tie.
fn time() -> BoxedStrategy<Value> {
    prop_oneof![0..3_i64, Just(i64::MAX), Just(i64::MIN), any::<i64>()].prop_map(Value::from).boxed()
}

fn detection() -> BoxedStrategy<Value> {
    (time(), label(true)).prop_map(|(time, label)| json!({"Timestamp": time, "Label": label})).boxed()
}

fn segment() -> BoxedStrategy<Value> {
    let times = object(vec![
        field("StartTimestampMillis", time()),
        field("EndTimestampMillis", time()),
        field("DurationMillis", time()),
    ]);
    (times, label(false))
        .prop_map(|(mut segment, label)| {
            segment["Label"] = label;
            segment
        })
        .boxed()
}

#[test]
fn every_value_of_every_label_round_trips() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let function = runtime.block_on(Function::start(Simulator::builder(), BOTH_TABLES));

    let number = std::cell::Cell::new(0);
    let jobs = (vec(detection(), 0..60), vec(segment(), 0..30), option::of(1..20_usize));
    let config = Config { cases: 100, failure_persistence: None, ..Config::default() };
    let run = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::default())).run(
        &jobs,
        |(detections, segments, page_size)| {
            number.set(number.get() + 1);
            let job = format!("job-{}", number.get());
            let mut replies = Job::from_labels(detections).segments(segments);
            if let Some(size) = page_size {
                replies = replies.page_size(size);
            }
            function.simulator.add_job(&job, replies);
            runtime.block_on(async {
                function.export(&job).await;
                assert_lossless(&function.simulator, &job, &[Timestamps, Segments]);
            });
            Ok(())
        },
    );
    run.unwrap();
}
