"""Checks that `label-lake delete` removes a job from S3 and Glue, and nothing else."""

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
"""A job whose labels contain every character that keys and partitions escape."""


def contents(lake: Lake) -> tuple[set[str], set[str]]:
    """Returns the keys and partitions of the job, and those of other jobs."""
    found = set(lake.s3.keys(BUCKET))
    for table in tables():
        if table.keys:
            partitions = lake.glue.partitions(DATABASE, table.name)
            found |= {f"{table.name} in Glue, job_id={'/'.join(partition['Values'])}" for partition in partitions}
    of_job = {item for item in found if f"job_id={JOB}/" in item or f"job-{JOB}." in item}
    return of_job, found - of_job


def delete(lake: Lake, job_id: str = JOB) -> subprocess.CompletedProcess[str]:
    lake_options = ["--bucket", BUCKET, "--database", DATABASE]
    command = [program(served.ROOT, "label-lake"), "delete", "--yes", *lake_options, job_id]
    services = {"AWS_ENDPOINT_URL_S3": lake.s3.url, "AWS_ENDPOINT_URL_GLUE": lake.glue.url}
    return subprocess.run(command, env={**os.environ, **KEYS, **services}, capture_output=True, text=True, check=False)


def deletion(lake: Lake) -> Iterable[Check]:
    of_job, of_others = contents(lake)
    ran = delete(lake)
    of_job_after, of_others_after = contents(lake)
    faults = [ran.stderr] if ran.returncode or not of_job else []
    yield f"label-lake delete removes the job's {len(of_job)} files and partitions", faults + sorted(of_job_after)
    yield f"it removes none of the {len(of_others)} of other jobs", unequal(sorted(of_others_after), sorted(of_others))
    again = delete(lake)
    yield "a second run finds no such job", [] if again.returncode == 1 else [again.stdout, again.stderr]
