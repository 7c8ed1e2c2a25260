"""Deploys a stack that starts jobs for new videos to ministack, and puts videos into the bucket.

Usage: videos.py SIMULATOR ARTIFACT

The emulator does not enforce the policies of the queues against EventBridge and the role of the schedule, and it
publishes no metrics of SQS and EventBridge. The static checks cover these.
"""

import json
import sys
import tempfile
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from alarm_test import DAY
from cloudwatch import Alarms, now
from deployment import Deployment
from doctor import check_doctor, doctor, run_fix
from jobs import Jobs
from lake import Lake
from rekognition import Rekognition
from services import Ministack, say, wait_until
from simulator import Simulator
from starter_faults import faults_of_videos
from video_commands import check_list, check_now, check_replay, check_start
from video_stack import BUCKET, START, VideoStack

# Statements and actions of the starter's role, and the permission that the error then names.
BLOCKING = {
    "StartJobs": "rekognition:StartLabelDetection",
    "LetRekognitionPublish": "iam:PassRole",
    "sqs:ReceiveMessage": "sqs:ReceiveMessage",
    "sqs:DeleteMessage": "sqs:DeleteMessage",
}


def sends_events(videos: VideoStack) -> None:
    """The command of the output makes the bucket send events, keeps its notifications, and can be run again."""
    s3, sqs = videos.lake.s3, videos.lake.sqs
    queue = sqs.create_queue(QueueName="of-someone-else")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    theirs = {"Id": "theirs", "QueueArn": arn, "Events": ["s3:ObjectRemoved:*"]}
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={"QueueConfigurations": [theirs]})
    for _ in range(2):
        run_fix(videos.lake, videos.deployment.outputs["SendVideoEvents"])
        found = s3.get_bucket_notification_configuration(Bucket=BUCKET)
        assert "EventBridgeConfiguration" in found, found
        assert [each["QueueArn"] for each in found["QueueConfigurations"]] == [arn], found
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={})
    run_fix(videos.lake, videos.deployment.outputs["SendVideoEvents"])
    assert "EventBridgeConfiguration" in s3.get_bucket_notification_configuration(Bucket=BUCKET)
    say("the output SendVideoEvents switches on the bucket's events, and keeps its other notifications")


def starts_new_videos(videos: VideoStack) -> list[str]:
    """A job is started for each new object with one of the suffixes. The schedule wakes the starter."""
    keys = ["a/beach day + ü.mp4", "CLIP.MOV", "scene_RAW.M4V"]
    for key in [*keys, "notes.txt", "clip.mp4.json"]:
        videos.put(key)
    wait_until(lambda: len(videos.started()) == len(keys), "the schedule wakes the starter")
    wait_until(lambda: videos.waiting() == 0, "the queue is empty")
    started = videos.started()
    assert sorted(started) == sorted(keys) and videos.number_of_jobs() == len(keys), started
    for key, job in started.items():
        assert job["request"] == {
            "Video": {"S3Object": {"Bucket": BUCKET, "Name": key}},
            "MinConfidence": 72.5,
            "NotificationChannel": {
                "SNSTopicArn": videos.topic,
                "RoleArn": videos.deployment.outputs["RekognitionRoleArn"],
            },
            "Features": ["GENERAL_LABELS"],
            "Settings": {
                "GeneralLabels": {
                    "LabelInclusionFilters": ["Dog", "Street Light"],
                    "LabelExclusionFilters": ["Person"],
                }
            },
            "JobTag": "ministack",
        }, job
        (line,) = videos.logged(lambda line, job=job: line.get("job") == job["id"], f"the start of {key} is in the log")
        assert key in line["video"] and line["size"] == len(key.encode()), line
    say(f"{len(keys)} videos of 5 new objects are started by the schedule, with the parameters of the stack")
    return keys


def exports_the_labels(videos: VideoStack, key: str) -> None:
    """The end of a job brings the labels of the video into the lake."""
    lake, job = videos.lake, videos.end(key)
    line = lake.outcome(job)
    assert line["outcome"] == "EXPORTED", line
    served = lake.simulator.ask(served={"job": job, "aggregation": "TIMESTAMPS"})["served"]
    labels = {element["Label"]["Name"] for element in served}
    files = [name for name in lake.objects() if f"label_detections/job_id={job}/" in name]
    assert len(files) == len(labels) and lake.partitions(job).keys() == labels, (files, labels)
    with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
        lake.s3.download_file(videos.deployment.outputs["BucketName"], f"jobs/job-{job}.parquet", file.name)
        columns = "video_bucket, video_key, job_tag, status"
        (row,) = duckdb.sql(f"SELECT {columns} FROM read_parquet('{file.name}')").fetchall()
    assert row == (BUCKET, key, "ministack", "SUCCEEDED"), row
    say(f"from the video to the lake: {len(files)} files and partitions, and the row of s3://{BUCKET}/{key}")


def stops_and_wakes(videos: VideoStack, ended: str) -> None:
    """StopStarting stops the starter. Afterwards the end of a job starts a video, without the schedule."""
    lake, scheduler = videos.lake, videos.deployment.aws.client("scheduler")
    name = videos.deployment.resource("StarterSchedule")
    given = scheduler.get_schedule(Name=name)
    schedule = {key: given[key] for key in ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")}
    scheduler.update_schedule(**schedule, State="DISABLED")
    run_fix(lake, videos.deployment.outputs["StopStarting"])
    videos.arrives("later.mp4")
    with suppress(lake.functions.exceptions.TooManyRequestsException):
        raise AssertionError(f"the starter is not stopped: {videos.wake()}")
    lake.functions.delete_function_concurrency(FunctionName=videos.starter)
    assert "later.mp4" not in videos.started()
    lake.outcome(videos.end(ended))
    wait_until(lambda: "later.mp4" in videos.started(), "the end of a job wakes the starter")
    scheduler.update_schedule(**schedule, State="ENABLED")
    say("StopStarting stops the starter, and videos wait; then the end of a job starts one, without the schedule")


def starts_once(videos: VideoStack, key: str) -> None:
    """Three more copies of an event start no other job."""
    before = videos.number_of_jobs()
    etag = videos.lake.s3.head_object(Bucket=BUCKET, Key=key)["ETag"].strip('"')
    event = {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": BUCKET}, "object": {"key": key, "size": len(key.encode()), "etag": etag}},
    }
    for _ in range(3):
        videos.lake.sqs.send_message(QueueUrl=videos.queue, MessageBody=json.dumps(event))
        assert videos.wake()["started"] == 1
    assert videos.number_of_jobs() == before and videos.waiting() == 0
    videos.arrives(key)
    assert videos.wake()["started"] == 1
    # The same bytes have the same ETag, so this is the same video.
    assert videos.number_of_jobs() == before, videos.started()
    say("copies of an event, and an object that is written again with the same bytes, start no other job")


def reports_impossible_videos(videos: VideoStack) -> None:
    """A video that cannot be started is in the dead-letter queue with the reason, and the next one is started."""
    videos.arrives("gone.mp4")
    videos.lake.s3.delete_object(Bucket=BUCKET, Key="gone.mp4")
    assert videos.wake()["notStarted"] == 1
    failure = videos.failure()
    assert failure["errorType"] == "VideoNotStarted" and "gone.mp4" in failure["errorMessage"], failure
    assert failure["video"]["detail"]["object"]["key"] == "gone.mp4", failure
    say(f"a video that is gone: {failure['errorMessage'][:100]}…")


def needs_permissions(videos: VideoStack) -> None:
    """Without a permission of the starter's role, no job is started, and the message names the permission."""
    for number, (removed, named) in enumerate(BLOCKING.items()):
        key = f"needs-{number}.mp4"
        videos.arrives(key)
        with START.without(videos.deployment, removed):
            answer = videos.wake()
        assert answer.get("errorType") == "StartsBlocked" and named in answer["errorMessage"], (removed, answer)
        # Without DeleteMessage the job is started, and the next attempt finds it.
        assert (key in videos.started()) is (removed == "sqs:DeleteMessage"), removed
        say(f"without {removed}: {answer['errorMessage'][:100]}…")
        videos.empty()
    cannot_read(videos)
    cannot_put_back(videos)
    cannot_report(videos)


def cannot_read(videos: VideoStack) -> None:
    videos.arrives("secret.mp4")
    with START.without(videos.deployment, "s3:GetObject"):
        assert videos.wake()["notStarted"] == 1
    failure = videos.failure()
    assert failure["errorType"] == "VideoNotStarted" and "s3:GetObject" in failure["errorMessage"], failure
    say(f"without s3:GetObject: {failure['errorMessage'][:100]}…")


def cannot_put_back(videos: VideoStack) -> None:
    """A video is put back while all slots are in use."""
    videos.arrives("full.mp4")
    for nth in (1, 2):
        fault = {"operation": "StartLabelDetection", "nth": nth, "status": 400, "code": "LimitExceededException"}
        videos.simulator.ask(fault=fault)
    with START.without(videos.deployment, "sqs:ChangeMessageVisibility"):
        answer = videos.wake()
    assert answer.get("errorType") == "StartsBlocked", answer
    assert "sqs:ChangeMessageVisibility" in answer["errorMessage"], answer
    say(f"without sqs:ChangeMessageVisibility: {answer['errorMessage'][:100]}…")
    videos.empty()


def cannot_report(videos: VideoStack) -> None:
    """A video that cannot be started stays in its queue if it cannot be sent to the dead-letter queue."""
    videos.arrives("gone-too.mp4")
    videos.lake.s3.delete_object(Bucket=BUCKET, Key="gone-too.mp4")
    with START.without(videos.deployment, "KeepFailures"):
        answer = videos.wake()
    assert answer.get("errorType") == "StartsBlocked" and "sqs:SendMessage" in answer["errorMessage"], answer
    say(f"without KeepFailures: {answer['errorMessage'][:100]}…")
    videos.empty()


def not_enforced(videos: VideoStack) -> None:
    """The emulator does not enforce these. If a later version does, move them to BLOCKING."""
    for removed in ("WriteLogs", "s3:GetObjectVersion"):
        key = f"without-{removed.partition(':')[2] or removed}.mp4"
        videos.arrives(key)
        with START.without(videos.deployment, removed):
            assert videos.wake()["started"] == 1 and key in videos.started(), removed
    say("not enforced by the emulator, checked by tests/deploy/check only: WriteLogs, s3:GetObjectVersion")


def emits_metrics(videos: VideoStack) -> None:
    """The log has the metrics that the alarms use, with the deployed name of the starter as the dimension."""
    lines = [line for line in videos.log() if "_aws" in line]
    assert lines, "the starter emits no metrics"
    for line in lines:
        (declared,) = line["_aws"]["CloudWatchMetrics"]
        assert (declared["Namespace"], declared["Dimensions"]) == ("LabelLake", [["FunctionName"]]), declared
        assert line["FunctionName"] == videos.starter, line
    totals = {name: sum(line[name] for line in lines) for name in ("VideosStarted", "VideosNotStarted")}
    assert totals["VideosStarted"] >= videos.number_of_jobs() and totals["VideosNotStarted"] >= 2, totals
    say(f"the log of the starter has its metrics: {totals}")


def alarms_fire(videos: VideoStack) -> None:
    """Each alarm of the starter fires for its cause, and no other alarm does.

    The emulator counts the errors of direct invocations. It publishes no metrics of SQS and EventBridge, so this puts
    their data points, and the doctor reads the same ones.
    """
    lake, alarms = videos.lake, Alarms(videos.deployment)
    alarms.expect(set(), now())
    since = now()
    for count in range(1, 4):
        with START.without(videos.deployment, "sqs:ReceiveMessage"):
            assert videos.wake()["errorType"] == "StartsBlocked"
        alarms.expect({"starter-errors"} if count == 3 else set(), since)
    since = now()
    videos.arrives("gone-again.mp4")
    lake.s3.delete_object(Bucket=BUCKET, Key="gone-again.mp4")
    # A video that was put back minutes ago may be visible again, and come first.
    wait_until(lambda: videos.wake()["notStarted"] == 1, "the video that is gone is not started")
    videos.failure()
    (line,) = videos.logged(
        lambda line: line.get("VideosNotStarted") and is_since(line, since), "the log has the metric"
    )
    alarms.put_emitted(line)
    alarms.expect({"videos-not-started"}, since)
    since, queue = now(), {"QueueName": videos.queue.split("/")[-1]}
    for seconds, firing in ((DAY, set()), (DAY + 1, {"videos-wait-long"})):
        alarms.put("AWS/SQS", "ApproximateAgeOfOldestMessage", queue, seconds)
        alarms.expect(firing, since)
    run_fix(lake, videos.deployment.outputs["StopStarting"])
    videos.arrives("waits.mp4")
    assert "1 video; the oldest has waited for 24 hours" in doctor(lake)["videos waiting"]["text"]
    since, rule = now(), {"RuleName": videos.deployment.resource("VideoRule")}
    alarms.put("AWS/Events", "InvocationsFailedToBeSentToDlq", rule, 1)
    alarms.expect({"video-events-not-kept"}, since)
    say(f"{len(alarms.fired)} alarms of the starter fired, each alone; {alarms.broken} broken alarms did not")


def is_since(line: dict[str, Any], since: datetime) -> bool:
    return datetime.fromtimestamp(line["_aws"]["Timestamp"] / 1000, UTC) >= since


def main() -> None:
    simulator_program, artifact = sys.argv[1], Path(sys.argv[2])
    with (
        tempfile.TemporaryDirectory() as name,
        Simulator(simulator_program, "--unknown-jobs", "1x12") as simulator,
        Rekognition(simulator.environment["AWS_ENDPOINT_URL_REKOGNITION"]) as rekognition,
        Ministack(Path(name), rekognition.url) as aws,
    ):
        directory = Path(name)
        aws.client("s3").create_bucket(Bucket=BUCKET)
        deployment = Deployment(aws, directory, "with-videos")
        seconds = deployment.deploy(
            artifact,
            VideoBucket=BUCKET,
            VideoSuffixes=".mp4,.mov,_raw.m4v",
            MinConfidence="72.5",
            IncludeLabels="Dog,Street Light",
            ExcludeLabels="Person",
            JobTag="ministack",
        )
        say(f"sam deploy with VideoBucket: {seconds:.0f} s")
        lake = Lake(deployment, simulator)
        videos = VideoStack(lake)
        rekognition.refusal = videos.refusal
        sends_events(videos)
        first, second, _ = starts_new_videos(videos)
        exports_the_labels(videos, first)
        stops_and_wakes(videos, second)
        starts_once(videos, second)
        reports_impossible_videos(videos)
        needs_permissions(videos)
        not_enforced(videos)
        emits_metrics(videos)
        check_start(videos)
        check_list(videos)
        check_now(videos)
        check_replay(videos)
        check_doctor(lake, Jobs(simulator), lambda *_: faults_of_videos(videos))
        alarms_fire(videos)
        deployment.delete()
        say("sam delete removes the stack; the bucket of the videos stays")
        assert aws.client("s3").head_object(Bucket=BUCKET, Key=first)


if __name__ == "__main__":
    main()
