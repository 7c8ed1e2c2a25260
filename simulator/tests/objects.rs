//! S3, tested with the SDK's client.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // A panic is how a test fails.

mod client;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::Credentials;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumMode, Delete, ObjectIdentifier};
use rekognition_simulator::Simulator;

/// Returns the status and the code of an error.
fn error<E: ProvideErrorMetadata>(
    result: Result<impl Sized, SdkError<E, aws_sdk_s3::config::http::HttpResponse>>,
) -> (u16, String) {
    let error = result.err().expect("an error");
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    (status, error.code().unwrap_or_default().to_owned())
}

fn body(text: &str) -> ByteStream {
    ByteStream::from(text.as_bytes().to_vec())
}

async fn put(client: &Client, key: &str, text: &str) {
    client.put_object().bucket("lake").key(key).body(body(text)).send().await.unwrap();
}

async fn start(listing_allowed: bool) -> (Simulator, Client) {
    let simulator = Simulator::builder().listing_allowed(listing_allowed).start().await.unwrap();
    let client = client::s3(&simulator);
    (simulator, client)
}

#[tokio::test]
async fn object_is_returned_with_its_etag_checksum_and_metadata() {
    let (simulator, client) = start(false).await;
    let key = "t/label=Caño Cristales%2F+&/part-00000.parquet";
    let sent =
        client.put_object().bucket("lake").key(key).body(body("hello")).metadata("job", "j").send().await.unwrap();
    assert_eq!(sent.e_tag(), Some("\"5d41402abc4b2a76b9719d911017c592\""));
    let got = client.get_object().bucket("lake").key(key).send().await.unwrap();
    assert_eq!(got.e_tag(), sent.e_tag());
    assert_eq!(got.metadata().unwrap()["job"], "j");
    assert_eq!(got.body.collect().await.unwrap().into_bytes(), "hello");
    let head = client.head_object().bucket("lake").key(key).checksum_mode(ChecksumMode::Enabled).send().await.unwrap();
    assert_eq!((head.content_length(), head.checksum_crc32()), (Some(5), Some("NhCmhg==")));
    let part = client.get_object().bucket("lake").key(key).range("bytes=1-2").send().await.unwrap();
    assert_eq!(part.body.collect().await.unwrap().into_bytes(), "el");
    assert_eq!(simulator.objects().keys().collect::<Vec<_>>(), [key]);
    let log: Vec<_> = simulator.requests().into_iter().map(|one| (one.operation, one.target, one.status)).collect();
    assert_eq!(log[0], ("PutObject".to_owned(), key.to_owned(), 200));
    assert_eq!(log[2].0, "HeadObject");
    assert_eq!(log[3].2, 206);
}

#[tokio::test]
async fn upload_with_a_wrong_checksum_is_rejected() {
    let (simulator, client) = start(false).await;
    let put = || client.put_object().bucket("lake").key("a").body(body("hello"));
    assert_eq!(error(put().checksum_crc32("AAAAAA==").send().await), (400, "BadDigest".to_owned()));
    assert_eq!(error(put().checksum_crc32("AAAA").send().await), (400, "InvalidRequest".to_owned()));
    let wrong = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    assert_eq!(error(put().checksum_sha256(wrong).send().await), (400, "BadDigest".to_owned()));
    assert_eq!(error(put().content_md5("1B2M2Y8AsgTpgAmY7PhCfg==").send().await), (400, "BadDigest".to_owned()));
    assert!(simulator.objects().is_empty());
    put().checksum_crc32("NhCmhg==").send().await.unwrap();
    assert!(simulator.store().contains("a"));
}

#[tokio::test]
async fn request_with_a_wrong_signature_is_rejected() {
    let (simulator, _) = start(false).await;
    let wrong = Credentials::new(rekognition_simulator::ACCESS_KEY_ID, "wrong", None, None, "test");
    let client = client::s3_with(&simulator, wrong);
    let refused = client.put_object().bucket("lake").key("a").body(body("hello")).send().await;
    assert_eq!(error(refused), (403, "SignatureDoesNotMatch".to_owned()));
    assert!(simulator.objects().is_empty());
}

#[tokio::test]
async fn failed_condition_changes_nothing() {
    let (simulator, client) = start(true).await;
    let put = |key: &str| client.put_object().bucket("lake").key(key).body(body("new"));
    put("a").if_none_match("*").send().await.unwrap();
    simulator.store().put("a", "old");
    assert_eq!(error(put("a").if_none_match("*").send().await), (412, "PreconditionFailed".to_owned()));
    assert_eq!(error(put("a").if_match("\"0\"").send().await), (412, "PreconditionFailed".to_owned()));
    assert_eq!(error(put("b").if_match("\"0\"").send().await), (404, "NoSuchKey".to_owned()));
    assert_eq!(simulator.objects().into_iter().collect::<Vec<_>>(), [("a".to_owned(), "old".into())]);
    put("a").if_match("\"149603e6c03516362a8da23f624db945\"").send().await.unwrap();
    assert_eq!(simulator.store().get("a").unwrap(), "new");
}

#[tokio::test]
async fn missing_key_is_404_if_listing_is_allowed_and_403_if_not() {
    for (allowed, get, head) in [(true, (404, "NoSuchKey"), 404), (false, (403, "AccessDenied"), 403)] {
        let (_simulator, client) = start(allowed).await;
        let got = error(client.get_object().bucket("lake").key("a").send().await);
        assert_eq!(got, (get.0, get.1.to_owned()));
        assert_eq!(error(client.head_object().bucket("lake").key("a").send().await).0, head);
        assert_eq!(client.list_objects_v2().bucket("lake").send().await.is_ok(), allowed);
        assert_eq!(client.head_bucket().bucket("lake").send().await.is_ok(), allowed);
    }
}

#[tokio::test]
async fn wrong_buckets_owners_and_keys_are_rejected() {
    let (_simulator, client) = start(true).await;
    let put = |bucket: &str| client.put_object().bucket(bucket).key("a").body(body("hello"));
    assert_eq!(error(put("other").send().await), (404, "NoSuchBucket".to_owned()));
    assert_eq!(error(put("lake").expected_bucket_owner("210987654321").send().await), (403, "AccessDenied".to_owned()));
    put("lake").expected_bucket_owner(rekognition_simulator::ACCOUNT).send().await.unwrap();
    let long = client.put_object().bucket("lake").key("k".repeat(1_025)).body(body("hello")).send().await;
    assert_eq!(error(long), (400, "KeyTooLongError".to_owned()));
}

#[tokio::test]
async fn directory_behaves_like_memory() {
    let directory = tempfile::tempdir().unwrap();
    let on_disk = Simulator::builder().directory(directory.path()).start().await.unwrap();
    let in_memory = Simulator::builder().start().await.unwrap();
    let mut results = Vec::new();
    for simulator in [&on_disk, &in_memory] {
        let client = client::s3(simulator);
        for key in ["p/a/1", "p/a/2", "p/b=ñ %2F/3", "p/c", "q"] {
            put(&client, key, key).await;
        }
        put(&client, "q", "again").await;
        let refused = client.put_object().bucket("lake").key("q").if_none_match("*").body(body("x")).send().await;
        let mut seen = vec![format!("{:?}", error(refused))];
        client.delete_object().bucket("lake").key("p/a/1").send().await.unwrap();
        client.delete_object().bucket("lake").key("p/none").send().await.unwrap();
        let mut pages =
            client.list_objects_v2().bucket("lake").prefix("p/").delimiter("/").max_keys(2).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.unwrap();
            let keys: Vec<_> =
                page.contents().iter().map(|object| (object.key(), object.size(), object.e_tag())).collect();
            let folders: Vec<_> = page.common_prefixes().iter().map(|prefix| prefix.prefix()).collect();
            seen.push(format!("{keys:?} {folders:?} {:?}", page.is_truncated()));
        }
        let all = ["p/b=ñ %2F/3", "p/a/2"].map(|key| ObjectIdentifier::builder().key(key).build().unwrap());
        let delete = Delete::builder().set_objects(Some(all.to_vec())).build().unwrap();
        let deleted = client.delete_objects().bucket("lake").delete(delete).send().await.unwrap();
        seen.push(format!("{} {}", deleted.deleted().len(), deleted.errors().len()));
        results.push((seen, simulator.objects()));
    }
    assert_eq!(results[0], results[1]);
    assert_eq!(results[0].0.len(), 4, "{:?}", results[0].0);
    let left: Vec<_> = walk(directory.path());
    assert_eq!(left, ["p", "p/c", "q"], "no temporary files and no empty directories remain");
}

fn walk(directory: &std::path::Path) -> Vec<String> {
    let mut found: Vec<String> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .flat_map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let below = if path.is_dir() { walk(&path) } else { Vec::new() };
            let below = below.into_iter().map(|one| format!("{name}/{one}")).collect::<Vec<_>>();
            std::iter::once(name).chain(below)
        })
        .collect();
    found.sort();
    found
}

#[tokio::test]
async fn key_that_cannot_be_a_path_is_a_clear_error() {
    let directory = tempfile::tempdir().unwrap();
    let simulator = Simulator::builder().directory(directory.path()).listing_allowed(false).start().await.unwrap();
    let client = client::s3(&simulator);
    std::fs::write(directory.path().join("file"), "x").unwrap();
    std::fs::create_dir(directory.path().join("folder")).unwrap();
    for (key, reason) in [
        (
            format!("t/label={}/part-00000.parquet", "x".repeat(300)),
            "a component has 306 bytes, the file system allows 255",
        ),
        ("a//b".to_owned(), "component \"\""),
        ("a/".to_owned(), "component \"\""),
        ("a/./b".to_owned(), "component \".\""),
        (".label-lake-tmp/1".to_owned(), "component \".label-lake-tmp\""),
        ("file/a".to_owned(), "\"file/a\" is refused by the file system: "),
        ("folder".to_owned(), "\"folder\" is refused by the file system: "),
    ] {
        for condition in [None, Some("*")] {
            let put = client.put_object().bucket("lake").key(&key).set_if_none_match(condition.map(str::to_owned));
            let error = put.body(body("x")).send().await.unwrap_err();
            assert_eq!(error.raw_response().unwrap().status().as_u16(), 400, "{key}");
            assert_eq!(error.code(), Some("InvalidRequest"), "{key}");
            assert!(error.message().unwrap().contains(reason), "{error:?}");
        }
        assert_eq!(error(client.head_object().bucket("lake").key(&key).send().await).0, 403, "{key}");
        client.delete_object().bucket("lake").key(&key).send().await.unwrap();
    }
    assert_eq!(simulator.objects().into_keys().collect::<Vec<_>>(), ["file"]);
    let refusals = simulator.store().refusals();
    let by_file_system: Vec<_> = refusals.iter().filter(|refusal| refusal.by_file_system).collect();
    assert_eq!(
        by_file_system.iter().map(|refusal| &*refusal.key).collect::<Vec<_>>(),
        ["file/a", "file/a", "folder", "folder"]
    );
    assert_eq!(refusals.len(), 2 * 7);
}
