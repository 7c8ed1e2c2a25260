//! Writes the index of several pages.

use std::fmt::Write as _;

use indicatif::HumanCount;

use super::coding::escape_html;
use super::facts::title;
use super::html_file::HtmlFile;
use super::template::{INDEX, STYLE, fill, head};
use crate::job_row::JobRow;
use crate::output::text::{count, timestamp, video_time};

/// Name of the index in its directory.
pub(crate) const FILE_NAME: &str = "index.html";

/// Returns the name of the page of a job.
pub(crate) fn page_name(job: &str) -> String {
    format!("{job}.html")
}

/// Writes the index of the pages of these jobs, which are in the same directory.
pub(crate) fn write_index(jobs: &[JobRow], mut page: HtmlFile) -> anyhow::Result<()> {
    let rows: String = jobs.iter().map(row).collect();
    let slots = [("head", &*head(None, &[])), ("style", STYLE), ("rows", &rows)];
    page.add(&fill(INDEX, &slots))?;
    page.finish()?;
    Ok(())
}

/// Returns the row of a job in the table.
fn row(job: &JobRow) -> String {
    let id = escape_html(&job.job_id);
    let number = |number: Option<u64>| number.map(|number| HumanCount(number).to_string());
    let seen = match (job.detection_count, job.segment_count) {
        (Some(detections), _) => Some(count(detections as usize, "detection")),
        (None, segments) => segments.map(|segments| count(segments as usize, "segment")),
    };
    let link = format!("<a href=\"{}\">{}</a>", escape_html(&page_name(&job.job_id)), escape_html(title(job)));
    let mut row = format!("<tr><th scope=\"row\" dir=\"auto\">{link}</th>");
    let cells = [
        Some(id),
        Some(escape_html(&job.status)),
        job.video_duration_ms.map(video_time),
        number(job.label_count),
        seen,
        job.completed_at().map(timestamp),
    ];
    for cell in cells {
        // Writing to a String does not fail.
        let _ = write!(row, "<td>{}</td>", cell.unwrap_or_default());
    }
    row.push_str("</tr>\n");
    row
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_links_to_the_page_of_the_job() {
        let job: JobRow = serde_json::from_value(json!({
            "job_id": "job-1", "status": "FAILED", "video_key": "a/<b>.mp4", "video_duration_ms": 61_000, "aggregate_by": [],
        }))
        .unwrap();
        let row = row(&job);
        assert!(row.contains("<a href=\"job-1.html\">&lt;b&gt;.mp4</a>") && row.contains("<td>FAILED</td>"), "{row}");
        assert!(row.contains("<td>0:01:01</td><td></td><td></td><td></td></tr>"), "{row}");
    }
}
