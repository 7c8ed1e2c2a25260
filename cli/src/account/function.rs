//! The deployed function, invoked and waited for.

use std::time::Duration;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::error::ProvideErrorMetadata as _;
use aws_sdk_lambda::operation::invoke::{InvokeError, InvokeOutput};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use label_lake::error::with_sources;
use label_lake::notification::Completion;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::{Instant, sleep};

/// The first pause after a throttle is at most this long; each further one at most twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(20);
/// How long a throttled job is tried again: as long as the invocations that are in its way may last.
const PATIENCE: Duration = Duration::from_mins(15);

/// A function of an account. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    client: Client,
    name: String,
    region: String,
}

/// What became of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Done {
    /// `EXPORTED`, `ALREADY_COMMITTED`, `COMMITTED_BY_ANOTHER` or `HANDED_OVER`.
    pub(crate) outcome: String,
    /// `SUCCEEDED` or `FAILED`: how the job ended at Rekognition, if this invocation has exported it.
    pub(crate) status: Option<String>,
}

/// Why a job failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    /// The function's `errorType`, or the code of Lambda's refusal.
    pub(crate) error_type: String,
    pub(crate) message: String,
    /// Whether any other job would fail alike: the function cannot be reached.
    pub(crate) for_all: bool,
}

/// The answer of the function, as far as it is needed.
#[derive(Deserialize)]
struct Answer {
    jobs: Vec<JobAnswer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JobAnswer {
    job_id: String,
    outcome: String,
    status: Option<String>,
}

impl Function {
    pub(crate) fn new(client: Client, name: &str, region: &str) -> Self {
        Self { client, name: name.to_owned(), region: region.to_owned() }
    }

    /// Invokes the function with a message, and waits for its answer. What is throttled, by Lambda or in the function, is
    /// tried again with pauses.
    pub(crate) async fn export(&self, completion: &Completion) -> Result<Done, Failed> {
        let until = Instant::now() + PATIENCE;
        let mut limit = FIRST_PAUSE;
        loop {
            let failed = match self.invoke(completion).await {
                Err(failed) if failed.is_throttle() => failed,
                done => return done,
            };
            let pause = limit.mul_f64(fastrand::f64());
            if Instant::now() + pause >= until {
                return Err(failed);
            }
            sleep(pause).await;
            limit = LONGEST_PAUSE.min(limit * 2);
        }
    }

    async fn invoke(&self, completion: &Completion) -> Result<Done, Failed> {
        let payload = serde_json::to_vec(completion).map_err(|error| Failed::new("InvalidEvent", error.to_string()))?;
        let request = self.client.invoke().function_name(&self.name).payload(Blob::new(payload));
        let reply = request.invocation_type(InvocationType::RequestResponse).send().await;
        let reply = reply.map_err(|error| {
            let code = error.code().unwrap_or("NoAnswer").to_owned();
            let message = match (error.message(), error.as_service_error()) {
                (Some(message), _) => message.to_owned(),
                (None, Some(_)) => String::new(),
                (None, None) => with_sources(&error),
            };
            self.refused(code, &message, error.as_service_error())
        })?;
        answer(&reply, completion)
    }

    /// Says what to do about a call that did not reach the function.
    fn refused(&self, code: String, message: &str, error: Option<&InvokeError>) -> Failed {
        let Self { name, region, .. } = self;
        let (hint, for_all) = match (&*code, error) {
            (_, Some(InvokeError::ResourceNotFoundException(_))) => {
                (format!("there is no function {name} in {region}; is --function right, and AWS_REGION?"), true)
            }
            (code, _) if code.contains("AccessDenied") => {
                (format!("allow lambda:InvokeFunction on {name} to whoever runs this command"), true)
            }
            ("UnrecognizedClientException" | "ExpiredTokenException" | "InvalidSignatureException", _) => {
                ("the AWS credentials are refused; renew them".to_owned(), true)
            }
            ("NoAnswer", _) => ("the function may have done it; run the command again".to_owned(), false),
            _ => ("run the command again".to_owned(), false),
        };
        let message = if message.is_empty() { hint } else { format!("{hint}: {message}") };
        Failed { error_type: code, message, for_all }
    }
}

impl Done {
    /// The outcome, and that the job failed at Rekognition if it did.
    pub(crate) fn text(&self) -> String {
        match self.status.as_deref() {
            Some("FAILED") => format!("{}, failed at Rekognition", self.outcome),
            _ => self.outcome.clone(),
        }
    }
}

impl Failed {
    pub(crate) fn text(&self) -> String {
        format!("{}: {}", self.error_type, self.message)
    }

    pub(crate) fn new(error_type: &str, message: String) -> Self {
        Self { error_type: error_type.to_owned(), message, for_all: false }
    }

    fn is_throttle(&self) -> bool {
        matches!(&*self.error_type, "TooManyRequestsException" | "ThrottlingException" | "Throttled")
    }
}

fn answer(reply: &InvokeOutput, completion: &Completion) -> Result<Done, Failed> {
    let payload = reply.payload().map(Blob::as_ref).unwrap_or_default();
    if reply.function_error().is_some() {
        let error: Value = serde_json::from_slice(payload).unwrap_or_default();
        // A function that is ended from outside, by its timeout for example, has no type.
        let text = |field: &str, absent: &str| error[field].as_str().unwrap_or(absent).to_owned();
        return Err(Failed::new(
            &text("errorType", "Unhandled"),
            text("errorMessage", "the function ended abnormally"),
        ));
    }
    let foreign = |_| {
        let message = "the function did not answer as Label Lake does; is --function right?".to_owned();
        Failed { error_type: "UnexpectedAnswer".to_owned(), message, for_all: true }
    };
    let Answer { jobs } = serde_json::from_slice(payload).map_err(foreign)?;
    match jobs.into_iter().find(|job| job.job_id == completion.job_id.as_str()) {
        Some(JobAnswer { outcome, status, .. }) => Ok(Done { outcome, status }),
        None => Err(Failed::new("UnexpectedAnswer", "the function did not answer for the job".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use label_lake::job_id::JobId;
    use serde_json::json;

    use super::*;

    fn read(payload: &Value, function_error: Option<&str>) -> Result<Done, Failed> {
        let job_id = JobId::try_from("a").unwrap();
        let completion = serde_json::from_value(json!({ "JobId": job_id.as_str() })).unwrap();
        let reply = InvokeOutput::builder().payload(Blob::new(payload.to_string()));
        answer(&reply.set_function_error(function_error.map(str::to_owned)).build(), &completion)
    }

    #[test]
    fn an_answer_is_an_outcome_and_all_else_a_failure() {
        let done = read(&json!({"jobs": [{"jobId": "a", "outcome": "EXPORTED", "status": "FAILED"}]}), None).unwrap();
        assert_eq!((&*done.outcome, done.status.as_deref()), ("EXPORTED", Some("FAILED")));
        let failed = |payload, error| read(&payload, error).unwrap_err().error_type;
        assert_eq!(failed(json!({"errorType": "Throttled", "errorMessage": ""}), Some("Unhandled")), "Throttled");
        assert_eq!(failed(json!({"errorMessage": "Task timed out"}), Some("Unhandled")), "Unhandled");
        assert_eq!(failed(json!({"jobs": []}), None), "UnexpectedAnswer");
        assert_eq!(failed(json!("ok"), None), "UnexpectedAnswer");
        assert!(read(&json!("ok"), None).unwrap_err().for_all);
    }
}
