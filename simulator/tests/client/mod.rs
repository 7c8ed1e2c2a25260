//! Clients: those of the real SDK, and a raw one that sees what happens on the connection.

#![allow(dead_code, unreachable_pub)] // No test program uses all of it.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

use aws_sdk_rekognition::Client as Rekognition;
use aws_sdk_s3::Client as S3;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region, SharedHttpClient, retry::RetryConfig};
use rekognition_simulator::{ACCESS_KEY_ID, SECRET_ACCESS_KEY, Simulator};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub fn credentials() -> Credentials {
    Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "test")
}

pub fn http() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().build_http()
}

/// An S3 client that does not retry, so that each call is one request.
pub fn s3(simulator: &Simulator) -> S3 {
    s3_with(simulator, credentials())
}

pub fn s3_with(simulator: &Simulator, credentials: Credentials) -> S3 {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(credentials)
        .endpoint_url(simulator.s3_url())
        .force_path_style(true)
        .http_client(http())
        .region(Region::new(rekognition_simulator::REGION))
        .retry_config(RetryConfig::disabled());
    S3::from_conf(config.build())
}

pub fn rekognition(simulator: &Simulator) -> Rekognition {
    let config = aws_sdk_rekognition::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(credentials())
        .endpoint_url(simulator.rekognition_url())
        .http_client(http())
        .region(Region::new(rekognition_simulator::REGION))
        .retry_config(RetryConfig::disabled());
    Rekognition::from_conf(config.build())
}

/// Everything that a raw client received until the connection ended.
#[derive(Debug)]
pub struct Received {
    pub bytes: Vec<u8>,
    /// True if the connection was reset.
    pub reset: bool,
}

impl Received {
    pub fn head(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.body_start()]).unwrap()
    }

    pub fn body(&self) -> &[u8] {
        &self.bytes[self.body_start()..]
    }

    pub fn status(&self) -> u16 {
        self.head()["HTTP/1.1 ".len()..][..3].parse().unwrap()
    }

    pub fn content_length(&self) -> usize {
        let head = self.head().to_lowercase();
        head.split_once("content-length: ").unwrap().1.split_once('\r').unwrap().0.parse().unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(self.body()).unwrap()
    }

    fn body_start(&self) -> usize {
        self.bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4
    }
}

/// Sends a request on a new connection without waiting for the reply.
pub async fn send(url: &str, head: &str, body: &[u8]) -> TcpStream {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let head = format!("{head}\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    stream
}

/// Reads until the connection ends.
pub async fn receive(mut stream: TcpStream) -> Received {
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes).await;
    Received { bytes, reset: end.is_err() }
}

pub async fn exchange(url: &str, head: &str, body: &[u8]) -> Received {
    receive(send(url, head, body).await).await
}

pub const GET_LABEL_DETECTION: &str = "POST / HTTP/1.1\r\nX-Amz-Target: RekognitionService.GetLabelDetection\r\n\
                                   Content-Type: application/x-amz-json-1.1";

/// Requests a page. Returns the reply.
pub async fn page(simulator: &Simulator, request: &Value) -> Received {
    exchange(&simulator.rekognition_url(), GET_LABEL_DETECTION, request.to_string().as_bytes()).await
}

/// Requests a page without reading the reply.
pub async fn send_page_request(simulator: &Simulator, request: &Value) -> TcpStream {
    send(&simulator.rekognition_url(), GET_LABEL_DETECTION, request.to_string().as_bytes()).await
}

/// Calls an operation of a JSON protocol. Returns the status and the reply.
pub async fn json_call(url: &str, target: &str, request: &Value) -> (u16, Value) {
    let head = format!("POST / HTTP/1.1\r\nX-Amz-Target: {target}\r\nContent-Type: application/x-amz-json-1.1");
    let received = exchange(url, &head, request.to_string().as_bytes()).await;
    (received.status(), received.json())
}

/// Fetches all pages of a job.
pub async fn fetch(simulator: &Simulator, job: &str, sort_by: &str, aggregate_by: &str) -> Vec<Value> {
    let mut request = json!({ "JobId": job, "SortBy": sort_by, "AggregateBy": aggregate_by });
    let mut pages = Vec::new();
    loop {
        let page = page(simulator, &request).await.json();
        request["NextToken"] = page["NextToken"].clone();
        pages.push(page);
        if request["NextToken"].is_null() {
            return pages;
        }
    }
}

/// Returns the elements of pages in order.
pub fn elements(pages: &[Value]) -> Vec<Value> {
    pages.iter().flat_map(|page| page["Labels"].as_array().unwrap().clone()).collect()
}

/// Sorts elements into an order that is the same for equal multisets.
pub fn sorted(mut elements: Vec<Value>) -> Vec<Value> {
    elements.sort_by_cached_key(Value::to_string);
    elements
}
