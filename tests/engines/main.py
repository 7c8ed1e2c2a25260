"""Reads a lake that the function has written with other engines, and compares the rows with Rekognition's replies.

Usage: main.py trino|spark|duckdb|pyarrow...
"""

import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import all_jobs
import registration
import skill
from checks import Report, by_job, labels_by_name, nested, saved_queries, whole_lake
from deletion import JOB as DELETED
from deletion import deletion
from function import program
from glue_proxy import GlueProxy, without_unreadable_filter
from lake import Lake
from served import ROOT
from tables import BUCKET, DATABASE, create_in_glue, tables

PARTITIONED = [table.name for table in tables() if table.keys]


class Engines:
    """The requested engines. Trino starts while the function exports the lake."""

    def __init__(self, names: list[str], lake: Lake):
        self.lake = lake
        self.trino = self.proxy = self.spark = None
        self.by_job: Any = None
        self.sql: list[Any] = []
        self.all: list[Any] = []
        if "trino" in names:
            from trino_server import Trino

            self.proxy = GlueProxy(lake.glue.url, without_unreadable_filter)
            home, directory = Path(os.environ["TRINO_HOME"]), lake.directory / "trino"
            catalogs = {"iceberg": all_jobs.ICEBERG}
            self.trino = Trino(home, directory, self.proxy.url, lake.s3.url, catalogs=catalogs, hive=all_jobs.REDIRECT)
        self.names = names

    @property
    def keep_all_jobs(self) -> list[Any]:
        """The engines that keep the tables of all jobs."""
        return [engine for engine in (self.by_job, self.spark) if engine]

    def open(self) -> None:
        files = self.lake.files
        if "duckdb" in self.names:
            from on_duckdb import OnDuckDB

            self.sql.append(OnDuckDB(program(ROOT, "label-lake"), files))
        if self.trino:
            from on_trino import OnTrino

            self.trino.wait()
            self.by_job = OnTrino(self.trino.port)
            self.sql.append(self.by_job)
        if "spark" in self.names:
            from on_spark import OnSpark

            self.spark = OnSpark(self.lake.directory / "spark", files)
            self.refresh(self.spark)
            self.sql.append(self.spark)
        self.all = list(self.sql)
        if "pyarrow" in self.names:
            from on_pyarrow import OnPyArrow

            self.all.append(OnPyArrow(files))

    def refresh(self, engine: Any) -> None:
        """Copies the registered partitions to Spark's own catalog. Trino reads them from Glue."""
        if engine is not self.spark:
            return
        for table in PARTITIONED:
            self.spark.register(table, self.lake.glue.partitions(DATABASE, table))
        self.spark.forget_files([table.name for table in tables()])

    def stop(self) -> None:
        for engine in self.all:
            engine.close()
        if self.trino:
            self.trino.program.stop()
        if self.proxy:
            self.proxy.stop()


def run(names: list[str], directory: Path, report: Report) -> None:
    started = time.monotonic()
    lake = Lake(directory)
    engines = Engines(names, lake)

    def progress(stage: str) -> None:
        print(f"       {stage}: {time.monotonic() - started:.0f} s after the start", flush=True)

    try:
        lake.export()
        progress("lake exported")
        engines.open()
        progress("engines started")
        for engine in engines.all:
            report.add(engine.name, whole_lake(engine, lake.jobs))
        if engines.by_job:
            create_in_glue(lake.glue.client, "ddl-by-job.sql")
        kept = {engine: all_jobs.AllJobs(program(ROOT, "label-lake"), engine) for engine in engines.keep_all_jobs}
        for engine, statements in kept.items():
            report.add(engine.name, all_jobs.fill(statements, lake.jobs))
            report.add(engine.name, all_jobs.saved_queries(engine))
            if engine is engines.by_job:
                report.add(engine.name, skill.columns_of_all_jobs(engine))
            else:
                report.add(engine.name, all_jobs.repairs(statements, lake.jobs))
            report.add(f"{engine.name} after OPTIMIZE and VACUUM", all_jobs.maintain(statements, lake.jobs))
            progress(f"tables of all jobs in {engine.name}")
        for engine in engines.sql:
            report.add(engine.name, labels_by_name(engine, lake.job("odd-names")))
            report.add(engine.name, nested(engine, lake.job("corner-cases")))
            report.add(engine.name, saved_queries(engine))
            if engine is not engines.spark:
                report.add(engine.name, skill.checks(engine))
            progress(engine.name)
        if engines.spark:
            report.add("Spark after MSCK REPAIR", engines.spark.repaired(lake.jobs))
        if engines.by_job:
            report.add("Trino", by_job(engines.by_job, lake.jobs))
        check_registration(lake, engines, report)
        jobs = [*lake.jobs, registration.redelivered(lake)]
        for engine, statements in kept.items():
            report.add(engine.name, all_jobs.changes(statements, jobs, 1, "a new job"))
        report.add("S3 and Glue", deletion(lake))
        lake.s3.download(BUCKET, lake.files)
        jobs = [job for job in jobs if job.job_id != DELETED]
        for engine, statements in kept.items():
            report.add(engine.name, all_jobs.changes(statements, jobs, 1, "a deletion"))
        progress("end")
    finally:
        engines.stop()
        lake.stop()


def check_registration(lake: Lake, engines: Engines, report: Report) -> None:
    """Checks, with the engines that use a catalog, that a job is visible only after its partitions are registered."""
    registered = [engine for engine in engines.sql if engine.needs_registration]
    if not registered:
        return
    registration.kill_before_registration(lake)
    lake.s3.download("lake", lake.files)
    for engine in registered:
        engines.refresh(engine)
    for name, checks in registration.before(lake, registered):
        report.add(name, checks)
    stale = registration.put_stale_location(lake)
    registration.deliver_again(lake)
    lake.s3.download("lake", lake.files)
    for name, checks in registration.after(lake, registered, stale, engines.refresh):
        report.add(name, checks)


def main() -> None:
    report = Report()
    with TemporaryDirectory(prefix="label-lake-engines-") as directory:
        run(sys.argv[1:], Path(directory), report)
    print(f"{report.passed} passed, {report.failed} failed")
    sys.exit(bool(report.failed))


if __name__ == "__main__":
    main()
