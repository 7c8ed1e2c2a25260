"""Counts user instructions per page, including HTTP, TLS, JSON, Parquet and uploads."""

import sys
from typing import Any

from measure import counter
from measure.account import account, job

# Number of additional jobs in one process, by pages. Short jobs are repeated so that the start carries less weight.
WARM_RUNS = {10: 4, 100: 1, 1000: 0}


def run() -> dict[str, Any]:
    """Returns instructions per page: `cold` for a process that exports one job, `warm` for each additional job."""
    return {"counter": counter.name()} | {str(pages): of(pages, more) for pages, more in WARM_RUNS.items()}


def of(pages: int, more: int) -> dict[str, float]:
    print(f"counting the instructions of {pages} pages", file=sys.stderr)
    jobs = [f"job-{number}" for number in range(1 + more)]
    with account("--tls", *(job(name, pages) for name in jobs)) as services:
        once = counter.count(services, jobs[:1])
    figures = {"cold": once / pages}
    if more:
        with account("--tls", *(job(name, pages) for name in jobs)) as services:
            figures["warm"] = (counter.count(services, jobs) - once) / more / pages
    return figures
