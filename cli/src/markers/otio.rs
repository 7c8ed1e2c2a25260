//! OpenTimelineIO: the interchange format of the Academy Software Foundation, as JSON.

use serde_json::{Value, json};

use super::{Marker, Markers, confidence_text};

/// Returns a timeline with the video as its only clip, and a marker of the timeline for each marker.
pub(super) fn format(markers: &Markers) -> anyhow::Result<Vec<u8>> {
    let (title, rate) = (markers.title(), Rate::of(markers));
    let start = markers.counting.frame(markers.start);
    let clip = json!({
        "OTIO_SCHEMA": "Clip.2",
        "name": title,
        "source_range": rate.range(0, markers.frames),
        "media_references": { "DEFAULT_MEDIA": media(markers, rate) },
        "active_media_reference_key": "DEFAULT_MEDIA",
    });
    let track =
        json!({ "OTIO_SCHEMA": "Track.1", "name": "V1", "kind": "Video", "source_range": null, "children": [clip] });
    let timeline = json!({
        "OTIO_SCHEMA": "Timeline.1",
        "name": title,
        "metadata": { "label_lake": { "job_id": markers.job } },
        "global_start_time": rate.time(start),
        "tracks": {
            "OTIO_SCHEMA": "Stack.1",
            "name": "tracks",
            "source_range": null,
            "children": [track],
            "markers": markers.list.iter().map(|marker| marker_json(marker, rate)).collect::<Value>(),
        },
    });
    let mut bytes = serde_json::to_vec_pretty(&timeline)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Returns the reference to the video: a file with its name, which an editor looks for beside the timeline.
fn media(markers: &Markers, rate: Rate) -> Value {
    let range = rate.range(0, markers.frames);
    match &markers.video {
        Some(video) => {
            let url = super::relative_url(video);
            json!({ "OTIO_SCHEMA": "ExternalReference.1", "target_url": url, "available_range": range })
        }
        None => json!({ "OTIO_SCHEMA": "MissingReference.1", "available_range": range }),
    }
}

fn marker_json(marker: &Marker, rate: Rate) -> Value {
    let confidence = marker.interval.confidence;
    json!({
        "OTIO_SCHEMA": "Marker.2",
        "name": marker.name,
        "color": "BLUE",
        "comment": confidence.map(confidence_text).unwrap_or_default(),
        "marked_range": rate.range(marker.frames.start, marker.duration()),
        "metadata": { "label_lake": {
            "label": marker.label,
            "confidence": confidence,
            "start_ms": marker.interval.start_ms,
            "end_ms": marker.interval.end_ms,
        } },
    })
}

/// Frames a second. The format has floating-point numbers: the frames are whole, and the rate is the one nearest to the exact
/// fraction, as the library of OpenTimelineIO has it.
#[derive(Clone, Copy)]
struct Rate(f64);

impl Rate {
    fn of(markers: &Markers) -> Self {
        let rate = markers.counting.rate();
        Self(f64::from(rate.numerator()) / f64::from(rate.denominator()))
    }

    fn time(self, frames: u64) -> Value {
        json!({ "OTIO_SCHEMA": "RationalTime.1", "rate": self.0, "value": frames as f64 })
    }

    fn range(self, start: u64, duration: u64) -> Value {
        json!({ "OTIO_SCHEMA": "TimeRange.1", "start_time": self.time(start), "duration": self.time(duration) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::markers;
    use super::*;

    #[test]
    fn keeps_the_exact_name_of_a_label() {
        let file: Value = serde_json::from_slice(&format(&markers("24", "01:00:00:00")).unwrap()).unwrap();
        let marker = &file["tracks"]["markers"][2];
        assert_eq!(
            (&marker["name"], &marker["metadata"]["label_lake"]["label"]),
            (&json!("\\n=1+1"), &json!("\n=1+1"))
        );
        assert_eq!(marker["marked_range"]["start_time"]["value"], 86399.0);
        assert_eq!(file["global_start_time"]["value"], 86400.0);
    }
}
