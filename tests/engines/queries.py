"""The saved queries with parameters, and the rows that they must return from the test lake on every engine."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from types import FunctionType

import answers
from saved_queries import files, from_all_jobs
from served import SAMPLE, float32

FILES = files()
TABLES = {"jobs": "all_jobs", "label_detections": "all_detections", "label_segments": "all_segments"}
"""The tables of the lake and those of all jobs."""


@dataclass
class Query:
    name: str
    """Name of the file."""
    parameters: tuple
    expected: list[tuple]
    sql: str

    @property
    def title(self) -> str:
        return " ".join([self.name, *map(repr, self.parameters)])

    def compare(self, rows: Sequence[Sequence]) -> list[str]:
        """Compares rows of an engine with the expected rows, in order, and returns the differences."""
        found = [comparable(row) for row in rows]
        expected = [comparable(row) for row in self.expected]
        if found == expected:
            return []
        wrong = [f"missing: {row}" for row in expected if row not in found]
        wrong += [f"not expected: {row}" for row in found if row not in expected]
        return wrong or ["the rows have another order, or there are duplicates"]


def comparable(value: object) -> object:
    """Normalizes values that the engines' clients represent differently: 32-bit floats, times and lists."""
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return round(aware.timestamp() * 1000)
    if isinstance(value, Decimal):
        return int(value)
    if isinstance(value, float):
        return float32(value)
    if isinstance(value, (list, tuple)):
        return tuple(comparable(element) for element in value)
    return value


def query(answer: FunctionType, *parameters: str | float | None) -> Query:
    name = answer.__name__.replace("_", "-")
    return Query(name, parameters, answer(*parameters), FILES[name].text)


def variants(query: Query) -> Iterable[Query]:
    """Returns a query of the tables of the lake with all_jobs, as the template saves it, and with no other tables."""
    saved = FILES[query.name]
    if saved.of_all_jobs:
        return
    yield replace(query, name=f"{query.name}-from-all-jobs", sql=from_all_jobs(query.name, saved).text)
    sql = saved.statement
    for table, of_all_jobs in TABLES.items():
        sql = re.sub(rf"\b(FROM|JOIN) {table}\b", rf"\1 {of_all_jobs}", sql)
    yield replace(query, name=f"{query.name} of the tables of all jobs", sql=sql)


QUERIES = [
    # docs/QUERYING.md shows the results of the first query of each name, which uses the sample job.
    query(answers.jobs_of_a_video, *SAMPLE.video),
    query(answers.jobs_of_a_video, "example-videos", "videos/damaged.avi"),
    query(answers.inventory_of_a_job, SAMPLE.id),
    query(answers.inventory_of_a_job, "20250703"),
    query(answers.inventory_of_a_job, "one-reply"),
    query(answers.inventory_of_a_job, "odd-names"),
    query(answers.inventory_of_a_job, "damaged"),
    query(answers.inventory_of_a_job, "segments-only"),
    query(answers.labels_of_a_video, SAMPLE.id),
    query(answers.labels_of_a_video, "20250703"),
    query(answers.labels_of_a_video, "one-reply"),
    query(answers.labels_of_a_video, "odd-names"),
    query(answers.screen_time_from_segments, SAMPLE.id),
    query(answers.screen_time_from_segments, "20250703"),
    query(answers.where_a_label_is_seen, SAMPLE.id, "Person"),
    query(answers.where_a_label_is_seen, SAMPLE.id, "Farmer's Market"),
    query(answers.where_a_label_is_seen, SAMPLE.id, "person"),
    query(answers.where_a_label_is_seen, "20250703", "Dog"),
    query(answers.where_a_label_is_seen, "20250703", "Crowd"),
    query(answers.where_a_label_is_seen, "one-reply", "A/B: 50% [x]"),
    query(answers.where_a_label_is_seen, "one-reply", "Caño Cristales"),
    query(answers.where_a_label_is_seen, "odd-names", '"quoted"'),
    query(answers.where_a_label_is_seen, "odd-names", "k=v"),
    query(answers.labels_seen_together, SAMPLE.id),
    query(answers.labels_seen_together, "20250703"),
    query(answers.boxes_in_pixels, SAMPLE.id, "American Football (Ball)"),
    query(answers.boxes_in_pixels, SAMPLE.id, "Dog"),
    query(answers.boxes_in_pixels, SAMPLE.id, "dog"),
    query(answers.boxes_in_pixels, "one-reply", "Person"),
    query(answers.boxes_in_pixels, "20250703", "Stall"),
    query(answers.long_segments, SAMPLE.id, 4),
    query(answers.long_segments, SAMPLE.id, 3.5),
    query(answers.long_segments, SAMPLE.id, 2.4),
    query(answers.videos_with_a_label, "Dog"),
    query(answers.biggest_labels_of_a_period, "2025-06-01", "2025-07-01"),
    query(answers.biggest_labels_of_a_period, "2025-07-01 00:00:00", "2025-07-03 23:30:00"),
    query(answers.failed_jobs),
    query(answers.labels_by_month, "2025-06-01", "2025-08-01"),
    query(answers.labels_by_month, "2025-07-01 00:00:00", "2025-07-03 23:30:00"),
    query(answers.labels_that_come_and_go),
    query(answers.screen_time_of_a_label, "Person"),
    query(answers.screen_time_of_a_label, "Farmer's Market"),
    query(answers.screen_time_of_a_label, "Caño Cristales"),
    query(answers.screen_time_of_a_label, "dog"),
    query(answers.pairs_of_labels),
    query(answers.similar_videos, SAMPLE.id),
    query(answers.similar_videos, "20250703"),
    query(answers.similar_videos, "damaged"),
    query(answers.failures_by_reason),
]


def faults_of_the_files() -> list[str]:
    """Returns what prevents files from being saved queries of Athena for which the console asks for parameters."""
    faults = []
    tested = {query.name: len(query.parameters) for query in QUERIES}
    for name, saved in FILES.items():
        lines = saved.text.splitlines()
        comment = "\n".join(line for line in lines if line.startswith("--"))
        code = "\n".join(line for line in lines if not line.startswith("--"))
        if "?" in comment or "?" in re.sub(r"WHERE.*?(SELECT|GROUP BY|ORDER BY|$)", "", code, flags=re.DOTALL):
            faults.append(f"{name}: a parameter is not in a WHERE clause")
        if code.count("?") != tested.get(name):
            faults.append(f"{name}: {code.count('?')} parameters, but {tested.get(name)} are tested")
        if code.count("?") != len(re.findall(r"\b\d\. ", comment)):
            faults.append(f"{name}: the comment does not describe each parameter")
        if ";" in code:
            faults.append(f"{name}: contains a semicolon")
    return faults
