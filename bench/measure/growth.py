"""Measures how wall time, CPU time and memory grow with the number of pages."""

import sys
from typing import Any

from measure import counter, instructions
from measure.account import Function, account, job

PAGES = [1, 10, 100, 1000, 5000]


def run() -> dict[str, Any]:
    return {str(pages): times(pages) | counted(pages) for pages in PAGES}


def times(pages: int) -> dict[str, float]:
    print(f"{pages} pages", file=sys.stderr)
    with account("--tls", job("job", pages)) as services, Function(services) as function:
        function.wait_until_idle()
        before = function.cpu()
        seconds = function.export("job")
        return {
            "ms_per_page": seconds * 1e3 / pages,
            "cpu_ms_per_page": (function.cpu() - before) * 1e3 / pages,
            "peak": function.peak_memory(),
        }


def counted(pages: int) -> dict[str, float]:
    """Counts instructions, except for the jobs of the section `instructions`: Valgrind takes 30 s per 100 pages."""
    if pages in instructions.WARM_RUNS:
        return {}
    print(f"counting the instructions of {pages} pages", file=sys.stderr)
    with account("--tls", job("job", pages)) as services:
        return {"instructions_per_page": counter.count(services, ["job"]) / pages}
