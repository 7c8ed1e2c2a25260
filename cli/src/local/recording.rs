//! Recorded results: what `aws rekognition get-label-detection` printed, checked for being all of one job.
//!
//! A recording becomes a lake that somebody relies on. So what would make it wrong without a sign is refused: a page
//! that is missing, a second recording of the same job, an aggregation that was not recorded.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use label_lake::table::aggregation::Aggregation;
use serde_json::{Deserializer, Value};
use simulator::Job;

/// What a reply says of the job, and what the simulator makes up for a reply that does not.
const OF_THE_JOB: [&str; 3] = ["Video", "VideoMetadata", "LabelModelVersion"];

/// The replies of one job.
#[derive(Debug)]
pub(crate) struct Recording {
    texts: Vec<Vec<u8>>,
    replies: Vec<Value>,
}

impl Recording {
    /// Reads files with one reply or more each.
    pub(crate) fn read(paths: &[PathBuf]) -> anyhow::Result<Self> {
        let mut texts = Vec::new();
        let mut replies = Vec::new();
        for path in paths {
            let name = path.display();
            let text = fs::read(path).with_context(|| format!("the recorded reply {name} cannot be read"))?;
            let before = replies.len();
            for value in Deserializer::from_slice(&text).into_iter() {
                match value.with_context(|| format!("{name} is not JSON; record with --output json"))? {
                    Value::Array(values) => replies.extend(values),
                    value => replies.push(value),
                }
            }
            refuse_other_texts(path, &replies[before..])?;
            texts.push(text);
        }
        Ok(Self { texts, replies })
    }

    /// How many detections or segments there are.
    pub(crate) fn count(&self, aggregation: Aggregation) -> usize {
        let labels = self.replies.iter().filter_map(|reply| reply["Labels"].as_array()).flatten();
        labels.filter(|label| aggregation_of(label) == aggregation).count()
    }

    /// Refuses what is not the whole of this job in these aggregations.
    pub(crate) fn check(&self, job: &str, aggregations: &[Aggregation]) -> anyhow::Result<()> {
        let ids = self.replies.iter().filter_map(|reply| reply["JobId"].as_str());
        if let Some(other) = ids.into_iter().find(|&id| id != job) {
            bail!("the event is of job {job}, and the recorded replies are of job {other}; change one of them");
        }
        if self.replies.iter().any(|reply| reply["JobStatus"] == "FAILED") {
            return Ok(());
        }
        if self.replies.iter().all(|reply| reply["JobStatus"] == "IN_PROGRESS") {
            bail!("the recorded job was still IN_PROGRESS; record it again when it is done");
        }
        for aggregation in Aggregation::ALL {
            self.check_pages(aggregation)?;
        }
        let nothing_at_all = Aggregation::ALL.iter().all(|&aggregation| self.count(aggregation) == 0);
        for aggregation in aggregations {
            if self.count(*aggregation) == 0 && !nothing_at_all {
                let name = aggregation.name();
                bail!(
                    "the recorded replies have nothing aggregated by {name}; record with --aggregate-by {name}, \
                     or run with --aggregate-by {}",
                    Aggregation::ALL.iter().find(|other| *other != aggregation).map_or("", |other| other.name())
                );
            }
        }
        Ok(())
    }

    /// The last page of a recording is the one without a token.
    fn check_pages(&self, aggregation: Aggregation) -> anyhow::Result<()> {
        let pages: Vec<_> = self.replies.iter().filter(|reply| aggregation_of_page(reply) == aggregation).collect();
        let last_pages = pages.iter().filter(|reply| !reply["NextToken"].is_string()).count();
        if last_pages == 0 && !pages.is_empty() {
            bail!(
                "the recorded pages are not all: each of the {} has a NextToken; record the pages that they lead to",
                pages.len()
            );
        }
        let tokens_are_kept = last_pages < pages.len();
        let order = |reply: &Value| reply["GetRequestMetadata"]["SortBy"].as_str().map(str::to_owned);
        let in_two_orders = pages.iter().any(|reply| order(reply) != order(pages[0]));
        if last_pages > 1 && (tokens_are_kept || in_two_orders) {
            bail!(
                "the recorded pages are of {last_pages} recordings: all labels would be there more than once; give one"
            );
        }
        Ok(())
    }

    /// The job that answers with these replies, and with nothing that is not in them.
    pub(crate) fn into_job(self) -> anyhow::Result<Job> {
        let says = |field: &str| self.replies.iter().any(|reply| !reply[field].is_null());
        let unsaid: Vec<_> = OF_THE_JOB.into_iter().filter(|field| !says(field)).collect();
        let job = Job::recorded(&self.texts)?;
        Ok(job.edit(1, move |reply| {
            if let Some(fields) = reply.as_object_mut() {
                fields.retain(|field, _| !unsaid.contains(&&**field));
            }
        }))
    }
}

fn refuse_other_texts(path: &Path, replies: &[Value]) -> anyhow::Result<()> {
    let is_reply = |reply: &Value| reply["Labels"].is_array() || reply["JobStatus"].is_string();
    if replies.is_empty() || !replies.iter().all(is_reply) {
        bail!(
            "{} is not what `aws rekognition get-label-detection` prints: it has neither Labels nor JobStatus",
            path.display()
        );
    }
    Ok(())
}

/// Segments tell themselves apart by their start.
fn aggregation_of(label: &Value) -> Aggregation {
    match label.get("StartTimestampMillis") {
        Some(_) => Aggregation::Segments,
        None => Aggregation::Timestamps,
    }
}

fn aggregation_of_page(reply: &Value) -> Aggregation {
    let said = reply["GetRequestMetadata"]["AggregateBy"].as_str();
    let said = Aggregation::ALL.into_iter().find(|aggregation| said == Some(aggregation.name()));
    said.or_else(|| reply["Labels"].get(0).map(aggregation_of)).unwrap_or(Aggregation::Timestamps)
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
    fn what_is_not_the_whole_of_the_job_is_refused() {
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
            let refused = check(&replies, aggregation);
            assert!(refused.contains(words) && refused.is_empty() == words.is_empty(), "{words}: {refused}");
        }
    }
}
