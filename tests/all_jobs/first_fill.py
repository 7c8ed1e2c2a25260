"""Fills the tables with a lake of thousands of jobs, as the first execution after `AllJobs` is switched on.

Usage: first_fill.py JOBS

The execution is stopped in the middle. The next one takes in the jobs that are missing.
"""

import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from athena import MAX_CHARACTERS, ignore
from growth import FIRST, detection_files, job_id, jobs_key, jobs_row, label, put
from main import say
from rows import Row
from world import World

ROWS = 3
"""Rows of a job. Each has a label, and so a file, of its own."""


def fill(world: World, count: int) -> None:
    numbers = range(count)
    put(world.lake.s3, (file for number in numbers for file in detection_files(number, ROWS)))
    put(world.lake.s3, ((jobs_key(number), jobs_row(number, ROWS)) for number in numbers))

    stop_in_the_middle(world)
    ((kept,),) = world.engine.query("SELECT count(*) FROM all_jobs")
    assert 0 < kept < count, kept
    say(f"an execution that is stopped has taken in {kept:,} jobs")

    before = len(world.athena.queries)
    world.run()
    statements = [query.statement for query in list(world.athena.queries.values())[before:]]
    longest = max(map(len, statements))
    assert longest < MAX_CHARACTERS
    merges = sum(statement.startswith("MERGE INTO all_jobs") for statement in statements)
    say(f"the next one takes in the others in {merges} batches; the longest statement has {longest:,} characters")

    found = world.engine.query("SELECT job_id, label, timestamp_ms, confidence, completed_at_ms FROM all_detections")
    ids = {job.job_id for job in world.expected}
    differences = Counter(row for row in found if row[0] not in ids)
    differences.subtract(row for number in numbers for row in rows(number))
    assert not +differences and not -differences, (+differences, -differences)
    ((jobs,),) = world.engine.query("SELECT count(DISTINCT job_id) FROM all_jobs")
    assert jobs == count + len(ids), jobs
    say(f"{count:,} jobs, {count * ROWS:,} rows: no row differs")


def rows(number: int) -> list[Row]:
    """Returns the rows of a job, in the columns that are compared."""
    times = range(ROWS)
    return [(job_id(number), label(number, row), row * 500, 50.0 + row, FIRST + number) for row in times]


def stop_in_the_middle(world: World) -> None:
    """Starts an execution, and stops it when it starts to write its third batch."""
    execution: list[str] = []
    batches: list[None] = []

    def stop(_: str, request: dict[str, Any]) -> None:
        if request.get("QueryString", "").startswith("MERGE INTO all_detections"):
            batches.append(None)
            if len(batches) == 3:
                world.states.stop_execution(executionArn=execution[0])

    world.athena.before = stop
    execution.append(world.start())
    assert world.ended(execution[0])["status"] == "ABORTED"
    world.athena.before = ignore
    world.athena.settle()


def main() -> None:
    with TemporaryDirectory() as directory:
        world = World(Path(directory))
        try:
            fill(world, int(sys.argv[1]))
        finally:
            world.stop()


if __name__ == "__main__":
    main()
