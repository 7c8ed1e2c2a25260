"""Measures the cost of many small files with Trino: for 1, 100 and 1,000 jobs. Prints Markdown.

Usage: small_files.py [JOBS...]

JOBS are numbers of jobs in ascending order. TRINO_HOME must name the server with the plugin hive, and PYTHONPATH must
contain simulator/python.
"""

import os
import re
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import served
from catalog import Catalog
from function import program, start_function
from on_trino import OnTrino
from rows import differences
from services import S3, Glue
from simulator import Simulator, succeeded
from tables import BUCKET, DATABASE, create_in_glue
from trino_server import Trino

LABELS = 40
"""Typical minimum for a video of a few minutes. A job has 1,000 detections, so the median label has a dozen rows."""

FUNCTIONS = 2
QUICK_SECONDS = 5
"""Queries faster than this are measured twice, because the server is slower at first."""

LABEL = "Dog"
JUNE = 1748793725418
ANSWER = "count(*), count(instance_index), sum(timestamp_ms), max(confidence)"


@dataclass
class Measured:
    rows: list[tuple[Any, ...]]
    planning: float
    execution: float
    requests: Counter[str]
    calls: Counter[str]
    splits: int
    bytes_read: int

    def cells(self) -> list[str]:
        gets, lists = self.requests["GET"] + self.requests["HEAD"], self.requests["LIST"]
        calls = sum(self.calls[name] for name in ("GetPartitions", "BatchGetPartition"))
        times = [f"{self.planning:.2f} s", f"{self.execution:.2f} s"]
        return [f"{self.rows[0][0]:,}", f"{lists:,}", f"{gets:,}", size(self.bytes_read), f"{calls:,}", *times]


def size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 1e5 else f"{count / 1e3:,.1f} kB"


class Bench:
    """Services, functions and a Trino server to measure."""

    def __init__(self, directory: Path):
        self.s3, self.glue = S3(directory / "s3"), Glue(directory / "glue")
        self.glue.wait()
        self.catalog = Catalog(self.glue.url)
        self.simulator = Simulator(program(served.ROOT, "simulator"), f"--unknown-jobs=1x{LABELS}")
        home = Path(os.environ["TRINO_HOME"])
        self.trino = Trino(home, directory / "trino", self.catalog.url, self.s3.url, "3G", optimize=True)
        self.glue.client.create_database(DatabaseInput={"Name": DATABASE, "LocationUri": f"s3://{BUCKET}/{DATABASE}/"})
        create_in_glue(self.glue.client)
        create_in_glue(self.glue.client, "ddl-by-job.sql")
        self.s3.wait()
        self.s3.client.create_bucket(Bucket=BUCKET)
        directories = [directory / f"function-{number}" for number in range(FUNCTIONS)]
        binary = program(served.ROOT, "bootstrap")
        for one in directories:
            start_function(binary, one, self.simulator, self.s3.url, self.catalog.url, "TIMESTAMPS")
        self.trino.wait()
        self.engine = OnTrino(self.trino.port)

    def export(self, jobs: Iterable[str]) -> None:
        """Exports jobs, as many at a time as there are functions."""
        events = [{"JobId": job, "Status": "SUCCEEDED", "Timestamp": JUNE} for job in jobs]
        numbers = {self.simulator.send(invoke=event, timeout_ms=600_000) for event in events}
        for _ in events:
            succeeded(self.simulator.answer(numbers))

    def measure(self, sql: str, parameters: tuple[Any, ...] = ()) -> Measured:
        """Runs a query and measures it. Trino caches neither files nor partitions."""
        for _ in range(2):
            before, calls, began = requests_to(self.s3), self.catalog.calls.copy(), time.monotonic()
            rows = self.engine.query(sql, parameters)
            if time.monotonic() - began > QUICK_SECONDS:
                break
        stats = self.engine.cursor.stats
        elapsed, planning = stats["elapsedTimeMillis"] / 1e3, stats["planningTimeMillis"] / 1e3
        return Measured(
            rows,
            planning,
            elapsed - planning,
            requests_to(self.s3) - before,
            self.catalog.calls - calls,
            stats["totalSplits"],
            stats["physicalInputBytes"],
        )


def requests_to(s3: S3) -> Counter[str]:
    """Returns the number of requests to S3 by type."""
    with urllib.request.urlopen(s3.metrics_url) as reply:
        found = re.findall(r"SeaweedFS_s3_request_total\{([^}]*)\} (\S+)", reply.read().decode())
    counted: Counter[str] = Counter()
    for labels, number in found:
        kind = re.search('type="([^"]*)"', labels)
        counted[kind[1] if kind else "?"] += int(float(number))
    return counted


def queries(jobs: list[str]) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Returns queries with their parameters by name. {table} and {label} stand for the table and its label column."""
    named = ", ".join(f"'{job}'" for job in jobs)
    select = f"SELECT {ANSWER} FROM {{table}}"
    return {
        "one label of one job": (f"{select} WHERE job_id = ? AND {{label}} = ?", (jobs[0], LABEL)),
        "one job": (f"{select} WHERE job_id = ?", (jobs[0],)),
        "one label of all jobs": (f"{select} WHERE {{label}} = ?", (LABEL,)),
        "all": (select, ()),
        "one label of all jobs, named": (f"{select} WHERE job_id IN ({named}) AND {{label}} = ?", (LABEL,)),
        "all jobs, named": (f"{select} WHERE job_id IN ({named})", ()),
    }


def run(bench: Bench, sizes: list[int]) -> None:
    made: list[str] = []
    answers: dict[str, list[Any]] = {}
    table_head = ["jobs", "table", "query", "rows", "LIST", "GET", "read", "Glue calls", "planning", "execution"]
    print(f"| {' | '.join(table_head)} |\n|{'---|' * 3}{'---:|' * 7}", flush=True)
    for count in sizes:
        began = time.monotonic()
        new = [f"job-{number:06}" for number in range(len(made), count)]
        bench.export(new)
        made += new
        seconds = time.monotonic() - began
        print(f"{count} jobs after {seconds:.0f} s: {stored(bench, 'label_detections/')}", file=sys.stderr)
        for name, (sql, parameters) in queries(made).items():
            for table in tables_for(name):
                label = "label_name" if table.endswith("by_job") else "label"
                measured = bench.measure(sql.format(table=table, label=label), parameters)
                wrong = differences(measured.rows, answers.setdefault(f"{count} {answer_key(name)}", measured.rows))
                assert not wrong, (name, table, wrong)
                line([f"{count:,}", table.removeprefix("label_"), name, *measured.cells()])


def tables_for(name: str) -> list[str]:
    """Returns the tables to measure. Only the table by job needs job IDs or benefits from a list of them."""
    if "named" in name:
        return ["label_detections_by_job"]
    return ["label_detections", "label_detections_by_job"] if "one job" in name else ["label_detections"]


def answer_key(name: str) -> str:
    """Returns the name under which queries with the same answer are compared."""
    return {"all jobs, named": "all"}.get(name, name).removesuffix(", named")


def stored(bench: Bench, prefix: str) -> str:
    pages = bench.s3.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
    sizes = [found["Size"] for page in pages for found in page.get("Contents", [])]
    return f"{len(sizes):,} objects, {size(sum(sizes))}"


def line(cells: list[str]) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


def main() -> None:
    sizes = [int(size) for size in sys.argv[1:]] or [1, 100, 1000]
    with TemporaryDirectory(prefix="label-lake-small-files-") as directory:
        run(Bench(Path(directory)), sizes)


if __name__ == "__main__":
    main()
