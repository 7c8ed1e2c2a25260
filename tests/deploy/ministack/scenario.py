"""What the deployed stack has to show. Each part prints one line, or fails loudly."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
from botocore.exceptions import ClientError

from alarms_ring import alarms_ring
from commands import backfills, registers, replays, tells_status
from deployment import ROOT, Deployment
from jobs import LABELS, PAGES, Jobs
from lake import Lake
from refusals import CONTINUATION, REFUSED, not_enforced, refused
from services import Ministack, say, until
from simulator import Simulator
from verification import verifies

# Hive's escapes; what is left of a label stands in the key as it is.
ESCAPED = {character: f"%{ord(character):02X}" for character in "\"#%'*/:=?\\{[]^"}


def becomes_a_lake(lake: Lake, jobs: Jobs) -> str:
    """A message on the topic: a file and a partition for each label, with every row, and the commit."""
    job = jobs.new()
    line = lake.export(job)
    assert line["outcome"] == "EXPORTED", line
    served = jobs.served(job)
    expected: dict[str, int] = {}
    for element in served:
        label = element["Label"]
        expected[label["Name"]] = expected.get(label["Name"], 0) + max(1, len(label.get("Instances") or []))
    bucket = lake.deployment.outputs["BucketName"]
    rows, files = {}, {}
    with tempfile.TemporaryDirectory() as directory:
        for label in expected:
            key = f"label_detections/job_id={job}/label={''.join(ESCAPED.get(c, c) for c in label)}/part-00000.parquet"
            files[label] = key
            file = Path(directory) / "part.parquet"
            lake.s3.download_file(bucket, key, str(file))
            found = duckdb.sql(f"SELECT label_name, count(*) FROM read_parquet('{file}') GROUP BY 1").fetchall()
            rows |= dict(found)
    assert rows == expected, (rows, expected)
    keys = [key for key in lake.objects() if job in key]
    assert len(keys) == len(expected) + 1 and f"jobs/job-{job}.parquet" in keys, keys
    folders = {label: f"s3://{bucket}/{key.removesuffix('/part-00000.parquet')}" for label, key in files.items()}
    locations = {label: location.removesuffix("/") for label, location in lake.partitions(job).items()}
    assert locations == folders, (locations, folders)
    counts = f"{len(expected)} files and partitions, {sum(rows.values())} rows as served"
    say(f"a message becomes {counts}, and one commit")
    return job


def metrics_are_emitted(lake: Lake, job: str) -> None:
    """What alarms and dashboard look at is what the deployed function emits, under the name that it has here."""
    (line,) = until(lambda: lake.metrics(job), "the metrics are in the log")
    (declared,) = line["_aws"]["CloudWatchMetrics"]
    emitted = [f"{metric['Name']} {metric['Unit']}" for metric in declared["Metrics"]]
    expected = (ROOT / "tests" / "golden" / "metrics.txt").read_text().split("\n")[:-1]
    assert (declared["Namespace"], declared["Dimensions"]) == ("LabelLake", [["FunctionName"]]), declared
    assert sorted(emitted) == sorted(expected), emitted
    assert (line["FunctionName"], line["Jobs"]) == (lake.deployment.outputs["FunctionName"], 1), line
    say(f"{len(emitted)} metrics of the job are in the log, as the alarms and the dashboard name them")


def other_apis_are_filtered(lake: Lake, jobs: Jobs) -> None:
    face, labels = jobs.new(), jobs.new()
    lake.publish(face, api="StartFaceDetection")
    lake.publish(labels, api="LABEL_DETECTION")
    lake.outcome(labels)
    assert not [line for line in lake.lines() if line.get("job") == face], "face detection reached the function"
    say("a message of face detection is filtered, LABEL_DETECTION passes")


def twice_is_once(lake: Lake, job: str) -> None:
    before = lake.objects()
    lake.publish(job)
    line = lake.outcome(job, after=1)
    assert line["outcome"] == "ALREADY_COMMITTED" and lake.objects() == before, line
    say("the same message again changes nothing")


def goes_on(lake: Lake, jobs: Jobs) -> None:
    """A job longer than the timeout goes on in invocations that the function asks for itself."""
    function, aws = lake.deployment.outputs["FunctionName"], lake.deployment.aws.client("lambda")
    aws.update_function_configuration(FunctionName=function, Timeout=4)
    job = jobs.new(pages=30)
    lake.publish(job)

    def continuations() -> list[Any]:
        return [line for line in lake.lines() if line.get("job") == job and line.get("continuation")]

    until(lambda: f"jobs/job-{job}.parquet" in lake.objects(), f"{job} is committed")
    assert continuations(), "the job was not handed on"
    say(f"a job of 30 pages and a timeout of 4 s: {len(continuations())} continuations, then the commit")
    refused(lake, jobs, "InvokeItself", CONTINUATION, pages=30)
    aws.update_function_configuration(FunctionName=function, Timeout=900)


def failures_are_kept(lake: Lake, simulator: Simulator) -> None:
    """What Lambda gives up is in the queue, whole: delivered again as it is, it is exported."""
    aws, function = lake.deployment.aws.client("lambda"), lake.deployment.outputs["FunctionName"]
    job = "f" * 64
    aws.invoke(FunctionName=function, InvocationType="Event", Payload=json.dumps({"JobId": job}))
    record = lake.received(lake.deployment.outputs["FailedQueueUrl"], "the failure is in the queue")
    error = record["responsePayload"]["errorType"]
    assert (record["requestPayload"]["JobId"], error) == (job, "JobNotFound"), record
    simulator.ask(add_job={"id": job, "pages": PAGES, "labels": LABELS, "seed": 0})
    aws.invoke(FunctionName=function, InvocationType="Event", Payload=json.dumps(record))
    until(lambda: f"jobs/job-{job}.parquet" in lake.objects(), "the failure is exported")
    say(f"a job that fails with {error} is in the queue of failures; what is there, invoked again as it is, exports it")


def ready_is_told(lake: Lake, jobs: Jobs) -> None:
    """EventBridge tells a subscriber of the commit, and of nothing else."""
    queue = lake.subscriber(lake.deployment.outputs["ReadyTopicArn"], "ready")
    job = jobs.new()
    lake.export(job)
    event = json.loads(lake.received(queue, "the notice comes")["Message"])
    assert event["detail"]["object"]["key"] == f"jobs/job-{job}.parquet", event
    lake.sqs.delete_queue(QueueUrl=queue)
    say("a subscriber of ReadyTopic is told of the commit")


def through_the_queue(aws: Ministack, simulator: Simulator, jobs: Jobs, directory: Path, artifact: Path) -> None:
    """UseQueue: jobs wait in a queue; what fails each time ends in the queue of failures, and only that."""
    deployment = Deployment(aws, directory, "with-queue")
    parameters = {"UseQueue": "Yes", "DatabaseName": "with_queue", "OutputPrefix": "video/labels"}
    deployment.deploy(artifact, AlarmEmail="someone@example.com", **parameters)
    lake = Lake(deployment, simulator)
    good, unknown = [jobs.new() for _ in range(3)], "e" * 64
    # Seconds instead of half an hour between two tries.
    lake.sqs.set_queue_attributes(QueueUrl=deployment.resource("JobQueue"), Attributes={"VisibilityTimeout": "1"})
    for job in (good[0], unknown, *good[1:]):
        lake.publish(job)
    for job in good:
        assert lake.outcome(job)["outcome"] == "EXPORTED"
        assert f"video/labels/jobs/job-{job}.parquet" in lake.objects()
        assert len(lake.partitions(job)) == LABELS
    message = lake.received(deployment.outputs["FailedQueueUrl"], "the unknown job is given up")
    assert message["JobId"] == unknown, message
    say("with a queue, and a prefix: 3 jobs exported; a fourth, unknown, is given up after 5 tries, and kept")
    alarms_ring(lake, jobs)
    deployment.delete()


def over_http_is_refused(aws: Ministack, simulator: Simulator, directory: Path, artifact: Path) -> None:
    deployment = Deployment(aws, directory, "tls-only")
    deployment.deploy(artifact, plain_http=False, DatabaseName="tls_only")
    lake = Lake(deployment, simulator)
    queue = deployment.outputs["FailedQueueUrl"]
    attempts: dict[str, Callable[[], object]] = {
        "topic": lambda: lake.publish("d" * 64),
        "queue": lambda: lake.sqs.send_message(QueueUrl=queue, MessageBody="{}"),
    }
    for what, attempt in attempts.items():
        try:
            attempt()
        except ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 403, error
        else:
            raise AssertionError(f"the {what} takes plain HTTP")
    # The emulator does not ask the bucket's policy; a static check looks at it.
    say("topic and queue refuse plain HTTP")
    deployment.delete()


def deletes_and_deploys_again(lake: Lake, jobs: Jobs, artifact: Path, job: str) -> None:
    """Only the bucket is left, and a new stack goes on with it."""
    deployment = lake.deployment
    before, bucket = lake.objects(), deployment.outputs["BucketName"]
    names = {logical: deployment.resource(logical) for logical in ("Function", "FailedQueue", "Topic", "FunctionRole")}
    deployment.delete()
    assert lake.objects() == before, "objects are gone with the stack"
    gone: dict[str, Callable[[], object]] = {
        "function": lambda: deployment.aws.client("lambda").get_function(FunctionName=names["Function"]),
        "queue": lambda: lake.sqs.get_queue_attributes(QueueUrl=names["FailedQueue"]),
        "topic": lambda: lake.sns.get_topic_attributes(TopicArn=names["Topic"]),
        "role": lambda: deployment.aws.client("iam").get_role(RoleName=names["FunctionRole"]),
        "database": lambda: lake.glue.get_database(Name="label_lake"),
        "workgroup": lambda: deployment.aws.client("athena").get_work_group(WorkGroup=deployment.name),
    }
    for what, get in gone.items():
        try:
            get()
        except ClientError:
            continue
        raise AssertionError(f"the {what} is left behind")
    seconds = deployment.deploy(artifact, ExistingBucket=bucket)
    assert deployment.outputs["BucketName"] == bucket
    line = lake.export(job)
    assert line["outcome"] == "ALREADY_COMMITTED" and lake.objects() == before, line
    registers(lake, job)
    tells_status(lake, job)
    assert lake.export(jobs.new())["outcome"] == "EXPORTED"
    say(f"sam delete leaves the bucket alone; a new stack ({seconds:.0f} s) knows its jobs, and exports on")
    deployment.delete()


def main() -> None:
    simulator_program, artifact = sys.argv[1], Path(sys.argv[2])
    directory = Path(tempfile.mkdtemp())
    simulator = Simulator(simulator_program, "--page-latency", "150")
    aws = None
    try:
        aws = Ministack(directory, simulator.environment["AWS_ENDPOINT_URL_REKOGNITION"])
        jobs = Jobs(simulator)
        deployment = Deployment(aws, directory, "label-lake")
        say(f"sam deploy: {deployment.deploy(artifact):.0f} s")
        lake = Lake(deployment, simulator)
        job = becomes_a_lake(lake, jobs)
        metrics_are_emitted(lake, job)
        twice_is_once(lake, job)
        other_apis_are_filtered(lake, jobs)
        for taken in REFUSED:
            refused(lake, jobs, taken)
        not_enforced(lake, jobs)
        goes_on(lake, jobs)
        failures_are_kept(lake, simulator)
        replays(lake, jobs)
        backfills(lake, jobs)
        ready_is_told(lake, jobs)
        verifies(lake, jobs)
        alarms_ring(lake, jobs)
        deletes_and_deploys_again(lake, jobs, artifact, job)
        through_the_queue(aws, simulator, jobs, directory, artifact)
        over_http_is_refused(aws, simulator, directory, artifact)
    except BaseException:
        if aws:
            print(aws.log.read_text()[-4000:], file=sys.stderr)
        raise
    finally:
        if aws:
            aws.stop()
        simulator.stop()
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
