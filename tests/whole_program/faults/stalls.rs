//! Replies that stall before their first byte or midway.
//!
//! The function's timeouts are several seconds. Here the export runs in the test's own process instead, with the
//! function's client configuration except for shorter timeouts.

use std::time::Duration;

use aws_config::Region;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::config::Credentials;
use label_lake::aws::clients;
use label_lake::aws::deadline::Deadline;
use label_lake::aws::names::KeyPrefix;
use label_lake::config::Settings;
use label_lake::export::{Exporter, Invocation, Outcome};
use label_lake::table::aggregation::Aggregations;
use rekognition_simulator::{ACCESS_KEY_ID, Fault, REGION, SECRET_ACCESS_KEY, Simulator};

use super::{PAGES, five_pages};
use crate::support::{COMMIT, Objects, PAGE, account, assert_same_lake};

/// Timeout for the first byte of a reply.
const SHORT: Duration = Duration::from_millis(200);

async fn exporter(simulator: &Simulator) -> Exporter {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .read_timeout(SHORT)
        .operation_attempt_timeout(2 * SHORT)
        .build();
    let aws = clients::sdk_config(None)
        .unwrap()
        .region(Region::from_static(REGION))
        .credentials_provider(Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "simulator"))
        .timeout_config(timeouts)
        .endpoint_url(simulator.s3_url())
        .load()
        .await;
    let rekognition = aws_sdk_rekognition::config::Builder::from(&aws).endpoint_url(simulator.rekognition_url());
    let lambda = aws_sdk_lambda::config::Builder::from(&aws).endpoint_url(simulator.lambda_url());
    let settings = Settings {
        bucket: "lake".parse().unwrap(),
        prefix: KeyPrefix::none(),
        aggregations: Aggregations::default(),
        glue_database: None,
        bucket_owner: None,
        function_name: None,
        memory: 128 << 20,
        s3_by_path: true,
    };
    Exporter::new(
        &settings,
        aws_sdk_rekognition::Client::from_conf(rekognition.build()),
        clients::s3(&aws, true),
        clients::lazily(move || aws_sdk_lambda::Client::from_conf(lambda.build())),
        None,
    )
}

/// Exports the job with these faults, and asserts that all of them fired.
async fn export(faults: impl IntoIterator<Item = Fault>) -> (Outcome, Objects) {
    let account = faults.into_iter().fold(account(five_pages()), rekognition_simulator::Builder::fault);
    let simulator = account.start().await.unwrap();
    let deadline = Deadline::of_invocation(Duration::from_mins(15)).unwrap();
    let completion = serde_json::from_str(r#"{"JobId":"job"}"#).unwrap();
    let function_arn = simulator.function_arn();
    let invocation = Invocation { deadline, function_arn: &function_arn };
    let outcome = exporter(&simulator).await.export(&completion, invocation).await.unwrap();
    assert_eq!(simulator.faults_not_fired(), [""; 0]);
    (outcome, simulator.objects())
}

#[tokio::test]
async fn stalled_reply_times_out_and_is_retried() {
    let (_, clean) = export([]).await;
    let page = |page| Fault::on(PAGE).nth(page);
    // Each stalled request is sent again, and the next fault's number counts the retry.
    let stalls = [
        page(1).stall(),
        page(2).stall_after_bytes(300),
        page(2 + PAGES / 2).stall(),
        page(3 + PAGES / 2).stall_after_bytes(600),
        page(3 + PAGES).stall(),
        page(4 + PAGES).stall_after_bytes(20),
        Fault::on("HeadObject").stall(),
        Fault::on("HeadObject").nth(2).stall_after_bytes(30),
        Fault::on("GetObject").stall(),
        Fault::on("GetObject").nth(2).stall_after_bytes(30),
        Fault::on("PutObject").key_contains("label_").stall(),
        Fault::on("PutObject").key_contains("label_").nth(2).stall_after_bytes(30),
        Fault::on("PutObject").key_contains(COMMIT).stall(),
        Fault::on("PutObject").key_contains(COMMIT).nth(2).stall_after_bytes(30),
    ];
    let (outcome, lake) = export(stalls).await;
    // The commit succeeded, its reply stalled, and the retry found the same row.
    assert!(matches!(outcome, Outcome::Exported(_)), "{outcome:?}");
    assert_same_lake(&lake, &clean);
}

/// Stalls this many requests for each page in a row.
async fn export_with_timeouts(each_page: usize) {
    let (_, clean) = export([]).await;
    let pages = (0..PAGES).map(|page| Fault::on(PAGE).nth(1 + page * (each_page + 1)).times(each_page).stall());
    let (outcome, lake) = export(pages).await;
    assert!(matches!(outcome, Outcome::Exported(_)), "{outcome:?}");
    assert_same_lake(&lake, &clean);
}

#[tokio::test]
async fn job_with_page_timeouts_completes() {
    export_with_timeouts(1).await;
}

#[tokio::test]
#[ignore = "long: .ci/full runs it"]
async fn job_with_40_page_timeouts_completes() {
    export_with_timeouts(8).await;
    println!("{} timeouts in one job: 0 different objects", 8 * PAGES);
}
