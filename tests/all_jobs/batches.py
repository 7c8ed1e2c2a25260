"""Cases in which a query for pending jobs hands out several batches."""

import hashlib
import json
import threading
from collections.abc import Callable
from typing import Any

from athena import Query, RefusedThenLost, ignore, start_now
from rows import Served
from world import BATCHES, SECONDS, World, small_batches


def fills_in_batches(world: World) -> str:
    """All jobs are pending. Each call is refused, its next reply is lost, and the page after the last one is empty."""
    faults = RefusedThenLost()
    counted = []
    for empty_pages in (0, 1):
        world.engine.query("DELETE FROM all_jobs")
        world.athena.empty_pages = empty_pages
        world.athena.before, world.athena.after = faults.before, faults.after
        before = len(world.athena.queries)
        world.run(world.small)
        world.athena.before = world.athena.after = ignore
        world.athena.empty_pages = 0
        world.check()
        counted.append(kinds(world, before))
    assert counted[0] == counted[1] and min(faults.made.values()) >= 3, (counted, faults.made)
    queries, merges = counted[0]
    # The last query finds nothing.
    batches = merges // 3
    assert merges % 3 == 0 and batches >= 5 and queries - 1 == -(-batches // BATCHES), counted
    return f"{len(world.expected)} jobs are taken in in {batches} batches, with {queries} queries for pending jobs"


NEWEST = "20250703"
"""The job that completed last, so it is in the last batch."""


def kinds(world: World, before: int) -> tuple[int, int]:
    """Returns the numbers of queries for pending jobs and of other statements since then."""
    statements = [query.statement for query in list(world.athena.queries.values())[before:]]
    queries = sum(statement.startswith("WITH versions") for statement in statements)
    return queries, len(statements) - queries


def at_second_batch(action: Callable[[], Any]) -> Callable[[str, dict[str, Any]], None]:
    """Returns what to call before each call of Athena. It acts once, when the second page of batches is read."""
    done: list[Any] = []

    def act(operation: str, request: dict[str, Any]) -> None:
        if operation == "GetQueryResults" and "NextToken" in request and not done:
            done.append(None)
            action()

    return act


def changes_before_their_turn(world: World) -> str:
    """Jobs change after the query for pending jobs and before their batch is taken in."""
    deleted: list[Served] = []

    def change_and_delete() -> None:
        world.change()
        deleted.append(world.delete(NEWEST))

    def export() -> None:
        world.export(deleted.pop())

    def run(action: Callable[[], None]) -> None:
        world.athena.before = at_second_batch(action)
        world.run(world.small)
        world.athena.before = ignore
        world.check()

    world.engine.query("DELETE FROM all_jobs")
    run(change_and_delete)
    assert deleted
    world.engine.query("DELETE FROM all_jobs")
    run(export)
    assert not deleted
    # A job that is gone has no time, so it is among the first ones. This one is in the second batch.
    deleted.append(world.delete())
    world.engine.query(f"DELETE FROM all_jobs WHERE job_id <> '{deleted[0].job_id}'")
    run(export)
    return "jobs are overwritten, deleted and exported again before their batch, and are right after the run"


def two_at_once_in_batches(world: World) -> str:
    """Two executions take in the same batches at the same time, from queries of their own."""
    before = len(world.athena.queries)
    for _ in range(3):
        world.engine.query("DELETE FROM all_jobs")
        first = world.start(world.small)
        second = world.start(world.small, continues=first)
        for execution in (first, second):
            found = world.ended(execution)
            assert found["status"] == "SUCCEEDED", found
        world.check()
    conflicts = [query for query in list(world.athena.queries.values())[before:] if "COMMIT_ERROR" in query.reason]
    assert conflicts, "no statement was in conflict with another"
    return f"3 times two executions at once with several batches: {len(conflicts)} conflicts"


def stops_between_batches(world: World) -> str:
    """An execution is stopped when it reads its second batch. The next one takes in the others."""
    for processed in (False, True):
        world.engine.query("DELETE FROM all_jobs")
        running: list[str] = []

        def stop(running: list[str] = running) -> None:
            while not running:
                pass
            world.states.stop_execution(executionArn=running[0])

        act = at_second_batch(stop)
        world.athena.before, world.athena.after = (ignore, act) if processed else (act, ignore)
        running.append(world.start(world.small))
        assert world.ended(running[0])["status"] == "ABORTED"
        world.athena.before = world.athena.after = ignore
        ((kept,),) = world.engine.query("SELECT count(*) FROM all_jobs")
        assert 0 < kept < len(world.expected), kept
        world.athena.settle()
        world.run(world.small)
        world.check()
    return "an execution that is stopped between two batches keeps the first one, and the next execution completes it"


def continues(world: World) -> str:
    """An execution that gets long continues in another one. Here, each of them takes in one batch.

    Maintenance starts after the first execution, and ends after the last one.
    """
    text = small_batches()
    limit = "$polls > 1000"
    assert limit in text
    machine = world.create("short-executions", text.replace(limit, "$batches > 0"))
    world.engine.query("DELETE FROM all_jobs")
    maintenance: list[str] = []
    all_taken_in = threading.Event()

    def maintain(query: Query) -> None:
        if query.statement.startswith("OPTIMIZE"):
            assert all_taken_in.wait(SECONDS)
        elif not maintenance:
            maintenance.append(world.start(machine, task="maintain"))

    world.athena.begin = maintain
    started = [world.start(machine)]
    while True:
        found = world.ended(started[-1])
        assert found["status"] == "SUCCEEDED", found
        listed = world.states.list_executions(stateMachineArn=machine)["executions"]
        following = [one["executionArn"] for one in listed if input_of(world, one).get("continues") == started[-1]]
        if not following:
            break
        started += following
        assert len(started) < SECONDS
    assert len(started) >= 5, started
    all_taken_in.set()
    world.athena.begin = start_now
    assert world.ended(maintenance[0])["status"] == "SUCCEEDED"
    world.check()
    return f"{len(started)} executions, each of which continues the one before it, take in all jobs beside maintenance"


def continues_once(world: World) -> str:
    """The reply to the start of the next execution is lost, and this execution has ended when it is started again."""
    machine = world.create("continued-before", small_batches().replace("$polls > 1000", "$batches > 0"))
    world.engine.query("DELETE FROM all_jobs")
    arn = f"{machine.replace(':stateMachine:', ':execution:')}:first"
    following = hashlib.sha256(arn.encode()).hexdigest()
    started = world.states.start_execution(stateMachineArn=machine, name=following, input='{"task": "maintain"}')
    assert world.ended(started["executionArn"])["status"] == "SUCCEEDED"
    assert world.states.start_execution(stateMachineArn=machine, name="first")["executionArn"] == arn
    found = world.ended(arn)
    ((taken_in,),) = world.engine.query("SELECT count(*) FROM all_jobs")
    assert found["status"] == "SUCCEEDED" and 0 < taken_in < len(world.expected), (found, taken_in)
    world.run()
    world.check()
    return "an execution succeeds if the one that continues it was started before, and has ended"


def input_of(world: World, execution: dict[str, Any]) -> dict[str, str]:
    return json.loads(world.states.describe_execution(executionArn=execution["executionArn"])["input"])


def tells_no_progress(world: World) -> str:
    """A first batch that is undone once is taken in again. If it is pending a third time, the execution fails."""
    job: Served = world.expected[0]
    for times, error in ((1, None), (2, "AllJobs.NoProgress")):
        world.engine.query(f"DELETE FROM all_jobs WHERE job_id = '{job.job_id}'")
        undone: list[str] = []

        def undo(query: Query, undone: list[str] = undone, times: int = times) -> None:
            if query.statement.startswith("MERGE INTO all_jobs") and len(undone) < times:
                undone.append(query.statement)
                query.state = "SUCCEEDED"

        world.athena.begin = undo
        found = world.ended(world.start())
        world.athena.begin = start_now
        assert len(undone) == times and found.get("error") == error, (undone, found)
        assert error is None or job.job_id in found["cause"], found
    world.run()
    world.check()
    return "a batch that is undone is taken in again, and the second time fails with AllJobs.NoProgress"


CASES = [
    fills_in_batches,
    changes_before_their_turn,
    two_at_once_in_batches,
    stops_between_batches,
    continues,
    continues_once,
    tells_no_progress,
]
