//! Small pictures of a video, made with the program `ffmpeg`.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use indicatif::ProgressBar;
use serde::Serialize;
use tokio::process::Command;
use tokio::time::timeout;

/// Number of pictures, at equal distances.
pub(crate) const COUNT: usize = 16;
/// Width of a picture in pixels.
const WIDTH: u32 = 160;
/// Quality for JPEG, from 2 (best) to 31.
const QUALITY: &str = "6";
/// Maximum size of all pictures together. Above it, every second picture is dropped.
const MAX_BYTES: usize = 150_000;
/// Time that one picture may take. A seek in a large file takes a second or two.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A picture.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Thumbnail {
    at_ms: i64,
    src: String,
}

/// Returns pictures of a video, or none if ffmpeg is not on the PATH.
pub(crate) async fn thumbnails(video: &Path, duration_ms: i64, bar: &ProgressBar) -> anyhow::Result<Vec<Thumbnail>> {
    let mut thumbnails = Vec::new();
    for index in 0..COUNT {
        let at_ms = time(duration_ms, index);
        let Some(jpeg) = picture(video, at_ms).await? else { return Ok(Vec::new()) };
        bar.inc(1);
        // A video that is shorter than its job says has no picture there.
        if !jpeg.is_empty() {
            thumbnails.push(Thumbnail { at_ms, src: format!("data:image/jpeg;base64,{}", STANDARD.encode(jpeg)) });
        }
    }
    if thumbnails.is_empty() {
        bail!("ffmpeg found no pictures in {}", video.display());
    }
    while thumbnails.len() > 1 && thumbnails.iter().map(|thumbnail| thumbnail.src.len()).sum::<usize>() > MAX_BYTES {
        thumbnails = thumbnails.into_iter().step_by(2).collect();
    }
    Ok(thumbnails)
}

/// Returns the time of a picture: the middle of its part of the video, because many videos begin and end in black.
fn time(duration_ms: i64, index: usize) -> i64 {
    let (parts, part) = (2 * COUNT as i128, 2 * index as i128 + 1);
    (i128::from(duration_ms) * part / parts) as i64
}

/// Returns the picture at a time, or `None` if ffmpeg is not on the PATH.
async fn picture(video: &Path, at_ms: i64) -> anyhow::Result<Option<Vec<u8>>> {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-nostdin", "-v", "error", "-threads", "1", "-ss", &format!("{}.{:03}", at_ms / 1000, at_ms % 1000)]);
    // Without the scheme, ffmpeg would take a name with a colon for a URL, and one with a dash for an option.
    let mut input = OsString::from("file:");
    input.push(video);
    ffmpeg.arg("-i").arg(input);
    ffmpeg.args(["-frames:v", "1", "-an", "-vf", &format!("scale={WIDTH}:-2"), "-c:v", "mjpeg", "-q:v", QUALITY]);
    ffmpeg.args(["-flags", "+bitexact", "-fflags", "+bitexact", "-f", "image2pipe", "pipe:1"]);
    ffmpeg.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let process = match ffmpeg.spawn() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        process => process.context("cannot start ffmpeg")?,
    };
    let ended = timeout(TIMEOUT, process.wait_with_output()).await;
    let output = ended.map_err(|_| anyhow!("ffmpeg takes more than {TIMEOUT:?} for one picture"))??;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        bail!("ffmpeg: {}", error.lines().last().unwrap_or("failed without a message"));
    }
    Ok(Some(output.stdout))
}
