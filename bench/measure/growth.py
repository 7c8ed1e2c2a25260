"""How time, processor time and memory grow with the pages."""

import sys
from typing import Any

from measure import counter
from measure.account import Function, account, job

PAGES = [1, 10, 100, 1000, 5000]
# Valgrind takes a minute for a hundred pages.
MOST_COUNTED = {"perf": 5000, "valgrind": 1000}


def run() -> dict[str, Any]:
    figures = {}
    for pages in PAGES:
        print(f"{pages} pages", file=sys.stderr)
        with account("--tls", job("job", pages)) as services, Function(services) as function:
            function.wait_until_idle()
            before = function.cpu()
            seconds = function.export("job")
            figures[str(pages)] = {
                "ms_a_page": seconds * 1e3 / pages,
                "cpu_ms_a_page": (function.cpu() - before) * 1e3 / pages,
                "peak": function.peak_memory(),
            }
        if pages <= MOST_COUNTED[counter.name()]:
            with account("--tls", job("job", pages)) as services:
                figures[str(pages)]["instructions_a_page"] = counter.count(services, ["job"]) / pages
    return figures
