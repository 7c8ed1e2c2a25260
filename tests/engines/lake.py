"""A lake that the real function makes, with the catalog in Glue and the files in S3."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import served
from function import Simulator, program, start_function
from rows import Served
from services import S3, Glue
from tables import BUCKET, DATABASE, create_in_glue

EXTRA = [served.job({"JobId": "corner-cases"}, served.HERE / "corner-cases.json", aggregate_by="TIMESTAMPS,SEGMENTS")]
"""Beside the jobs that the saved queries are asked about: nothing in it changes their answers."""

KILLED = "killed"
"""A generated job with more labels than go into one call to Glue."""


def with_all_fields(job: served.Job, directory: Path) -> Iterable[Path]:
    """The recordings of a job, empty where they say nothing of the video: the simulator would make something up."""
    directory.mkdir(exist_ok=True)
    for number, reply in enumerate(job.replies):
        path = directory / f"{job.id}-{number}.json"
        path.write_text(json.dumps({"Video": {}, "VideoMetadata": {}, **reply}))
        yield path


class Lake:
    def __init__(self, directory: Path):
        self.directory = directory
        self.files = directory / "lake"
        self.s3, self.glue = S3(directory / "s3"), Glue(directory / "glue")
        recorded = {job.id: list(with_all_fields(job, directory / "recorded")) for job in [*served.JOBS, *EXTRA]}
        self.simulator = Simulator(program(served.ROOT, "simulator"), recorded, ["--job", f"{KILLED}=1x130"])
        self.jobs: list[Served] = []

    def make(self) -> None:
        self.glue.wait()
        self.glue.client.create_database(DatabaseInput={"Name": DATABASE})
        create_in_glue(self.glue.client)
        self.s3.wait()
        self.s3.client.create_bucket(Bucket=BUCKET)
        jobs = [*served.JOBS, *EXTRA]
        for aggregate_by in sorted({",".join(job.aggregate_by) for job in jobs}):
            with self.function(aggregate_by):
                for job in jobs:
                    if ",".join(job.aggregate_by) == aggregate_by:
                        self.simulator.invoke(job.event)
                        self.jobs.append(self.served(job.event, job.aggregate_by))
        self.s3.download(BUCKET, self.files)

    def function(self, aggregate_by: str, glue: str | None = None) -> Any:
        binary = program(served.ROOT, "bootstrap")
        return start_function(
            binary, self.directory / "function", self.simulator, self.s3.url, glue or self.glue.url, aggregate_by
        )

    def served(self, event: dict[str, Any], aggregate_by: list[str]) -> Served:
        return Served(self.simulator.rekognition, event, aggregate_by)

    def job(self, job_id: str) -> Served:
        return next(job for job in self.jobs if job.job_id == job_id)

    def stop(self) -> None:
        self.simulator.stop()
        self.glue.program.stop()
        self.s3.program.stop()
