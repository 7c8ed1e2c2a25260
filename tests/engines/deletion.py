"""`label-lake delete` on a lake in S3 and Glue: the job is gone from both, and nothing else is."""

import os
import subprocess
from collections.abc import Iterable

import served
from checks import Check, unequal
from function import program
from lake import Lake
from services import KEYS
from tables import BUCKET, DATABASE, tables

JOB = "odd-names"
"""Its labels are whatever a key and a partition have to escape."""


def things(lake: Lake) -> tuple[set[str], set[str]]:
    """Keys and partitions: those of the job, and the others."""
    found = set(lake.s3.keys(BUCKET))
    for table in tables():
        if table.keys:
            partitions = lake.glue.partitions(DATABASE, table.name)
            found |= {f"{table.name} in Glue, job_id={'/'.join(partition['Values'])}" for partition in partitions}
    mine = {thing for thing in found if f"job_id={JOB}/" in thing or f"job-{JOB}." in thing}
    return mine, found - mine


def delete(lake: Lake) -> subprocess.CompletedProcess[str]:
    command = [program(served.ROOT, "label-lake"), "delete", "--yes", "--bucket", BUCKET, "--database", DATABASE, JOB]
    services = {"AWS_ENDPOINT_URL_S3": lake.s3.url, "AWS_ENDPOINT_URL_GLUE": lake.glue.url}
    return subprocess.run(command, env={**os.environ, **KEYS, **services}, capture_output=True, text=True, check=False)


def deletion(lake: Lake) -> Iterable[Check]:
    mine, others = things(lake)
    told = delete(lake)
    left, spared = things(lake)
    faults = [told.stderr] if told.returncode or not mine else []
    yield f"label-lake delete removes the job's {len(mine)} files and partitions", faults + sorted(left)
    yield f"and none of the {len(others)} of other jobs", unequal(sorted(spared), sorted(others))
    again = delete(lake)
    yield "a second time it says that there is nothing", [] if again.returncode == 1 else [again.stdout, again.stderr]
