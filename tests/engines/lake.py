"""A lake that the function writes to S3 and Glue."""

import json
from pathlib import Path
from typing import Any

import served
from content import digest
from function import program, start_function
from rows import Served
from services import S3, Glue, client
from simulator import Simulator
from tables import BUCKET, DATABASE, create_in_glue, tables

EXTRA = [served.job({"JobId": "corner-cases"}, served.HERE / "corner-cases.json", aggregate_by="TIMESTAMPS,SEGMENTS")]
"""A job in addition to those of the saved queries. It does not change the results of the queries."""

KILLED = "killed"
"""A generated job with more labels than one call to Glue can register."""


def recordings(job: served.Job, directory: Path) -> str:
    """Returns the simulator's argument for a recorded job.

    Adds empty objects for `Video` and `VideoMetadata` where they are absent. Otherwise the simulator generates them.
    """
    directory.mkdir(exist_ok=True)
    files = [directory / f"{job.id}-{number}.json" for number in range(len(job.replies))]
    for file, reply in zip(files, job.replies, strict=True):
        file.write_text(json.dumps({"Video": {}, "VideoMetadata": {}, **reply}))
    return f"--recorded={job.id}={','.join(map(str, files))}"


class Lake:
    """The services, the simulator and the jobs of the lake."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.files = directory / "lake"
        self.s3, self.glue = S3(directory / "s3"), Glue(directory / "glue")
        recorded = [recordings(job, directory / "recorded") for job in [*served.JOBS, *EXTRA]]
        self.simulator = Simulator(program(served.ROOT, "simulator"), f"--job={KILLED}=1x130", *recorded)
        self.rekognition = client("rekognition", self.simulator.environment["AWS_ENDPOINT_URL_REKOGNITION"])
        self.jobs: list[Served] = []

    def export(self) -> None:
        """Starts the services and exports the jobs."""
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
        self.put_old_row()
        self.s3.download(BUCKET, self.files)

    def put_old_row(self) -> None:
        """Replaces a row with one of version 1, so that the lake has files of both versions."""
        job = self.job("corner-cases")
        job.content = None
        self.s3.client.put_object(Bucket=BUCKET, Key=f"jobs/job-{job.job_id}.parquet", Body=served.OLD_ROW.read_bytes())

    def function(self, aggregate_by: str, glue: str | None = None) -> Any:
        """Starts the function."""
        binary = program(served.ROOT, "bootstrap")
        return start_function(
            binary, self.directory / "function", self.simulator, self.s3.url, glue or self.glue.url, aggregate_by
        )

    def served(self, event: dict[str, Any], aggregate_by: list[str]) -> Served:
        """Returns an exported job."""
        job = Served(self.rekognition, event, aggregate_by)
        (row,) = job.rows("jobs")
        columns = [name for name, _ in tables()[-1].columns]
        folders = [f"{table.name}/job_id={job.job_id}/" for table in tables() if table.keys]
        keys = [key for folder in folders for key in self.s3.keys(BUCKET, folder)]
        files = [(key, self.s3.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()) for key in keys]
        job.content = digest(dict(zip(columns, row, strict=True)), files)
        return job

    def job(self, job_id: str) -> Served:
        return next(job for job in self.jobs if job.job_id == job_id)

    def stop(self) -> None:
        self.simulator.stop()
        self.glue.program.stop()
        self.s3.program.stop()
