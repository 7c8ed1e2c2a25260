"""Deploys the stack to ministack and tests it. Each part prints one line.

Usage: scenario.py SIMULATOR ARTIFACT
"""

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
from botocore.exceptions import ClientError

from alarms_fire import check_alarms
from all_jobs_machine import check_all_jobs
from commands import check_backfill, check_export, check_register, check_replay, check_status
from deployment import ROOT, Deployment
from doctor import check_doctor, faults_of_job_queue, faults_of_stack
from from_bucket import check_from_bucket
from jobs import LABELS, PAGES, Jobs
from lake import Lake
from permissions_needed import CONTINUATION, NEEDED, fails_without, not_enforced
from readers import reads_only
from services import Ministack, say, wait_until
from simulator import Simulator
from verification import check_interruption, check_verification

# Hive's escapes. All other characters of a label appear in the key as they are.
ESCAPED = {character: f"%{ord(character):02X}" for character in "\"#%'*/:=?\\{[]^"}


def exports_a_message(lake: Lake, jobs: Jobs) -> str:
    """A message on the topic is exported to one file and one partition per label, with every row, and a commit."""
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
    counts = f"{len(expected)} files and partitions with {sum(rows.values())} rows, as served"
    say(f"a message is exported to {counts}, and one commit")
    return job


def emits_metrics(lake: Lake, job: str) -> None:
    """The function emits the metrics that the alarms and the dashboard use, with its deployed name as the dimension."""
    (line,) = lake.attempts(job)
    (declared,) = line["_aws"]["CloudWatchMetrics"]
    emitted = [f"{metric['Name']} {metric['Unit']}" for metric in declared["Metrics"]]
    expected = (ROOT / "tests" / "golden" / "metrics.txt").read_text().split("\n")[:-1]
    assert (declared["Namespace"], declared["Dimensions"]) == ("LabelLake", [["FunctionName"]]), declared
    assert sorted(emitted) == sorted(expected), emitted
    assert (line["FunctionName"], line["Jobs"]) == (lake.deployment.outputs["FunctionName"], 1), line
    say(f"the log has the {len(emitted)} metrics of the job that the alarms and the dashboard use")


def emits_metrics_at_every_log_level(lake: Lake, jobs: Jobs, artifact: Path) -> None:
    """With LogLevel=ERROR, the log has no line of a successful export but its metrics, and Lambda passes them on."""
    lake.deployment.deploy(artifact, LogLevel="ERROR")
    function = lake.deployment.outputs["FunctionName"]
    job = jobs.new()
    lake.publish(job)
    wait_until(lambda: f"jobs/job-{job}.parquet" in lake.objects(), f"{job} is committed")
    (line,) = lake.attempts(job)
    assert line["Jobs"] == 1 and not [line for line in lake.lines() if line.get("job") == job], line
    # The emulator does not filter lines. Lambda counts a line without a level as INFO.
    passed = lake.functions.get_function_configuration(FunctionName=function)["LoggingConfig"]["ApplicationLogLevel"]
    assert "level" not in line and passed in ("TRACE", "DEBUG", "INFO"), (line, passed)
    say("with LogLevel=ERROR, the log still has the metrics of a job, and nothing else of it")


def ignores_other_apis(lake: Lake, jobs: Jobs) -> None:
    """The subscription to the stack's own topic has no filter, and the function exports only label detection."""
    face, labels = jobs.new(), jobs.new()
    lake.publish(face, api="StartFaceDetection")
    assert lake.export(labels, api="LABEL_DETECTION")["outcome"] == "EXPORTED"
    lake.wait_for_log(lambda: [line for line in lake.lines() if "StartFaceDetection" in str(line)], "it is ignored")
    assert not [key for key in lake.objects() if face in key], "face detection was exported"
    say("a message of face detection on the stack's own topic is ignored; one of LABEL_DETECTION is exported")


def filters_other_apis(lake: Lake, jobs: Jobs) -> None:
    """The subscription to an existing topic drops messages of other APIs."""
    face, labels = jobs.new(), jobs.new()
    lake.publish(face, api="StartFaceDetection")
    assert lake.export(labels, api="LABEL_DETECTION")["outcome"] == "EXPORTED"
    assert not [line for line in lake.lines() if "StartFaceDetection" in str(line)], "face detection is delivered"
    say("a message of face detection on an existing topic is filtered out; one of LABEL_DETECTION is exported")


def ignores_duplicates(lake: Lake, job: str) -> None:
    before = lake.objects()
    lake.publish(job)
    line = lake.outcome(job, after=1)
    assert line["outcome"] == "ALREADY_COMMITTED" and lake.objects() == before, line
    say("a duplicate message changes nothing")


def continues_long_jobs(lake: Lake, jobs: Jobs) -> None:
    """The function continues a job that exceeds the timeout by invoking itself."""
    function, aws = lake.deployment.outputs["FunctionName"], lake.deployment.aws.client("lambda")
    aws.update_function_configuration(FunctionName=function, Timeout=4)
    job = jobs.new(pages=30)
    lake.publish(job)

    def continuations() -> list[Any]:
        return [line for line in lake.lines() if line.get("job") == job and line.get("continuation")]

    wait_until(lambda: f"jobs/job-{job}.parquet" in lake.objects(), f"{job} is committed")
    assert continuations(), "the job had no continuation"
    say(f"a job of 30 pages with a timeout of 4 s: {len(continuations())} continuations, then the commit")
    fails_without(lake, jobs, "InvokeItself", CONTINUATION, pages=30)
    aws.update_function_configuration(FunctionName=function, Timeout=900)


def keeps_failed_events(lake: Lake, simulator: Simulator) -> None:
    """An event that failed is in the dead-letter queue. Invoking the function with that message exports the job."""
    aws, function = lake.deployment.aws.client("lambda"), lake.deployment.outputs["FunctionName"]
    job = "f" * 64
    aws.invoke(FunctionName=function, InvocationType="Event", Payload=json.dumps({"JobId": job}))
    record = lake.receive(lake.deployment.outputs["FailedQueueUrl"], "the event is in the dead-letter queue")
    error = record["responsePayload"]["errorType"]
    assert (record["requestPayload"]["JobId"], error) == (job, "JobNotFound"), record
    simulator.ask(add_job={"id": job, "pages": PAGES, "labels": LABELS, "seed": 0})
    aws.invoke(FunctionName=function, InvocationType="Event", Payload=json.dumps(record))
    wait_until(lambda: f"jobs/job-{job}.parquet" in lake.objects(), "the job is exported")
    say(f"a job that fails with {error} is in the dead-letter queue; invoking the function with the message exports it")


def notifies_when_ready(lake: Lake, jobs: Jobs) -> None:
    """ReadyTopic notifies a subscriber of a commit, and of no other object."""
    queue = lake.subscriber(lake.deployment.outputs["ReadyTopicArn"], "ready")
    job = jobs.new()
    lake.export(job)
    event = json.loads(lake.receive(queue, "the notification arrives")["Message"])
    assert event["detail"]["object"]["key"] == f"jobs/job-{job}.parquet", event
    lake.sqs.delete_queue(QueueUrl=queue)
    say("ReadyTopic notifies a subscriber of the commit")


def exports_through_a_queue(aws: Ministack, simulator: Simulator, jobs: Jobs, directory: Path, artifact: Path) -> None:
    """With UseQueue, jobs wait in a queue. Only a job that fails every time ends in the dead-letter queue.

    The jobs come from an existing topic.
    """
    deployment = Deployment(aws, directory, "with-queue")
    topic = aws.client("sns").create_topic(Name="AmazonRekognition-shared")["TopicArn"]
    deployment.deploy(
        artifact,
        UseQueue="Yes",
        ExistingTopicArn=topic,
        DatabaseName="with_queue",
        OutputPrefix="video/labels",
        AlarmEmail="someone@example.com",
    )
    lake = Lake(deployment, simulator)
    check_doctor(lake, jobs, faults_of_job_queue)
    good, unknown = [jobs.new() for _ in range(3)], "e" * 64
    # Shortens the time between two attempts from half an hour to a second.
    lake.sqs.set_queue_attributes(QueueUrl=deployment.resource("JobQueue"), Attributes={"VisibilityTimeout": "1"})
    for job in (good[0], unknown, *good[1:]):
        lake.publish(job)
    for job in good:
        assert lake.outcome(job)["outcome"] == "EXPORTED"
        assert f"video/labels/jobs/job-{job}.parquet" in lake.objects()
        assert len(lake.partitions(job)) == LABELS
    message = lake.receive(deployment.outputs["FailedQueueUrl"], "the unknown job is in the dead-letter queue")
    assert message["JobId"] == unknown, message
    say("with a queue and a prefix: 3 jobs are exported; an unknown job is in the dead-letter queue after 5 attempts")
    filters_other_apis(lake, jobs)
    check_alarms(lake, jobs)
    deployment.delete()


def denies_plain_http(aws: Ministack, simulator: Simulator, directory: Path, artifact: Path) -> None:
    deployment = Deployment(aws, directory, "tls-only")
    deployment.deploy(artifact, plain_http=False, DatabaseName="tls_only")
    lake = Lake(deployment, simulator)
    queue = deployment.outputs["FailedQueueUrl"]
    attempts: dict[str, Callable[[], object]] = {
        "topic": lambda: lake.publish("d" * 64),
        "queue": lambda: lake.sqs.send_message(QueueUrl=queue, MessageBody="{}"),
    }
    for resource, attempt in attempts.items():
        try:
            attempt()
        except ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 403, error
        else:
            raise AssertionError(f"the {resource} accepts plain HTTP")
    # The emulator does not enforce the policy of the bucket; a static check covers it.
    say("topic and queue deny plain HTTP")
    deployment.delete()


def leaves_nothing_when_creation_fails(lake: Lake, artifact: Path) -> None:
    """A stack that cannot be created, because its database exists, leaves no bucket behind."""
    before = [bucket["Name"] for bucket in lake.s3.list_buckets()["Buckets"]]
    deployment = Deployment(lake.deployment.aws, lake.deployment.file.parent, "same-database")
    try:
        deployment.deploy(artifact, DatabaseName=lake.deployment.outputs["DatabaseName"])
    except AssertionError as error:
        assert "ROLLBACK" in str(error), error
    else:
        raise AssertionError("two stacks have the same database")
    deployment.delete()
    left = {bucket["Name"] for bucket in lake.s3.list_buckets()["Buckets"]} - set(before)
    assert not left, f"the creation that failed left {left}"
    say("a stack whose creation fails leaves no bucket behind")


def survives_deletion(lake: Lake, jobs: Jobs, artifact: Path, job: str) -> None:
    """Deleting the stack retains only the bucket, and a new stack continues with it."""
    deployment = lake.deployment
    before, bucket = lake.objects(), deployment.outputs["BucketName"]
    names = {name: deployment.resource(name) for name in ("Function", "FailedQueue", "Topic", "FunctionRole")}
    deployment.delete()
    assert lake.objects() == before, "objects were deleted with the stack"
    deleted: dict[str, Callable[[], object]] = {
        "function": lambda: deployment.aws.client("lambda").get_function(FunctionName=names["Function"]),
        "queue": lambda: lake.sqs.get_queue_attributes(QueueUrl=names["FailedQueue"]),
        "topic": lambda: lake.sns.get_topic_attributes(TopicArn=names["Topic"]),
        "role": lambda: deployment.aws.client("iam").get_role(RoleName=names["FunctionRole"]),
        "database": lambda: lake.glue.get_database(Name="label_lake"),
        "workgroup": lambda: deployment.aws.client("athena").get_work_group(WorkGroup=deployment.name),
    }
    for resource, get in deleted.items():
        try:
            get()
        except ClientError:
            continue
        raise AssertionError(f"the {resource} was not deleted")
    seconds = deployment.deploy(artifact, ExistingBucket=bucket)
    assert deployment.outputs["BucketName"] == bucket
    line = lake.export(job)
    assert line["outcome"] == "ALREADY_COMMITTED" and lake.objects() == before, line
    check_register(lake, job)
    check_status(lake, job)
    assert lake.export(jobs.new())["outcome"] == "EXPORTED"
    say(f"sam delete retains only the bucket; a new stack ({seconds:.0f} s) finds its jobs and exports more")
    deployment.delete()


def main() -> None:
    simulator_program, artifact = sys.argv[1], Path(sys.argv[2])
    with (
        tempfile.TemporaryDirectory() as name,
        Simulator(simulator_program, "--page-latency", "150") as simulator,
        Ministack(Path(name), simulator.environment["AWS_ENDPOINT_URL_REKOGNITION"]) as aws,
    ):
        directory = Path(name)
        jobs = Jobs(simulator)
        deployment = Deployment(aws, directory, "label-lake")
        alarm_topic = aws.client("sns").create_topic(Name="pager")["TopicArn"]
        say(f"sam deploy: {deployment.deploy(artifact, AlarmTopicArn=alarm_topic):.0f} s")
        lake = Lake(deployment, simulator)
        lake.subscriber(alarm_topic, "pager")
        job = exports_a_message(lake, jobs)
        emits_metrics(lake, job)
        ignores_duplicates(lake, job)
        ignores_other_apis(lake, jobs)
        check_doctor(lake, jobs, faults_of_stack)
        for removed in NEEDED:
            fails_without(lake, jobs, removed)
        not_enforced(lake, jobs)
        continues_long_jobs(lake, jobs)
        keeps_failed_events(lake, simulator)
        check_export(lake, jobs)
        check_replay(lake, jobs)
        check_backfill(lake, jobs)
        notifies_when_ready(lake, jobs)
        reads_only(lake, job)
        check_verification(lake, jobs)
        check_interruption(lake, jobs)
        check_alarms(lake, jobs)
        emits_metrics_at_every_log_level(lake, jobs, artifact)
        check_all_jobs(lake, artifact)
        leaves_nothing_when_creation_fails(lake, artifact)
        survives_deletion(lake, jobs, artifact, job)
        exports_through_a_queue(aws, simulator, jobs, directory, artifact)
        denies_plain_http(aws, simulator, directory, artifact)
        check_from_bucket(aws, simulator, jobs, directory, artifact)


if __name__ == "__main__":
    main()
