"""Measures many concurrent jobs that share one quota: invoked directly, and behind a queue that limits concurrency."""

import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from measure.account import Function, account
from simulator import succeeded


@dataclass
class Crowd:
    calls_per_second: int
    jobs: int
    # Pages of each job.
    pages: int
    # MaximumConcurrency of the queue, or the number of jobs if they are invoked directly.
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
    return [of(crowd) for crowd in CROWDS]


def of(crowd: Crowd) -> dict[str, Any]:
    """Runs a process for each concurrent job, as Lambda does. An idle process takes the next job, as from a queue."""
    names = [f"job-{number}" for number in range(crowd.jobs)]
    services = account(
        "--tls", "--page-latency=200", f"--quota={crowd.calls_per_second}", f"--unknown-jobs={crowd.pages}"
    )
    with ExitStack() as stack:
        stack.enter_context(services)
        for _ in range(crowd.concurrency):
            stack.enter_context(Function(services))
        begun = time.monotonic()
        commands = {services.send(invoke={"JobId": name}) for name in names}
        for _ in names:
            succeeded(services.answer(commands))
        seconds = time.monotonic() - begun
        calls = services.requests()["GetLabelDetection"]
    served = calls["count"] - calls["failed"]
    return {
        "mode": "queue" if crowd.is_queued else "direct",
        "calls_per_second": crowd.calls_per_second,
        "jobs": crowd.jobs,
        "pages": crowd.pages,
        "concurrency": crowd.concurrency,
        "seconds": seconds,
        # The token bucket is full at the start, which adds the calls of one second.
        "quota_share": served / (crowd.calls_per_second * (seconds + 1)),
        "calls_per_served_call": calls["count"] / served,
    }
