"""Runs the state machine of the tables of all jobs, with crashes, lost replies and conflicts.

After each case, the tables have exactly the rows of the committed jobs, computed from Rekognition's replies.

Usage: main.py ROUNDS

ROUNDS is how often two executions run at once.
"""

import sys
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import batches
import documented
import limits
from athena import Query, Refused, RefusedThenLost, ignore, start_now
from rows import Served
from tables import BUCKET
from world import BOTH, SECONDS, World

STATEMENTS = 5
"""Statements of a run with one batch: the query, three times MERGE, and the query again."""

CALLS = 12
"""Different calls of such a run: each statement is started and polled, and the results of the two queries are read."""


def say(text: str) -> None:
    print(f"  {text}", flush=True)


def fills(world: World) -> None:
    """A schedule starts the first run, which creates the tables and takes in all jobs. The next run is one query.

    Maintenance before the first run finds no tables, and ends.
    """
    world.run(task="maintain")
    world.scheduler.create_schedule(
        Name="now",
        ScheduleExpression=time.strftime("at(%Y-%m-%dT%H:%M:%S)", time.gmtime()),
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": world.machine, "RoleArn": "arn:aws:iam::123456789012:role/none", "Input": "{}"},
    )
    deadline = time.monotonic() + 60
    while len(executions := world.states.list_executions(stateMachineArn=world.machine)["executions"]) < 2:
        assert time.monotonic() < deadline, "the schedule has not started an execution"
    assert world.ended(executions[0]["executionArn"])["status"] == "SUCCEEDED", executions
    world.check()
    before = len(world.athena.queries)
    world.run()
    assert len(world.athena.queries) == before + 1
    say(f"a schedule fills the tables with {len(world.expected)} jobs; a run that finds nothing is one query")


def repeats_calls(world: World) -> None:
    """Each call is refused, and its reply is lost when it is made again. No statement runs twice."""
    world.change()
    faults = RefusedThenLost()
    world.athena.before, world.athena.after = faults.before, faults.after
    before = len(world.athena.queries)
    world.run()
    world.athena.before = world.athena.after = ignore
    started = len(world.athena.queries) - before
    assert started == STATEMENTS and len(faults.made) == CALLS and min(faults.made.values()) >= 3, (
        started,
        faults.made,
    )
    world.check()
    say(f"each of {len(faults.made)} calls is refused, and then its reply is lost: {started} statements, none twice")


class StopAt:
    """Stops an execution after the start or the end of one of its statements."""

    def __init__(self, world: World, statement: int, at_end: bool) -> None:
        self.world, self.statement, self.at_end = world, statement, at_end
        self.execution = ""
        self.seen: list[str] = []

    def wait(self, _operation: str, _request: dict[str, Any]) -> None:
        """Waits until the name of the execution is known."""
        while not self.execution:
            time.sleep(0.01)

    def stop(self, operation: str, request: dict[str, Any]) -> None:
        if self.at_end:
            query = request.get("QueryExecutionId", "")
            ended = operation == "GetQueryExecution" and self.world.athena.queries[query].state == "SUCCEEDED"
            reached = ended and query not in self.seen
        else:
            query, reached = str(len(self.seen)), operation == "StartQueryExecution"
        if reached:
            self.seen.append(query)
            if len(self.seen) == self.statement:
                self.world.states.stop_execution(executionArn=self.execution)


def survives_aborts(world: World) -> None:
    """An execution is stopped after the start and after the end of each of its statements.

    A statement that has started goes on, and ends before, during or after the next execution.
    """
    places = [(statement, at_end) for statement in range(1, STATEMENTS + 1) for at_end in (False, True)]
    for statement, at_end in places:
        world.change()
        stopping = StopAt(world, statement, at_end)
        world.athena.before, world.athena.after = stopping.wait, stopping.stop
        stopping.execution = world.start()
        found = world.ended(stopping.execution)
        world.athena.before = world.athena.after = ignore
        assert found["status"] == "ABORTED", found
        if statement % 2:
            world.athena.settle()
        world.run()
        world.athena.settle()
        world.run()
        world.check()
    say(f"executions are stopped at {len(places)} places, and the next one completes each")


def two_at_once(world: World, rounds: int) -> None:
    """Two executions take in the same jobs at the same time. One of them would give way, so it is told not to."""
    before = len(world.athena.queries)
    deleted = None
    for _ in range(rounds):
        world.change()
        deleted = toggle(world, deleted)
        first = world.start()
        second = world.start(continues=first)
        for execution in (first, second):
            found = world.ended(execution)
            assert found["status"] == "SUCCEEDED", found
        world.check()
    if deleted:
        toggle(world, deleted)
        world.run()
    conflicts = [query for query in list(world.athena.queries.values())[before:] if "COMMIT_ERROR" in query.reason]
    assert conflicts, "no statement was in conflict with another"
    say(f"{rounds} times two executions at once: {len(conflicts)} conflicts")


def toggle(world: World, deleted: Served | None) -> Served | None:
    """Deletes a job, or exports it again if it was deleted. Returns the job if it is deleted now."""
    if deleted:
        world.export(deleted)
        return None
    return world.delete()


def gives_way(world: World) -> None:
    """An execution that finds an older one running ends without a statement."""
    world.change()
    ended: list[dict[str, Any]] = []

    def start_another(operation: str, _: dict[str, Any]) -> None:
        if operation == "StartQueryExecution" and not ended:
            ended.append({})
            ended[0] = world.ended(world.start())

    world.athena.before = start_another
    before = len(world.athena.queries)
    world.run()
    world.athena.before = ignore
    assert ended[0]["status"] == "SUCCEEDED" and len(world.athena.queries) == before + STATEMENTS, ended
    world.check()
    say("a second execution ends at once")


def changes_meanwhile(world: World) -> None:
    """Jobs are overwritten and deleted between the statements of a run."""
    for name in ("all_detections", "all_segments", "all_jobs"):
        for action in (world.change, world.delete):
            world.change()
            done: list[Any] = []

            def act(_: str, request: dict[str, Any], name: str = name, action: Any = action, done: Any = done) -> None:
                if request.get("QueryString", "").startswith(f"MERGE INTO {name}") and not done:
                    done.append(None)
                    done[0] = action()

            world.athena.before = act
            world.run()
            world.athena.before = ignore
            assert done
            world.check()
            if done[0]:
                world.export(done[0])
                world.run()
                world.check()
    say("jobs are overwritten and deleted before each statement of a run, and are right after it")


def fails(world: World, error: str, words: str) -> None:
    """Runs an execution, which has to fail with this error and have these words in the cause."""
    found = world.ended(world.start())
    assert found.get("error") == error and words in found["cause"], found


def repairs_differences(world: World) -> None:
    """Doubled or missing rows are replaced. The execution fails, and names the job; the next one succeeds."""
    world.overwrite(world.lake.job(BOTH), "TIMESTAMPS,SEGMENTS")
    world.run()
    for damage in (
        f"INSERT INTO all_segments SELECT * FROM all_segments WHERE job_id = '{BOTH}'",
        f"INSERT INTO all_detections SELECT * FROM all_detections WHERE job_id = '{BOTH}'",
        f"DELETE FROM all_detections WHERE job_id = '{BOTH}'",
        f"INSERT INTO all_jobs SELECT * FROM all_jobs WHERE job_id = '{BOTH}'",
    ):
        world.engine.query(damage)
        fails(world, "AllJobs.RowsReplaced", BOTH)
        world.check()
        world.run()
    say("doubled and missing rows are replaced, and fail the execution with AllJobs.RowsReplaced")


def names_differences(world: World) -> None:
    """A job whose files have other rows than its row in `jobs` says fails each execution, which names the job."""
    s3 = world.lake.s3
    key = s3.keys(BUCKET, f"label_detections/job_id={BOTH}/")[0]
    content = s3.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    world.engine.query(f"DELETE FROM all_jobs WHERE job_id = '{BOTH}'")
    s3.client.delete_object(Bucket=BUCKET, Key=key)
    for _ in range(2):
        fails(world, "AllJobs.CountsDiffer", BOTH)
    s3.client.put_object(Bucket=BUCKET, Key=key, Body=content)
    fails(world, "AllJobs.RowsReplaced", BOTH)
    world.check()
    say("a job that lacks a file fails each execution with AllJobs.CountsDiffer, until the file is back")


def ignores_rows_without_a_job(world: World) -> None:
    """Rows without a job ID, which somebody has inserted, do not keep a run from ending."""
    world.engine.query("INSERT INTO all_detections (label, timestamp_ms) VALUES ('Dog', 1)")
    before = len(world.athena.queries)
    world.run()
    assert len(world.athena.queries) == before + 1
    world.engine.query("DELETE FROM all_detections WHERE job_id IS NULL")
    world.check()
    say("rows without a job ID are ignored")


def exported_again_before_an_abort(world: World) -> None:
    """A job is exported again with the same content when its rows are being deleted, and the execution is stopped then.

    Both tables of jobs have the job with the same content, and all_detections has no row of it.
    """
    deleted = [world.delete()]
    job = deleted[0].job_id
    execution: list[str] = []

    def export(query: Query) -> None:
        if query.statement.startswith("MERGE INTO all_detections") and deleted:
            world.export(deleted.pop())
        start_now(query)

    def stop(operation: str, request: dict[str, Any]) -> None:
        if request.get("QueryString", "").startswith("MERGE INTO all_segments"):
            world.states.stop_execution(executionArn=execution[0])

    world.athena.begin, world.athena.before = export, stop
    execution.append(world.start())
    assert world.ended(execution[0])["status"] == "ABORTED"
    world.athena.begin, world.athena.before = start_now, ignore
    assert not deleted
    world.athena.settle()
    fails(world, "AllJobs.RowsReplaced", job)
    world.check()
    say("a job that was exported again before its rows were deleted is completed by the next execution")


def replaces_rows_of_a_late_merge(world: World) -> None:
    """A MERGE runs after its job was exported again with another completion time, and taken in.

    The MERGE writes the time before. The number of rows is the same.
    """
    for table in ("all_detections", "all_segments"):
        world.overwrite(world.lake.job(BOTH), "TIMESTAMPS,SEGMENTS")
        world.run()
        world.change_time()
        released, execution = threading.Event(), [""]

        def hold(query: Query, table: str = table, released: threading.Event = released) -> None:
            if query.statement.startswith(f"MERGE INTO {table}"):
                assert released.wait(SECONDS)

        def stop(_: str, request: dict[str, Any], table: str = table, execution: list[str] = execution) -> None:
            if request.get("QueryString", "").startswith(f"MERGE INTO {table}"):
                world.states.stop_execution(executionArn=execution[0])

        world.athena.begin, world.athena.after = hold, stop
        execution[0] = world.start()
        assert world.ended(execution[0])["status"] == "ABORTED"
        world.athena.begin, world.athena.after = start_now, ignore
        world.change_time()
        world.run()
        released.set()
        world.athena.settle()
        fails(world, "AllJobs.RowsReplaced", BOTH)
        world.check()
    say("rows of a MERGE that outlived its execution are replaced if only their completion time is wrong")


def tells_reasons(world: World) -> None:
    """A call that is refused for good fails the execution with its reason, and so does a statement."""

    def refuse(operation: str, _: dict[str, Any]) -> None:
        raise Refused("InvalidRequestException", f"{operation} is denied")

    world.athena.before = refuse
    fails(world, "Athena.InvalidRequestException", "is denied")
    world.athena.before = ignore
    world.engine.query("ALTER TABLE all_jobs RENAME COLUMN content TO renamed")
    fails(world, "AllJobs.StatementFailed", "COLUMN_NOT_FOUND")
    world.engine.query("ALTER TABLE all_jobs RENAME COLUMN renamed TO content")
    say("a refused call and a failed statement fail the execution with their reasons")


def maintains(world: World) -> None:
    world.run(task="maintain")
    world.check()
    (files,) = world.engine.query('SELECT count(*) FROM "all_jobs$files"')
    assert files == (1,), files
    say("OPTIMIZE and VACUUM keep the rows, in one file of all_jobs")


def main() -> None:
    rounds = int(sys.argv[1])
    with TemporaryDirectory() as directory:
        world = World(Path(directory))
        try:
            fills(world)
            repeats_calls(world)
            tells_reasons(world)
            gives_way(world)
            two_at_once(world, rounds)
            changes_meanwhile(world)
            repairs_differences(world)
            names_differences(world)
            ignores_rows_without_a_job(world)
            exported_again_before_an_abort(world)
            replaces_rows_of_a_late_merge(world)
            survives_aborts(world)
            for case in [*batches.CASES, *limits.CASES, documented.runs_the_documented_program]:
                say(case(world))
            maintains(world)
        finally:
            world.stop()


if __name__ == "__main__":
    main()
