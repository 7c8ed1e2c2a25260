"""Expected results of the saved queries, computed from Rekognition's replies with other algorithms than the SQL.

Each function has the name of its query, takes its parameters and returns its rows in order.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import combinations, pairwise

from served import JOBS, Detection, Job

MOMENT_MS = 1000
"""Maximum duration of a sample, and maximum gap within a range."""


def find(job_id: str) -> Job:
    return next(job for job in JOBS if job.id == job_id)


def time(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)


def nulls_last(value: str | None) -> tuple:
    """Returns a sort key that puts null last, as Trino does."""
    return value is None, value or ""


def maximum(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def by_name(detections: list[Detection]) -> dict[str | None, list[Detection]]:
    found = defaultdict(list)
    for detection in detections:
        found[detection.name].append(detection)
    return found


def labels_of_a_video(job_id: str) -> list[tuple]:
    job = find(job_id)
    samples = sorted({detection.timestamp_ms for detection in job.detections})
    end = max(job.metadata.get("DurationMillis", 0), samples[-1])
    durations = {sample: min(following - sample, MOMENT_MS) for sample, following in pairwise([*samples, end])}
    rows = []
    for name, detections in by_name(job.detections).items():
        instances = Counter()
        for detection in detections:
            instances[detection.timestamp_ms] += len(detection.instances)
        row = (
            name,
            len(detections),
            instances.total(),
            max(instances.values()),
            sum(durations[timestamp] for timestamp in instances),
            min(instances),
            max(instances),
            maximum(detection.confidence for detection in detections),
        )
        rows.append(row)
    return sorted(rows, key=lambda row: (-row[4], nulls_last(row[0])))


def screen_time_from_segments(job_id: str) -> list[tuple]:
    found = defaultdict(list)
    for segment in find(job_id).segments:
        found[segment.name].append(segment)
    rows = [
        (
            name,
            len(segments),
            sum(segment.duration_ms for segment in segments),
            max(segment.duration_ms for segment in segments),
            min(segment.start_ms for segment in segments),
            max(segment.end_ms for segment in segments),
        )
        for name, segments in found.items()
    ]
    return sorted(rows, key=lambda row: (-row[2], nulls_last(row[0])))


def where_a_label_is_seen(job_id: str, label: str) -> list[tuple]:
    detections = sorted(by_name(find(job_id).detections)[label], key=lambda detection: detection.timestamp_ms)
    ranges: list[list[Detection]] = []
    for detection in detections:
        if ranges and detection.timestamp_ms - ranges[-1][-1].timestamp_ms <= MOMENT_MS:
            ranges[-1].append(detection)
        else:
            ranges.append([detection])
    rows = []
    for seen in ranges:
        instances = Counter()
        for detection in seen:
            instances[detection.timestamp_ms] += len(detection.instances)
        confidence = maximum(detection.confidence for detection in seen)
        rows.append((min(instances), max(instances), len(instances), max(instances.values()), confidence))
    return rows


def inventory(job: Job) -> list[tuple]:
    """Returns the elements of the column `labels` of the table `jobs`. Absent and empty names are the same label."""
    return [inventory_row(job, name) for name in sorted(names(job), key=nulls_last)]


def names(job: Job) -> set[str | None]:
    return {element.name or None for element in [*job.detections, *job.segments]}


def inventory_row(job: Job, name: str | None) -> tuple:
    detections = [detection for detection in job.detections if (detection.name or None) == name]
    segments = [segment for segment in job.segments if (segment.name or None) == name]
    by_timestamps, by_segments = "TIMESTAMPS" in job.aggregate_by, "SEGMENTS" in job.aggregate_by
    starts, ends = [segment.start_ms for segment in segments], [segment.end_ms for segment in segments]
    moments = [detection.timestamp_ms for detection in detections]
    return (
        name,
        len(detections) if by_timestamps else None,
        sum(len(detection.instances) for detection in detections) if by_timestamps else None,
        len(segments) if by_segments else None,
        min(moments if by_timestamps else starts),
        max(moments if by_timestamps else ends),
        maximum(element.confidence for element in (detections if by_timestamps else segments)),
    )


def inventory_of_a_job(job_id: str) -> list[tuple]:
    return inventory(find(job_id))


def biggest_labels_of_a_period(first: str, until: str) -> list[tuple]:
    begin, end = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (first, until))
    found = defaultdict(list)
    for job in JOBS:
        completed_at = time(job.completed_at_ms)
        if "TIMESTAMPS" not in job.aggregate_by or completed_at is None:
            continue
        if begin <= completed_at < end:
            for name, detections, instances, *_, confidence in inventory(job):
                found[name].append((detections, instances, confidence))
    rows = []
    for name, counts in found.items():
        detections, instances, confidences = zip(*counts, strict=True)
        rows.append((name, len(counts), sum(detections), sum(instances), maximum(confidences)))
    return sorted(rows, key=lambda row: (-row[2], nulls_last(row[0])))[:100]


def videos_with_a_label(label: str) -> list[tuple]:
    rows = [(job.id, *job.video, *row[1:]) for job in JOBS for row in inventory(job) if row[0] == label]
    return sorted(rows, key=lambda row: (-(row[5] if row[3] is None else row[3]), row[0]))


def labels_seen_together(job_id: str) -> list[tuple]:
    samples_of_job = defaultdict(dict)
    for detection in find(job_id).detections:
        if detection.name is not None:
            samples_of_job[detection.timestamp_ms][detection.name] = detection.parents
    pairs = Counter()
    for seen in samples_of_job.values():
        for one, other in combinations(sorted(seen), 2):
            if one not in seen[other] and other not in seen[one]:
                pairs[one, other] += 1
    rows = [(one, other, samples) for (one, other), samples in pairs.items()]
    return sorted(rows, key=lambda row: (-row[2], row[0], row[1]))[:100]


def boxes_in_pixels(job_id: str, label: str) -> list[tuple]:
    job = find(job_id)
    width, height = job.metadata.get("FrameWidth"), job.metadata.get("FrameHeight")
    rows = []
    for detection in by_name(job.detections)[label]:
        for index, instance in enumerate(detection.instances):
            pixels = (rounded(side, size) for side, size in zip(instance.box, (width, height) * 2, strict=True))
            rows.append((detection.timestamp_ms, index, instance.confidence, *pixels))
    return sorted(rows, key=lambda row: row[:2])


def rounded(side: float | None, size: int | None) -> int | None:
    """Converts a side of a box to pixels. Half a pixel is rounded away from zero."""
    if side is None or size is None:
        return None
    return int(math.copysign(math.floor(abs(side * size) + 0.5), side))


def long_segments(job_id: str, seconds: float) -> list[tuple]:
    rows = [
        (segment.name, segment.start_ms, segment.end_ms, segment.duration_ms, segment.confidence)
        for segment in find(job_id).segments
        if segment.duration_ms > seconds * 1000
    ]
    return sorted(rows, key=lambda row: (-row[3], row[1], nulls_last(row[0])))


def newest_first(jobs: list[Job]) -> list[Job]:
    return sorted(jobs, key=lambda job: (job.completed_at_ms is None, -(job.completed_at_ms or 0), job.id))


def failed_jobs() -> list[tuple]:
    failed = [job for job in JOBS if job.status == "FAILED"]
    return [
        (job.id, time(job.completed_at_ms), *job.video, job.event.get("JobTag"), job.replies[0]["StatusMessage"])
        for job in newest_first(failed)
    ]


def jobs_of_a_video(bucket: str, key: str) -> list[tuple]:
    rows = []
    for job in newest_first([job for job in JOBS if job.video == (bucket, key)]):
        succeeded = job.status == "SUCCEEDED"
        row = (
            job.id,
            job.status,
            time(job.completed_at_ms),
            job.replies[0].get("LabelModelVersion"),
            job.aggregate_by,
            len(inventory(job)) if succeeded else None,
            len(job.detections) if succeeded and "TIMESTAMPS" in job.aggregate_by else None,
            len(job.segments) if succeeded and "SEGMENTS" in job.aggregate_by else None,
        )
        rows.append(row)
    return rows
