//! Recorded results of a job: the replies of `GetLabelDetection`, as the AWS CLI or an SDK prints them.
//!
//! A recording becomes a lake that someone relies on. It is therefore read strictly, and rejected if the lake would be
//! wrong without any sign of it: if a value has the wrong type, if a page or the whole job was recorded twice, if the last
//! page is missing, or if an aggregation was not recorded. A page missing in the middle cannot be detected: a reply has the
//! token of the next page, but not its own.

mod labels;
mod reply;
mod shape;
mod text;

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, anyhow, bail};
use label_lake::job_id::JobId;
use label_lake::table::aggregation::Aggregation;
use rekognition_simulator::Job;
use serde_json::Deserializer;
use serde_json::value::RawValue;

use self::reply::{Reply, Status, read_replies};
use self::text::decode_text;

/// Fields that the simulator makes up if no recorded reply has them.
const MADE_UP_FIELDS: [&str; 3] = ["Video", "VideoMetadata", "LabelModelVersion"];

/// The recorded replies of one job.
#[derive(Debug)]
pub(crate) struct Recording {
    replies: Vec<Reply>,
}

impl Recording {
    /// Reads files with one or more replies each.
    ///
    /// # Errors
    /// A file cannot be read, or contains something other than replies; the same page is there twice.
    pub(crate) fn read(paths: &[PathBuf]) -> anyhow::Result<Self> {
        let mut named = Vec::new();
        for path in paths {
            let name = path.display().to_string();
            let cannot_read = || format!("cannot read recorded reply {name}");
            let text = decode_text(fs::read(path).with_context(cannot_read)?).with_context(cannot_read)?;
            named.extend(read_text(&name, &text)?);
        }
        Self::from_named(named)
    }

    /// Returns a recording of these replies, each with its place for error messages.
    fn from_named(mut named: Vec<(String, Reply)>) -> anyhow::Result<Self> {
        // A log of polling has replies that came before the job had ended.
        if named.iter().any(|(_, reply)| reply.status != Some(Status::InProgress)) {
            named.retain(|(_, reply)| reply.status != Some(Status::InProgress));
        }
        reject_repeated_pages(&named)?;
        Ok(Self { replies: named.into_iter().map(|(_, reply)| reply).collect() })
    }

    /// Returns the number of detections or segments.
    pub(crate) fn count(&self, aggregation: Aggregation) -> usize {
        self.pages(aggregation).map(|reply| reply.labels.len()).sum()
    }

    /// Returns the ID of the recorded job: the one that the replies name, or else the given one.
    ///
    /// # Errors
    /// The replies name no job and none is given, or they name another job.
    pub(crate) fn job_id(&self, given: Option<&JobId>) -> anyhow::Result<JobId> {
        let named = self.replies.iter().find_map(|reply| reply.text("JobId"));
        match (named, given) {
            (Some(named), Some(given)) if named != given.as_str() => {
                bail!("--job-id is {given}, but the recorded replies belong to job {named}")
            }
            (Some(named), _) => {
                JobId::try_from(named).with_context(|| format!("JobId {named:?} in the recorded replies"))
            }
            (None, Some(given)) => Ok(given.clone()),
            (None, None) => bail!("the recorded replies do not name their job; pass its ID as --job-id"),
        }
    }

    /// Checks that the recording belongs to this job, and is complete in these aggregations.
    pub(crate) fn check(&self, job: &str, aggregations: &[Aggregation]) -> anyhow::Result<()> {
        let mut ids = self.replies.iter().filter_map(|reply| reply.text("JobId"));
        if let Some(other) = ids.find(|&id| id != job) {
            bail!("the event names job {job}, but the recorded replies belong to job {other}; change one of them");
        }
        if self.replies.iter().any(|reply| reply.status == Some(Status::Failed)) {
            return Ok(());
        }
        if self.replies.iter().all(|reply| reply.status == Some(Status::InProgress)) {
            bail!("the recorded job was still IN_PROGRESS; record it again after it has finished");
        }
        for aggregation in Aggregation::ALL {
            self.check_pages(aggregation)?;
        }
        let is_empty = Aggregation::ALL.iter().all(|&aggregation| self.count(aggregation) == 0);
        for aggregation in aggregations {
            if self.count(*aggregation) == 0 && !is_empty {
                let name = aggregation.name();
                bail!(
                    "the recorded replies are not aggregated by {name}; record the job with --aggregate-by {name}, or run \
                     this command with --aggregate-by {}",
                    Aggregation::ALL.iter().find(|other| *other != aggregation).map_or("", |other| other.name())
                );
            }
        }
        Ok(())
    }

    /// Checks that there is one last page, which is the page without a `NextToken`.
    fn check_pages(&self, aggregation: Aggregation) -> anyhow::Result<()> {
        let pages: Vec<_> = self.pages(aggregation).collect();
        let last_pages = pages.iter().filter(|reply| !reply.has("NextToken")).count();
        if last_pages == 0 && !pages.is_empty() {
            bail!(
                "incomplete recording: the last page has a NextToken. Fetch the remaining pages with --next-token and pass \
                 them all"
            );
        }
        // If no page has a NextToken, the tokens were stripped, and the pages may still be one recording.
        let has_tokens = last_pages < pages.len();
        let in_two_orders = pages.iter().any(|reply| reply.sort_by() != pages[0].sort_by());
        if last_pages > 1 && (has_tokens || in_two_orders) {
            bail!("the files hold {last_pages} recordings of the job, which would duplicate all labels; pass only one");
        }
        Ok(())
    }

    fn pages(&self, aggregation: Aggregation) -> impl Iterator<Item = &Reply> {
        self.replies.iter().filter(move |reply| reply.aggregation == aggregation)
    }

    /// Returns a simulated job that answers with these replies, without any made-up field.
    pub(crate) fn into_job(self) -> anyhow::Result<Job> {
        let is_recorded = |field: &str| self.replies.iter().any(|reply| reply.has(field));
        let made_up: Vec<_> = MADE_UP_FIELDS.into_iter().filter(|field| !is_recorded(field)).collect();
        let job = Job::recorded(self.replies.into_iter().map(|reply| reply.json()))?;
        Ok(job.edit(1, move |reply| {
            if let Some(fields) = reply.as_object_mut() {
                fields.retain(|field, _| !made_up.contains(&&**field));
            }
        }))
    }
}

/// Reads the replies in a text, each with its place for error messages. `name` is the name of the file.
fn read_text(name: &str, text: &str) -> anyhow::Result<Vec<(String, Reply)>> {
    let mut named = Vec::new();
    for json in Deserializer::from_str(text).into_iter::<&RawValue>() {
        let json = json.with_context(|| format!("{name} is not JSON; record it with --output json"))?;
        for reply in read_replies(json) {
            let place = format!("{name}, reply {}", named.len() + 1);
            let reply = reply.map_err(|reason| anyhow!("{place}: {reason}"))?;
            named.push((place, reply));
        }
    }
    if named.is_empty() {
        bail!("{name} has no reply");
    }
    Ok(named)
}

/// Rejects replies that are the same page, or lead to the same page: one of them would duplicate labels.
fn reject_repeated_pages(named: &[(String, Reply)]) -> anyhow::Result<()> {
    let mut pages = HashMap::new();
    let mut tokens = HashMap::new();
    for (place, reply) in named {
        if reply.labels.len() > 0
            && let Some(earlier) = pages.insert(&reply.labels, place)
        {
            bail!("{place} is the same page as {earlier}; pass each page once");
        }
        if let Some(token) = reply.text("NextToken")
            && let Some(earlier) = tokens.insert((reply.aggregation.name(), token), place)
        {
            bail!("{place} has the same NextToken as {earlier}, so one of them is there twice; pass each page once");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(replies: &[Value], aggregation: Aggregation) -> String {
        let replies = read_text("file", &Value::from(replies.to_vec()).to_string()).unwrap();
        let recording = Recording { replies: replies.into_iter().map(|(_, reply)| reply).collect() };
        recording.check("job-1", &[aggregation]).map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn rejects_a_recording_that_is_not_exactly_one_complete_job() {
        let page = json!({"JobStatus": "SUCCEEDED", "Labels": [{"Timestamp": 0}], "NextToken": "t"});
        let last = json!({"JobStatus": "SUCCEEDED", "Labels": [{"Timestamp": 0}]});
        let by_name = json!({"Labels": [{"Timestamp": 0}], "GetRequestMetadata": {"SortBy": "NAME"}});
        let by_time = json!({"Labels": [{"Timestamp": 0}], "GetRequestMetadata": {"SortBy": "TIMESTAMP"}});
        let segments = json!({"Labels": [{"StartTimestampMillis": 0}]});
        for (replies, aggregation, words) in [
            (vec![page.clone(), last.clone()], Aggregation::Timestamps, ""),
            (vec![json!({"JobStatus": "SUCCEEDED", "Labels": []})], Aggregation::Segments, ""),
            (vec![json!({"JobStatus": "FAILED"})], Aggregation::Timestamps, ""),
            (vec![page.clone()], Aggregation::Timestamps, "NextToken"),
            (vec![page, last.clone(), last.clone()], Aggregation::Timestamps, "2 recordings"),
            (vec![by_name, by_time], Aggregation::Timestamps, "2 recordings"),
            (vec![last], Aggregation::Segments, "--aggregate-by TIMESTAMPS"),
            (vec![segments], Aggregation::Timestamps, "--aggregate-by SEGMENTS"),
            (vec![json!({"JobStatus": "IN_PROGRESS"})], Aggregation::Timestamps, "IN_PROGRESS"),
            (vec![json!({"JobId": "job-2", "Labels": []})], Aggregation::Timestamps, "job-2"),
        ] {
            let error = check(&replies, aggregation);
            assert!(error.contains(words) && error.is_empty() == words.is_empty(), "{words}: {error}");
        }
    }
}
