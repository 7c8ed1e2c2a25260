"""Runs executions with random faults: aborts, refused calls, lost replies, and statements that outlive their execution.

Usage: random_faults.py SEEDS [FIRST]

Each seed changes the lake, aborts an execution at a call of a random statement, holds back this statement in half of
the cases, often changes the lake again, and runs an execution with faults in its calls. The held statement is released
during it. After the next execution, the tables have exactly the rows of the lake. The weekly maintenance runs after
each tenth seed.
"""

import sys
import threading
from collections import Counter
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from athena import Lost, Query, Refused, ignore, start_now
from main import STATEMENTS, StopAt, say, toggle
from rows import Served
from world import World

CALLS = 14
"""Calls to Athena that a run with one batch makes at least: five starts, five polls, and two reads, and some more."""


class Held:
    """Keeps a statement from starting in Trino until it is released."""

    def __init__(self, number: int) -> None:
        self.number, self.released, self.statement = number, threading.Event(), ""
        self.lock = threading.Lock()

    def __call__(self, query: Query) -> None:
        with self.lock:
            self.number -= 1
            held = self.number == 0
        if held:
            self.statement = query.statement
            assert self.released.wait(300), f"not released: {query.statement[:80]}"


class AbortAtStatement(StopAt):
    """Stops an execution when it starts its nth statement or first asks for its state.

    Athena may have processed this call before the execution is stopped, or processes it after that.
    """

    def __init__(self, world: World, statement: int, operation: str, processed: bool) -> None:
        super().__init__(world, statement, at_end=False)
        self.operation, self.processed, self.started = operation, processed, 0

    def before(self, operation: str, request: dict[str, Any]) -> None:
        self.wait(operation, request)
        self.started += operation == "StartQueryExecution"
        if not self.processed:
            self.abort(operation)

    def after(self, operation: str, _: dict[str, Any]) -> None:
        if self.processed:
            self.abort(operation)

    def abort(self, operation: str) -> None:
        if (self.started, operation) == (self.statement, self.operation):
            self.world.states.stop_execution(executionArn=self.execution)


class FaultsAtCalls:
    """Refuses a call, loses a reply, and releases a held statement, each at the nth call."""

    def __init__(self, random: Random, held: Held) -> None:
        self.refused, self.lost, self.release = (random.randint(1, CALLS) for _ in range(3))
        self.held, self.calls, self.happened = held, 0, Counter[str]()

    def before(self, operation: str, _: dict[str, Any]) -> None:
        self.calls += 1
        if self.calls == self.release:
            self.held.released.set()
        if self.calls == self.refused:
            self.happened[f"{operation} refused"] += 1
            raise Refused("TooManyRequestsException", "Rate exceeded")

    def after(self, operation: str, _: dict[str, Any]) -> None:
        if self.calls == self.lost:
            self.happened[f"{operation} lost"] += 1
            raise Lost


class Seeds:
    """The world, the job that is deleted at the moment, and the faults that happened."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.deleted: Served | None = None
        self.happened = Counter[str]()

    def change(self, random: Random) -> None:
        if random.random() < 0.7:
            random.choice([self.world.change, self.world.change_time])()
        if random.random() < 0.5:
            self.deleted = toggle(self.world, self.deleted)

    def run(self, seed: int) -> None:
        random, world = Random(seed), self.world
        self.change(random)
        statement = random.randint(1, STATEMENTS)
        machine = ""
        if random.random() < 0.5:
            # All jobs are pending, in several batches.
            world.engine.query("DELETE FROM all_jobs")
            machine, statement = world.small, random.randint(1, 3 * STATEMENTS)
            self.happened["several batches"] += 1
        operation = random.choice(["StartQueryExecution", "GetQueryExecution"])
        abort = AbortAtStatement(world, statement, operation, random.random() < 0.5)
        held = Held(statement if random.random() < 0.5 else 0)
        world.athena.before, world.athena.after, world.athena.begin = abort.before, abort.after, held
        abort.execution = world.start(machine)
        self.happened[f"execution {world.ended(abort.execution)['status'].lower()}"] += 1
        if held.statement:
            self.happened[f"outlived: {' '.join(held.statement.split()[:3])}"] += 1
        deleted = self.deleted
        if random.random() < 0.5:
            self.change(random)
        exported_again = None if self.deleted else deleted
        faults = FaultsAtCalls(random, held)
        world.athena.before, world.athena.after, world.athena.begin = faults.before, faults.after, start_now
        self.complete(machine, held, exported_again)
        held.released.set()
        world.athena.before = world.athena.after = ignore
        self.happened += faults.happened
        world.athena.settle()
        self.complete("", held, exported_again)
        world.check()

    def complete(self, machine: str, held: Held, exported_again: Served | None) -> None:
        """Runs an execution. It may replace rows after a MERGE was held, and those of a job that was exported again.

        The execution that was aborted may have deleted the rows of a job that the lake did not have at the time.
        """
        found = self.world.ended(self.world.start(machine))
        if found.get("error") == "AllJobs.RowsReplaced" and held.statement.startswith("MERGE"):
            self.happened["rows replaced after a late MERGE"] += 1
        elif found.get("error") == "AllJobs.RowsReplaced" and exported_again:
            assert found["cause"].endswith(f": {exported_again.job_id}"), found
            self.happened["rows replaced of a job that was exported again"] += 1
        else:
            assert found["status"] == "SUCCEEDED", found


def main() -> None:
    count, first = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    with TemporaryDirectory() as directory:
        world = World(Path(directory))
        try:
            world.run()
            world.check()
            seeds = Seeds(world)
            for seed in range(first, first + count):
                try:
                    seeds.run(seed)
                except BaseException:
                    print(f"  seed {seed} failed", flush=True)
                    raise
                print(f"  seed {seed}: right", file=sys.stderr, flush=True)
                if seed % 10 == 9:
                    world.run(task="maintain")
                    world.check()
            conflicts = sum("COMMIT_ERROR" in query.reason for query in world.athena.queries.values())
            for name, times in sorted(seeds.happened.items()):
                say(f"{times} × {name}")
            assert any(name.startswith("outlived: MERGE") for name in seeds.happened) or count < 20, seeds.happened
            say(f"{count} seeds, {len(world.athena.queries)} statements, {conflicts} conflicts: no row differs")
        finally:
            world.stop()


if __name__ == "__main__":
    main()
