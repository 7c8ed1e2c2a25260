"""How time, processor time and memory grow with the pages."""

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
            "ms_a_page": seconds * 1e3 / pages,
            "cpu_ms_a_page": (function.cpu() - before) * 1e3 / pages,
            "peak": function.peak_memory(),
        }


def counted(pages: int) -> dict[str, float]:
    """Valgrind takes half a minute for a hundred pages: what `instructions` counts is not counted again."""
    if pages in instructions.WARM_RUNS:
        return {}
    print(f"counting the instructions of {pages} pages", file=sys.stderr)
    with account("--tls", job("job", pages)) as services:
        return {"instructions_a_page": counter.count(services, ["job"]) / pages}
