//! Requests that fail: what cannot pass fails at once, and the rest after some ten seconds.

use std::time::{Duration, Instant};

use rekognition_simulator::{Fault, Simulator};

use crate::CommandOutput;
use crate::account::{Account, DATABASE, job, run_to_end, with_catalog};

const STATUS: [&str; 4] = ["status", "--bucket", "lake", "job-1"];
const DELETE: [&str; 5] = ["delete", "--bucket", "lake", "--yes", "job-1"];
const REGISTER: [&str; 6] = ["register", "--bucket", "lake", "--database", DATABASE, "job-1"];

async fn account(fault: Fault) -> Account {
    let builder = with_catalog(Simulator::builder().queue("dead")).fault(fault);
    Account::start(builder, &[]).await
}

/// Runs the command, which must make a single attempt at the operation.
async fn fail_at_once(operation: &str, fault: Fault, arguments: &[&str]) -> CommandOutput {
    let account = account(fault).await;
    let output = run_to_end(account.command(arguments)).await;
    assert_eq!(output.code, Some(1), "{arguments:?}: {}", output.stderr);
    output.assert_one_error();
    assert_eq!(account.count(operation), 1, "{arguments:?}: {}", output.stderr);
    assert!(account.simulator.faults_not_fired().is_empty());
    output
}

#[tokio::test]
async fn names_the_region_of_the_bucket_at_once() {
    for arguments in [&STATUS[..], &DELETE, &REGISTER] {
        let elsewhere = || Fault::on("GetObject").always();
        let with_region = elsewhere().status_with_header(301, "PermanentRedirect", "x-amz-bucket-region", "eu-west-1");
        let output = fail_at_once("GetObject", with_region, arguments).await;
        let words = "\nhint: run the command with --region eu-west-1\n";
        assert!(output.stderr.contains("the bucket is in eu-west-1"), "{arguments:?}: {}", output.stderr);
        assert!(output.stderr.contains(words), "{arguments:?}: {}", output.stderr);
        let without_region = elsewhere().status(301, "PermanentRedirect");
        let output = fail_at_once("GetObject", without_region, arguments).await;
        assert!(output.stderr.contains("pass the region of the bucket with --region"), "{}", output.stderr);
    }
}

#[tokio::test]
async fn names_an_expired_login_and_bad_keys_at_once() {
    let queue = "http://127.0.0.1:1/123456789012/dead";
    let expired = "the login has expired";
    let invalid = "the access key is not valid";
    for (operation, code, status, words) in [
        ("GetObject", "ExpiredToken", 400, expired),
        ("GetObject", "TokenRefreshRequired", 400, expired),
        ("GetObject", "InvalidAccessKeyId", 403, invalid),
        ("GetObject", "InvalidToken", 400, invalid),
        (
            "GetObject",
            "SignatureDoesNotMatch",
            403,
            "the access key is not valid: the secret access key does not match",
        ),
        ("GetTable", "ExpiredTokenException", 400, expired),
        ("GetTable", "UnrecognizedClientException", 400, invalid),
        ("GetTable", "InvalidSignatureException", 400, invalid),
        ("ListObjectsV2", "ExpiredToken", 400, expired),
        ("ListObjectsV2", "InvalidAccessKeyId", 403, invalid),
        ("Invoke", "ExpiredTokenException", 403, expired),
        ("Invoke", "UnrecognizedClientException", 403, invalid),
        ("GetQueueAttributes", "ExpiredToken", 403, expired),
        ("GetQueueAttributes", "InvalidClientTokenId", 403, invalid),
    ] {
        let commands: Vec<Vec<&str>> = match operation {
            "GetObject" => vec![STATUS.to_vec(), DELETE.to_vec(), REGISTER.to_vec()],
            "GetTable" => {
                let database = ["--database", DATABASE];
                vec![[&STATUS[..], &database].concat(), [&DELETE[..], &database].concat(), REGISTER.to_vec()]
            }
            "ListObjectsV2" => vec![vec!["register", "--bucket", "lake", "--database", DATABASE, "--all"]],
            "Invoke" => vec![vec!["backfill", "--function", "label-lake", "job-1"]],
            _ => vec![vec!["replay", "--function", "label-lake", queue]],
        };
        for arguments in commands {
            let account = account(Fault::on(operation).always().status(status, code)).await;
            let output = run_to_end(account.command(&arguments)).await;
            assert_eq!(output.code, Some(1), "{arguments:?}: {}", output.stderr);
            assert!(output.stderr.contains(words), "{code} {arguments:?}: {}", output.stderr);
            assert!(!output.stderr.contains("you lack"), "{code} {arguments:?}: {}", output.stderr);
            assert_eq!(account.count(operation), 1, "{code} {arguments:?}: {}", output.stderr);
        }
    }
}

#[tokio::test]
async fn reports_at_once_that_no_connection_can_be_opened() {
    let account = Account::start(Simulator::builder(), &[]).await;
    // Port 1 is closed.
    let closed = "http://127.0.0.1:1";
    for arguments in [&STATUS[..], &DELETE, &REGISTER, &["backfill", "--function", "label-lake", "job-1"]] {
        let mut command = account.command(arguments);
        for service in ["S3", "GLUE", "LAMBDA"] {
            command.env(format!("AWS_ENDPOINT_URL_{service}"), closed);
        }
        let started = Instant::now();
        let output = run_to_end(command).await;
        assert_eq!(output.code, Some(1), "{arguments:?}: {}", output.stderr);
        for words in ["no connection can be opened", "check --region", "refused"] {
            assert!(output.stderr.contains(words), "{arguments:?}: {}", output.stderr);
        }
        // Retries would take ten seconds.
        assert!(started.elapsed() < Duration::from_secs(8), "{arguments:?}: {:?}", started.elapsed());
    }
}

#[tokio::test]
async fn reports_at_once_that_the_certificate_is_not_trusted() {
    let account = Account::start(Simulator::builder().tls(), &[]).await;
    let trusted = run_to_end(account.command(&STATUS)).await;
    assert!(trusted.stdout.contains("UNKNOWN"), "{}", trusted.stderr);
    let mut command = account.command(&STATUS);
    command.env_remove("AWS_CA_BUNDLE").env_remove("SSL_CERT_FILE");
    let started = Instant::now();
    let output = run_to_end(command).await;
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    for words in ["no connection can be opened", "AWS_CA_BUNDLE", "certificate"] {
        assert!(output.stderr.contains(words), "{}", output.stderr);
    }
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
}

#[tokio::test]
async fn gives_up_after_ten_seconds_and_says_what_it_retries() {
    // The second case has no reply at all.
    let broken =
        [Fault::on("GetObject").always().status(500, "InternalError"), Fault::on("GetObject").always().stall()];
    let runs = broken.map(|fault| async {
        let account = account(fault).await;
        let started = Instant::now();
        let output = run_to_end(account.command(&STATUS)).await;
        (account, output, started.elapsed())
    });
    for (account, output, elapsed) in futures_util::future::join_all(runs).await {
        assert_eq!(output.code, Some(1), "{}", output.stderr);
        let lines: Vec<_> = output.stderr.lines().collect();
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(lines[0].starts_with("retrying for up to 10 s: job job-1: s3:GetObject on"), "{lines:?}");
        assert!(lines[1].starts_with("error: job job-1: s3:GetObject on"), "{lines:?}");
        assert_eq!(lines[2], "hint: run the command again");
        assert!(account.count("GetObject") >= 2, "the command retries");
        assert!(elapsed < Duration::from_secs(30), "{elapsed:?}");
    }
}

#[tokio::test]
async fn retries_without_a_word_what_passes_within_a_second() {
    let fault = Fault::on("GetObject").times(2).status(503, "SlowDown");
    let account = Account::start(Simulator::builder().job("job-1", job(2)).fault(fault), &[]).await;
    let output = run_to_end(account.command(&STATUS)).await;
    assert_eq!((output.code, &*output.stderr), (Some(1), ""), "the job is not in the lake");
    assert!(output.stdout.contains("UNKNOWN"), "{}", output.stdout);
    assert!(account.simulator.faults_not_fired().is_empty());
}
