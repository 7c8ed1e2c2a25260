//! The request `GetLabelDetection`.

use serde::Deserialize;

const INVALID_PARAMETER: Exception = "InvalidParameterException";
const INVALID_TOKEN: Exception = "InvalidPaginationTokenException";
const NOT_FOUND: Exception = "ResourceNotFoundException";
const QUOTA_EXCEEDED: Exception = "ProvisionedThroughputExceededException";

/// The order of labels, `SortBy` of `GetLabelDetection`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum SortBy {
    Name,
    Timestamp,
}

impl SortBy {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Name => "NAME",
            Self::Timestamp => "TIMESTAMP",
        }
    }
}

/// What a token is good for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'a> {
    pub(crate) job: &'a str,
    pub(crate) sort_by: SortBy,
    pub(crate) aggregation: Aggregation,
}

/// The request. Numbers and names are checked by hand, for the errors of the service.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetLabelDetection {
    job_id: String,
    max_results: Option<i64>,
    next_token: Option<String>,
    sort_by: Option<String>,
    aggregate_by: Option<String>,
}

/// The name of an exception.
type Exception = &'static str;

impl GetLabelDetection {
    fn read(body: &[u8]) -> Result<Self, Exception> {
        let request: Self = serde_json::from_slice(body).map_err(|_| INVALID_PARAMETER)?;
        let id = &request.job_id;
        let id_is_good = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        let token_is_short = request.next_token.as_ref().is_none_or(|token| token.chars().count() <= MAX_TOKEN);
        let results_are_some = request.max_results.is_none_or(|results| results >= 1);
        if id.is_empty() || id.len() > MAX_JOB_ID || !id_is_good || !token_is_short || !results_are_some {
            return Err(INVALID_PARAMETER);
        }
        Ok(request)
    }

    fn scope(&self) -> Result<Scope<'_>, Exception> {
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

    fn max_results(&self) -> usize {
        self.max_results
            .and_then(|results| usize::try_from(results).ok())
            .map_or(MAX_RESULTS, |results| results.min(MAX_RESULTS))
    }
}
