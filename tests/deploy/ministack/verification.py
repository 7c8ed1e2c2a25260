"""Runs scripts/verify-on-aws against a deployed stack, with a job of the simulator instead of a video."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

from cloudwatch import Alarms, now
from deployment import ROOT
from jobs import Jobs
from lake import Lake
from services import say

# Wraps the AWS CLI to add what the emulator lacks.
CLI = Path(__file__).parent / "aws_cli"
# The simulator changes the order of equal elements on each fetch, as Rekognition might. With few elements, the order is
# sometimes the same, so the verdict of this check varies.
ORDER = "lists come in the same order on every fetch"
GROUPED = "SortBy=NAME groups labels over all pages"
GROUPED_SEGMENTS = "SortBy=NAME groups segments over all pages"
REGISTERED = "each label has its partition"
# The emulator's Athena creates no Iceberg tables.
CREATED = "a query in the workgroup creates an Iceberg table"
CHECKS, QUIET_CHECKS = 14, 2
# Numbers of checks after which the next one creates something: a partition, a queue, two tables, and an updated stack.
# The failed event is created before the first check and removed after the last.
CREATING = (0, 7, 8, 9, 10, 12, 14, 15)


def check_verification(lake: Lake, jobs: Jobs) -> None:
    """The script reports a normal job as expected, and each difference of a manipulated job."""
    good, odd = jobs.new(pages=1), jobs.new(pages=1, name_order="WITHIN_PAGES")
    for job in (good, odd):
        assert lake.export(job)["outcome"] == "EXPORTED", job
    expect(lake, good, {CREATED}, "--quiet-queue")
    keep_newest_subscription(lake)
    label = next(iter(lake.partitions(odd)))
    lake.glue.delete_partition(
        DatabaseName=lake.deployment.outputs["DatabaseName"],
        TableName="label_detections",
        PartitionValues=[odd, label],
    )
    expect(lake, odd, {GROUPED, GROUPED_SEGMENTS, REGISTERED, CREATED})
    assert not [key for key in lake.objects() if "=verify-" in key], "the script left objects in the lake"
    say(
        f"scripts/verify-on-aws: {CHECKS} checks of each of two jobs, and {QUIET_CHECKS} with LogLevel=WARN and "
        "UseQueue=Yes; reports the three differences of the second job"
    )


def keep_newest_subscription(lake: Lake) -> None:
    """Removes all subscriptions of the function but the newest.

    A command of the doctor has subscribed the function again, and then the script has updated the stack. SNS has one
    subscription for an endpoint then, and the emulator two, which deliver each message twice.
    """
    found = [each for each in lake.sns.list_subscriptions()["Subscriptions"] if each["Protocol"] == "lambda"]
    for older in found[:-1]:
        lake.sns.unsubscribe(SubscriptionArn=older["SubscriptionArn"])


def check_interruption(lake: Lake, jobs: Jobs) -> None:
    """The script removes what it has created if it is interrupted in a check that creates something."""
    job = jobs.new(pages=1)
    assert lake.export(job)["outcome"] == "EXPORTED", job
    before = contents(lake)
    for checks in CREATING:
        with (
            watching(lake),
            subprocess.Popen(**script(lake, job, "--quiet-queue"), stdout=subprocess.PIPE, text=True) as running,
        ):
            assert running.stdout
            # The first line is that of the job.
            for _ in range(1 + checks):
                running.stdout.readline()
            running.send_signal(signal.SIGTERM if checks % 2 else signal.SIGINT)
            running.stdout.read()
            assert running.wait() == 130, f"exit code {running.returncode} after {checks} checks"
        left = contents(lake)
        assert left == before, f"interrupted after {checks} checks: {left}, instead of {before}"
    say(f"scripts/verify-on-aws: leaves nothing behind if it is interrupted after {CREATING} checks")


def contents(lake: Lake) -> dict[str, Any]:
    """Returns what the script could leave behind."""
    database = lake.deployment.outputs["DatabaseName"]
    cloudformation = lake.deployment.aws.client("cloudformation")
    return {
        # Results of queries are Athena's, and are not in the bucket on AWS.
        "objects": sorted(key for key in lake.objects() if not key.startswith("query-results/")),
        "tables": sorted(table["Name"] for table in lake.glue.get_tables(DatabaseName=database)["TableList"]),
        "queues": sorted(lake.sqs.list_queues().get("QueueUrls", [])),
        "subscriptions": sorted(each["Endpoint"] for each in lake.sns.list_subscriptions()["Subscriptions"]),
        "parameters": cloudformation.describe_stacks(StackName=lake.deployment.name)["Stacks"][0]["Parameters"],
        "failed events": lake.sqs.get_queue_attributes(
            QueueUrl=lake.deployment.outputs["FailedQueueUrl"],
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )["Attributes"],
    }


def script(lake: Lake, job: str, *options: str) -> dict[str, Any]:
    """Returns the command that runs the script for a job, with its environment."""
    environment = lake.deployment.aws.environment | {
        "PATH": f"{CLI}:{os.environ['PATH']}",
        "QUERY_RESULTS": f"s3://{lake.deployment.outputs['BucketName']}/query-results/",
    }
    command = [sys.executable, str(ROOT / "scripts/verify-on-aws"), "--stack", lake.deployment.name, "--job", job]
    return {"args": [*command, *options], "env": environment}


def expect(lake: Lake, job: str, different: set[str], *options: str) -> None:
    """Runs the script for a job, and checks which of its checks report a difference."""
    with watching(lake):
        ran = subprocess.run(**script(lake, job, *options), capture_output=True, text=True)
    output = ran.stdout + ran.stderr
    lines = re.findall(r"^(as expected|DIFFERENT) +(.+?): ", ran.stdout, re.MULTILINE)
    verdicts = {check: verdict for verdict, check in lines}
    found = {check for check, verdict in verdicts.items() if verdict == "DIFFERENT"}
    checks = CHECKS + QUIET_CHECKS * len(options)
    assert len(verdicts) == checks and ran.returncode == bool(found), output
    assert found - {ORDER} == different, output


@contextmanager
def watching(lake: Lake) -> Generator[None]:
    """Publishes, during its block, the metrics in the function's log, and rings the alarms of failed events."""
    alarms, ended, begun = Alarms(lake.deployment), Event(), now()
    queue = {"QueueUrl": lake.deployment.outputs["FailedQueueUrl"], "AttributeNames": ["ApproximateNumberOfMessages"]}

    def metrics() -> list[dict[str, Any]]:
        return [line for line in lake.log() if "_aws" in line]

    # Failures before this block must not ring an alarm: it would not notify again.
    before = len(metrics())

    def watch() -> None:
        published = before
        while not ended.wait(1):
            lines = metrics()
            for line in lines[published:]:
                alarms.put_emitted(line)
            published = len(lines)
            if "function-errors" in alarms.firing(begun):
                alarms.set_state("function-errors", "ALARM")
            if lake.sqs.get_queue_attributes(**queue)["Attributes"]["ApproximateNumberOfMessages"] != "0":
                for name in ("failures-waiting", "events-dropped"):
                    alarms.set_state(name, "ALARM")

    watcher = Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
        for name in alarms.described():
            alarms.set_state(name, "OK")
