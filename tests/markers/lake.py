"""The lake with the jobs, and the time ranges of their labels as DuckDB reads them from it."""

import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import duckdb
from jobs import NAMES, RATES, Job

# Partition of a label without a name.
NAMELESS = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True, order=True)
class Range:
    """The frames in which a label is seen. The end is exclusive."""

    start: int
    end: int
    name: str
    start_ms: int
    end_ms: int
    confidence: float


class Lake:
    """A lake in a directory, written and read by `label-lake`."""

    def __init__(self, program: Path, directory: Path):
        self.program, self.path = program, directory / "lake"

    def run(self, *arguments: str) -> str:
        """Runs a command that must succeed without a message, and returns its output."""
        ended = subprocess.run([self.program, *arguments], capture_output=True, timeout=60)
        if ended.returncode != 0 or ended.stderr:
            raise RuntimeError(f"label-lake {' '.join(arguments)}: {ended.stderr.decode()}")
        return ended.stdout.decode()

    def export(self, job: Job) -> None:
        replies = self.path.parent / f"{job.id}.json"
        job.write(replies)
        options = ["--aggregate-by", job.aggregation, "--out", str(self.path), "--quiet"]
        self.run("run", "--recorded", str(replies), *options)

    def convert(self, job: Job, form: str, *more: str) -> Path:
        path = self.path.parent / f"{job.id}.{form}"
        self.run("convert", job.id, "--lake", str(self.path), "--format", form, "--out", str(path), *more)
        return path

    def ranges(self, job: Job, rate: Fraction | None = None) -> list[Range]:
        """Returns the ranges of a job in order: those of the saved query `where-a-label-is-seen`, or the segments."""
        rate = rate or RATES[job.rate]
        ranges = []
        for name, shown in NAMES.items():
            for start_ms, end_ms, confidence in self.times(job, name or NAMELESS):
                start, end = nearest_frame(start_ms, rate), nearest_frame(end_ms, rate)
                # The last sample is seen in its frame. A segment ends before its end, but has one frame at least.
                end = end + 1 if job.aggregation == "TIMESTAMPS" else max(end, start + 1)
                ranges.append(Range(start, end, shown, start_ms, end_ms, confidence))
        return sorted(ranges)

    def times(self, job: Job, label: str) -> list[tuple[int, int, float]]:
        """Returns the time ranges of a label in milliseconds, and their highest confidence."""
        with duckdb.connect() as connection:
            if job.aggregation == "TIMESTAMPS":
                query = ["query", "where-a-label-is-seen", job.id, label, "--lake", str(self.path), "--sql"]
                rows = connection.execute(self.run(*query)).fetchall()
                return [(start, end, confidence) for start, end, _, _, confidence in rows]
            file = "label_segments/job_id={}/*/*.parquet".format(job.id)
            return connection.execute(
                "SELECT start_timestamp_ms, end_timestamp_ms, confidence "
                "FROM read_parquet(?, hive_partitioning = true, hive_types = {'label': VARCHAR}) WHERE label = ?",
                [str(self.path / file), label],
            ).fetchall()


def nearest_frame(ms: int, rate: Fraction) -> int:
    return int(Fraction(ms, 1000) * rate + Fraction(1, 2))
