//! The video of a page: a link to a file, pictures of it, and a presigned URL.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::page::Page;
use super::{beside, page_of, report};
use crate::list::{account_with, messages};
use crate::show::recorded_job;
use crate::{CommandOutput, JOB, Workspace};

/// Runs the command with this PATH.
fn report_with_path(workspace: &Workspace, path: &Path, more: &[&str]) -> CommandOutput {
    let mut command = Command::new(env!("CARGO_BIN_EXE_label-lake"));
    command.args(["report", JOB, "--lake"]).arg(workspace.lake()).args(more).env("PATH", path);
    let ended = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    CommandOutput { code: ended.status.code(), stdout: text(ended.stdout), stderr: text(ended.stderr) }
}

#[test]
fn links_to_the_file_from_the_place_of_the_page() {
    let workspace = recorded_job();
    let (videos, pages) = (beside(&workspace, "videos"), beside(&workspace, "pages"));
    fs::create_dir(&videos).unwrap();
    fs::create_dir(&pages).unwrap();
    let (video, page) = (videos.join("a #1 海.mp4"), pages.join("job.html"));
    fs::write(&video, "no video").unwrap();
    let more = ["--video", video.to_str().unwrap(), "-o", page.to_str().unwrap()];
    // Without ffmpeg on the PATH, the page has no pictures, and that is no error.
    let output = report_with_path(&workspace, &videos, &more);
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
    let page = Page::read(&page);
    page.assert_policy();
    assert_eq!(
        page.facts["video"],
        json!({ "src": "../videos/a%20%231%20%E6%B5%B7.mp4", "presigned": false, "expiresAtMs": null })
    );
    assert_eq!(page.facts["thumbnails"], json!([]));
    assert!(page.policy().contains("; media-src 'self' file:;"), "{}", page.policy());
}

#[cfg(unix)]
#[test]
fn a_failure_of_ffmpeg_is_a_warning() {
    use std::os::unix::fs::PermissionsExt as _;

    let workspace = recorded_job();
    let (programs, video, page) =
        (beside(&workspace, "bin"), beside(&workspace, "video.mp4"), beside(&workspace, "job.html"));
    fs::create_dir(&programs).unwrap();
    fs::write(&video, "no video").unwrap();
    let ffmpeg = programs.join("ffmpeg");
    fs::write(&ffmpeg, "#!/bin/sh\necho first >&2\nprintf 'video.mp4: no \\033[2J picture\\n' >&2\nexit 1\n").unwrap();
    fs::set_permissions(&ffmpeg, fs::Permissions::from_mode(0o755)).unwrap();
    let more = ["--video", video.to_str().unwrap(), "-o", page.to_str().unwrap()];
    let output = report_with_path(&workspace, &programs, &more);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let warning = "warning: the page has no pictures of the video: ffmpeg: video.mp4: no \\u{1b}[2J picture\n";
    assert_eq!(output.stderr, warning);
    let page = Page::read(&page);
    assert_eq!((&page.facts["thumbnails"], &page.facts["video"]["src"]), (&json!([]), &json!("video.mp4")));
}

/// Runs only where ffmpeg is installed.
#[test]
fn shows_small_pictures_of_the_video() {
    let workspace = recorded_job();
    let video = beside(&workspace, "a: video.mkv");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=10:duration=4"]);
    let made = ffmpeg.arg(format!("file:{}", video.display())).stdin(Stdio::null()).status();
    let Ok(status) = made else { return };
    assert!(status.success());
    let page = page_of(&workspace, &["--video", video.to_str().unwrap()]);
    let thumbnails = page.facts["thumbnails"].as_array().unwrap();
    let times: Vec<_> = thumbnails.iter().map(|thumbnail| thumbnail["atMs"].as_u64().unwrap()).collect();
    assert_eq!((times.len(), times[0], times[15]), (16, 125, 3875));
    let sources: Vec<_> = thumbnails.iter().map(|thumbnail| thumbnail["src"].as_str().unwrap()).collect();
    assert!(sources.iter().all(|source| source.starts_with("data:image/jpeg;base64,/9j/")));
    assert!(sources.windows(2).all(|pair| pair[0] != pair[1]));
    assert!(sources.iter().map(|source| source.len()).sum::<usize>() < 150_000);
    assert_eq!(page_of(&workspace, &["--video", video.to_str().unwrap()]).text, page.text);
}

#[test]
fn the_video_has_to_be_the_file_of_one_job() {
    let workspace = recorded_job();
    let video = beside(&workspace, "none.mp4");
    let output = report(&workspace, &[JOB, "--video", video.to_str().unwrap()]);
    assert_eq!((output.code, &*output.stdout), (Some(1), ""));
    assert!(output.stderr.starts_with(&format!("error: no video {}: ", video.display())), "{}", output.stderr);
    assert!(output.stderr.contains("\nhint: pass the file of the video, or `--video presign`"), "{}", output.stderr);
    let output = report(&workspace, &[JOB, "--video", workspace.lake().to_str().unwrap()]);
    assert!(output.stderr.contains(": it is a directory\n"), "{}", output.stderr);

    let output = report(&workspace, &[JOB, "other", "--video", video.to_str().unwrap()]);
    assert_eq!((output.code, &*output.stdout), (Some(2), ""));
    assert!(output.stderr.starts_with("error: --video FILE is the video of one job, but 2 jobs"), "{}", output.stderr);
    output.assert_one_error();
}

#[tokio::test]
async fn a_presigned_url_plays_the_video_until_it_expires() {
    let workspace = Workspace::new();
    let message = json!({ "JobId": JOB, "Video": { "S3Bucket": "lake", "S3ObjectName": "videos/beach day.mp4" } });
    workspace.run_with_input("-", &["--pages", "1", "--labels", "3"], &messages([message]));
    let account = account_with(&workspace).await;
    account.simulator.store().put("videos/beach day.mp4", "the bytes of the video");
    let page = beside(&workspace, "job.html");
    // The lake is in a directory, and only the video in S3.
    let lake = workspace.lake();
    let arguments =
        ["report", JOB, "--lake", lake.to_str().unwrap(), "--video", "presign", "-o", page.to_str().unwrap()];
    let output = account.run(&arguments).await;
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let expected = format!("{}: its URL of the video expires at ", page.display());
    assert!(output.stderr.starts_with(&expected) && output.stderr.ends_with("Z\n"), "{}", output.stderr);

    let page = Page::read(&page);
    page.assert_policy();
    let expires = Duration::from_millis(page.facts["video"]["expiresAtMs"].as_u64().unwrap());
    let left = (UNIX_EPOCH + expires).duration_since(SystemTime::now()).unwrap();
    assert!(left > Duration::from_hours(11) && left <= Duration::from_hours(12), "{left:?}");
    let url = page.facts["video"]["src"].as_str().unwrap();
    let endpoint = account.simulator.s3_url();
    assert!(page.policy().contains(&format!("; media-src {endpoint};")), "{}", page.policy());
    let path = url.strip_prefix(&*endpoint).unwrap();
    let host = endpoint.strip_prefix("http://").unwrap();
    assert!(get(host, path).await.ends_with("\r\n\r\nthe bytes of the video"));
    // The signature is checked.
    let denied = get(host, &path.replace("beach", "peach")).await;
    assert!(denied.starts_with("HTTP/1.1 403 ") && denied.contains("SignatureDoesNotMatch"), "{denied}");
}

/// Returns the reply to a request that has no headers but the host, like that of a browser.
async fn get(host: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(host).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    tokio::time::timeout(Duration::from_mins(1), stream.read_to_string(&mut reply)).await.unwrap().unwrap();
    reply
}

#[tokio::test]
async fn presigning_needs_credentials_and_the_place_of_the_video() {
    let workspace = Workspace::new();
    let reply = format!("{}/tests/data/one-reply.json", env!("CARGO_MANIFEST_DIR"));
    workspace.run_with_input("-", &["--recorded", &reply], &messages([json!({ "JobId": JOB })]));
    let account = account_with(&workspace).await;
    let page = beside(&workspace, "job.html");
    let out = page.to_str().unwrap();
    let output = account.run(&["report", JOB, "--lake", "s3://lake/video", "--video", "presign", "-o", out]).await;
    assert_eq!((output.code, &*output.stdout), (Some(1), ""));
    assert!(output.stderr.contains("does not have the bucket and the key of the video"), "{}", output.stderr);
    assert!(output.stderr.contains("\nhint: pass the file of the video with --video FILE\n"), "{}", output.stderr);

    let lake = workspace.lake();
    let mut command =
        account.command(&["report", JOB, "--lake", lake.to_str().unwrap(), "--video", "presign", "-o", out]);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY").env("HOME", workspace.directory.path());
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    let output = crate::account::run_to_end(command).await;
    assert_eq!((output.code, &*output.stdout), (Some(1), ""));
    let expected = "error: --video presign signs with the credentials of an account: no AWS credentials found";
    assert!(output.stderr.starts_with(expected) && output.stderr.contains("\nhint: "), "{}", output.stderr);
    output.assert_one_error();
    assert!(!page.exists());
}
