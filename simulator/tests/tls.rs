//! The AWS endpoints over TLS, with a client that trusts only the certificate authority in the environment.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // A panic is how a test fails.

mod client;

use std::sync::Arc;

use rekognition_simulator::{Fault, Generated, Job, Simulator};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

fn connector(authority: &str) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

/// Requests a page of `job-1` from an endpoint. Returns everything received until the connection ends.
async fn page(connector: &TlsConnector, url: &str) -> String {
    let address = url.strip_prefix("https://").unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let mut stream = connector.connect(ServerName::try_from("127.0.0.1").unwrap(), stream).await.unwrap();
    let body = r#"{"JobId":"job-1"}"#;
    let head = client::GET_LABEL_DETECTION;
    let request = format!("{head}\r\nHost: a\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    // A connection that is cut ends without a TLS close notification.
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn endpoints_use_tls_and_the_runtime_api_does_not() {
    let job = Job::generated(Generated { detections: 1_000, ..Generated::default() });
    let simulator = Simulator::builder().job("job-1", job).tls().start().await.unwrap();
    let environment = simulator.environment();
    let variable = |name: &str| environment.iter().find(|(found, _)| *found == name).unwrap().1.clone();
    assert_eq!(variable("AWS_CA_BUNDLE"), variable("SSL_CERT_FILE"));
    let connector = connector(&variable("SSL_CERT_FILE"));
    let url = variable("AWS_ENDPOINT_URL_REKOGNITION");

    let whole = page(&connector, &url).await;
    assert!(whole.starts_with("HTTP/1.1 200 OK") && whole.ends_with('}'), "{whole}");
    simulator.add_fault(Fault::on("GetLabelDetection").truncate(1_000));
    let cut = page(&connector, &url).await;
    assert_eq!(cut.split_once("\r\n\r\n").unwrap().1.len(), 1_000);

    let runtime = format!("http://{}", variable("AWS_LAMBDA_RUNTIME_API"));
    let head = "POST /2018-06-01/runtime/init/error HTTP/1.1";
    assert_eq!(client::exchange(&runtime, head, b"{}").await.status(), 202);
    for name in ["S3", "GLUE", "LAMBDA"] {
        assert!(variable(&format!("AWS_ENDPOINT_URL_{name}")).starts_with("https://"), "{name}");
    }
}
