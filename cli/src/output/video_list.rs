//! The videos of a stack as `label-lake list --videos` prints them, as text and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use indicatif::HumanBytes;
use serde::Serialize;

use super::table::{Column, absent, table};
use super::text::{count, printable, timestamp};
use crate::videos::state::VideoState;
use crate::videos::video::Video;

/// A video of the list. `--json` prints its serialization.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListedVideo {
    /// URL.
    pub(crate) video: String,
    pub(crate) version: Option<String>,
    pub(crate) bytes: u64,
    pub(crate) modified: Option<String>,
    #[serde(flatten)]
    pub(crate) state: VideoState,
}

impl ListedVideo {
    pub(crate) fn new(video: Video, state: VideoState) -> Self {
        let (url, modified) = (video.url(), video.modified.map(timestamp));
        Self { video: url, version: video.version, bytes: video.size, modified, state }
    }
}

/// Returns the videos as a table, and a summary.
pub(crate) fn as_text(videos: &[ListedVideo]) -> String {
    let details = |video: &ListedVideo| Some(printable(&video.state.details())).filter(|text| !text.is_empty());
    let columns = [
        Column::text("modified", videos.iter().map(|video| video.modified.clone().unwrap_or_else(absent))),
        Column::text("state", videos.iter().map(|video| video.state.name().to_owned())),
        Column::numbers("size", videos.iter().map(|video| HumanBytes(video.bytes).to_string())),
        Column::text("video", videos.iter().map(|video| printable(&video.video))),
        Column::text("job or reason", videos.iter().map(|video| details(video).unwrap_or_else(absent))),
    ];
    let mut by_state = BTreeMap::<_, usize>::new();
    for video in videos {
        *by_state.entry(video.state.name()).or_default() += 1;
    }
    let by_state: Vec<_> = by_state.into_iter().map(|(state, number)| format!("{number} {state}")).collect();
    let mut text = table(&columns);
    // Writing to a String does not fail.
    let _ = writeln!(text, "{}: {}", count(videos.len(), "video"), by_state.join(", "));
    text
}
