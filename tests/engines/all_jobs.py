"""Keeps the tables of all jobs in Trino or Spark with the statements of `label-lake ddl --all`, and checks them."""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

from checks import Check, Queries, unequal
from duckdb_scripts import output
from queries import QUERIES, variants
from rows import Row, Served, differences
from served import SAMPLE
from tables import BUCKET, DATABASE, Table, tables

ICEBERG = "connector.name=iceberg\niceberg.catalog.type=glue\niceberg.metadata-cache.enabled=false\n"
"""Properties of Trino's catalog for the tables of all jobs."""

REDIRECT = "hive.iceberg-catalog-name=iceberg\n"
"""Property of Trino's Hive catalog: Iceberg tables are found in it, too, as in Athena."""

OF_ALL_JOBS = {"label_detections": "all_detections", "label_segments": "all_segments", "jobs": "all_jobs"}


class Keeps(Queries, Protocol):
    """An engine that keeps the tables of all jobs."""

    dialect: str
    """The option of `label-lake ddl --all`, without hyphens."""
    location: str
    """URL above the files of the tables."""

    execute: Callable[[str], list[Row]]
    """Runs a statement of the engine's own dialect."""
    forget_files: Callable[[Iterable[str]], None]
    """Clears cached lists of the files of tables of the lake."""
    stored_rows: Callable[[str], int]
    """Returns the number of rows in the data files of an Iceberg table, deleted ones included."""


class AllJobs:
    """The statements by name, and the engine that runs them."""

    def __init__(self, label_lake: Path, engine: Keeps):
        self.engine = engine
        options = ["--all", f"--{engine.dialect}", "--lake", f"s3://{BUCKET}", "--database", DATABASE]
        printed = output(label_lake, "ddl", *options)
        printed = printed.replace("hive.", "awsdatacatalog.").replace(f"s3://{BUCKET}", engine.location)
        # The first line after the heading that is only a name.
        named = [(re.findall("^-- ([a-z-]+)$", text, re.MULTILINE), text) for text in printed.split(";\n")]
        self.statements = {names[0]: text for names, text in named if names}

    def run(self, action: str) -> None:
        """Runs the statements whose names begin with an action."""
        for name, statement in self.statements.items():
            if name.startswith(action):
                self.engine.execute(statement)

    def fill(self, differing: Collection[str] = ()) -> int:
        """Takes in all pending jobs. Returns their number."""

        def run(name: str, **given: str) -> list[Row]:
            if name == "pending":
                self.engine.forget_files(OF_ALL_JOBS)
            text = self.statements[name]
            for key, value in given.items():
                text = text.replace(f"{{{key}}}", value)
            return self.engine.execute(text)

        return take_in(run, differing)


def take_in(run: Callable[..., Sequence[Sequence[Any]]], differing: Collection[str] = ()) -> int:
    """Runs statements by name until no job is pending. Returns the number of jobs that were.

    `differing` are the unchanged jobs that have wrong rows before.
    """
    taken_in, before = 0, None
    while True:
        batches = run("pending")
        reported = {job for *_, jobs in batches for job in jobs.split(", ") if job}
        assert reported == set(differing), f"{reported} differ instead of {differing}"
        if not batches[0][0]:
            return taken_in
        assert batches != before, f"taken in, and still pending: {batches}"
        before, differing = batches, ()
        for _, jobs, put, paths, _ in batches:
            taken_in += jobs.count("(")
            for name in ("merge-detections", "merge-segments", "merge-jobs"):
                run(name, jobs=jobs, put=put, paths=paths)


def fill(all_jobs: AllJobs, jobs: list[Served]) -> Iterable[Check]:
    """Creates and fills the tables, and checks that they have the rows of the lake."""
    all_jobs.run("create-")
    yield from changes(all_jobs, jobs, len(jobs), "all jobs")


def changes(
    all_jobs: AllJobs, jobs: list[Served], pending: int, what: str, differing: Collection[str] = ()
) -> Iterable[Check]:
    """Takes in the pending jobs, and checks that the tables have the rows of the lake."""
    found = [all_jobs.fill(differing), all_jobs.fill()]
    yield f"takes in {what}, and nothing the next time", unequal(found, [pending, 0])
    yield from same_rows(all_jobs.engine, jobs)


QUOTE, BACKSLASH = "concat('it', chr(39), 's')", "concat('its', chr(92))"

CHANGED = {
    # A job that was overwritten.
    "one-reply": [
        "UPDATE all_jobs SET content = 'other', status = 'other' WHERE job_id = 'one-reply'",
        "UPDATE all_detections SET label = 'other', label_name = 'other' WHERE job_id = 'one-reply'",
    ],
    # New jobs, of which a run that was stopped has some rows, and jobs that are not in the lake.
    "segments-only": ["DELETE FROM all_jobs WHERE job_id = 'segments-only'"],
    "its\\": [f"UPDATE all_segments SET job_id = {BACKSLASH} WHERE job_id = 'segments-only' AND label = 'Dog'"],
    "beach-day-again": [f"UPDATE all_detections SET job_id = {QUOTE} WHERE job_id = 'beach-day-again'"],
    "it's": [f"UPDATE all_jobs SET job_id = {QUOTE} WHERE job_id = 'beach-day-again'"],
}
"""Statements after which a job in the tables is another one than in the lake."""

DIFFERING = {
    SAMPLE.id: [f"INSERT INTO all_detections SELECT * FROM all_detections WHERE job_id = '{SAMPLE.id}'"],
    "20250703": ["DELETE FROM all_detections WHERE job_id = '20250703' AND label = 'Dog'"],
    "damaged": ["INSERT INTO all_jobs SELECT * FROM all_jobs WHERE job_id = 'damaged'"],
    "odd-names": ["UPDATE all_detections SET completed_at_ms = 1 WHERE job_id = 'odd-names'"],
    "corner-cases": ["UPDATE all_segments SET completed_at_ms = 1 WHERE job_id = 'corner-cases'"],
}
"""Statements after which a job is the same, and its rows are wrong."""


def repairs(all_jobs: AllJobs, jobs: list[Served]) -> Iterable[Check]:
    """Changes the rows of jobs by hand, and checks that the next run puts them right."""
    statements = CHANGED | DIFFERING
    for statement in chain(*statements.values()):
        all_jobs.engine.execute(statement)
    yield from changes(all_jobs, jobs, len(statements), f"{len(statements)} jobs with changed rows", DIFFERING)


def maintain(all_jobs: AllJobs, jobs: list[Served]) -> Iterable[Check]:
    """Compacts the tables, and checks that they have the rows of the lake, and their files no others."""
    all_jobs.run("optimize-")
    all_jobs.run("vacuum-")
    yield from same_rows(all_jobs.engine, jobs)
    stored = [all_jobs.engine.stored_rows(name) for name in OF_ALL_JOBS.values()]
    yield "the files have no deleted rows", unequal(stored, [len(expected_rows(table, jobs)) for table in tables()])


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
