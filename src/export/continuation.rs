//! The function invokes itself, to go on with a job in another invocation.

use aws_sdk_lambda::Client;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use tokio::time::Instant;

use crate::aws::call::{Call, ErrorClass};
use crate::aws::retry::retry_until;
use crate::error::Error;
use crate::notification::Completion;

/// Invokes the function by this ARN with this message, and does not wait for it.
///
/// # Errors
/// `AccessDenied`, `Throttled`, `Upstream`: the invocation may not have been sent, and the job is not gone on with.
pub async fn invoke(client: &Client, function_arn: &str, next: &Completion, until: Instant) -> Result<(), Error> {
    let resource = function_arn.to_owned();
    let call = Call {
        job: &next.job_id,
        class: ErrorClass::Upstream,
        action: "lambda:InvokeFunction",
        resource,
        region: None,
    };
    let payload = serde_json::to_vec(next).map_err(|error| call.failed(false, error.into()))?;
    retry_until(until, &call, || async {
        let request = client.invoke().function_name(function_arn).invocation_type(InvocationType::Event);
        request.payload(Blob::new(payload.clone())).send().await.map_err(|error| call.error(error))
    })
    .await?;
    tracing::info!(job = %next.job_id, continuation = next.continuation, "another invocation goes on with the job");
    Ok(())
}
