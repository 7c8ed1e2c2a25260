//! Benchmarks of the CPU-bound stages: flatten, encode, escape. Run with `cargo bench --manifest-path bench/micro/Cargo.toml`.

#![allow(missing_docs)] // Criterion's macros generate public functions.
#![allow(clippy::expect_used, clippy::unwrap_used)] // A panic ends the benchmark.

use std::hint::black_box;

use aws_sdk_rekognition::types::{BoundingBox, Instance, Label, LabelCategory, LabelDetection, Parent};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use fastrand::Rng;
use label_lake::job_id::JobId;
use label_lake::table::aggregation::Aggregation;
use label_lake::table::layout::escape;
use label_lake::table::parquet::{Format, encode_rows};
use label_lake::table::rows::Rows;
use label_lake::table::schema::LABEL_DETECTIONS;

/// Maximum number of labels on a page.
const PAGE: usize = 1000;

/// Returns detections of which one in ten has instances, so that there are about as many rows as detections, as for most
/// labels.
fn detections(count: usize) -> Vec<LabelDetection> {
    let mut random = Rng::with_seed(1);
    (0..count).map(|number| detection(number, &mut random)).collect()
}

fn detection(number: usize, random: &mut Rng) -> LabelDetection {
    let instances = if number.is_multiple_of(10) { random.usize(1..=3) } else { 0 };
    let label = Label::builder()
        .name("Golden Retriever")
        .confidence(random.f32() * 100.0)
        .set_instances(Some((0..instances).map(|_| instance(random)).collect()))
        .set_parents(Some(["Animal", "Dog", "Pet"].map(|name| Parent::builder().name(name).build()).into()))
        .set_aliases(Some(Vec::new()))
        .categories(LabelCategory::builder().name("Animals and Pets").build());
    // Rekognition sorts a label's detections by confidence, so their times are in no particular order.
    LabelDetection::builder().timestamp(random.i64(0..7_200_000)).label(label.build()).build()
}

fn instance(random: &mut Rng) -> Instance {
    let sides = BoundingBox::builder().left(random.f32()).top(random.f32()).width(random.f32()).height(random.f32());
    Instance::builder().bounding_box(sides.build()).confidence(random.f32() * 100.0).build()
}

fn rows(detections: Vec<LabelDetection>) -> Rows {
    let mut rows = Rows::new(Aggregation::Timestamps);
    for detection in detections {
        rows.push(detection);
    }
    rows
}

fn flatten(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("flatten");
    group.throughput(Throughput::Elements(PAGE as u64));
    group.bench_function("a page", |bencher| {
        bencher.iter_batched(|| detections(PAGE), rows, BatchSize::LargeInput);
    });
    group.finish();
}

fn encode(criterion: &mut Criterion) {
    let format = Format::new(&LABEL_DETECTIONS, &JobId::try_from("job-1").expect("a valid job ID"));
    let mut group = criterion.benchmark_group("encode");
    // A typical file, one file on each side of the threshold between the codecs, and a large one.
    for count in [10, 200, 400, 20_000] {
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(format!("{count} detections"), |bencher| {
            let rows = || rows(detections(count));
            bencher.iter_batched(rows, |mut rows| encode_rows(&mut rows, &format), BatchSize::LargeInput);
        });
    }
    group.finish();
}

fn escaping(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("escape");
    for (case, name) in [("a plain name", "Golden Retriever"), ("an odd name", "Farmer's Market 50% / Café: [A=B]")] {
        group.throughput(Throughput::Bytes(name.len() as u64));
        group.bench_function(case, |bencher| bencher.iter(|| escape(black_box(name)).len()));
    }
    group.finish();
}

criterion_group!(stages, flatten, encode, escaping);
criterion_main!(stages);
