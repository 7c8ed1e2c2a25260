"""How time, processor time and memory grow with the pages."""

import sys
from typing import Any

from measure import counter
from measure.account import Account, Function, job

PAGES = [1, 10, 100, 1000, 5000]
# Valgrind takes a minute for a hundred pages.
MOST_COUNTED = {"perf": 5000, "valgrind": 1000}


def run() -> dict[str, Any]:
    figures = {}
    for pages in PAGES:
        print(f"{pages} pages", file=sys.stderr)
        with Account("--tls", job("job", pages)) as account, Function(account) as function:
            function.wait_until_idle()
            before = function.cpu()
            seconds = account.export("job")
            figures[str(pages)] = {
                "ms_a_page": seconds * 1e3 / pages,
                "cpu_ms_a_page": (function.cpu() - before) * 1e3 / pages,
                "peak": function.peak_memory(),
            }
        if pages <= MOST_COUNTED[counter.name()]:
            with Account("--tls", job("job", pages)) as account:
                figures[str(pages)]["instructions_a_page"] = counter.count(account, ["job"]) / pages
    return figures
