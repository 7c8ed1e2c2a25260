//! A reply of `GetLabelDetection` whose parsing is deferred.
//!
//! The SDK parses a reply before it returns it, on the thread that fetches. Parsing takes two thirds of the CPU time of
//! a page, but the next request needs only the pagination token. So the SDK is made to keep the bytes of a successful
//! reply. The token is found by searching the bytes, and the SDK's own deserializer parses the reply on another thread,
//! while the next request is in flight.

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

/// A successful reply that has not been parsed.
#[derive(Debug)]
pub(crate) struct RawReply {
    response: HttpResponse,
    next_token: Option<String>,
}

impl RawReply {
    /// Returns the pagination token of the next page as far as a search of the bytes finds it. The search may miss the
    /// token or find something else; the token that [`RawReply::parse`] returns is the right one.
    pub(crate) fn next_token(&self) -> Option<&str> {
        self.next_token.as_deref()
    }

    /// Parses the reply with the SDK's deserializer, which takes milliseconds of CPU time.
    ///
    /// # Errors
    /// The bytes are not a reply of the operation. Repeating the call may return one.
    pub(crate) fn parse(self) -> Result<GetLabelDetectionOutput, Source> {
        let output = deserialize(&self.response, &ConfigBag::base())?;
        let output =
            output.downcast::<GetLabelDetectionOutput>().map_err(|other| format!("unexpected output {other:?}"))?;
        // The body may be that of an error in spite of the status. The SDK then finds none of its fields.
        if output.job_status.is_none() {
            return Err("the reply has no JobStatus".into());
        }
        Ok(output)
    }
}

/// Deserializes a response as the SDK would have done.
fn deserialize(response: &HttpResponse, config: &ConfigBag) -> Result<Output, OrchestratorError<ContextError>> {
    let operation = GetLabelDetection::new().config();
    let deserializer = operation.as_ref().and_then(|operation| operation.load::<SharedResponseDeserializer>());
    let deserializer =
        deserializer.ok_or_else(|| OrchestratorError::other("the SDK has no deserializer for this operation"))?;
    deserializer.deserialize_nonstreaming_with_config(response, config)
}

/// An interceptor that keeps the reply of one call if the call succeeds. Errors are deserialized at once.
#[derive(Clone, Debug, Default)]
pub(crate) struct DeferredDeserialization(Arc<OnceLock<RawReply>>);

impl DeferredDeserialization {
    /// Returns the reply, after the call has succeeded. All clones have to be dropped.
    pub(crate) fn into_reply(self) -> Option<RawReply> {
        Arc::into_inner(self.0)?.into_inner()
    }
}

impl Intercept for DeferredDeserialization {
    fn name(&self) -> &'static str {
        "DeferredDeserialization"
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

impl DeserializeResponse for DeferredDeserialization {
    fn deserialize_nonstreaming_with_config(
        &self,
        response: &HttpResponse,
        config: &ConfigBag,
    ) -> Result<Output, OrchestratorError<ContextError>> {
        let (Some(body), true) = (response.body().bytes(), response.status().is_success()) else {
            return deserialize(response, config);
        };
        let next_token = find_next_token(body);
        // Cloning shares the body instead of copying it.
        let body = response.body().try_clone().unwrap_or_else(|| SdkBody::from(body));
        let _ = self.0.set(RawReply { response: HttpResponse::new(response.status(), body), next_token });
        Ok(Output::erase(GetLabelDetectionOutput::builder().build()))
    }
}

/// The key of the token in a reply, up to the opening quote of its value.
const NEXT_TOKEN_KEY: &[u8] = br#""NextToken":""#;
/// Number of bytes searched for the token at each end of a reply. All fields but `Labels` are short, so the token is
/// near the start or the end.
const SEARCHED_BYTES: usize = 4096;

/// Returns the value of `NextToken` if it is near the start or the end of a reply.
///
/// A match is a key and never part of a string value, because quotes in a value are escaped.
fn find_next_token(body: &[u8]) -> Option<String> {
    let start = &body[..body.len().min(SEARCHED_BYTES)];
    let end_at = body.len().saturating_sub(SEARCHED_BYTES);
    let find = |part: &[u8]| part.windows(NEXT_TOKEN_KEY.len()).position(|bytes| bytes == NEXT_TOKEN_KEY);
    let at = find(start).or_else(|| find(&body[end_at..]).map(|at| end_at + at))?;
    let value = &body[at + NEXT_TOKEN_KEY.len()..];
    let value = &value[..value.iter().take(SEARCHED_BYTES).position(|&byte| byte == b'"')?];
    // A value with escapes is not worth unescaping: the characters of the service's tokens need none.
    let is_plain = !value.is_empty() && !value.contains(&b'\\');
    is_plain.then(|| String::from_utf8(value.to_vec()).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(body: &str) -> RawReply {
        let status = 200.try_into().unwrap();
        let next_token = find_next_token(body.as_bytes());
        RawReply { response: HttpResponse::new(status, SdkBody::from(body)), next_token }
    }

    #[test]
    fn finds_the_token_before_and_after_the_labels() {
        let labels = format!(r#""Labels":[{}]"#, vec![r#"{"Timestamp":0}"#; 1000].join(","));
        for body in [
            format!(r#"{{"JobStatus":"SUCCEEDED","NextToken":"a/b+c=",{labels}}}"#),
            format!(r#"{{"JobStatus":"SUCCEEDED",{labels},"NextToken":"a/b+c="}}"#),
        ] {
            assert_eq!(reply(&body).next_token(), Some("a/b+c="));
            let parsed = reply(&body).parse().unwrap();
            assert_eq!((parsed.next_token(), parsed.labels().len()), (Some("a/b+c="), 1000));
        }
    }

    #[test]
    fn parsing_returns_a_token_that_the_search_misses() {
        for body in [
            r#"{"JobStatus":"SUCCEEDED","NextToken" : "a"}"#,
            r#"{"JobStatus":"SUCCEEDED","NextToken":"\u0061"}"#,
            &format!(r#"{{"A":"{0}","NextToken":"a","JobStatus":"SUCCEEDED","B":"{0}"}}"#, "-".repeat(SEARCHED_BYTES)),
        ] {
            assert_eq!(reply(body).next_token(), None);
            assert_eq!(reply(body).parse().unwrap().next_token(), Some("a"));
        }
    }

    #[test]
    fn ignores_text_that_looks_like_a_token() {
        let body = r#"{"JobStatus":"SUCCEEDED","StatusMessage":"\"NextToken\":\"a\""}"#;
        assert_eq!(reply(body).next_token(), None);
        assert_eq!(reply("").next_token(), None);
        assert_eq!(reply(r#"{"NextToken":"a"#).next_token(), None);
    }

    #[test]
    fn parsing_other_bytes_is_an_error() {
        for body in ["", "{}", "<html>", r#"{"JobStatus":"SUCCEEDED","Labels":["#, r#"{"message":"no"}"#] {
            assert!(reply(body).parse().is_err(), "{body}");
        }
    }
}
