"""Runs the commands for videos of `label-lake` against a stack that starts jobs: start, list --videos,
and replay."""

import json
import tempfile
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

from commands import PROGRAM, environment, run
from services import say, wait_until
from video_stack import BUCKET, VideoStack


def check_start(videos: VideoStack) -> None:
    """`start` sends the videos that the bucket had before, and the starter starts each once."""
    lake, stack = videos.lake, videos.deployment.name
    keys = ["archive/beach day +1.mp4", "archive/2025/street.MOV"]
    # The starter does not take the videos before the test has seen them.
    videos.stop()
    for key in keys:
        videos.arrives(key)
    # A bucket that sent no events has videos that the queue has not.
    videos.empty()
    with tempfile.TemporaryDirectory() as directory:
        report = str(Path(directory) / "sent.jsonl")
        start = ("start", "--stack", stack, "--report", report, f"s3://{BUCKET}/archive/")
        listed = run(lake, *start, "--dry-run")
        assert listed.returncode == 0 and "2 videos to start" in listed.stdout, listed
        assert videos.waiting() == 0
        sent = run(lake, *start, "--yes")
        assert sent.returncode == 0 and "2 videos sent to the queue" in sent.stdout, sent
        again = run(lake, *start, "--yes")
        assert again.returncode == 0 and "2 left out: sent before" in again.stdout, again
    assert videos.waiting() == 2
    videos.start_again()
    wait_until(lambda: videos.wake() and videos.started().keys() >= set(keys), "the sent videos are started")
    say("label-lake start: shows and sends the videos that the bucket had before, leaves out what it has sent")


def check_list(videos: VideoStack) -> None:
    """`list --videos` shows a video on its way into the lake."""
    key = "archive/beach day +1.mp4"
    # The emulator may show a line of the log only with the next invocation.
    started = wait_until(lambda: is_started(listed(videos, key)), "the log says that the video is started")
    assert started["jobId"] == videos.started()[key]["id"], started
    job = videos.end(key)
    assert videos.lake.outcome(job)["outcome"] == "EXPORTED"
    exported = listed(videos, key)
    assert (exported["state"], exported["jobId"]) == ("EXPORTED", job), exported
    say("label-lake list --videos: a video is STARTED, and then EXPORTED")


def check_now(videos: VideoStack) -> None:
    """`start --now` follows a video into the lake. The starter finds the same job for the event of the video."""
    key, lake = "now.mp4", videos.lake
    videos.stop()
    videos.arrives(key)
    before = videos.number_of_jobs()
    command = [PROGRAM, "start", "--stack", videos.deployment.name, "--now", f"s3://{BUCKET}/{key}"]
    process = Popen(command, env=environment(lake), stdout=PIPE, stderr=PIPE, text=True)
    wait_until(lambda: key in videos.started(), "the video is started")
    job = videos.end(key)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0 and not errors and f"Job          {job}" in output, (output, errors)
    videos.start_again()
    wait_until(lambda: videos.wake() and not videos.waiting(), "the starter takes the event of the video")
    assert videos.number_of_jobs() == before + 1, videos.started()
    say(f"label-lake start --now: {output.splitlines()[0]}; the starter finds the same job for the event")


def check_replay(videos: VideoStack) -> None:
    """`replay` sends a video that could not be started back to its queue."""
    key = "too early.mp4"
    videos.lake.sqs.send_message(QueueUrl=videos.queue, MessageBody=event(key))
    assert videos.wake()["notStarted"] == 1
    wait_until(lambda: f"s3://{BUCKET}/{key}" in replay(videos, "--dry-run"), "the video is in the dead-letter queue")
    videos.lake.s3.put_object(Bucket=BUCKET, Key=key, Body=b"here now")
    output = replay(videos)
    assert f"s3://{BUCKET}/{key}  SENT to the queue of videos; before: not started: " in output, output
    wait_until(lambda: videos.wake() and key in videos.started(), "the replayed video is started")
    say("label-lake replay: sends a video that was not started back to its queue, and prints the reason")


def is_started(video: dict[str, Any]) -> dict[str, Any] | None:
    return video if video["state"] == "STARTED" else None


def listed(videos: VideoStack, key: str) -> dict[str, Any]:
    """Returns a video as the command lists it."""
    ran = run(videos.lake, "list", "--videos", "--stack", videos.deployment.name, "--json")
    assert ran.returncode == 0, ran
    (video,) = [video for video in json.loads(ran.stdout) if video["video"] == f"s3://{BUCKET}/{key}"]
    return video


def replay(videos: VideoStack, *options: str) -> str:
    ran = run(videos.lake, "replay", "--stack", videos.deployment.name, *options)
    assert ran.returncode == 0, ran
    return ran.stdout


def event(key: str) -> str:
    """Returns the event of an object, as EventBridge sends it."""
    detail = {"bucket": {"name": BUCKET}, "object": {"key": key, "size": 8, "etag": "0"}}
    return json.dumps({"source": "aws.s3", "detail-type": "Object Created", "detail": detail})
