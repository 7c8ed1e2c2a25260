//! Recorded results of a job: the output of `aws rekognition get-label-detection`.
//!
//! A recording becomes a lake that someone relies on. It is therefore rejected if the lake would be wrong without any sign
//! of it: if a page is missing, if the job was recorded twice, or if an aggregation was not recorded.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use label_lake::table::aggregation::Aggregation;
use rekognition_simulator::Job;
use serde_json::{Deserializer, Value};

/// Fields that the simulator makes up if no recorded reply has them.
const MADE_UP_FIELDS: [&str; 3] = ["Video", "VideoMetadata", "LabelModelVersion"];

/// The recorded replies of one job.
#[derive(Debug)]
pub(crate) struct Recording {
    texts: Vec<Vec<u8>>,
    replies: Vec<Value>,
}

impl Recording {
    /// Reads files with one or more replies each.
    pub(crate) fn read(paths: &[PathBuf]) -> anyhow::Result<Self> {
        let mut texts = Vec::new();
        let mut replies = Vec::new();
        for path in paths {
            let name = path.display();
            let text = fs::read(path).with_context(|| format!("cannot read recorded reply {name}"))?;
            let before = replies.len();
            for value in Deserializer::from_slice(&text).into_iter() {
                match value.with_context(|| format!("{name} is not JSON; record it with --output json"))? {
                    Value::Array(values) => replies.extend(values),
                    value => replies.push(value),
                }
            }
            reject_other_files(path, &replies[before..])?;
            texts.push(text);
        }
        Ok(Self { texts, replies })
    }

    /// Returns the number of detections or segments.
    pub(crate) fn count(&self, aggregation: Aggregation) -> usize {
        let labels = self.replies.iter().filter_map(|reply| reply["Labels"].as_array()).flatten();
        labels.filter(|label| aggregation_of(label) == aggregation).count()
    }

    /// Checks that the recording belongs to this job, and is complete in these aggregations.
    pub(crate) fn check(&self, job: &str, aggregations: &[Aggregation]) -> anyhow::Result<()> {
        let ids = self.replies.iter().filter_map(|reply| reply["JobId"].as_str());
        if let Some(other) = ids.into_iter().find(|&id| id != job) {
            bail!("the event names job {job}, but the recorded replies belong to job {other}; change one of them");
        }
        if self.replies.iter().any(|reply| reply["JobStatus"] == "FAILED") {
            return Ok(());
        }
        if self.replies.iter().all(|reply| reply["JobStatus"] == "IN_PROGRESS") {
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
        let pages: Vec<_> = self.replies.iter().filter(|reply| aggregation_of_page(reply) == aggregation).collect();
        let last_pages = pages.iter().filter(|reply| !reply["NextToken"].is_string()).count();
        if last_pages == 0 && !pages.is_empty() {
            bail!(
                "incomplete recording: the last page has a NextToken. Fetch the remaining pages with --next-token and pass \
                 them all"
            );
        }
        // If no page has a NextToken, the tokens were stripped, and the pages may still be one recording.
        let has_tokens = last_pages < pages.len();
        let order = |reply: &Value| reply["GetRequestMetadata"]["SortBy"].as_str().map(str::to_owned);
        let in_two_orders = pages.iter().any(|reply| order(reply) != order(pages[0]));
        if last_pages > 1 && (has_tokens || in_two_orders) {
            bail!("the files hold {last_pages} recordings of the job, which would duplicate all labels; pass only one");
        }
        Ok(())
    }

    /// Returns a simulated job that answers with these replies, without any made-up field.
    pub(crate) fn into_job(self) -> anyhow::Result<Job> {
        let is_recorded = |field: &str| self.replies.iter().any(|reply| !reply[field].is_null());
        let made_up: Vec<_> = MADE_UP_FIELDS.into_iter().filter(|field| !is_recorded(field)).collect();
        let job = Job::recorded(&self.texts)?;
        Ok(job.edit(1, move |reply| {
            if let Some(fields) = reply.as_object_mut() {
                fields.retain(|field, _| !made_up.contains(&&**field));
            }
        }))
    }
}

fn reject_other_files(path: &Path, replies: &[Value]) -> anyhow::Result<()> {
    let is_reply = |reply: &Value| reply["Labels"].is_array() || reply["JobStatus"].is_string();
    if replies.is_empty() || !replies.iter().all(is_reply) {
        bail!(
            "{} is not the output of `aws rekognition get-label-detection`: it has neither Labels nor JobStatus",
            path.display()
        );
    }
    Ok(())
}

/// Returns the aggregation of a label. Only segments have a start.
fn aggregation_of(label: &Value) -> Aggregation {
    match label.get("StartTimestampMillis") {
        Some(_) => Aggregation::Segments,
        None => Aggregation::Timestamps,
    }
}

fn aggregation_of_page(reply: &Value) -> Aggregation {
    let requested = reply["GetRequestMetadata"]["AggregateBy"].as_str();
    let requested = Aggregation::ALL.into_iter().find(|aggregation| requested == Some(aggregation.name()));
    requested.or_else(|| reply["Labels"].get(0).map(aggregation_of)).unwrap_or(Aggregation::Timestamps)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(replies: &[Value], aggregation: Aggregation) -> String {
        let recording = Recording { texts: Vec::new(), replies: replies.to_vec() };
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
            (vec![last.clone(), last.clone()], Aggregation::Timestamps, ""),
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
