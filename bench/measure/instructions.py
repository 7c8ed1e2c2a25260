"""Counts the user-space instructions that the function executes per page, for everything from HTTP to Parquet."""

import sys
from typing import Any

from measure import counter
from measure.account import account, job

# Number of jobs that are exported after the first one in the same process, by the number of pages per job. Short jobs
# are repeated, because the start of a process varies, and that weighs more when there are few pages.
WARM_RUNS = {10: 4, 100: 1, 1000: 0}


def run() -> dict[str, Any]:
    """Returns the name of the counter, and instructions per page by the number of pages per job.

    `cold` is for a whole process that exports one job, `warm` for each job that follows in the same process.
    """
    return {"counter": counter.name()} | {str(pages): per_page(pages, runs) for pages, runs in WARM_RUNS.items()}


def per_page(pages: int, warm_runs: int) -> dict[str, float]:
    print(f"counting the instructions of a job of {pages} pages", file=sys.stderr)
    jobs = [f"job-{number}" for number in range(1 + warm_runs)]
    with account("--tls", *(job(name, pages) for name in jobs)) as services:
        one_job = counter.count(services, jobs[:1])
    figures = {"cold": one_job / pages}
    if warm_runs:
        with account("--tls", *(job(name, pages) for name in jobs)) as services:
            figures["warm"] = (counter.count(services, jobs) - one_job) / warm_runs / pages
    return figures
