"""The command `label-lake` on a deployed stack: replay, backfill, register, status."""

from __future__ import annotations

import json
import os
import subprocess

from jobs import LABELS, Jobs
from lake import Lake, completion
from services import REGION, say

PROGRAM = os.environ["LABEL_LAKE"]


def run(lake: Lake, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = lake.deployment.aws.environment | {"AWS_REGION": REGION}
    return subprocess.run([PROGRAM, *arguments], env=environment, input=text, capture_output=True, text=True)


def replays(lake: Lake, jobs: Jobs) -> None:
    """What failed leaves the queue when it is exported; what cannot be is left there, and named."""
    queue, function = lake.deployment.outputs["FailedQueueUrl"], lake.deployment.outputs["FunctionName"]
    record, envelope = jobs.new(), jobs.new()
    letters = [
        {"requestContext": {"condition": "RetriesExhausted"}, "requestPayload": json.loads(completion(record))},
        {"Type": "Notification", "Message": completion(envelope)},
        {"JobId": "../poisoned"},
    ]
    for letter in letters:
        lake.sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(letter))
    ran = run(lake, "replay", queue, "--function", function)
    told = ran.stdout + ran.stderr
    assert ran.returncode == 1 and "InvalidJobId" in told and "../poisoned" in told, told
    committed = lake.objects()
    assert all(f"jobs/job-{job}.parquet" in committed for job in (record, envelope)), told
    assert lake.received(queue, "the poisoned message is there again") == letters[2]
    say("label-lake replay: a failure record and an envelope are exported, a poisoned message is left and named")


def backfills(lake: Lake, jobs: Jobs) -> None:
    function = lake.deployment.outputs["FunctionName"]
    known, unknown = [jobs.new() for _ in range(4)], "e" * 64
    ran = run(lake, "backfill", "--function", function, "--file", "-", text="\n".join([*known, unknown]))
    assert ran.returncode == 1 and unknown in ran.stderr and "JobNotFound" in ran.stderr, ran
    committed = lake.objects()
    assert all(f"jobs/job-{job}.parquet" in committed for job in known), ran
    say(f"label-lake backfill: {len(known)} jobs are exported, one that Rekognition does not know is named")


def registers(lake: Lake, job: str) -> None:
    """A new table gets the partitions of the jobs that are there."""
    bucket, database = lake.deployment.outputs["BucketName"], lake.deployment.outputs["DatabaseName"]
    assert not lake.partitions(job), "the new table has partitions"
    ran = run(lake, "register", "--bucket", bucket, "--database", database, "--all")
    assert ran.returncode == 0, ran
    files = [key for key in lake.objects() if f"/job_id={job}/" in key]
    located = {location.removeprefix(f"s3://{bucket}/") for location in lake.partitions(job).values()}
    assert located == {key.removesuffix("part-00000.parquet") for key in files} and len(located) == LABELS, located
    say("label-lake register: a new table has the partitions of all jobs that are there")


def tells_status(lake: Lake, job: str) -> None:
    """The emulator knows no BatchDeletePartition, so `delete` is shown where the other engines are: tests/engines."""
    bucket, database = lake.deployment.outputs["BucketName"], lake.deployment.outputs["DatabaseName"]
    told = run(lake, "status", "--bucket", bucket, "--database", database, job)
    assert told.returncode == 0 and job in told.stdout, told
    unknown = run(lake, "status", "--bucket", bucket, "--database", database, "d" * 64)
    assert unknown.returncode == 1, unknown
    say("label-lake status: " + " ".join(told.stdout.split()).replace(job, "a job"))
