"""Many jobs at once under one quota of the account."""

import time
from contextlib import ExitStack
from typing import Any

from measure.account import Function, account
from simulator import succeeded

CALLS_A_SECOND = 5
# Jobs, and the pages of each.
CROWDS = [(1, 60), (10, 30), (50, 20)]


def run() -> dict[str, Any]:
    return {str(jobs): of(jobs, pages) for jobs, pages in CROWDS}


def of(jobs: int, pages: int) -> dict[str, float]:
    """Each job has a process of its own, as in Lambda."""
    names = [f"job-{number}" for number in range(jobs)]
    services = account("--tls", "--page-latency=200", f"--quota={CALLS_A_SECOND}", f"--unknown-jobs={pages}")
    with ExitStack() as stack:
        stack.enter_context(services)
        for _ in names:
            stack.enter_context(Function(services))
        begun = time.monotonic()
        numbers = {services.send(invoke={"JobId": name}) for name in names}
        for _ in names:
            succeeded(services.answer(numbers))
        seconds = time.monotonic() - begun
        calls = services.requests()["GetLabelDetection"]
    served = calls["count"] - calls["failed"]
    return {
        "pages": jobs * pages,
        "seconds": seconds,
        # The bucket is full at the start: one second's calls are free.
        "share_of_the_quota": served / (CALLS_A_SECOND * (seconds + 1)),
        "sent_a_served": calls["count"] / served,
    }
