//! A page of results.

/// A page that was asked for.
struct Page<'a> {
    scope: Scope<'a>,
    place: Place,
    max_results: usize,
    token: Option<&'a str>,
}

impl Page<'_> {
    /// Writes the page. The labels go straight to bytes: a page is up to half a megabyte.
    fn of(&self, job: &Job, head: &Map<String, Value>, ties: u64) -> Vec<u8> {
        let Place { fetch, from, page } = self.place;
        let all = job.labels.count(self.scope.aggregation);
        let from = (from as usize).min(all);
        let empty = job.empty_pages.is_some_and(|every| page.is_multiple_of(every));
        let to = if empty { from } else { all.min(from + self.max_results.min(job.page_size)) };
        let order = match (self.scope.sort_by, job.name_order) {
            (SortBy::Timestamp, _) => Order::Time,
            (SortBy::Name, NameOrder::Global) => Order::Name { ties },
            (SortBy::Name, NameOrder::WithinPages) => Order::NameWithinPages,
        };

        let mut json = Value::Object(head.clone()).to_string().into_bytes();
        json.pop();
        json.extend_from_slice(br#","Labels":["#);
        job.labels.write(Slice { aggregation: self.scope.aggregation, order, from, to }, &mut json);
        json.push(b']');
        if to < all || empty {
            let next = token::write(self.scope, Place { fetch, from: to as u64, page: page + 1 });
            let next = if job.repeated_token == Some(page) { self.token.unwrap_or(&next) } else { &next };
            json.extend_from_slice(format!(r#","NextToken":"{next}""#).as_bytes());
        }
        json.push(b'}');
        edit(job, page, json)
    }
}

#[expect(clippy::expect_used, reason = "the page was written a moment ago")]
fn edit(job: &Job, page: u32, json: Vec<u8>) -> Vec<u8> {
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

/// What is the same on every page.
fn head(scope: Scope<'_>, job: &Job) -> Map<String, Value> {
    let mut head = Map::new();
    let mut set = |field: &str, value: Value| head.insert(field.to_owned(), value);
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
    head
}

fn without_labels(mut head: Map<String, Value>) -> Vec<u8> {
    head.insert("Labels".to_owned(), json!([]));
    Value::Object(head).to_string().into_bytes()
}

fn video_metadata(job: &Job) -> Value {
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
