//! Memory is bounded by the largest label, not by the number of pages.

use serde_json::Value;

use crate::support::{Function, account, generated, job_row};

const MIB: usize = 1024 * 1024;

/// Returns the function's peak memory for a job in bytes, and the maximum number of rows of a label.
async fn peak_and_largest(labels: usize, names: usize) -> (usize, usize) {
    let function = Function::start(account(generated(labels, names)), &[]).await;
    let answer = function.export("job").await;
    assert_eq!(answer["jobs"][0]["detections"], labels);
    let row = job_row(&function.simulator.objects(), "job");
    let rows = |label: &Value| (label["detections"].as_u64().unwrap() + label["instances"].as_u64().unwrap()) as usize;
    (function.peak_memory(), row["labels"].as_array().unwrap().iter().map(rows).max().unwrap())
}

async fn peak(labels: usize, names: usize) -> usize {
    peak_and_largest(labels, names).await.0
}

async fn ten_times_the_pages(pages: usize) {
    let (short, _) = peak_and_largest(pages * 1_000, pages * 15).await;
    let (long, largest) = peak_and_largest(pages * 10_000, pages * 150).await;
    println!(
        "{pages} pages: {} KiB; {} pages: {} KiB, of which the largest label has up to {largest} rows",
        short / 1024,
        pages * 10,
        long / 1024
    );
    assert!(long < short + 8 * MIB + 64 * largest, "{short}, {long}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_times_the_pages_and_labels_take_the_same_memory() {
    ten_times_the_pages(20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: .ci/full runs it"]
async fn thousand_pages_take_the_memory_of_a_hundred() {
    ten_times_the_pages(100).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_of_the_largest_label_takes_at_most_64_bytes() {
    let (short, long) = (peak(50_000, 1).await, peak(400_000, 1).await);
    // 29 % of the detections have 1 to 5 instances, which is 3 rows on average.
    let rows = 350_000.0 * 1.58;
    let bytes_per_row = long.saturating_sub(short) as f64 / rows;
    println!(
        "one label of 50,000 detections: {} KiB; of 400,000: {} KiB; {bytes_per_row:.0} bytes per row",
        short / 1024,
        long / 1024
    );
    assert!(bytes_per_row <= 64.0, "{bytes_per_row}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pending_uploads_pause_fetching_before_memory_runs_out() {
    let peak = peak(20_000, 20_000).await;
    println!("20,000 labels of one detection each: {} KiB", peak / 1024);
    assert!(peak < 100 * MIB, "{peak}");
}
