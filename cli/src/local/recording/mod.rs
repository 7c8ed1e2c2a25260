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
use std::path::PathBuf;

use anyhow::{Context as _, anyhow, bail};
use label_lake::job_id::JobId;
use label_lake::notification::Delivery;
use label_lake::table::aggregation::Aggregation;
use rekognition_simulator::Job;
use serde_json::value::RawValue;
use serde_json::{Deserializer, Value};

use self::reply::{Reply, Status, read_replies};
use self::text::decode_text;
use crate::error::with_hint;
use crate::input::Input;

/// Fields that the simulator makes up if no recorded reply has them.
const MADE_UP_FIELDS: [&str; 3] = ["Video", "VideoMetadata", "LabelModelVersion"];

/// The recorded replies of one job.
#[derive(Debug)]
pub(crate) struct Recording {
    replies: Vec<Reply>,
}

impl Recording {
    /// Reads files with one or more replies each. The path `-` is standard input.
    ///
    /// # Errors
    /// A file cannot be read, or contains something other than replies; the same page is there twice.
    pub(crate) fn read(paths: &[PathBuf]) -> anyhow::Result<Self> {
        Self::parse(paths.iter().map(|path| {
            let Input { name, bytes } = Input::read(path, "recorded reply")?;
            Ok((name, bytes))
        }))
    }

    /// Parses the names and contents of files.
    ///
    /// # Errors
    /// As for [`Recording::read`].
    pub(crate) fn parse(files: impl IntoIterator<Item = anyhow::Result<(String, Vec<u8>)>>) -> anyhow::Result<Self> {
        let mut replies = Vec::new();
        for file in files {
            let (name, bytes) = file?;
            let text = decode_text(bytes).with_context(|| cannot_read(&name))?;
            replies.extend(read_text(&name, &text)?);
        }
        // A log of polling has replies that came before the job had ended.
        if replies.iter().any(|(_, reply)| reply.status != Some(Status::InProgress)) {
            replies.retain(|(_, reply)| reply.status != Some(Status::InProgress));
        }
        reject_second_job(&replies)?;
        reject_repeated_pages(&replies)?;
        Ok(Self { replies: replies.into_iter().map(|(_, reply)| reply).collect() })
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
        match (self.named_job(), given) {
            (Some(named), Some(given)) if named != given.as_str() => {
                bail!("--job-id is {given}, but the recorded replies belong to job {named}")
            }
            (Some(named), _) => {
                JobId::try_from(named).with_context(|| format!("JobId {named:?} in the recorded replies"))
            }
            (None, Some(given)) => Ok(given.clone()),
            (None, None) => {
                Err(with_hint(anyhow!("the recorded replies do not name their job"), "pass its ID as --job-id"))
            }
        }
    }

    /// Checks that the recording belongs to this job, and is complete in these aggregations.
    pub(crate) fn check(&self, job: &str, aggregations: &[Aggregation]) -> anyhow::Result<()> {
        if let Some(other) = self.named_job().filter(|&named| named != job) {
            let error = anyhow!("the event names job {job}, but the recorded replies belong to job {other}");
            return Err(with_hint(error, "change one of them"));
        }
        if self.replies.iter().any(|reply| reply.status == Some(Status::Failed)) {
            return Ok(());
        }
        if self.replies.iter().all(|reply| reply.status == Some(Status::InProgress)) {
            let error = anyhow!("the recorded job was still IN_PROGRESS");
            return Err(with_hint(error, "record it again after it has finished"));
        }
        for aggregation in Aggregation::ALL {
            self.check_pages(aggregation)?;
        }
        let is_empty = Aggregation::ALL.iter().all(|&aggregation| self.count(aggregation) == 0);
        for aggregation in aggregations {
            if self.count(*aggregation) == 0 && !is_empty {
                let name = aggregation.name();
                let other =
                    Aggregation::ALL.iter().find(|other| *other != aggregation).map_or("", |other| other.name());
                let hint = format!(
                    "record the job with --aggregate-by {name}, or run this command with --aggregate-by {other}"
                );
                return Err(with_hint(anyhow!("the recorded replies are not aggregated by {name}"), hint));
            }
        }
        Ok(())
    }

    /// Checks that there is one last page, which is the page without a `NextToken`.
    fn check_pages(&self, aggregation: Aggregation) -> anyhow::Result<()> {
        let pages: Vec<_> = self.pages(aggregation).collect();
        let last_pages = pages.iter().filter(|reply| !reply.has("NextToken")).count();
        if last_pages == 0 && !pages.is_empty() {
            let error = anyhow!("incomplete recording: the last page has a NextToken");
            return Err(with_hint(error, "fetch the remaining pages with --next-token, and pass them all"));
        }
        // If no page has a NextToken, the tokens were stripped, and the pages may still be one recording.
        let has_tokens = last_pages < pages.len();
        let in_two_orders = pages.iter().any(|reply| reply.sort_by() != pages[0].sort_by());
        if last_pages > 1 && (has_tokens || in_two_orders) {
            let error = anyhow!("the files hold {last_pages} recordings of the job, which would duplicate all labels");
            return Err(with_hint(error, "pass only one"));
        }
        Ok(())
    }

    /// Returns the ID in the replies, which all belong to one job.
    fn named_job(&self) -> Option<&str> {
        self.replies.iter().find_map(|reply| reply.text("JobId"))
    }

    fn pages(&self, aggregation: Aggregation) -> impl Iterator<Item = &Reply> {
        self.replies.iter().filter(move |reply| reply.aggregation == aggregation)
    }

    /// Returns a simulated job that answers with these replies, without any made-up field.
    pub(crate) fn into_job(self) -> anyhow::Result<Job> {
        let is_recorded = |field: &str| self.replies.iter().any(|reply| reply.has(field));
        let made_up: Vec<_> = MADE_UP_FIELDS.into_iter().filter(|field| !is_recorded(field)).collect();
        let job = Job::recorded(self.replies.into_iter().flat_map(|reply| reply.pages().collect::<Vec<_>>()))?;
        Ok(job.edit(1, move |reply| {
            if let Some(fields) = reply.as_object_mut() {
                fields.retain(|field, _| !made_up.contains(&&**field));
            }
        }))
    }
}

fn cannot_read(name: &str) -> String {
    format!("cannot read recorded reply {name}")
}

/// Reads the replies in a text, each with its place for error messages. `name` is the name of the file.
fn read_text(name: &str, text: &str) -> anyhow::Result<Vec<(String, Reply)>> {
    let mut named = Vec::new();
    for json in Deserializer::from_str(text).into_iter::<&RawValue>() {
        let json = json.map_err(|error| {
            with_hint(
                anyhow!(error).context(format!("{name} is not JSON")),
                "pass complete JSON, as the AWS CLI prints it with --output json",
            )
        })?;
        for reply in read_replies(json) {
            let place = format!("{name}, reply {}", named.len() + 1);
            match reply {
                Ok(reply) => named.push((place, reply)),
                Err(_) if is_event(text) => return Err(event_in_recording(name)),
                Err(reason) => bail!("{place}: {reason}"),
            }
        }
    }
    if named.is_empty() {
        bail!("{name} has no reply");
    }
    Ok(named)
}

/// Returns true if the text of a file is an event, and no reply.
fn is_event(text: &str) -> bool {
    let event = serde_json::from_str::<Value>(text).ok();
    event.is_some_and(|event| event.get("JobStatus").is_none() && !Delivery::unwrap_event(&event).requests.is_empty())
}

/// Returns the error of an EVENT that follows `--recorded`, which takes every argument after it for a file of replies.
fn event_in_recording(name: &str) -> anyhow::Error {
    with_hint(
        anyhow!("{name} is an event, not a reply of GetLabelDetection"),
        format!("put it before the option: label-lake run {name} --recorded FILE"),
    )
}

/// Rejects replies of different jobs.
fn reject_second_job(named: &[(String, Reply)]) -> anyhow::Result<()> {
    let mut jobs = named.iter().filter_map(|(place, reply)| Some((place, reply.text("JobId")?)));
    let Some((first, job)) = jobs.next() else { return Ok(()) };
    match jobs.find(|(_, other)| *other != job) {
        Some((place, other)) => {
            let error = anyhow!("{place} belongs to job {other}, but {first} belongs to job {job}");
            Err(with_hint(error, "convert one job at a time"))
        }
        None => Ok(()),
    }
}

/// Rejects replies that are the same page, or lead to the same page: one of them would duplicate labels.
fn reject_repeated_pages(named: &[(String, Reply)]) -> anyhow::Result<()> {
    let mut pages = HashMap::new();
    let mut tokens = HashMap::new();
    for (place, reply) in named {
        if reply.labels.len() > 0
            && let Some(earlier) = pages.insert(&reply.labels, place)
        {
            return Err(with_hint(anyhow!("{place} is the same page as {earlier}"), "pass each page once"));
        }
        if let Some(token) = reply.text("NextToken")
            && let Some(earlier) = tokens.insert((reply.aggregation.name(), token), place)
        {
            let error = anyhow!("{place} has the same NextToken as {earlier}, so one of them is there twice");
            return Err(with_hint(error, "pass each page once"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::error::error_lines;

    fn check(replies: &[Value], aggregation: Aggregation) -> String {
        let replies = read_text("file", &Value::from(replies.to_vec()).to_string()).unwrap();
        let recording = Recording { replies: replies.into_iter().map(|(_, reply)| reply).collect() };
        recording.check("job-1", &[aggregation]).map_or_else(|error| error_lines(&error).join("\n"), |()| String::new())
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
