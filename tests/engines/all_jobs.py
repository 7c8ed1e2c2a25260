"""Keeps the tables of all jobs in Trino with the statements of `label-lake ddl --all --trino`, and checks them."""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from checks import Check, Queries, unequal
from duckdb_scripts import output
from queries import QUERIES, variants
from rows import Row, Served, differences
from tables import BUCKET, DATABASE, Table, tables

ICEBERG = "connector.name=iceberg\niceberg.catalog.type=glue\niceberg.metadata-cache.enabled=false\n"
"""Properties of Trino's catalog for the tables of all jobs."""

REDIRECT = "hive.iceberg-catalog-name=iceberg\n"
"""Property of Trino's Hive catalog: Iceberg tables are found in it, too, as in Athena."""

OF_ALL_JOBS = {"label_detections": "all_detections", "label_segments": "all_segments", "jobs": "all_jobs"}


class AllJobs:
    """The statements by name."""

    def __init__(self, label_lake: Path):
        options = ["--all", "--trino", "--lake", f"s3://{BUCKET}", "--database", DATABASE]
        printed = output(label_lake, "ddl", *options).replace("hive.", "awsdatacatalog.")
        # The first line after the heading that is only a name.
        named = [(re.findall("^-- ([a-z-]+)$", text, re.MULTILINE), text) for text in printed.split(";\n")]
        self.statements = {names[0]: text for names, text in named if names}

    def run(self, engine: Queries, action: str) -> None:
        """Runs the statements whose names begin with an action."""
        for name, statement in self.statements.items():
            if name.startswith(action):
                engine.query(statement)

    def fill(self, engine: Queries) -> int:
        """Takes in all pending jobs. Returns their number."""

        def run(name: str, **given: str) -> list[Row]:
            text = self.statements[name]
            for key, value in given.items():
                text = text.replace(f"{{{key}}}", value)
            return engine.query(text)

        return take_in(run)


def take_in(run: Callable[..., Sequence[Sequence[Any]]]) -> int:
    """Runs statements by name until no job is pending. Returns the number of jobs that were."""
    taken_in = 0
    while True:
        for pending, jobs, put, paths, differing in run("pending"):
            assert not differing, differing
            if not pending:
                return taken_in
            taken_in += jobs.count("(")
            for name in ("merge-detections", "merge-segments", "merge-jobs"):
                run(name, jobs=jobs, put=put, paths=paths)


def fill(engine: Queries, all_jobs: AllJobs, jobs: list[Served]) -> Iterable[Check]:
    """Fills the tables, and checks that they have the rows of the lake."""
    all_jobs.run(engine, "create-")
    yield (
        "takes in all jobs, and nothing the next time",
        unequal([all_jobs.fill(engine), all_jobs.fill(engine)], [len(jobs), 0]),
    )
    yield from same_rows(engine, jobs)


def maintain(engine: Queries, all_jobs: AllJobs, jobs: list[Served]) -> Iterable[Check]:
    """Compacts the tables, and checks that they still have the rows of the lake."""
    all_jobs.run(engine, "optimize-")
    all_jobs.run(engine, "vacuum-")
    yield from same_rows(engine, jobs)


def same_rows(engine: Queries, jobs: list[Served]) -> Iterable[Check]:
    for table in tables():
        names = [name for name, _ in table.all_columns()]
        found = engine.query(f"SELECT {', '.join([*names, 'completed_at_ms'])} FROM {OF_ALL_JOBS[table.name]}")
        expected = expected_rows(table, jobs)
        yield f"{OF_ALL_JOBS[table.name]} has the {len(expected)} rows of {table.name}", differences(found, expected)


def expected_rows(table: Table, jobs: list[Served]) -> list[Row]:
    """Returns the rows of a table's table of all jobs, each with the time of its job at the end."""
    return [(*row, job.event.get("Timestamp")) for job in jobs for row in job.rows(table.name)]


def saved_queries(engine: Queries) -> Iterable[Check]:
    """Every saved query returns the same rows from the tables of all jobs."""
    for query in QUERIES:
        for variant in variants(query):
            yield variant.title, variant.compare(engine.saved_query(variant))
