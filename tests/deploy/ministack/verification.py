"""scripts/verify-on-aws, as the first person with an account runs it, except that no video is analyzed: there the job is
one of the simulator's."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from deployment import ROOT
from jobs import Jobs
from lake import Lake
from services import say

# With what the emulator lacks; it calls the program in AWS_CLI.
CLI = Path(__file__).parent / "aws_cli"
# The simulator has another order among equals in each fetch, as the service might; where there are few, not always.
OTHER_ORDER = "lists come in the same order on every fetch"
GROUPED = "SortBy=NAME groups labels over all pages"
GROUPED_SEGMENTS = "SortBy=NAME groups segments over all pages"
REGISTERED = "each label has its partition"


def verifies(lake: Lake, jobs: Jobs) -> None:
    """What is as relied on is told so, and what is not is told so as well."""
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
    assert not [key for key in lake.objects() if "=verify-" in key], "something is left behind"
    say("scripts/verify-on-aws: ten checks of two jobs, and what was made different is told")


def expect(lake: Lake, job: str, different: set[str]) -> None:
    environment = lake.deployment.aws.environment | {
        "PATH": f"{CLI}:{os.environ['PATH']}",
        "QUERY_RESULTS": f"s3://{lake.deployment.outputs['BucketName']}/query-results/",
    }
    command = [sys.executable, ROOT / "scripts/verify-on-aws", "--stack", lake.deployment.name, "--job", job]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True)
    told = ran.stdout + ran.stderr
    lines = re.findall(r"^(as expected|DIFFERENT) +(.+?): ", ran.stdout, re.MULTILINE)
    checks = {relied_on: verdict for verdict, relied_on in lines}
    found = {relied_on for relied_on, verdict in checks.items() if verdict == "DIFFERENT"}
    assert len(checks) == 10 and ran.returncode == bool(found), told
    assert found - {OTHER_ORDER} == different, told
