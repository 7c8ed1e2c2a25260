//! Replies that do not come, or not to their end.
//!
//! The function waits for seconds before it gives an attempt up. So here the export runs in the process of the test,
//! with the same client configuration but for its timeouts.

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
use simulator::{ACCESS_KEY_ID, Fault, REGION, SECRET_ACCESS_KEY, Simulator};

use super::{COMMIT, Lake, PAGE, PAGES, account, assert_same_lake, five_pages};

/// An attempt is given up after this time without a byte.
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

/// Exports the job once, with these faults; all of them have to fire.
async fn export(faults: impl IntoIterator<Item = Fault>) -> (Outcome, Lake) {
    let account = faults.into_iter().fold(account(five_pages()), simulator::Builder::fault);
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
async fn a_reply_that_stalls_is_given_up_and_asked_for_again() {
    let (_, clean) = export([]).await;
    let page = |page| Fault::on(PAGE).nth(page);
    // Each stall is met by a second request, which the next fault counts too.
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
    // The commit was made, its reply did not come, and the next attempt found the same row.
    assert!(matches!(outcome, Outcome::Exported(_)), "{outcome:?}");
    assert_same_lake(&lake, &clean);
}

/// Lets several requests for one page stall, one after the other.
async fn time_out(each_page: usize) {
    let (_, clean) = export([]).await;
    let pages = (0..PAGES).map(|page| Fault::on(PAGE).nth(1 + page * (each_page + 1)).times(each_page).stall());
    let (outcome, lake) = export(pages).await;
    assert!(matches!(outcome, Outcome::Exported(_)), "{outcome:?}");
    assert_same_lake(&lake, &clean);
}

#[tokio::test]
async fn a_job_whose_pages_time_out_completes() {
    time_out(1).await;
}

#[tokio::test]
#[ignore = "long: .ci/full runs it"]
async fn a_job_whose_pages_time_out_40_times_completes() {
    time_out(8).await;
    println!("timeouts in one job: {}, lost 0, different 0", 8 * PAGES);
}
