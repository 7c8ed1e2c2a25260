//! `GetLabelDetection`: pages, order, tokens and limits.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // A panic is how a test fails.

mod client;

use client::{elements, fetch, page, sorted};
use rekognition_simulator::{Aggregation, Generated, Job, JobStatus, NameOrder, Simulator};
use serde_json::{Value, json};

async fn start(job: Job) -> Simulator {
    Simulator::builder().job("job-1", job).start().await.unwrap()
}

fn generated(detections: usize) -> Job {
    Job::generated(Generated { detections, ..Generated::default() })
}

fn name(element: &Value) -> &str {
    element["Label"]["Name"].as_str().unwrap()
}

fn confidence(element: &Value) -> f64 {
    element["Label"]["Confidence"].as_f64().unwrap()
}

#[tokio::test]
async fn same_seed_generates_the_same_job() {
    let (one, same) = (start(generated(3_000)).await, start(generated(3_000)).await);
    let other = start(Job::generated(Generated { detections: 3_000, seed: 2, ..Generated::default() })).await;
    let served = |simulator: &Simulator| simulator.served("job-1", Aggregation::Timestamps);
    assert_eq!(served(&one).len(), 3_000);
    assert_eq!(served(&one), served(&same));
    assert_ne!(served(&one), served(&other));
    assert_eq!(fetch(&one, "job-1", "NAME", "TIMESTAMPS").await, fetch(&same, "job-1", "NAME", "TIMESTAMPS").await);
}

#[tokio::test]
async fn every_order_serves_the_same_elements() {
    for job in [generated(5_000), generated(5_000).order(NameOrder::WithinPages), generated(0), generated(7)] {
        let segments = job.label_count(Aggregation::Segments);
        let simulator = start(job).await;
        assert_eq!(simulator.served("job-1", Aggregation::Segments).len(), segments);
        for (aggregation, all) in [
            ("TIMESTAMPS", simulator.served("job-1", Aggregation::Timestamps)),
            ("SEGMENTS", simulator.served("job-1", Aggregation::Segments)),
        ] {
            let by_time = elements(&fetch(&simulator, "job-1", "TIMESTAMP", aggregation).await);
            let by_name = elements(&fetch(&simulator, "job-1", "NAME", aggregation).await);
            assert_eq!(by_time, all);
            assert_eq!(sorted(by_name), sorted(all));
        }
    }
}

#[tokio::test]
async fn generated_detections_look_like_real_ones() {
    let simulator = start(generated(20_000)).await;
    let all = simulator.served("job-1", Aggregation::Timestamps);
    let names: std::collections::HashSet<_> = all.iter().map(name).collect();
    assert_eq!(names.len(), 220);
    let keys: std::collections::HashSet<_> = all.iter().map(|one| (one["Timestamp"].as_u64(), name(one))).collect();
    assert_eq!(keys.len(), all.len(), "(Timestamp, Name) is unique");
    assert!(all.is_sorted_by_key(|one| one["Timestamp"].as_u64()));
    let same_as_f32 = |value: f64| f64::from(value as f32).to_bits() == value.to_bits();
    assert!(all.iter().map(confidence).all(same_as_f32));
    let with_instances = all.iter().filter(|one| one["Label"]["Instances"] != json!([])).count();
    assert!((15..35).contains(&(with_instances * 100 / all.len())), "{with_instances}");
    let most = all.iter().filter(|one| name(one) == "Person").count();
    assert!((3_000..4_000).contains(&most), "Zipf's law: {most}");
    let page = page(&simulator, &json!({ "JobId": "job-1" })).await;
    assert!((250_000..600_000).contains(&page.content_length()), "{}", page.content_length());
}

#[tokio::test]
async fn segments_are_the_contiguous_samples_of_a_label() {
    let simulator = start(generated(4_000)).await;
    let segments = sorted(simulator.served("job-1", Aggregation::Segments));
    // Segments derived from the detections are the same, except for the order of the parents.
    let derived = start(Job::from_labels(simulator.served("job-1", Aggregation::Timestamps))).await;
    let derived = sorted(derived.served("job-1", Aggregation::Segments));
    assert!(segments.len() > 500, "{}", segments.len());
    assert_eq!(segments, derived);
}

#[tokio::test]
async fn order_by_name_groups_labels_over_all_pages_by_confidence() {
    let simulator = start(generated(5_000)).await;
    let pages = fetch(&simulator, "job-1", "NAME", "TIMESTAMPS").await;
    assert_eq!(pages.len(), 5);
    let all = elements(&pages);
    assert!(all.is_sorted_by(|a, b| (name(a), confidence(b)) <= (name(b), confidence(a))));
    let people: Vec<_> = all.iter().filter(|one| name(one) == "Person").collect();
    assert!(!people.is_sorted_by_key(|one| one["Timestamp"].as_u64()));
    for page in &pages {
        assert_eq!(page["JobStatus"], "SUCCEEDED");
        assert_eq!(page["JobId"], "job-1");
        assert_eq!(page["LabelModelVersion"], "3.0");
        assert_eq!(page["VideoMetadata"]["FrameWidth"], 1920);
        assert_eq!(page["GetRequestMetadata"], json!({ "SortBy": "NAME", "AggregateBy": "TIMESTAMPS" }));
    }
}

#[tokio::test]
async fn order_by_name_within_pages_repeats_labels() {
    let simulator = start(generated(3_000).order(NameOrder::WithinPages)).await;
    let pages = fetch(&simulator, "job-1", "NAME", "TIMESTAMPS").await;
    for page in &pages {
        assert!(page["Labels"].as_array().unwrap().is_sorted_by_key(name));
    }
    assert!(!elements(&pages).is_sorted_by_key(name));
}

#[tokio::test]
async fn fetches_differ_only_in_the_order_of_ties() {
    let given =
        (0..50).map(|time| json!({ "Timestamp": time, "Label": { "Name": "Dog", "Confidence": 90.0 } })).collect();
    for job in [generated(3_000), Job::from_labels(given)] {
        let simulator = start(job).await;
        let one = elements(&fetch(&simulator, "job-1", "NAME", "TIMESTAMPS").await);
        let other = elements(&fetch(&simulator, "job-1", "NAME", "TIMESTAMPS").await);
        assert_ne!(one, other);
        let keys = |all: &[Value]| all.iter().map(|one| (name(one).to_owned(), confidence(one))).collect::<Vec<_>>();
        assert_eq!(keys(&one), keys(&other));
        assert_eq!(sorted(one), sorted(other));
    }
}

#[tokio::test]
async fn token_used_twice_returns_the_same_page() {
    let simulator = start(generated(3_000)).await;
    let mut request = json!({ "JobId": "job-1", "SortBy": "NAME" });
    request["NextToken"] = page(&simulator, &request).await.json()["NextToken"].clone();
    let one = page(&simulator, &request).await;
    fetch(&simulator, "job-1", "NAME", "TIMESTAMPS").await;
    assert_eq!(page(&simulator, &request).await.body(), one.body());
}

#[tokio::test]
async fn token_is_bound_to_job_order_and_aggregation() {
    let simulator = start(generated(3_000)).await;
    simulator.add_job("job-2", generated(3_000));
    let token = page(&simulator, &json!({ "JobId": "job-1", "SortBy": "NAME" })).await.json()["NextToken"].clone();
    for request in [
        json!({ "JobId": "job-1", "NextToken": token }),
        json!({ "JobId": "job-1", "SortBy": "NAME", "AggregateBy": "SEGMENTS", "NextToken": token }),
        json!({ "JobId": "job-2", "SortBy": "NAME", "NextToken": token }),
        json!({ "JobId": "job-1", "SortBy": "NAME", "NextToken": "AAAA" }),
    ] {
        let refused = page(&simulator, &request).await;
        assert_eq!(refused.status(), 400);
        assert_eq!(refused.json(), json!({ "__type": "InvalidPaginationTokenException", "Message": "Invalid Token" }));
    }
}

#[tokio::test]
async fn invalid_requests_are_rejected() {
    let simulator = start(generated(10)).await;
    for (request, exception) in [
        (json!({}), "InvalidParameterException"),
        (json!({ "JobId": "" }), "InvalidParameterException"),
        (json!({ "JobId": "a/b" }), "InvalidParameterException"),
        (json!({ "JobId": "a".repeat(65) }), "InvalidParameterException"),
        (json!({ "JobId": "job-1", "MaxResults": 0 }), "InvalidParameterException"),
        (json!({ "JobId": "job-1", "SortBy": "LABEL" }), "InvalidParameterException"),
        (json!({ "JobId": "job-1", "AggregateBy": "MINUTES" }), "InvalidParameterException"),
        (json!({ "JobId": "job-1", "NextToken": "A".repeat(256) }), "InvalidParameterException"),
        (json!({ "JobId": "job-2" }), "ResourceNotFoundException"),
    ] {
        let refused = page(&simulator, &request).await;
        assert_eq!((refused.status(), &refused.json()["__type"]), (400, &json!(exception)), "{request}");
    }
    let head = "POST / HTTP/1.1\r\nX-Amz-Target: RekognitionService.GetFaceDetection";
    let unknown = client::exchange(&simulator.rekognition_url(), head, b"{}").await;
    assert_eq!(unknown.json()["__type"], "UnknownOperationException");
}

#[tokio::test]
async fn page_has_at_most_1000_elements() {
    let simulator = start(generated(2_500)).await;
    for (asked, given) in [(json!(5_000), 1_000), (json!(3), 3), (Value::Null, 1_000)] {
        let page = page(&simulator, &json!({ "JobId": "job-1", "MaxResults": asked })).await.json();
        assert_eq!(page["Labels"].as_array().unwrap().len(), given);
    }
    simulator.add_job("job-1", generated(2_500).page_size(900));
    assert_eq!(fetch(&simulator, "job-1", "NAME", "TIMESTAMPS").await.len(), 3);
}

#[tokio::test]
async fn running_and_failed_jobs_have_no_labels() {
    let simulator = start(generated(10).status(JobStatus::InProgress { replies: 2 })).await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        let page = page(&simulator, &json!({ "JobId": "job-1" })).await.json();
        seen.push((page["JobStatus"].as_str().unwrap().to_owned(), page["Labels"].as_array().unwrap().len()));
    }
    assert_eq!(seen, [("IN_PROGRESS".to_owned(), 0), ("IN_PROGRESS".to_owned(), 0), ("SUCCEEDED".to_owned(), 10)]);

    simulator.add_job("job-1", generated(10).status(JobStatus::Failed { message: "bad video".to_owned() }));
    let failed = page(&simulator, &json!({ "JobId": "job-1" })).await.json();
    assert_eq!((&failed["JobStatus"], &failed["StatusMessage"]), (&json!("FAILED"), &json!("bad video")));
    assert_eq!(failed["Labels"], json!([]));
}

#[tokio::test]
async fn pages_can_be_empty_repeat_tokens_and_be_edited() {
    let simulator = start(generated(2_500).empty_pages(2)).await;
    let pages = fetch(&simulator, "job-1", "NAME", "TIMESTAMPS").await;
    let lengths: Vec<_> = pages.iter().map(|page| page["Labels"].as_array().unwrap().len()).collect();
    assert_eq!(lengths, [1_000, 0, 1_000, 0, 500]);

    simulator.add_job("job-1", generated(2_500).repeat_token_at(2));
    let mut request = json!({ "JobId": "job-1" });
    request["NextToken"] = page(&simulator, &request).await.json()["NextToken"].clone();
    assert_eq!(page(&simulator, &request).await.json()["NextToken"], request["NextToken"]);

    let edited = generated(2_500).wrong_job_id_at(2).edit(3, |page| page["Labels"] = Value::Null).job_tag("a/b");
    simulator.add_job("job-1", edited.video("bucket", "a.mp4", Some("v1")).model_2());
    let pages = fetch(&simulator, "job-1", "NAME", "TIMESTAMPS").await;
    assert_eq!(pages[0]["JobTag"], "a/b");
    assert_eq!(pages[0]["Video"]["S3Object"], json!({ "Bucket": "bucket", "Name": "a.mp4", "Version": "v1" }));
    assert_eq!(pages[0]["LabelModelVersion"], "2.0");
    assert_eq!(pages[0]["Labels"][0]["Label"].get("Aliases"), None);
    assert_eq!(pages[1]["JobId"], "another-job");
    assert_eq!(pages[2]["Labels"], Value::Null);
}

#[tokio::test]
async fn explicit_labels_are_served_unchanged_and_absent_names_sort_first() {
    let named = json!({ "Timestamp": 0, "Label": { "Name": "Cat", "Instances": null, "New": [1e-7, -0.5] } });
    let nameless = json!({ "Timestamp": 500, "Label": { "Confidence": 99.999_992_370_605_47 } });
    let empty = json!({ "Label": { "Name": "" } });
    let simulator = start(Job::from_labels(vec![named.clone(), empty.clone(), nameless.clone()])).await;
    let pages = fetch(&simulator, "job-1", "NAME", "TIMESTAMPS").await;
    assert_eq!(elements(&pages), [nameless, empty, named]);
}

#[tokio::test]
async fn calls_beyond_the_quota_are_throttled() {
    let simulator = Simulator::builder().job("job-1", generated(1)).quota(1).start().await.unwrap();
    let request = json!({ "JobId": "job-1" });
    let mut refused = 0;
    // All twenty consecutive calls could only succeed if each took a second.
    for _ in 0..20 {
        let reply = page(&simulator, &request).await;
        if reply.status() == 400 {
            assert_eq!(reply.json()["__type"], "ProvisionedThroughputExceededException");
            refused += 1;
        }
    }
    assert!(refused > 0);
}

#[tokio::test]
async fn sdk_client_parses_pages_and_errors() {
    let simulator = start(generated(1_500)).await;
    let client = client::rekognition(&simulator);
    let page = client.get_label_detection().job_id("job-1").send().await.unwrap();
    assert_eq!(page.labels().len(), 1_000);
    assert!(page.next_token().is_some());
    assert_eq!(page.job_id(), Some("job-1"));
    let error = client.get_label_detection().job_id("job-2").send().await.unwrap_err().into_service_error();
    assert!(error.is_resource_not_found_exception(), "{error:?}");
}

#[tokio::test]
async fn long_job_is_served_from_its_middle() {
    let simulator =
        start(Job::generated(Generated { detections: 1_000_000, label_names: 3_082, ..Generated::default() })).await;
    let mut request = json!({ "JobId": "job-1", "SortBy": "NAME" });
    for _ in 0..5 {
        request["NextToken"] = page(&simulator, &request).await.json()["NextToken"].clone();
    }
    assert!(request["NextToken"].is_string());
}
