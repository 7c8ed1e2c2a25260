"""Runs every statement of the skill for assistants, and compares the rows with answers computed from the replies."""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import answers
import generate
from answers import find, inventory, is_between, maximum, newest_first, nulls_last
from checks import Check, Queries, unequal
from queries import comparable
from rows import Row
from served import JOBS, SAMPLE, Detection, Job
from tables import tables

ASKED = [SAMPLE.id, "20250703"]
"""The jobs that take the place of JOB_ID."""

BUCKET = "example-videos"


def text() -> str:
    return generate.SKILL.read_text(encoding="utf-8")


def sql_in(section: str) -> list[str]:
    return re.findall(r"^```sql\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def statements() -> dict[str, str]:
    """Returns the statements by the heading above them."""
    section, _ = text().split("\n## Saved queries\n")
    parts = re.split(r"^### (.+)\n", section, flags=re.MULTILINE)[1:]
    return {heading: sql for heading, body in zip(parts[::2], parts[1::2], strict=True) for sql in sql_in(body)}


def views_of_all_jobs() -> str:
    """Returns the statements that create views in DuckDB in place of the tables of all jobs."""
    _, section = text().split("\n## Running a statement\n")
    (views,) = sql_in(section)
    return views


def by_sample(job: Job, names: set[str]) -> dict[int, list[Detection]]:
    """Returns the detections of labels by sample, in the order of time."""
    found = defaultdict(list)
    for detection in sorted(job.detections, key=lambda detection: detection.timestamp_ms):
        if detection.name in names:
            found[detection.timestamp_ms].append(detection)
    return found


def successful(bucket: str) -> list[Job]:
    """Returns the jobs of a bucket that have detections, newest first."""
    return newest_first(
        [job for job in JOBS if job.video[0] == bucket and "TIMESTAMPS" in job.aggregate_by and job.detections]
    )


def jobs_of_a_video() -> list[Row]:
    return [row[:3] for row in answers.jobs_of_a_video(BUCKET, "videos/beach day.mp4")]


def newest_of_each_video() -> list[Row]:
    newest: dict[str | None, str] = {}
    for job in successful(BUCKET):
        newest.setdefault(job.video[1], job.id)
    return sorted(newest.items())


def labels_of_a_job(job_id: str) -> list[Row]:
    rows = [(name, detections, instances, *times) for name, detections, instances, _, *times in inventory(find(job_id))]
    return sorted(rows, key=lambda row: (-row[1], nulls_last(row[0])))


def videos_with_several_labels() -> list[Row]:
    return sorted((job.id, job.video[1]) for job in JOBS if {"Dog", "Person"} <= answers.names(job))


def when_a_label_is_visible(job_id: str) -> list[Row]:
    return [
        (time, maximum(one.confidence for one in seen), sum(len(one.instances) for one in seen))
        for time, seen in by_sample(find(job_id), {"Dog"}).items()
    ]


def name_with_a_quote(job_id: str) -> list[Row]:
    times = list(by_sample(find(job_id), {"Farmer's Market"}))
    return [(len(times), min(times, default=None), max(times, default=None))]


def without_a_name(job_id: str) -> list[Row]:
    found = [detection for detection in find(job_id).detections if not detection.name]
    return sorted((detection.timestamp_ms, detection.name, detection.confidence) for detection in found)


def counts_of_each_label(job_id: str) -> list[Row]:
    rows = []
    for name, detections in answers.by_name(find(job_id).detections).items():
        times = {detection.timestamp_ms for detection in detections}
        rows.append((name, len(detections), sum(len(one.instances) for one in detections), len(times)))
    return sorted(rows, key=lambda row: (-row[1], nulls_last(row[0])))


def visible_in_a_part(job_id: str) -> list[Row]:
    rows = []
    for name, detections in answers.by_name(find(job_id).detections).items():
        seen = [one for one in detections if 1000 <= one.timestamp_ms <= 3000]
        times = [one.timestamp_ms for one in seen]
        if seen:
            rows.append((name, min(times), max(times), maximum(one.confidence for one in seen)))
    return sorted(rows, key=lambda row: nulls_last(row[0]))


def labels_of_a_kind(job_id: str) -> list[Row]:
    times = defaultdict(set)
    for detection in find(job_id).detections:
        if "Person" in detection.parents or "Animals and Pets" in detection.categories:
            times[detection.name].add(detection.timestamp_ms)
    rows = [(name, len(samples)) for name, samples in times.items()]
    return sorted(rows, key=lambda row: (-row[1], nulls_last(row[0])))


def largest_boxes(job_id: str) -> list[Row]:
    rows = []
    for detection in find(job_id).detections:
        for index, instance in enumerate(detection.instances):
            _, _, width, height = instance.box
            if (
                width is not None
                and height is not None
                and instance.confidence is not None
                and instance.confidence >= 70
            ):
                rows.append((detection.timestamp_ms, detection.name, index, width * height))
    return sorted(rows, key=lambda row: (-row[3], *row[:3]))[:5]


def samples_with_two_labels(job_id: str) -> list[Row]:
    samples = by_sample(find(job_id), {"Dog", "Person"})
    return [(time,) for time, seen in samples.items() if len({one.name for one in seen}) == 2]


def screen_time_from_segments(job_id: str) -> list[Row]:
    return [(row[0], row[2]) for row in answers.screen_time_from_segments(job_id)]


def estimated_screen_time(job_id: str) -> list[Row]:
    return [(row[4],) for row in answers.labels_of_a_video(job_id) if row[0] == "Dog"]


def label_over_all_jobs() -> list[Row]:
    rows = []
    for job in JOBS:
        samples = by_sample(job, {"Person"})
        if samples and is_between(job, "2025-06-01", "2025-07-01"):
            confidence = maximum(one.confidence for seen in samples.values() for one in seen)
            rows.append((job.id, len(samples), confidence))
    return sorted(rows, key=lambda row: (-row[1], row[0]))


def most_frequent_labels() -> list[Row]:
    found = defaultdict(list)
    for job in successful(BUCKET):
        for name, (detections, _) in answers.counts_of_labels(job).items():
            found[name].append(detections)
    rows = [(name, len(detections), sum(detections)) for name, detections in found.items()]
    return sorted(rows, key=lambda row: (-row[2], nulls_last(row[0])))[:10]


ANSWERS: dict[str, Callable[..., list[Row]]] = {
    "The jobs of a video, newest first": jobs_of_a_video,
    "The newest job with detections of each video": newest_of_each_video,
    "The labels of a job": labels_of_a_job,
    "The videos that have several labels": videos_with_several_labels,
    "When a label is visible, and how many at once": when_a_label_is_visible,
    "A label whose name has a quote": name_with_a_quote,
    "The labels without a name": without_a_name,
    "Detections, instances, and samples of each label": counts_of_each_label,
    "What is visible in a part of the video": visible_in_a_part,
    "The labels of a kind, by parent or category": labels_of_a_kind,
    "The largest boxes": largest_boxes,
    "The samples in which two labels are visible together": samples_with_two_labels,
    "Time on screen, from segments": screen_time_from_segments,
    "Time on screen of a label, estimated from samples": estimated_screen_time,
    "A label over all jobs, in a period": label_over_all_jobs,
    "The most frequent labels over all jobs": most_frequent_labels,
}


def instances(label: str) -> list[int]:
    """Returns the number of instances of each detection of a label in the sample job."""
    return [len(detection.instances) for detection in SAMPLE.detections if detection.name == label]


PERSON = "FROM label_detections d WHERE d.job_id = 'JOB_ID' AND d.label = 'Person'"
MISTAKES: dict[str, tuple[str, int | None]] = {
    "count(*) counts neither detections nor instances": (
        f"SELECT count(*) {PERSON}",
        sum(max(1, count) for count in instances("Person")),
    ),
    "sum(instance_count) counts instances several times": (
        f"SELECT sum(d.instance_count) {PERSON}",
        sum(count * count for count in instances("Person")),
    ),
    "a name in lower case has no rows": (f"SELECT count(*) {PERSON.replace('Person', 'person')}", 0),
    "the name of Hive's default partition has no rows": (
        "SELECT count(*) FROM label_detections d WHERE d.label = '__HIVE_DEFAULT_PARTITION__'",
        0,
    ),
    "contains of null is null": ("SELECT contains(CAST(NULL AS array(varchar)), 'Animal')", None),
}
"""Mistakes that the rules warn about, with what they return for the sample job."""


def for_duckdb(sql: str) -> str:
    """Changes a statement as the skill says."""
    changed = sql.replace("from_unixtime(j.completed_at_ms / 1e3)", "epoch_ms(j.completed_at_ms)")
    changed = changed.replace("UNNEST(j.labels) AS l\n", "UNNEST(j.labels) AS l(l)\n")
    return changed.replace("array(varchar)", "varchar[]")


def checks(engine: Any) -> Iterable[Check]:
    """The statements of the skill return the right rows, and the mistakes return wrong ones."""
    if engine.name == "DuckDB":
        engine.connection.execute(views_of_all_jobs())

    def run(sql: str) -> list[Any]:
        if engine.name == "DuckDB":
            return [comparable(row) for row in engine.connection.execute(for_duckdb(sql)).fetchall()]
        return [comparable(row) for row in engine.query(sql)]

    for heading, sql in statements().items():
        answer, faults = ANSWERS[heading], []
        for job_id in ASKED if "'JOB_ID'" in sql else [""]:
            expected = [comparable(row) for row in (answer(job_id) if job_id else answer())]
            found = run(sql.replace("JOB_ID", job_id))
            faults += [] if found == expected else unequal(found, expected) or ["another order"]
        yield f"skill: {heading}", faults
    for title, (sql, expected) in MISTAKES.items():
        yield f"skill: {title}", unequal(run(sql.replace("JOB_ID", SAMPLE.id)), [(expected,)])


def columns_of_all_jobs(engine: Queries) -> Iterable[Check]:
    """The tables of all jobs have the columns that the skill says."""
    detections, segments, jobs = ([name for name, _ in table.columns] for table in tables())
    first = ["job_id", "label", "completed_at_ms"]
    expected = {"all_detections": first + detections, "all_segments": first + segments, "all_jobs": jobs}
    for table, names in expected.items():
        found = [name for name, *_ in engine.query(f"DESCRIBE {table}")]
        yield f"skill: columns of {table}", unequal(found, names)


def faults_of_the_file() -> list[str]:
    """Returns what is wrong with the text of the skill."""
    faults = []
    skill, found = text(), statements()
    if generate.generated(skill) != skill:
        faults.append("the columns or queries in SKILL.md are out of date; run skills/update")
    if found.keys() != ANSWERS.keys() or skill.count("```sql") != len(found) + 1:
        faults.append(f"the statements of SKILL.md and the answers differ by {found.keys() ^ ANSWERS.keys()}")
    heading = re.match(r"---\nname: ([a-z0-9-]{1,64})\ndescription: (.{1,1024})\n---\n", skill)
    if not heading or heading[1] != generate.SKILL.parent.name:
        faults.append("SKILL.md has no valid name and description")
    known = {name for table in json.loads(generate.COLUMNS.read_text()).values() for name, *_ in table["columns"]}
    used = {name for sql in found.values() for name in re.findall(r"\b[djs]\.([a-z_]+)", sql)}
    if unknown := used - known - {"job_id", "label", "completed_at_ms"}:
        faults.append(f"SKILL.md uses unknown columns: {unknown}")
    return faults
