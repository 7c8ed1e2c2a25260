//! A deployed function: its synchronous invocations, and its environment.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_lambda::operation::invoke::{InvokeError, InvokeOutput};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use label_lake::aws::diagnose::diagnose;
use label_lake::error::with_sources;
use label_lake::handler::{JobAnswer, JobsAnswer};
use label_lake::notification::Completion;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::call_error::call_error;

/// Upper bound of the random pause after the first throttled invocation of a job. It doubles with each retry.
const FIRST_BACKOFF: Duration = Duration::from_millis(500);
/// Upper bound of every pause, however many retries came before it.
const MAX_BACKOFF: Duration = Duration::from_secs(20);
/// Time for which a throttled job is retried: the longest that an invocation runs in Lambda. After that, the
/// invocations that caused the throttling have ended.
const RETRY_TIMEOUT: Duration = Duration::from_mins(15);

/// A deployed function. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    client: Client,
    name: String,
    region: String,
}

/// The reason why the export of a job failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExportError {
    /// `errorType` of the function's reply, the error code of Lambda, or a name of our own such as `NoAnswer`.
    pub(crate) error_type: String,
    pub(crate) message: String,
    /// True if every other job would fail the same way, so that the command stops.
    pub(crate) is_fatal: bool,
}

impl Function {
    pub(crate) fn new(client: Client, name: &str, region: &str) -> Self {
        Self { client, name: name.to_owned(), region: region.to_owned() }
    }

    /// Exports a job: invokes the function and waits for its answer. Backs off and retries if Lambda or the function
    /// reports throttling.
    pub(crate) async fn export(&self, completion: &Completion) -> Result<JobAnswer, ExportError> {
        let deadline = Instant::now() + RETRY_TIMEOUT;
        let mut bound = FIRST_BACKOFF;
        loop {
            let throttled = match self.invoke(completion).await {
                Err(error) if error.is_throttling() => error,
                result => return result,
            };
            let pause = bound.mul_f64(fastrand::f64());
            if Instant::now() + pause >= deadline {
                return Err(throttled);
            }
            sleep(pause).await;
            bound = MAX_BACKOFF.min(bound * 2);
        }
    }

    /// Returns the environment of the function.
    pub(crate) async fn environment(&self) -> anyhow::Result<HashMap<String, String>> {
        const ACTION: &str = "lambda:GetFunctionConfiguration";
        let Self { name, region, .. } = self;
        let reply = self.client.get_function_configuration().function_name(name).send().await.map_err(|error| {
            call_error(&format!("{ACTION} on {name}"), None, &error, &with_sources(&error), |code| match code {
                "ResourceNotFoundException" => Some(format!("function {name} not found in {region}; check --region")),
                code if code.contains("AccessDenied") => Some(format!("you lack permission {ACTION} on {name}")),
                _ => None,
            })
        })?;
        Ok(reply.environment.and_then(|environment| environment.variables).unwrap_or_default())
    }

    /// Invokes the function once.
    async fn invoke(&self, completion: &Completion) -> Result<JobAnswer, ExportError> {
        let payload =
            serde_json::to_vec(completion).map_err(|error| ExportError::new("InvalidEvent", error.to_string()))?;
        let request = self.client.invoke().function_name(&self.name).payload(Blob::new(payload));
        let reply = request.invocation_type(InvocationType::RequestResponse).send().await;
        let reply = reply.map_err(|error| {
            let code = error.code().unwrap_or("NoAnswer").to_owned();
            let cause = match (error.message(), error.as_service_error()) {
                (Some(message), _) => message.to_owned(),
                (None, Some(_)) => String::new(),
                (None, None) => with_sources(&error),
            };
            self.invocation_error(code, &cause, &error)
        })?;
        read_answer(&reply, completion)
    }

    /// Adds advice to the error of an invocation that Lambda rejected or that got no reply.
    fn invocation_error(&self, code: String, cause: &str, error: &SdkError<InvokeError>) -> ExportError {
        let Self { name, region, .. } = self;
        let (advice, is_fatal) = match (&*code, diagnose(error, None)) {
            (_, Some(diagnosis)) => (diagnosis.for_operator(), true),
            ("ResourceNotFoundException", _) => {
                (format!("function {name} not found in {region}; check --function and --region"), true)
            }
            (code, _) if code.contains("AccessDenied") => {
                (format!("you lack permission lambda:InvokeFunction on {name}"), true)
            }
            ("NoAnswer", _) => {
                ("no reply from Lambda; the job may have been exported anyway; run the command again".to_owned(), false)
            }
            _ => ("the invocation failed; run the command again".to_owned(), false),
        };
        let message = if cause.is_empty() { advice } else { format!("{advice}: {cause}") };
        ExportError { error_type: code, message, is_fatal }
    }
}

impl ExportError {
    pub(crate) fn new(error_type: &str, message: String) -> Self {
        Self { error_type: error_type.to_owned(), message, is_fatal: false }
    }

    fn is_throttling(&self) -> bool {
        matches!(&*self.error_type, "TooManyRequestsException" | "ThrottlingException" | "Throttled")
    }
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error_type, self.message)
    }
}

/// Returns the answer for the job, from the reply of an invocation.
fn read_answer(reply: &InvokeOutput, completion: &Completion) -> Result<JobAnswer, ExportError> {
    let payload = reply.payload().map(Blob::as_ref).unwrap_or_default();
    if reply.function_error().is_some() {
        let error: Value = serde_json::from_slice(payload).unwrap_or_default();
        // If the function timed out or its process died, Lambda itself writes the payload, without an `errorType`.
        let field = |name: &str, default: &str| error[name].as_str().unwrap_or(default).to_owned();
        return Err(ExportError::new(
            &field("errorType", "Unhandled"),
            field("errorMessage", "the function ended abnormally"),
        ));
    }
    let JobsAnswer { jobs } = serde_json::from_slice(payload).map_err(|_| {
        let message = "the reply is not from a Label Lake function; check --function".to_owned();
        ExportError { error_type: "UnexpectedAnswer".to_owned(), message, is_fatal: true }
    })?;
    let answer = jobs.into_iter().find(|answer| answer.job_id == completion.job_id);
    answer.ok_or_else(|| {
        ExportError::new("UnexpectedAnswer", "the function's answer does not include the job".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use label_lake::handler::OutcomeName;
    use label_lake::job_id::JobId;
    use label_lake::table::rows::JobStatus;
    use serde_json::json;

    use super::*;

    fn read(payload: &Value, function_error: Option<&str>) -> Result<JobAnswer, ExportError> {
        let completion = Completion::new(JobId::try_from("a").unwrap());
        let reply = InvokeOutput::builder().payload(Blob::new(payload.to_string()));
        read_answer(&reply.set_function_error(function_error.map(str::to_owned)).build(), &completion)
    }

    #[test]
    fn accepts_only_an_answer_with_the_outcome_of_the_job() {
        let answer = read(&json!({"jobs": [{"jobId": "a", "outcome": "EXPORTED", "status": "FAILED"}]}), None).unwrap();
        assert_eq!((answer.outcome, answer.status), (OutcomeName::Exported, Some(JobStatus::Failed)));
        let error_type = |payload, error| read(&payload, error).unwrap_err().error_type;
        assert_eq!(error_type(json!({"errorType": "Throttled", "errorMessage": ""}), Some("Unhandled")), "Throttled");
        assert_eq!(error_type(json!({"errorMessage": "Task timed out"}), Some("Unhandled")), "Unhandled");
        assert_eq!(error_type(json!({"jobs": []}), None), "UnexpectedAnswer");
        assert_eq!(error_type(json!("ok"), None), "UnexpectedAnswer");
        assert!(read(&json!("ok"), None).unwrap_err().is_fatal);
    }
}
