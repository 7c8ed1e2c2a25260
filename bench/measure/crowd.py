"""Many jobs at once under one quota of the account: direct, and behind a queue that lets some of them run at a time."""

import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from measure.account import Function, account
from simulator import succeeded


@dataclass
class Crowd:
    calls_a_second: int
    jobs: int
    # Of each job.
    pages: int
    # Behind the queue: its `MaximumConcurrency`. Direct: all jobs.
    at_once: int

    @property
    def is_queued(self) -> bool:
        return self.at_once < self.jobs


CROWDS = [
    Crowd(5, 1, 60, at_once=1),
    Crowd(5, 20, 3, at_once=20),
    Crowd(5, 10, 30, at_once=10),
    Crowd(5, 20, 10, at_once=20),
    Crowd(5, 50, 20, at_once=50),
    Crowd(20, 20, 30, at_once=20),
    Crowd(5, 100, 10, at_once=3),
    Crowd(20, 100, 10, at_once=12),
]


def run() -> list[dict[str, Any]]:
    return [of(crowd) for crowd in CROWDS]


def of(crowd: Crowd) -> dict[str, Any]:
    """Each job at once has a process of its own, as in Lambda; a free process takes the next job, as from the queue."""
    names = [f"job-{number}" for number in range(crowd.jobs)]
    services = account(
        "--tls", "--page-latency=200", f"--quota={crowd.calls_a_second}", f"--unknown-jobs={crowd.pages}"
    )
    with ExitStack() as stack:
        stack.enter_context(services)
        for _ in range(crowd.at_once):
            stack.enter_context(Function(services))
        begun = time.monotonic()
        numbers = {services.send(invoke={"JobId": name}) for name in names}
        for _ in names:
            succeeded(services.answer(numbers))
        seconds = time.monotonic() - begun
        calls = services.requests()["GetLabelDetection"]
    served = calls["count"] - calls["failed"]
    return {
        "mode": "queue" if crowd.is_queued else "direct",
        "calls_a_second": crowd.calls_a_second,
        "jobs": crowd.jobs,
        "pages": crowd.pages,
        "at_once": crowd.at_once,
        "seconds": seconds,
        # The bucket is full at the start: one second's calls are free.
        "share_of_the_quota": served / (crowd.calls_a_second * (seconds + 1)),
        "sent_a_served": calls["count"] / served,
    }
