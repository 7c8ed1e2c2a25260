"""Measures the tables of all jobs with 100, 1,000 and 10,000 jobs of 1,000 rows. Prints Markdown, and draws a plot.

Usage: growth.py [--plot FILE] [JOBS...]

The statements are those of the state machine, through the Athena that is made of Trino. Jobs that are taken in,
overwritten or deleted have generated files, one per label. The other jobs have only their row in `jobs`: their
detections are inserted into all_detections directly, a batch at a time, because writing 400,000 files is not what is
measured.
"""

import argparse
import hashlib
import io
import os
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import all_jobs
from athena import WORKGROUP, Athena
from definition import definition
from measure import plot
from on_trino import OnTrino
from services import S3, Glue
from small_files import requests_to
from tables import BUCKET, DATABASE, create_in_glue
from trino_server import Trino

ROWS, LABELS, NAMES = 1_000, 40, 1_500
"""Rows of a job, labels of a job, and names that the labels are chosen from."""

BATCH = 500
NEW = 50
"""Jobs taken in at each size. At the last size, a whole batch is measured too."""

COMMON, RARE = "Person", "Dog"
"""A label of every job, and of every hundredth job."""

FIRST = 1_748_793_725_418
HEADINGS = ["jobs", "measurement", "seconds", "of which MERGE", "GET", "LIST", "PUT", "MB read", "rows or jobs"]


@dataclass
class Measured:
    jobs: int
    name: str
    seconds: float
    merging: float
    requests: Counter[str]
    scanned: int
    found: int

    def line(self) -> str:
        counted = [self.requests["GET"] + self.requests["HEAD"], self.requests["LIST"], self.requests["PUT"]]
        cells = [
            f"{self.jobs:,}",
            self.name,
            f"{self.seconds:.2f}",
            f"{self.merging:.2f}" if self.merging else "",
            *(f"{one:,}" for one in counted),
            f"{self.scanned / 1e6:,.2f}",
            f"{self.found:,}",
        ]
        return f"| {' | '.join(cells)} |"


class Bench:
    """Services to measure, and the jobs of the lake by number."""

    def __init__(self, directory: Path) -> None:
        self.s3, self.glue = S3(directory / "s3"), Glue(directory / "glue")
        self.glue.wait()
        self.glue.client.create_database(DatabaseInput={"Name": DATABASE})
        create_in_glue(self.glue.client)
        create_in_glue(self.glue.client, "ddl-by-job.sql")
        self.s3.wait()
        self.s3.client.create_bucket(Bucket=BUCKET)
        self.trino = Trino(
            Path(os.environ["TRINO_HOME"]),
            directory / "trino",
            self.glue.url,
            self.s3.url,
            catalogs={"iceberg": all_jobs.ICEBERG + "iceberg.max-partitions-per-writer=100\n"},
            hive=all_jobs.REDIRECT,
            optimize=True,
        )
        self.trino.wait(300)
        self.engine = OnTrino(self.trino.port)
        self.athena = Athena(self.trino.port)
        texts: dict[str, str] = definition()["States"]["Begin"]["Assign"]["statements"]
        self.statements = {name: text.replace("${Location}", f"s3://{BUCKET}") for name, text in texts.items()}
        for name in ("create-detections", "create-segments", "create-jobs"):
            self.statement(name, run="measured")
        self.jobs: list[int] = []
        self.scanned_by_queries = 0

    def statement(self, name: str, **given: str) -> list[list[Any]]:
        """Runs a statement of the state machine through Athena."""
        text = self.statements[name]
        for key, value in given.items():
            text = text.replace(f"{{{key}}}", value)
        request = {
            "QueryString": text,
            "ClientRequestToken": f"{len(self.athena.queries):032}",
            "WorkGroup": WORKGROUP,
            "QueryExecutionContext": {"Database": DATABASE},
        }
        query = self.athena.queries[self.athena.start(request)["QueryExecutionId"]]
        assert query.thread
        query.thread.join()
        assert query.state == "SUCCEEDED", (name, query.reason)
        return query.rows

    def take_in(self) -> int:
        """Does what an execution does, without its pauses. Returns the number of jobs."""
        return all_jobs.take_in(self.statement)

    def add_files(self, numbers: list[int], rows: int = ROWS) -> None:
        """Puts jobs with all their files. A job that exists is overwritten, with as many files."""
        put(self.s3, (file for number in numbers for file in detection_files(number, rows)))
        put(self.s3, ((jobs_key(number), jobs_row(number, rows)) for number in numbers))
        self.jobs += [number for number in numbers if number not in self.jobs]

    def add_rows(self, numbers: list[int]) -> None:
        """Adds jobs that have been taken in before, without files of detections."""
        put(self.s3, ((jobs_key(number), jobs_row(number, ROWS)) for number in numbers))
        for first in range(0, len(numbers), BATCH):
            batch = ", ".join(map(str, numbers[first : first + BATCH]))
            self.engine.query(INSERT.replace("{numbers}", batch))
        self.engine.query("INSERT INTO all_jobs SELECT * FROM jobs WHERE job_id NOT IN (SELECT job_id FROM all_jobs)")
        self.jobs += numbers

    def delete(self, numbers: list[int]) -> None:
        for number in numbers:
            for key in [jobs_key(number), *self.s3.keys(BUCKET, f"label_detections/job_id={job_id(number)}/")]:
                self.s3.client.delete_object(Bucket=BUCKET, Key=key)
            self.jobs.remove(number)

    def measure(self, name: str, action: Any, repeat: bool = True) -> Measured:
        """Measures an action. Queries run twice, and the second counts, because Trino is slower at first."""
        for _ in range(2 if repeat else 1):
            before, scanned, merging = requests_to(self.s3), self.scanned(), self.merging()
            began = time.monotonic()
            found = action()
            seconds = time.monotonic() - began
        requests, scanned, merging = requests_to(self.s3) - before, self.scanned() - scanned, self.merging() - merging
        return Measured(len(self.jobs), name, seconds, merging, requests, scanned, found)

    def merging(self) -> float:
        """Returns the seconds that all MERGEs until now took."""
        queries = self.athena.queries.values()
        return sum(query.seconds for query in queries if query.statement.startswith("MERGE"))

    def scanned(self) -> int:
        """Returns the bytes that all queries until now have read from files."""
        return self.scanned_by_queries + sum(query.scanned for query in self.athena.queries.values())

    def query(self, sql: str) -> list[Any]:
        rows = self.engine.query(sql)
        self.scanned_by_queries += self.engine.cursor.stats["physicalInputBytes"]
        return rows

    def count(self, sql: str) -> int:
        return self.query(sql)[0][0]

    def files(self) -> int:
        return self.count('SELECT count(*) FROM "all_detections$files"')

    def check(self) -> None:
        """The tables have the jobs of the lake, each with the rows that its files have."""
        assert self.count("SELECT count(*) FROM all_jobs") == len(self.jobs)
        assert self.count("SELECT count(*) FROM all_detections") == self.count("SELECT sum(row_count) FROM jobs")


def put(s3: S3, files: Iterable[tuple[str, bytes]]) -> None:
    """Puts files with these keys into the bucket of the lake."""
    with ThreadPoolExecutor(8) as pool:
        for _ in pool.map(lambda file: s3.client.put_object(Bucket=BUCKET, Key=file[0], Body=file[1]), files):
            pass


def job_id(number: int) -> str:
    """Returns 64 hexadecimal digits, as Rekognition does. `INSERT` does the same."""
    return hashlib.sha256(str(number).encode()).hexdigest()


def jobs_key(number: int) -> str:
    return f"jobs/job-{job_id(number)}.parquet"


def label(number: int, position: int) -> str:
    """Returns the name of a label of a job. `INSERT` does the same."""
    if position == 0:
        return COMMON
    if position == 1 and number % 100 == 0:
        return RARE
    return f"Label {(number * 37 + position) % NAMES}"


INSERT = f"""
INSERT INTO all_detections (
    job_id, label, completed_at_ms, timestamp_ms, confidence, bbox_left, bbox_top, bbox_width, bbox_height,
    parents, label_name
)
SELECT lower(to_hex(sha256(to_utf8(CAST(number AS varchar))))), name, {FIRST} + number, row * 500,
       CAST(50 + row % 50 AS real), rand(), rand(), rand(), rand(), ARRAY['Parent'], name
FROM (
    SELECT number, row,
           CASE WHEN row % {LABELS} = 0 THEN '{COMMON}'
                WHEN row % {LABELS} = 1 AND number % 100 = 0 THEN '{RARE}'
                ELSE 'Label ' || CAST((number * 37 + row % {LABELS}) % {NAMES} AS varchar) END AS name
    FROM UNNEST(ARRAY[{{numbers}}]) AS numbers (number)
    CROSS JOIN UNNEST(sequence(0, {ROWS - 1})) AS rows (row)
)
"""

LABEL_SUMMARY = pa.struct(
    [
        ("label", pa.string()),
        ("detections", pa.int64()),
        ("instances", pa.int64()),
        ("segments", pa.int64()),
        ("first_timestamp_ms", pa.int64()),
        ("last_timestamp_ms", pa.int64()),
        ("max_confidence", pa.float32()),
    ]
)


def parquet(columns: dict[str, tuple[pa.DataType, list[Any]]]) -> bytes:
    table = pa.table({name: pa.array(values, kind) for name, (kind, values) in columns.items()})
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def detection_files(number: int, rows: int) -> Iterable[tuple[str, bytes]]:
    folder = f"label_detections/job_id={job_id(number)}"
    for position in range(min(LABELS, rows)):
        name = label(number, position)
        times = list(range(position, rows, LABELS))
        columns = {
            "timestamp_ms": (pa.int64(), [row * 500 for row in times]),
            "confidence": (pa.float32(), [50.0 + row % 50 for row in times]),
            **{side: (pa.float32(), [row % 97 / 97 for row in times]) for side in ("bbox_left", "bbox_top")},
            "parents": (pa.list_(pa.string()), [["Parent"] for _ in times]),
            "label_name": (pa.string(), [name for _ in times]),
        }
        yield f"{folder}/label={name}/part-0.parquet", parquet(columns)


def jobs_row(number: int, rows: int) -> bytes:
    labels = [
        {"label": label(number, position), "detections": rows // LABELS, "instances": rows // LABELS, "segments": 0}
        for position in range(LABELS)
    ]
    failed = number % 50 == 49
    values: dict[str, tuple[pa.DataType, Any]] = {
        "job_id": (pa.string(), job_id(number)),
        "status": (pa.string(), "FAILED" if failed else "SUCCEEDED"),
        "status_message": (pa.string(), "unsupported codec" if failed else None),
        "video_bucket": (pa.string(), "videos"),
        "video_key": (pa.string(), f"{number}.mp4"),
        "completed_at_ms": (pa.int64(), FIRST + number),
        "video_duration_ms": (pa.int64(), rows * 500),
        "aggregate_by": (pa.list_(pa.string()), ["TIMESTAMPS"]),
        "label_count": (pa.int32(), LABELS),
        "detection_count": (pa.int64(), rows),
        "row_count": (pa.int64(), rows),
        "segment_count": (pa.int64(), 0),
        "labels": (pa.list_(LABEL_SUMMARY), labels),
        "content": (pa.string(), f"{number:060}{rows:04}"),
    }
    return parquet({name: (kind, [value]) for name, (kind, value) in values.items()})


SAVED = "SELECT coalesce(status_message, status), count(*) FROM {table} GROUP BY 1 ORDER BY 2 DESC LIMIT 1"


def measure(bench: Bench, size: int, last: bool) -> Iterable[Measured]:
    """Measures at a size, and leaves the lake with this many jobs."""
    new = min(BATCH if last else NEW, size)
    start = max(bench.jobs, default=-1) + 1
    numbers = list(range(start, start + size - len(bench.jobs)))
    bench.add_rows(numbers[:-new])
    bench.add_files(numbers[-new:])
    yield bench.measure("new jobs taken in", bench.take_in, repeat=False)
    yield bench.measure("a run that finds nothing", bench.take_in)
    bench.add_files(numbers[-5:], rows=ROWS // 2)
    yield bench.measure("5 overwritten", bench.take_in, repeat=False)
    bench.delete(numbers[-8:-5])
    yield bench.measure("3 deleted", bench.take_in, repeat=False)
    bench.check()
    for when in (", before OPTIMIZE", ""):
        if not when:
            yield bench.measure("OPTIMIZE", lambda: len(optimize(bench)), repeat=False)
            yield bench.measure("a run that finds nothing, after OPTIMIZE", bench.take_in)
        yield from queries(bench, when)
    yield bench.measure("a saved query on jobs", lambda: bench.query(SAVED.format(table="jobs"))[0][1])
    yield bench.measure("a saved query on all_jobs", lambda: bench.query(SAVED.format(table="all_jobs"))[0][1])
    yield Measured(len(bench.jobs), "files of all_detections", 0, 0, Counter(), 0, bench.files())
    bench.check()


def optimize(bench: Bench) -> list[list[Any]]:
    for name in ("optimize-detections", "optimize-segments", "optimize-jobs"):
        bench.statement(name)
    return []


def queries(bench: Bench, when: str) -> Iterable[Measured]:
    for name, condition in {
        "a rare label": f"label = '{RARE}'",
        "a common label": f"label = '{COMMON}'",
        "everything": "true",
    }.items():
        sql = f"SELECT count(*), sum(timestamp_ms), max(confidence) FROM all_detections WHERE {condition}"
        yield bench.measure(name + when, lambda sql=sql: bench.count(sql))


def draw(measured: list[Measured]) -> str:
    """Returns the plot of the times by number of jobs."""
    names = ["a rare label", "a common label", "everything", "a saved query on jobs", "a saved query on all_jobs"]
    names += ["a run that finds nothing", "3 deleted"]
    lines = [
        plot.Line(name, "seconds", [(one.jobs, one.seconds) for one in measured if one.name == name]) for name in names
    ]
    return plot.svg(lines, "jobs of 1,000 rows")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("jobs", nargs="*", type=int)
    arguments = parser.parse_args()
    sizes = arguments.jobs or [100, 1_000, 10_000]
    measured: list[Measured] = []
    print(f"| {' | '.join(HEADINGS)} |\n|---:|---{'|---:' * (len(HEADINGS) - 2)}|", flush=True)
    with TemporaryDirectory(prefix="label-lake-growth-") as directory:
        bench = Bench(Path(directory))
        try:
            for size in sizes:
                for one in measure(bench, size, last=size == sizes[-1]):
                    measured.append(one)
                    print(one.line(), flush=True)
        finally:
            bench.trino.program.stop()
            bench.glue.program.stop()
            bench.s3.program.stop()
    if arguments.plot:
        arguments.plot.write_text(draw(measured))


if __name__ == "__main__":
    main()
