//! A reply of `GetLabelDetection` that is read later.
//!
//! The SDK reads a reply before it returns it, on the thread that fetches. That is two thirds of what a page takes of the
//! processor, and the next request waits for no more of it than its token. So the SDK is told to keep a success as it
//! came; the token is found in its bytes, and the SDK's own deserializer reads the rest beside the next request.

use std::sync::{Arc, OnceLock};

use aws_sdk_rekognition::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_rekognition::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_rekognition::error::BoxError;
use aws_sdk_rekognition::operation::get_label_detection::{GetLabelDetection, GetLabelDetectionOutput};
use aws_smithy_runtime_api::client::interceptors::context::{Error as ContextError, Output};
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_plugin::RuntimePlugin as _;
use aws_smithy_runtime_api::client::ser_de::{DeserializeResponse, SharedResponseDeserializer};
use aws_smithy_types::body::SdkBody;

use crate::error::Source;

/// A success, as it came.
#[derive(Debug)]
pub struct Reply {
    response: HttpResponse,
    next: Option<String>,
}

impl Reply {
    /// The token of the next page, if it can be seen. On the last page there is none; on any other it may be hidden, and
    /// what is seen may be something else: what counts is the token that [`Reply::read`] finds.
    pub fn next_token(&self) -> Option<&str> {
        self.next.as_deref()
    }

    /// Reads it with the SDK's deserializer. Takes the processor for milliseconds.
    ///
    /// # Errors
    /// It is no reply of the operation. Another try may bring one.
    pub fn read(self) -> Result<GetLabelDetectionOutput, Source> {
        let output = deserialize(&self.response, &ConfigBag::base())?;
        let output = output.downcast::<GetLabelDetectionOutput>().map_err(|other| format!("it is {other:?}"))?;
        // A success may carry the body of an error, and the SDK reads what it knows of it: nothing.
        if output.job_status.is_none() {
            return Err("the reply has no JobStatus".into());
        }
        Ok(output)
    }
}

/// What the SDK would have done with a response.
fn deserialize(response: &HttpResponse, config: &ConfigBag) -> Result<Output, OrchestratorError<ContextError>> {
    let operation = GetLabelDetection::new().config();
    let deserializer = operation.as_ref().and_then(|operation| operation.load::<SharedResponseDeserializer>());
    let deserializer = deserializer.ok_or_else(|| OrchestratorError::other("the SDK has no deserializer"))?;
    deserializer.deserialize_nonstreaming_with_config(response, config)
}

/// Makes one call keep its reply, if it is a success. Errors are read at once.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeepReply(Arc<OnceLock<Reply>>);

impl KeepReply {
    /// The reply of the call, once it has succeeded.
    pub(crate) fn take(self) -> Option<Reply> {
        Arc::into_inner(self.0)?.into_inner()
    }
}

impl Intercept for KeepReply {
    fn name(&self) -> &'static str {
        "KeepReply"
    }

    fn modify_before_deserialization(
        &self,
        _: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        config.interceptor_state().store_put(SharedResponseDeserializer::new(self.clone()));
        Ok(())
    }
}

impl DeserializeResponse for KeepReply {
    fn deserialize_nonstreaming_with_config(
        &self,
        response: &HttpResponse,
        config: &ConfigBag,
    ) -> Result<Output, OrchestratorError<ContextError>> {
        let (Some(body), true) = (response.body().bytes(), response.status().is_success()) else {
            return deserialize(response, config);
        };
        let next = next_token(body);
        // The body is shared, not copied.
        let body = response.body().try_clone().unwrap_or_else(|| SdkBody::from(body));
        let _ = self.0.set(Reply { response: HttpResponse::new(response.status(), body), next });
        Ok(Output::erase(GetLabelDetectionOutput::builder().build()))
    }
}

const KEY: &[u8] = br#""NextToken":""#;
/// So many bytes at either end of a reply are searched. The token is one of the fields beside `Labels`, which are short.
const SEARCHED: usize = 4096;

/// The value of `NextToken` in a reply, if it is where it can be expected.
///
/// What is found is a key and not a part of some text: there the quotes would be escaped.
fn next_token(body: &[u8]) -> Option<String> {
    let begin = &body[..body.len().min(SEARCHED)];
    let end_at = body.len().saturating_sub(SEARCHED);
    let find = |part: &[u8]| part.windows(KEY.len()).position(|bytes| bytes == KEY);
    let at = find(begin).or_else(|| find(&body[end_at..]).map(|at| end_at + at))?;
    let value = &body[at + KEY.len()..];
    let value = &value[..value.iter().take(SEARCHED).position(|&byte| byte == b'"')?];
    // Not worth unescaping: the service does not escape what its tokens are made of.
    let plain = !value.is_empty() && !value.contains(&b'\\');
    plain.then(|| String::from_utf8(value.to_vec()).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(body: &str) -> Reply {
        let status = 200.try_into().unwrap();
        let next = next_token(body.as_bytes());
        Reply { response: HttpResponse::new(status, SdkBody::from(body)), next }
    }

    #[test]
    fn the_token_is_seen_before_and_after_the_labels() {
        let labels = format!(r#""Labels":[{}]"#, vec![r#"{"Timestamp":0}"#; 1000].join(","));
        for body in [
            format!(r#"{{"JobStatus":"SUCCEEDED","NextToken":"a/b+c=",{labels}}}"#),
            format!(r#"{{"JobStatus":"SUCCEEDED",{labels},"NextToken":"a/b+c="}}"#),
        ] {
            assert_eq!(reply(&body).next_token(), Some("a/b+c="));
            let read = reply(&body).read().unwrap();
            assert_eq!((read.next_token(), read.labels().len()), (Some("a/b+c="), 1000));
        }
    }

    #[test]
    fn what_cannot_be_seen_is_read() {
        for body in [
            r#"{"JobStatus":"SUCCEEDED","NextToken" : "a"}"#,
            r#"{"JobStatus":"SUCCEEDED","NextToken":"\u0061"}"#,
            &format!(r#"{{"A":"{0}","NextToken":"a","JobStatus":"SUCCEEDED","B":"{0}"}}"#, "-".repeat(SEARCHED)),
        ] {
            assert_eq!(reply(body).next_token(), None);
            assert_eq!(reply(body).read().unwrap().next_token(), Some("a"));
        }
    }

    #[test]
    fn text_that_looks_like_a_token_is_not_taken_for_one() {
        let body = r#"{"JobStatus":"SUCCEEDED","StatusMessage":"\"NextToken\":\"a\""}"#;
        assert_eq!(reply(body).next_token(), None);
        assert_eq!(reply("").next_token(), None);
        assert_eq!(reply(r#"{"NextToken":"a"#).next_token(), None);
    }

    #[test]
    fn what_is_no_reply_is_an_error() {
        for body in ["", "{}", "<html>", r#"{"JobStatus":"SUCCEEDED","Labels":["#, r#"{"message":"no"}"#] {
            assert!(reply(body).read().is_err(), "{body}");
        }
    }
}
