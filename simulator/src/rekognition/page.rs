//! The JSON of a page.

use serde_json::{Map, Value, json};

use crate::rekognition::job::{Job, NameOrder};
use crate::rekognition::labels::selection::{Order, Slice};
use crate::rekognition::request::{Scope, SortBy};
use crate::rekognition::token::{self, Position};

/// A requested page.
pub(crate) struct Page<'a> {
    pub(crate) scope: Scope<'a>,
    pub(crate) position: Position,
    pub(crate) max_results: usize,
    /// Token that the page was requested with.
    pub(crate) token: Option<&'a str>,
}

impl Page<'_> {
    /// Writes the page: the common fields, the labels and the next token. `ties` is the seed for the order of ties. The
    /// labels are written directly as bytes, because a page can be half a megabyte.
    pub(crate) fn write(&self, job: &Job, common: &Map<String, Value>, ties: u64) -> Vec<u8> {
        let Position { fetch, from, page } = self.position;
        let all = job.labels.count(self.scope.aggregation);
        let from = (from as usize).min(all);
        let empty = job.empty_pages.is_some_and(|every| page.is_multiple_of(every));
        let to = if empty { from } else { all.min(from + self.max_results.min(job.page_size)) };
        let order = match (self.scope.sort_by, job.name_order) {
            (SortBy::Timestamp, _) => Order::Time,
            (SortBy::Name, NameOrder::Global) => Order::Name { ties },
            (SortBy::Name, NameOrder::WithinPages) => Order::NameWithinPages,
        };

        let mut json = Value::Object(common.clone()).to_string().into_bytes();
        json.pop();
        json.extend_from_slice(br#","Labels":["#);
        job.labels.write(Slice { aggregation: self.scope.aggregation, order, from, to }, &mut json);
        json.push(b']');
        if to < all || empty {
            let next = token::write(self.scope, Position { fetch, from: to as u64, page: page + 1 });
            let next = if job.repeated_token == Some(page) { self.token.unwrap_or(&next) } else { &next };
            json.extend_from_slice(format!(r#","NextToken":"{next}""#).as_bytes());
        }
        json.push(b'}');
        apply_edits(job, page, json)
    }
}

/// Applies the job's edits to a page.
#[expect(clippy::expect_used, reason = "the page was written a moment ago")]
pub(crate) fn apply_edits(job: &Job, page: u32, json: Vec<u8>) -> Vec<u8> {
    let edits: Vec<_> = job.edits.iter().filter(|(edited, _)| *edited == page).collect();
    if edits.is_empty() {
        return json;
    }
    let mut value: Value = serde_json::from_slice(&json).expect("a page is JSON");
    for (_, edit) in edits {
        edit(&mut value);
    }
    value.to_string().into_bytes()
}

/// Returns the fields that all pages have in common.
pub(crate) fn common_fields(scope: Scope<'_>, job: &Job) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut set = |field: &str, value: Value| fields.insert(field.to_owned(), value);
    set("LabelModelVersion", job.model_version.clone().into());
    set("JobId", scope.job.into());
    set(
        "Video",
        job.video
            .clone()
            .unwrap_or_else(|| json!({ "S3Object": { "Bucket": "videos", "Name": format!("{}.mp4", scope.job) } })),
    );
    if let Some(tag) = &job.tag {
        set("JobTag", tag.clone().into());
    }
    set("GetRequestMetadata", json!({ "SortBy": scope.sort_by.as_str(), "AggregateBy": scope.aggregation.as_str() }));
    fields
}

/// Returns a page that has only the common fields and an empty list of labels.
pub(crate) fn without_labels(mut common: Map<String, Value>) -> Vec<u8> {
    common.insert("Labels".to_owned(), json!([]));
    Value::Object(common).to_string().into_bytes()
}

/// Returns the `VideoMetadata` of a job that does not set its own.
pub(crate) fn default_video_metadata(job: &Job) -> Value {
    json!({
        "Codec": "h264",
        "ColorRange": "LIMITED",
        "DurationMillis": job.labels.duration_ms(),
        "Format": "QuickTime / MOV",
        "FrameHeight": 1080,
        "FrameRate": f64::from(29.97_f32),
        "FrameWidth": 1920,
    })
}
