//! TLS roots: the function trusts Amazon's certificate authorities, or those in `AWS_CA_BUNDLE`.

use std::time::Duration;

use rekognition_simulator::{Builder, Outcome};
use serde_json::json;

use crate::support::{Function, account, generated, within};

const AMAZON_ROOTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/aws/amazon-roots.pem");

fn tls_account() -> Builder {
    account(generated(100, 5)).tls()
}

#[tokio::test]
async fn trusts_the_authority_in_aws_ca_bundle() {
    let function = Function::start(tls_account(), &[]).await;
    function.export("job").await;
    assert_eq!(function.simulator.objects().len(), 6);
}

#[tokio::test]
async fn rejects_an_unknown_authority() {
    let function = Function::start(tls_account(), &[("AWS_CA_BUNDLE", AMAZON_ROOTS)]).await;
    let event = json!({ "JobId": "job" }).to_string();
    let outcome = function.simulator.invoke(event, within(Duration::from_secs(1))).await;
    let Outcome::Error { error_type, error_message } = outcome else { panic!("{outcome:?}") };
    assert_eq!(error_type, "Storage");
    assert!(error_message.contains("certificate"), "{error_message}");
    assert!(function.simulator.objects().is_empty());
}
