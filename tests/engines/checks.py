"""The checks that every engine must pass on the lake.

A check is a name and a list of faults, which is empty if the check passes. The expected rows come from Rekognition's
replies, never from a reader of this project.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from queries import QUERIES, Query
from rows import Row, Served, comparable, differences
from tables import Table, tables

Check = tuple[str, list[str]]


class Reads(Protocol):
    """An engine that reads the tables."""

    name: str

    def rows(self, table: Table) -> list[Row]: ...
    def types(self, table: Table) -> list[tuple[str, str]]: ...


class Queries(Reads, Protocol):
    """An engine that runs SQL in Athena's dialect."""

    query: Callable[..., list[Row]]
    saved_query: Callable[[Query], list[Row]]


@dataclass
class Report:
    """Prints one line per check and counts the results."""

    passed: int = 0
    failed: int = 0

    def add(self, engine: str, checks: Iterable[Check]) -> None:
        for name, faults in checks:
            self.failed += bool(faults)
            self.passed += not faults
            print(f"{'FAILED' if faults else 'ok    '} {engine}: {name}", flush=True)
            for fault in faults[:10]:
                print(f"         {fault}"[:600])


def whole_lake(engine: Reads, jobs: list[Served]) -> Iterable[Check]:
    """Every table has the rows that Rekognition served, and the documented types."""
    for table in tables():
        expected = [row for job in jobs for row in job.rows(table.name)]
        found = engine.rows(table)
        yield f"{table.name} has the {len(expected)} rows that were served", differences(found, expected)
    for table in tables():
        yield f"{table.name} has the documented types", unequal(engine.types(table), table.all_columns())


def unequal(found: Iterable[Any], expected: Iterable[Any]) -> list[str]:
    """Compares in order and returns the differences."""
    found, expected = list(map(comparable, found)), list(map(comparable, expected))
    pairs = zip(found, expected, strict=False)
    faults = [f"{actual} instead of {wanted}" for actual, wanted in pairs if actual != wanted]
    if len(found) != len(expected):
        faults.append(f"{len(found)} elements instead of {len(expected)}")
    return faults


def labels_by_name(engine: Queries, job: Served) -> Iterable[Check]:
    """A query for one label finds its rows and no others, by partition value and by column."""
    names = sorted({row[-1] for row in job.rows("label_detections") if row[-1]})
    faults = []
    for column in ("label", "label_name"):
        where = f"WHERE job_id = ? AND {column} = ?"
        sql = f"SELECT label, label_name, count(*) FROM label_detections {where} GROUP BY 1, 2"
        for name in names:
            expected = [(name, name, sum(row[-1] == name for row in job.rows("label_detections")))]
            found = engine.query(sql, (job.job_id, name))
            faults += [f"{column} = {name!r}: {fault}" for fault in unequal(found, expected)]
    yield f"{len(names)} labels with unusual names are found by partition and by column", faults
    sql = "SELECT DISTINCT label_name FROM label_detections WHERE job_id = ? AND label IS NULL"
    nameless = {(row[-3],) for row in job.rows("label_detections") if row[-1] is None}
    yield "a label without a name is null", differences(engine.query(sql, (job.job_id,)), nameless)


def nested(engine: Queries, job: Served) -> Iterable[Check]:
    """Common queries of arrays and structs return the right values."""
    detections = job.rows("label_detections")
    parents = next(index for index, (name, _) in enumerate(tables()[0].columns) if name == "parents")
    parent = next(row[parents][0] for row in detections if row[parents])
    sql = "SELECT count(*) FROM label_detections WHERE job_id = ? AND contains(parents, ?)"
    expected = sum(parent in (row[parents] or []) for row in detections)
    yield f"contains(parents, {parent!r})", unequal(engine.query(sql, (job.job_id, parent)), [(expected,)])

    sql = "SELECT sum(cardinality(parents)), min(parents[1]) FROM label_detections WHERE job_id = ? AND label_name = ?"
    named = [row for row in detections if row[parents] and row[-1]]
    label = named[0][-1]
    lists = [row[parents] for row in named if row[-1] == label]
    answer = [(sum(map(len, lists)), min(names[0] for names in lists))]
    yield "cardinality(parents), parents[1]", unequal(engine.query(sql, (job.job_id, label)), answer)

    fields = "label, detections, instances, segments, first_timestamp_ms, last_timestamp_ms, max_confidence"
    columns = ", ".join(f"found.{field}" for field in fields.split(", "))
    sql = f"SELECT {columns} FROM jobs CROSS JOIN UNNEST(labels) AS found ({fields}) WHERE job_id = ?"
    (row,) = job.rows("jobs")
    labels = [name for name, _ in tables()[-1].columns].index("labels")
    yield "UNNEST(jobs.labels)", differences(engine.query(sql, (job.job_id,)), row[labels])


def by_job(engine: Queries, jobs: list[Served]) -> Iterable[Check]:
    """In the tables with partition projection by job, the files of a job are found without registration."""
    for table in tables("ddl-by-job.sql"):
        if not table.keys:
            continue
        label, like = table.columns.index(("label_name", "string")), table.name.removesuffix("_by_job")
        names = ", ".join(name for name, _ in table.all_columns())
        faults = []
        for job in jobs:
            found = engine.query(f"SELECT {names} FROM {table.name} WHERE job_id = ?", (job.job_id,))
            faults += differences(found, [row[:-1] for row in job.rows(like)])
        yield f"{table.name} has the rows of each job", faults
        two = jobs[:2]
        ids = tuple(job.job_id for job in two)
        found = engine.query(f"SELECT label_name FROM {table.name} WHERE job_id IN (?, ?)", ids)
        expected = [(row[label],) for job in two for row in job.rows(like)]
        yield f"{table.name} has the rows of two jobs", differences(found, expected)
        yield f"{table.name} refuses a query that names no job", refused(engine, f"SELECT count(*) FROM {table.name}")


def refused(engine: Queries, sql: str) -> list[str]:
    """Checks that a query fails because it lacks a job ID."""
    try:
        return [f"the query returned {engine.query(sql)}"]
    except Exception as error:
        return [] if "job_id" in str(error) else [str(error)]


def saved_queries(engine: Queries) -> Iterable[Check]:
    """Every saved query returns the expected rows."""
    for query in QUERIES:
        yield query.title, query.compare(engine.saved_query(query))
