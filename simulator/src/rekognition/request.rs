//! The request of `GetLabelDetection`, and the exceptions.

use serde::Deserialize;

use crate::rekognition::job::MAX_RESULTS;
use crate::rekognition::labels::selection::Aggregation;

/// Name of an exception.
pub(crate) type Exception = &'static str;

pub(crate) const INVALID_PARAMETER: Exception = "InvalidParameterException";
pub(crate) const INVALID_TOKEN: Exception = "InvalidPaginationTokenException";
pub(crate) const NOT_FOUND: Exception = "ResourceNotFoundException";
pub(crate) const QUOTA_EXCEEDED: Exception = "ProvisionedThroughputExceededException";

/// Maximum length of a job ID and of a token, in characters, from the API reference.
const MAX_JOB_ID: usize = 64;
const MAX_TOKEN: usize = 255;

/// Order of the labels, `SortBy` of `GetLabelDetection`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum SortBy {
    Name,
    Timestamp,
}

impl SortBy {
    /// Name in requests and replies.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Name => "NAME",
            Self::Timestamp => "TIMESTAMP",
        }
    }
}

/// The parameters of a fetch, to which a token is bound.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'a> {
    pub(crate) job: &'a str,
    pub(crate) sort_by: SortBy,
    pub(crate) aggregation: Aggregation,
}

/// The request. Numbers and names are validated here and not by serde, to return the service's own errors.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GetLabelDetection {
    pub(crate) job_id: String,
    max_results: Option<i64>,
    pub(crate) next_token: Option<String>,
    sort_by: Option<String>,
    aggregate_by: Option<String>,
}

impl GetLabelDetection {
    /// Parses and validates a request.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Exception> {
        let request: Self = serde_json::from_slice(body).map_err(|_| INVALID_PARAMETER)?;
        let id = &request.job_id;
        let id_is_valid = (1..=MAX_JOB_ID).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        let token_is_valid = request.next_token.as_ref().is_none_or(|token| token.chars().count() <= MAX_TOKEN);
        let max_results_is_valid = request.max_results.is_none_or(|results| results >= 1);
        if id_is_valid && token_is_valid && max_results_is_valid { Ok(request) } else { Err(INVALID_PARAMETER) }
    }

    pub(crate) fn scope(&self) -> Result<Scope<'_>, Exception> {
        let sort_by = match self.sort_by.as_deref() {
            Some("NAME") => SortBy::Name,
            Some("TIMESTAMP") | None => SortBy::Timestamp,
            Some(_) => return Err(INVALID_PARAMETER),
        };
        let aggregation = match self.aggregate_by.as_deref() {
            Some("SEGMENTS") => Aggregation::Segments,
            Some("TIMESTAMPS") | None => Aggregation::Timestamps,
            Some(_) => return Err(INVALID_PARAMETER),
        };
        Ok(Scope { job: &self.job_id, sort_by, aggregation })
    }

    pub(crate) fn max_results(&self) -> usize {
        self.max_results
            .and_then(|results| usize::try_from(results).ok())
            .map_or(MAX_RESULTS, |results| results.min(MAX_RESULTS))
    }
}
