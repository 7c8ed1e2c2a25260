"""Measures how well other work overlaps with fetching pages."""

import os
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from statistics import median
from typing import Any

from measure.account import Function, account, job

PAGES = 10
LATENCY_MS = 200
PUT_MS = 40
RUNS = 5
# The function has a whole CPU here. This is the memory of a Lambda function with one CPU; with it, the function uploads
# more files concurrently.
WHOLE_PROCESSOR = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769"}


def run() -> dict[str, Any]:
    with busy_cpus():
        return overlap() | gaps()


def overlap() -> dict[str, float]:
    """Returns by how many milliseconds the time of a job exceeds the latency of its pages."""
    cold, warm = [], []
    for _ in range(RUNS):
        with (
            account("--tls", f"--page-latency={LATENCY_MS}", f"--put-latency={PUT_MS}",
                    job("first", PAGES), job("second", PAGES)) as services,
            Function(services, settings=WHOLE_PROCESSOR) as function,
        ):  # fmt: skip
            function.wait_until_idle()
            cold.append(function.export("first") * 1e3 - PAGES * LATENCY_MS)
            warm.append(function.export("second") * 1e3 - PAGES * LATENCY_MS)
    return {"cold_ms": median(cold), "warm_ms": median(warm), "allowed_ms": 2 * PUT_MS + 40}


@contextmanager
def busy_cpus() -> Generator[None]:
    """Keeps all CPUs busy at the lowest priority, because waking an idle virtual CPU takes milliseconds."""
    command = ["nice", "-n", "19", "sh", "-c", "while :; do :; done"]
    loops = [subprocess.Popen(command) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def gaps() -> dict[str, float]:
    """Returns how many milliseconds the connection is idle between a page and the next request."""
    with (
        account("--tls", "--page-latency=180", "--transfer=20", "--put-latency=40", job("job", 40)) as services,
        Function(services, settings=WHOLE_PROCESSOR) as function,
    ):
        function.export("job")
        idle = services.ask(idle="GetLabelDetection")["idle_ms"]
    return {"gap_ms": median(idle), "longest_gap_ms": max(idle)}
