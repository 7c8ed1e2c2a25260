"""Runs scripts/verify-on-aws against a deployed stack, with a job of the simulator instead of a video."""

import os
import re
import subprocess
import sys
from pathlib import Path

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


def check_verification(lake: Lake, jobs: Jobs) -> None:
    """The script reports a normal job as expected, and each difference of a manipulated job."""
    good, odd = jobs.new(pages=1), jobs.new(pages=1, name_order="WITHIN_PAGES")
    for job in (good, odd):
        assert lake.export(job)["outcome"] == "EXPORTED", job
    expect(lake, good, set())
    label = next(iter(lake.partitions(odd)))
    lake.glue.delete_partition(
        DatabaseName=lake.deployment.outputs["DatabaseName"],
        TableName="label_detections",
        PartitionValues=[odd, label],
    )
    expect(lake, odd, {GROUPED, GROUPED_SEGMENTS, REGISTERED})
    assert not [key for key in lake.objects() if "=verify-" in key], "the script left objects in the lake"
    say("scripts/verify-on-aws: ten checks of each of two jobs; reports the three differences of the second job")


def expect(lake: Lake, job: str, different: set[str]) -> None:
    """Runs the script for a job, and checks which of its checks report a difference."""
    environment = lake.deployment.aws.environment | {
        "PATH": f"{CLI}:{os.environ['PATH']}",
        "QUERY_RESULTS": f"s3://{lake.deployment.outputs['BucketName']}/query-results/",
    }
    command = [sys.executable, ROOT / "scripts/verify-on-aws", "--stack", lake.deployment.name, "--job", job]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True)
    output = ran.stdout + ran.stderr
    lines = re.findall(r"^(as expected|DIFFERENT) +(.+?): ", ran.stdout, re.MULTILINE)
    verdicts = {check: verdict for verdict, check in lines}
    found = {check for check, verdict in verdicts.items() if verdict == "DIFFERENT"}
    assert len(verdicts) == 10 and ran.returncode == bool(found), output
    assert found - {ORDER} == different, output
