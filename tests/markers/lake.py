"""The lake with the jobs, and the time ranges of their labels as DuckDB reads them from it."""

import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import duckdb

from jobs import NAMES, RATES, Job

# Condition of the saved query for a label that no job has, and its form for the label without a name. DuckDB reads the
# partition of that label as null.
NO_LABEL = "no label"
CONDITION = f"d.label || '' = '{NO_LABEL}'"
IS_NAMELESS = "d.label IS NULL"

SEGMENTS = """
SELECT start_timestamp_ms, end_timestamp_ms, confidence
FROM read_parquet(?, hive_partitioning = true, hive_types = {'label': VARCHAR})
WHERE label IS NOT DISTINCT FROM ?
"""


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

    def file(self, job: Job, form: str) -> Path:
        return self.path.parent / f"{job.id}.{form}"

    def convert(self, job: Job, form: str, *more: str) -> Path:
        path = self.file(job, form)
        self.run("convert", job.id, "--lake", str(self.path), "--format", form, "--out", str(path), *more)
        return path

    def ranges(self, job: Job, rate: Fraction | None = None) -> list[Range]:
        """Returns the ranges of a job in order: those of the saved query `where-a-label-is-seen`, or the segments."""
        rate = rate or RATES[job.rate]
        ranges = []
        for name, shown in NAMES.items():
            for start_ms, end_ms, confidence in self.times(job, name):
                start, end = nearest_frame(start_ms, rate), nearest_frame(end_ms, rate)
                # The last sample is seen in its frame. A segment ends before its end, but has one frame at least.
                end = end + 1 if job.aggregation == "TIMESTAMPS" else max(end, start + 1)
                ranges.append(Range(start, end, shown, start_ms, end_ms, confidence))
        return sorted(ranges)

    def times(self, job: Job, label: str | None) -> list[tuple[int, int, float]]:
        """Returns the time ranges of a label in milliseconds, and their highest confidence."""
        with duckdb.connect() as connection:
            if job.aggregation == "SEGMENTS":
                pattern = str(self.path / f"label_segments/job_id={job.id}/*/*.parquet")
                return connection.execute(SEGMENTS, [pattern, label]).fetchall()
            name = NO_LABEL if label is None else label
            options = ["--lake", str(self.path), "--sql"]
            script = self.run("query", "where-a-label-is-seen", job.id, name, *options)
            if label is None:
                assert CONDITION in script, script
                script = script.replace(CONDITION, IS_NAMELESS)
            rows = connection.execute(script).fetchall()
            return [(start, end, confidence) for start, end, _, _, confidence in rows]


def nearest_frame(ms: int, rate: Fraction) -> int:
    return int(Fraction(ms, 1000) * rate + Fraction(1, 2))
