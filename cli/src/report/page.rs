//! Writes the page of a job.

use std::cmp::Reverse;
use std::path::Path;

use anyhow::Context as _;
use futures_util::stream::{self, StreamExt as _};
use indicatif::ProgressBar;
use label_lake::job_id::JobId;
use label_lake::table::aggregation::Aggregation;

use super::blocks::Blocks;
use super::cells::Cells;
use super::coding::{escape_html, pack, script_json};
use super::facts::{Facts, LabelFacts, timeline_ms, title};
use super::html_file::HtmlFile;
use super::label_rows::{RelatedNames, Sample, Segment, read_samples, read_segments};
use super::lanes::{Lane, MAX_LANES, PackedLanes};
use super::sightings::Sightings;
use super::template::{PAGE, SCRIPT, STYLE, fill, head};
use super::thumbnails::Thumbnail;
use super::video::Video;
use crate::job_row::{JobRow, LabelRow};
use crate::lake::Lake;
use crate::lake::label_file::LabelFile;
use crate::output::file::directory_of;

/// Number of label files that are fetched concurrently. Each may have several megabytes.
const CONCURRENCY: usize = 8;
/// Error of the file that keeps the samples until all labels are read.
const TEMPORARY_FILE: &str = "cannot use a temporary file in the directory of the page";
/// Slot of the template at which the blocks are written, because there may be too many for memory.
const BLOCKS_SLOT: &str = "{{boxes}}";

/// Writes the content of a job's page, with its video if it has one. Returns the size of the page in bytes.
pub(crate) async fn write_page(
    lake: &Lake,
    job: &JobId,
    row: &JobRow,
    (video, thumbnails): (Option<&Video>, &[Thumbnail]),
    mut page: HtmlFile,
    bar: &ProgressBar,
) -> anyhow::Result<u64> {
    let labels = biggest_first(row);
    let mut content = Content::read(lake, job, row, &labels, directory_of(page.path()), bar).await?;

    let lanes = PackedLanes::new(&content.lanes);
    for (index, label) in content.labels.iter_mut().enumerate() {
        label.cell_ms = lanes.cell_ms(index);
    }
    let facts = Facts::new(row, video, thumbnails);
    let data = format!(
        "<script type=\"application/json\" id=\"report\">{}</script>\n\
         <script type=\"text/plain\" id=\"labels\">{}</script>\n\
         <script type=\"text/plain\" id=\"lanes\">{}</script>",
        script_json(&facts)?,
        pack(&serde_json::to_vec(&content.labels)?),
        lanes.packed
    );
    let head = head(Some(SCRIPT), &video.map(Video::policy).unwrap_or_default());
    let slots =
        [("head", &*head), ("title", &escape_html(title(row))), ("style", STYLE), ("data", &data), ("script", SCRIPT)];
    let (before, after) = PAGE.split_once(BLOCKS_SLOT).context("the template has no slot for boxes")?;
    page.add(&fill(before, &slots))?;
    if let Some(blocks) = content.blocks {
        bar.set_message("parts of the video");
        bar.reset();
        bar.set_length(blocks.count() as u64);
        for element in blocks.into_elements().context(TEMPORARY_FILE)? {
            page.add(&element.context(TEMPORARY_FILE)?)?;
            bar.inc(1);
            tokio::task::yield_now().await;
        }
    }
    page.add(after)?;
    page.finish()
}

/// Returns the labels in the order of the page.
fn biggest_first(row: &JobRow) -> Vec<&LabelRow> {
    let mut labels: Vec<_> = row.labels.iter().flatten().collect();
    labels.sort_by(|a, b| (Reverse(a.count()), &a.label).cmp(&(Reverse(b.count()), &b.label)));
    labels
}

/// The labels of a page, their lanes, and their samples.
struct Content<'a> {
    labels: Vec<LabelFacts<'a>>,
    lanes: Vec<Lane>,
    /// `None` for a job without detections.
    blocks: Option<Blocks>,
}

impl<'a> Content<'a> {
    /// Reads the files of all labels, one after the other.
    async fn read(
        lake: &Lake,
        job: &JobId,
        row: &JobRow,
        labels: &[&'a LabelRow],
        temporary: &Path,
        bar: &ProgressBar,
    ) -> anyhow::Result<Self> {
        let duration_ms = timeline_ms(row);
        let blocks = match row.row_count {
            Some(rows) if rows > 0 => {
                let blocks = Blocks::new(duration_ms, rows, temporary);
                Some(blocks.context(TEMPORARY_FILE)?)
            }
            _ => None,
        };
        let mut content = Self { labels: Vec::new(), lanes: Vec::new(), blocks };
        let fetch = |label: &'a LabelRow| async move {
            match label.timeline_table() {
                Some(table) => Ok(Some((table, lake.label_file(job, label, table).await?))),
                None => anyhow::Ok(None),
            }
        };
        let mut files = stream::iter(labels.iter().copied().map(fetch)).buffered(CONCURRENCY);
        for (index, label) in labels.iter().enumerate() {
            let Some(file) = files.next().await else { break };
            content.add(index, label, file?, Cells::fine(duration_ms))?;
            bar.inc(1);
            // Files in a directory never make the command wait, and without a pause it would not notice Ctrl-C.
            tokio::task::yield_now().await;
        }
        Ok(content)
    }

    /// Adds a label with the rows of its file.
    fn add(
        &mut self,
        index: usize,
        label: &'a LabelRow,
        file: Option<(Aggregation, LabelFile)>,
        cells: Cells,
    ) -> anyhow::Result<()> {
        let mut sightings = Sightings::new(cells);
        let blocks = &mut self.blocks;
        let (related, from) = match file {
            Some((Aggregation::Timestamps, file)) => {
                let each = |sample: &Sample<'_>| {
                    sightings.add_sample(sample.ms, sample.confidence, sample.instances);
                    let added = blocks.as_mut().map_or(Ok(()), |blocks| blocks.add(index, sample));
                    added.context(TEMPORARY_FILE)
                };
                (file.decode(|file| read_samples(file.bytes, each))?, "samples")
            }
            Some((Aggregation::Segments, file)) => {
                let each = |segment: &Segment| {
                    sightings.add_segment(segment.start_ms, segment.end_ms, segment.confidence);
                };
                (file.decode(|file| read_segments(file.bytes, each))?, "segments")
            }
            None => (RelatedNames::default(), "samples"),
        };
        let (lane, on_screen_ms) = sightings.finish();
        if index < MAX_LANES {
            self.lanes.push(lane);
        }
        self.labels.push(LabelFacts::new(label, related, from, on_screen_ms));
        Ok(())
    }
}
