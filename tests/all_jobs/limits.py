"""Cases in which Athena limits, cancels or delays a statement, or the lake has rows of an older version."""

import json
import os
import subprocess
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from trino.exceptions import TrinoQueryError

import all_jobs
from athena import Query, Refused, ignore, in_trino, name_of_call, start_now
from rows import Row, differences
from services import KEYS
from tables import BUCKET, DATABASE, tables
from world import World, definition

HERE = Path(__file__).resolve().parent
OLD = "corner-cases"
"""A job whose row in `jobs` is of schema version 1, so it has no content."""

SHORT = '"TimeoutSeconds": 2'


def enforces_writers(world: World) -> str:
    """A statement that writes more than 100 partitions fails, and so would one that writes by job."""
    place = f"s3://{BUCKET}/writers"
    cursor = world.athena.connect("iceberg").cursor()
    cursor.execute(f"CREATE TABLE writers (n bigint) WITH (partitioning = ARRAY['n'], location = '{place}')").fetchall()
    cursor.execute("INSERT INTO writers SELECT * FROM UNNEST(sequence(1, 100))").fetchall()
    try:
        cursor.execute("INSERT INTO writers SELECT * FROM UNNEST(sequence(1, 101))").fetchall()
    except TrinoQueryError as error:
        assert error.error_name == "ICEBERG_TOO_MANY_OPEN_PARTITIONS", error
    else:
        raise AssertionError("101 partitions were written")
    cursor.execute("DROP TABLE writers").fetchall()
    return "100 partitions can be written in a statement, and 101 cannot"


def refuses_other_statements(_: World) -> str:
    for statement in (
        "DROP TABLE all_jobs",
        "OPTIMIZE all_jobs",
        "VACUUM all_jobs; SELECT 1",
        "CREATE TABLE x (y int)",
    ):
        try:
            in_trino(statement)
        except Refused:
            continue
        raise AssertionError(f"accepted: {statement}")
    return "statements that the state machine has not are refused"


def tells_cancelled(world: World) -> str:
    """A statement that somebody cancels fails the execution, and the next execution takes in the job."""
    old = world.lake.job(OLD)
    world.overwrite(old, "TIMESTAMPS")
    cancelled: list[str] = []

    def cancel(query: Query) -> None:
        if query.statement.startswith("MERGE INTO all_segments"):
            cancelled.append(query.statement)
            query.state, query.reason = "CANCELLED", "Query cancelled by user"

    world.athena.begin = cancel
    found = world.ended(world.start())
    world.athena.begin = start_now
    assert cancelled and found["error"] == "AllJobs.StatementFailed" and "CANCELLED" in found["cause"], found
    world.run()
    world.check()
    return "a cancelled statement fails the execution, and the next one succeeds"


def repeats_after_a_deletion(world: World) -> str:
    """A file is deleted or replaced while a statement reads it. The execution begins again with the pending jobs."""
    for aggregate_by, reason in (
        ("TIMESTAMPS", "HIVE_CANNOT_OPEN_SPLIT: Error opening Hive split s3://lake/part-00000.parquet: NoSuchKey"),
        ("TIMESTAMPS,SEGMENTS", "HIVE_BAD_DATA: Malformed Parquet file. Invalid metadata length"),
    ):
        world.overwrite(world.lake.job(OLD), aggregate_by)
        failed: list[str] = []

        def fail(query: Query, reason: str = reason, failed: list[str] = failed) -> None:
            if query.statement.startswith("MERGE INTO all_detections") and not failed:
                failed.append(query.statement)
                query.state, query.reason = "FAILED", reason

        before = len(world.athena.queries)
        world.athena.begin = fail
        world.run()
        world.athena.begin = start_now
        # The query for pending jobs and the failed MERGE, and then a whole run.
        assert failed and len(world.athena.queries) == before + 7, world.athena.queries
        world.check()
    return "a file that is deleted or replaced while it is read lets the execution begin again"


def creates_again(world: World) -> str:
    """A table that somebody has dropped is created again, also if creating another one fails at first."""
    world.engine.query("DROP TABLE all_jobs")
    failed: list[str] = []

    def fail(query: Query) -> None:
        if query.statement.startswith("CREATE TABLE IF NOT EXISTS all_segments") and not failed:
            failed.append(query.statement)
            query.state, query.reason = "FAILED", "ICEBERG_COMMIT_ERROR: the catalog is busy"

    world.athena.begin = fail
    world.run()
    world.athena.begin = start_now
    assert failed
    world.check()
    return "a table that was dropped is created again, also after a failure"


def creates_in_two_executions(world: World) -> str:
    """Two executions find no tables, and both create them."""
    for name in ("all_detections", "all_segments", "all_jobs"):
        world.engine.query(f"DROP TABLE {name}")
    first = world.start()
    for execution in (first, world.start(continues=first)):
        found = world.ended(execution)
        assert found["status"] == "SUCCEEDED", found
    world.check()
    return "two executions at once create the tables, and take in all jobs"


def upgrades(world: World) -> str:
    """A row without content, of an old version, is replaced by one with content. tells_cancelled has overwritten it."""
    ((content,),) = world.engine.query(f"SELECT content FROM all_jobs WHERE job_id = '{OLD}'")
    assert content and content == world.lake.job(OLD).content
    world.overwrite(world.lake.job(OLD), "TIMESTAMPS,SEGMENTS")
    world.lake.put_old_row()
    world.run()
    world.check()
    ((content,),) = world.engine.query(f"SELECT content FROM all_jobs WHERE job_id = '{OLD}'")
    assert content is None
    world.overwrite(world.lake.job(OLD), "TIMESTAMPS")
    world.run()
    world.check()
    return "rows without content are taken in, and replaced after an overwrite"


def repeats_late_calls(world: World) -> str:
    """Each call gets its reply after the timeout of the state. It is made again, and no statement runs twice."""
    world.overwrite(world.lake.job(OLD), "TIMESTAMPS,SEGMENTS")
    late: dict[str, threading.Event] = {}
    repeated: list[str] = []

    def delay(operation: str, request: dict[str, Any]) -> None:
        key = name_of_call(operation, request)
        if operation == "GetQueryExecution" and key in repeated:
            return
        if key in late:
            repeated.append(key)
            late[key].set()
        else:
            late[key] = threading.Event()
            assert late[key].wait(60), f"not repeated: {key}"

    text = definition().replace('"TimeoutSeconds": 60', SHORT)
    assert SHORT in text
    machine = world.create("short", text)
    before = len(world.athena.queries)
    world.athena.after = delay
    world.run(machine)
    world.athena.after = ignore
    started_statements = len(world.athena.queries) - before
    assert started_statements == 5 and len(repeated) == len(late), (started_statements, late, repeated)
    world.check()
    return f"{len(repeated)} replies come too late: {started_statements} statements, none twice"


def null_if_empty(rows: Iterable[Sequence[Any]], position: int) -> list[Row]:
    """Returns the rows with null for an empty list."""
    return [(*row[:position], row[position] or None, *row[position + 1 :]) for row in rows]


def reads_with_pyiceberg(world: World) -> str:
    """PyIceberg, which shares no code with Trino, reads the same rows, also where a later MERGE has deleted some."""
    for aggregate_by in ("TIMESTAMPS,SEGMENTS", "TIMESTAMPS"):
        world.overwrite(world.lake.job(OLD), aggregate_by)
        world.run()
    counted = []
    for table in tables():
        name = all_jobs.OF_ALL_JOBS[table.name]
        columns = [*(column for column, _ in table.all_columns()), "completed_at_ms"]
        services = [world.lake.glue.url, world.lake.s3.url]
        command = [os.environ["PYICEBERG_PYTHON"], str(HERE / "pyiceberg_rows.py"), *services, f"{DATABASE}.{name}"]
        printed = subprocess.run([*command, *columns], env={**os.environ, **KEYS}, check=True, stdout=subprocess.PIPE)
        found = [json.loads(line) for line in printed.stdout.splitlines()]
        expected = all_jobs.expected_rows(table, world.expected)
        # PyIceberg 0.12 returns an empty list for a list of structs that is null.
        if "labels" in columns:
            found, expected = (null_if_empty(rows, columns.index("labels")) for rows in (found, expected))
        wrong = differences(found, expected)
        assert not wrong, (name, wrong)
        counted.append(len(found))
    ((deletes,),) = world.engine.query('SELECT count(*) FROM "all_segments$files" WHERE content = 1')
    assert deletes, "no file has deleted rows"
    return f"PyIceberg reads the same {counted} rows, with {deletes} files of deleted rows in all_segments"


CASES = [
    enforces_writers,
    refuses_other_statements,
    tells_cancelled,
    upgrades,
    repeats_late_calls,
    repeats_after_a_deletion,
    creates_again,
    creates_in_two_executions,
    reads_with_pyiceberg,
]
