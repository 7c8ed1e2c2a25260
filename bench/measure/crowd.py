"""Measures many concurrent jobs that share one quota: invoked directly, and behind a queue that limits concurrency."""

import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from measure.account import Function, account
from simulator import succeeded


@dataclass
class Crowd:
    """Jobs that all complete at the same time, so that their exports compete for the quota."""

    # Quota of GetLabelDetection.
    calls_per_second: int
    jobs: int
    # Pages of each job.
    pages: int
    # MaximumConcurrency of the queue. Equal to the number of jobs if there is no queue.
    concurrency: int

    @property
    def is_queued(self) -> bool:
        return self.concurrency < self.jobs


CROWDS = [
    Crowd(5, 1, 60, concurrency=1),
    Crowd(5, 20, 3, concurrency=20),
    Crowd(5, 10, 30, concurrency=10),
    Crowd(5, 20, 10, concurrency=20),
    Crowd(5, 50, 20, concurrency=50),
    Crowd(20, 20, 30, concurrency=20),
    Crowd(5, 100, 10, concurrency=3),
    Crowd(20, 100, 10, concurrency=12),
]


def run() -> list[dict[str, Any]]:
    return [export(crowd) for crowd in CROWDS]


def export(crowd: Crowd) -> dict[str, Any]:
    """Exports the jobs of a crowd with one process per concurrent job, as on Lambda, and returns the results.

    A process that has finished a job takes the next one, as from a queue.
    """
    names = [f"job-{number}" for number in range(crowd.jobs)]
    services = account(
        "--tls", "--page-latency=200", f"--quota={crowd.calls_per_second}", f"--unknown-jobs={crowd.pages}"
    )
    with ExitStack() as stack:
        stack.enter_context(services)
        for _ in range(crowd.concurrency):
            stack.enter_context(Function(services))
        started = time.monotonic()
        commands = {services.send(invoke={"JobId": name}) for name in names}
        for _ in names:
            succeeded(services.answer(commands))
        seconds = time.monotonic() - started
        calls = services.requests()["GetLabelDetection"]
    served = calls["count"] - calls["failed"]
    return {
        "mode": "queue" if crowd.is_queued else "direct",
        "calls_per_second": crowd.calls_per_second,
        "jobs": crowd.jobs,
        "pages": crowd.pages,
        "concurrency": crowd.concurrency,
        "seconds": seconds,
        # The simulator's token bucket is full at the start, so the calls of one more second are available.
        "quota_share": served / (crowd.calls_per_second * (seconds + 1)),
        "calls_per_served_call": calls["count"] / served,
    }
