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


def is_between(job: Job, first: str, until: str) -> bool:
    """Returns true if the job was completed in a period. The end is exclusive."""
    begin, end = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (first, until))
    completed_at = time(job.completed_at_ms)
    return completed_at is not None and begin <= completed_at < end


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
    found = defaultdict(list)
    for job in JOBS:
        if "TIMESTAMPS" in job.aggregate_by and is_between(job, first, until):
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
    rows = [(one, other, samples) for (one, other), samples in pairs_in(find(job_id)).items()]
    return sorted(rows, key=lambda row: (-row[2], row[0], row[1]))[:100]


def pairs_in(job: Job) -> Counter[tuple[str, str]]:
    """Returns the number of samples of each pair of labels."""
    samples_of_job = defaultdict(dict)
    for detection in job.detections:
        if detection.name is not None:
            samples_of_job[detection.timestamp_ms][detection.name] = detection.parents
    pairs = Counter()
    for seen in samples_of_job.values():
        for one, other in combinations(sorted(seen), 2):
            if one not in seen[other] and other not in seen[one]:
                pairs[one, other] += 1
    return pairs


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


# The queries over all jobs.


def jobs_by_month() -> dict[str, list[Job]]:
    """Returns the jobs with detections and a time."""
    found = defaultdict(list)
    for job in JOBS:
        completed_at = time(job.completed_at_ms)
        if job.status == "SUCCEEDED" and "TIMESTAMPS" in job.aggregate_by and completed_at is not None:
            found[f"{completed_at:%Y-%m}"].append(job)
    return found


def counts_of_labels(job: Job) -> dict[str | None, tuple[int, int]]:
    """Returns the numbers of detections and instances of each label."""
    return {name: (detections, instances) for name, detections, instances, *_ in inventory(job) if detections}


def labels_by_month(first: str, until: str) -> list[tuple]:
    rows = []
    for name, all_jobs in jobs_by_month().items():
        jobs = [job for job in all_jobs if is_between(job, first, until)]
        counts = [counts_of_labels(job) for job in jobs]
        for label in {label for count in counts for label in count}:
            detections, instances = zip(*(count[label] for count in counts if label in count), strict=True)
            share = round(len(detections) / len(jobs), 4)
            rows.append((name, label, len(detections), share, sum(detections), sum(instances)))
    return sorted(rows, key=lambda row: (row[0], -row[2], -row[4], nulls_last(row[1])))


def labels_that_come_and_go() -> list[tuple]:
    months = jobs_by_month()
    seen = defaultdict(list)
    for name, jobs in months.items():
        for job in jobs:
            for label, (detections, _) in counts_of_labels(job).items():
                seen[label].append((name, detections))
    rows = []
    for label, found in seen.items():
        names, detections = zip(*found, strict=True)
        if len(set(names)) < len(months):
            spans = (min(names), max(names), len(set(names)), len(months))
            rows.append((label, *spans, len(found), sum(detections)))
    # Python sorts are stable: the last key is the most significant.
    rows.sort(key=lambda row: (-row[5], nulls_last(row[0])))
    return sorted(rows, key=lambda row: row[1], reverse=True)


def screen_time_of_a_label(label: str) -> list[tuple]:
    rows = []
    for job in JOBS:
        found = defaultdict(list)
        for detection in job.detections:
            if detection.name == label:
                found[detection.timestamp_ms].append(detection)
        if not found:
            continue
        samples = sorted(found)
        gaps = [min(following - sample, 500) for sample, following in pairwise(samples)]
        row = (
            job.id,
            *job.video,
            len(samples),
            max(sum(len(detection.instances) for detection in detections) for detections in found.values()),
            sum(gaps) + 500,
            job.metadata.get("DurationMillis"),
            samples[0],
            samples[-1],
            maximum(detection.confidence for detections in found.values() for detection in detections),
        )
        rows.append(row)
    return sorted(rows, key=lambda row: (-row[5], row[0]))


def pairs_of_labels() -> list[tuple]:
    jobs, samples = Counter(), Counter()
    for job in JOBS:
        found = pairs_in(job)
        jobs.update(found.keys())
        samples.update(found)
    rows = [(*pair, jobs[pair], samples[pair]) for pair in jobs]
    return sorted(rows, key=lambda row: (-row[3], -row[2], row[0], row[1]))[:100]


def similar_videos(job_id: str) -> list[tuple]:
    profiles = {}
    for job in JOBS:
        counts = counts_of_labels(job) if "TIMESTAMPS" in job.aggregate_by else {}
        weights = {label: math.log(1 + detections) for label, (detections, _) in counts.items() if label is not None}
        length = math.sqrt(sum(weight * weight for weight in weights.values()))
        profiles[job.id] = {label: weight / length for label, weight in weights.items()}
    rows = []
    for job in JOBS:
        common = profiles[job_id].keys() & profiles[job.id].keys()
        if common and job.id != job_id:
            cosine = sum(profiles[job_id][label] * profiles[job.id][label] for label in common)
            rows.append((job.id, *job.video, round(cosine, 4), len(common)))
    return sorted(rows, key=lambda row: (-row[3], row[0]))[:20]


def failures_by_reason() -> list[tuple]:
    reasons = defaultdict(list)
    for job in JOBS:
        if job.status == "FAILED":
            reasons[job.replies[0]["StatusMessage"]].append(job)
    rows = []
    for reason, jobs in reasons.items():
        times = [job.completed_at_ms for job in jobs if job.completed_at_ms is not None]
        first, last = time(min(times, default=None)), time(max(times, default=None))
        rows.append((reason, len(jobs), first, last, min(job.id for job in jobs)))
    return sorted(rows, key=lambda row: (-row[1], row[0]))
