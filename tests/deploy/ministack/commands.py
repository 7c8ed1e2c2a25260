"""Runs the command line `label-lake` against a deployed stack: export, replay, backfill, register and status."""

import hashlib
import json
import os
import subprocess
import tempfile
from pathlib import Path

from jobs import LABELS, Jobs
from lake import Lake, completion
from services import REGION, say

PROGRAM = os.environ["LABEL_LAKE"]


def environment(lake: Lake) -> dict[str, str]:
    return lake.deployment.aws.environment | {"AWS_REGION": REGION}


def run(lake: Lake, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PROGRAM, *arguments], env=environment(lake), input=text, capture_output=True, text=True)


def check_export(lake: Lake, jobs: Jobs) -> None:
    """`export` writes the objects and partitions that the deployed function writes."""
    bucket, database = lake.deployment.outputs["BucketName"], lake.deployment.outputs["DatabaseName"]
    job = jobs.new()
    ran = run(lake, "export", job, "--to", f"s3://{bucket}", "--database", database)
    assert ran.returncode == 0 and "EXPORTED" in ran.stdout, ran
    exported = {key: tag for key, tag in lake.objects().items() if job in key}
    partitions = lake.partitions(job)
    assert len(exported) == LABELS + 1 and len(partitions) == LABELS, (exported, partitions)
    event = json.dumps({"JobId": job, "Overwrite": True})
    answer = lake.functions.invoke(FunctionName=lake.deployment.outputs["FunctionName"], Payload=event.encode())
    (replaced,) = json.load(answer["Payload"])["jobs"]
    assert replaced["outcome"] == "EXPORTED", replaced
    assert {key: tag for key, tag in lake.objects().items() if job in key} == exported
    assert lake.partitions(job) == partitions
    with tempfile.TemporaryDirectory() as directory:
        ran = run(lake, "export", job, "--out", directory)
        assert ran.returncode == 0, ran
        files = {path.relative_to(directory).as_posix(): path for path in Path(directory).rglob("*.parquet")}
        sums = {key: f'"{hashlib.md5(path.read_bytes()).hexdigest()}"' for key, path in files.items()}
    assert sums == exported, (sums, exported)
    say("label-lake export: writes the same bytes as the function, to S3 with partitions and to a directory")


def check_replay(lake: Lake, jobs: Jobs) -> None:
    """`replay` removes exported messages from the queue, and leaves and reports those that cannot be exported."""
    queue, function = lake.deployment.outputs["FailedQueueUrl"], lake.deployment.outputs["FunctionName"]
    record, envelope = jobs.new(), jobs.new()
    messages = [
        {"requestContext": {"condition": "RetriesExhausted"}, "requestPayload": json.loads(completion(record))},
        {"Type": "Notification", "Message": completion(envelope)},
        {"JobId": "../poisoned"},
    ]
    for message in messages:
        lake.sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(message))
    ran = run(lake, "replay", queue, "--function", function)
    output = ran.stdout + ran.stderr
    assert ran.returncode == 1 and "InvalidJobId" in output and "../poisoned" in output, output
    committed = lake.objects()
    assert all(f"jobs/job-{job}.parquet" in committed for job in (record, envelope)), output
    assert lake.receive(queue, "the poison message is in the queue again") == messages[2]
    say("label-lake replay: exports a failure record and an SNS envelope; leaves and reports a poison message")


def check_backfill(lake: Lake, jobs: Jobs) -> None:
    """`backfill` exports the jobs of a list and reports an unknown one."""
    function = lake.deployment.outputs["FunctionName"]
    known, unknown = [jobs.new() for _ in range(4)], "e" * 64
    ran = run(lake, "backfill", "--function", function, "--file", "-", text="\n".join([*known, unknown]))
    assert ran.returncode == 1 and unknown in ran.stderr and "JobNotFound" in ran.stderr, ran
    committed = lake.objects()
    assert all(f"jobs/job-{job}.parquet" in committed for job in known), ran
    say(f"label-lake backfill: exports {len(known)} jobs and reports one that Rekognition does not know")


def check_register(lake: Lake, job: str) -> None:
    """`register` adds the partitions of all jobs in the lake to a new table."""
    bucket, database = lake.deployment.outputs["BucketName"], lake.deployment.outputs["DatabaseName"]
    assert not lake.partitions(job), "the new table already has partitions"
    ran = run(lake, "register", "--bucket", bucket, "--database", database, "--all")
    assert ran.returncode == 0, ran
    files = [key for key in lake.objects() if f"/job_id={job}/" in key]
    located = {location.removeprefix(f"s3://{bucket}/") for location in lake.partitions(job).values()}
    assert located == {key.removesuffix("part-00000.parquet") for key in files} and len(located) == LABELS, located
    say("label-lake register: adds the partitions of all jobs in the lake to a new table")


def check_status(lake: Lake, job: str) -> None:
    """`status` reports a job in the lake. (tests/engines tests `delete`: the emulator has no BatchDeletePartition.)"""
    bucket, database = lake.deployment.outputs["BucketName"], lake.deployment.outputs["DatabaseName"]
    known = run(lake, "status", "--bucket", bucket, "--database", database, job)
    assert known.returncode == 0 and job in known.stdout, known
    unknown = run(lake, "status", "--bucket", bucket, "--database", database, "d" * 64)
    assert unknown.returncode == 1, unknown
    say("label-lake status: " + " ".join(known.stdout.split()).replace(job, "a job"))
