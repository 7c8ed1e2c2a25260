"""The rows that the tables must contain, computed from Rekognition's replies alone.

This module uses neither Parquet nor SQL nor the function.
"""

import json
import struct
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

Row = tuple[Any, ...]


class Served:
    """A job: its completion message, and Rekognition's replies in each requested aggregation."""

    def __init__(self, rekognition: Any, event: dict[str, Any], aggregate_by: list[str]):
        self.event = event
        self.job_id = event["JobId"]
        self.aggregate_by = aggregate_by
        self.replies = {one: list(pages(rekognition, self.job_id, one)) for one in aggregate_by}
        self.content: str | None = None
        """The column `content`, which depends on the files and not only on the replies."""

    def labels(self, aggregation: str) -> list[dict[str, Any]]:
        return [label for reply in self.replies.get(aggregation, []) for label in reply.get("Labels", [])]

    def rows(self, table: str) -> list[Row]:
        if table == "jobs":
            return [job_row(self)]
        if table == "label_detections":
            return [row for one in self.labels("TIMESTAMPS") for row in detection_rows(self.job_id, one)]
        return [segment_row(self.job_id, one) for one in self.labels("SEGMENTS")]


def pages(rekognition: Any, job_id: str, aggregation: str) -> Iterable[dict[str, Any]]:
    following: dict[str, str] = {}
    while True:
        reply = rekognition.get_label_detection(
            JobId=job_id, MaxResults=1000, SortBy="NAME", AggregateBy=aggregation, **following
        )
        yield reply
        if "NextToken" not in reply:
            return
        following = {"NextToken": reply["NextToken"]}


def detection_rows(job_id: str, detection: dict[str, Any]) -> Iterable[Row]:
    label = detection.get("Label", {})
    instances = label.get("Instances")
    for index, instance in enumerate(instances) if instances else [(None, {})]:
        box = instance.get("BoundingBox", {})
        yield (
            detection.get("Timestamp", 0),
            real(label.get("Confidence")),
            None if instances is None else len(instances),
            index,
            real(instance.get("Confidence")),
            *(real(box.get(side)) for side in ("Left", "Top", "Width", "Height")),
            *attributes(label),
            colors(instance.get("DominantColors")),
            label.get("Name"),
            job_id,
            label.get("Name") or None,
        )


def segment_row(job_id: str, segment: dict[str, Any]) -> Row:
    label = segment.get("Label", {})
    times = (segment.get(f"{name}Millis") for name in ("StartTimestamp", "EndTimestamp", "Duration"))
    confidence = real(label.get("Confidence"))
    return (*times, confidence, *attributes(label), label.get("Name"), job_id, label.get("Name") or None)


def real(number: float | None) -> float | None:
    """Converts a number to a float. JSON may contain a float without a decimal point."""
    return None if number is None else float(number)


def attributes(label: dict[str, Any]) -> Iterable[list[str | None] | None]:
    for field in ("Parents", "Aliases", "Categories"):
        named = label.get(field)
        yield None if named is None else [one.get("Name") for one in named]


def colors(served: list[dict[str, Any]] | None) -> str | None:
    return None if served is None else json.dumps(served, separators=(",", ":"))


def job_row(job: Served) -> Row:
    reply = job.replies[job.aggregate_by[0]][0]
    notified = job.event.get("Video", {})
    video = reply.get("Video", {}).get("S3Object", {})
    metadata = reply.get("VideoMetadata", {})
    succeeded = reply["JobStatus"] == "SUCCEEDED"
    labels = summaries(job) if succeeded else None
    counted = {one: len(job.labels(one)) if succeeded and one in job.aggregate_by else None for one in AGGREGATIONS}
    rows = len(job.rows("label_detections")) if counted["TIMESTAMPS"] is not None else None
    return (
        job.job_id,
        reply["JobStatus"],
        reply.get("StatusMessage"),
        reply.get("JobTag", job.event.get("JobTag")),
        video.get("Bucket", notified.get("S3Bucket")),
        video.get("Name", notified.get("S3ObjectName")),
        video.get("Version"),
        job.event.get("Timestamp"),
        reply.get("LabelModelVersion"),
        *(metadata.get(field) for field in ("Codec", "Format", "ColorRange", "DurationMillis")),
        real(metadata.get("FrameRate")),
        *(metadata.get(field) for field in ("FrameWidth", "FrameHeight")),
        [one for one in AGGREGATIONS if one in job.aggregate_by],
        None if labels is None else len(labels),
        counted["TIMESTAMPS"],
        rows,
        counted["SEGMENTS"],
        labels,
        job.content,
    )


AGGREGATIONS = ["TIMESTAMPS", "SEGMENTS"]


def summaries(job: Served) -> list[Row]:
    """Returns the elements of the column `labels`, sorted by label. A label without a name comes first."""
    detections, segments = (by_label(job.labels(one)) for one in AGGREGATIONS)
    requested = {one: one in job.aggregate_by for one in AGGREGATIONS}
    found = []
    for name in sorted({*detections, *segments}, key=lambda name: name or ""):
        seen = detections[name] if requested["TIMESTAMPS"] else segments[name]
        starts = [one.get("Timestamp", 0) if requested["TIMESTAMPS"] else one["StartTimestampMillis"] for one in seen]
        ends = starts if requested["TIMESTAMPS"] else [one["EndTimestampMillis"] for one in seen]
        confidences = [one["Label"]["Confidence"] for one in seen if "Confidence" in one.get("Label", {})]
        instances = sum(len(one.get("Label", {}).get("Instances", [])) for one in detections[name])
        found.append(
            (
                name,
                len(detections[name]) if requested["TIMESTAMPS"] else None,
                instances if requested["TIMESTAMPS"] else None,
                len(segments[name]) if requested["SEGMENTS"] else None,
                min(starts, default=None),
                max(ends, default=None),
                real(max(confidences, default=None)),
            )
        )
    return found


def by_label(elements: list[dict[str, Any]]) -> defaultdict[str | None, list[dict[str, Any]]]:
    found = defaultdict(list)
    for element in elements:
        found[element.get("Label", {}).get("Name") or None].append(element)
    return found


def comparable(value: Any) -> Any:
    """Normalizes values that clients represent differently. Floats keep their 32 bits, and zero keeps its sign."""
    if isinstance(value, float):
        return f"{struct.unpack('f', struct.pack('f', value))[0]!r}f"
    if isinstance(value, dict):
        return tuple(comparable(one) for one in value.values())
    if isinstance(value, list | tuple):
        return tuple(comparable(one) for one in value)
    return value


def differences(found: Iterable[Row], expected: Iterable[Row]) -> list[str]:
    """Compares rows as multisets and returns the differences."""
    found_rows, expected_rows = Counter(map(comparable, found)), Counter(map(comparable, expected))
    missing = [f"missing {count}x: {row}" for row, count in (expected_rows - found_rows).items()]
    return missing + [f"not served {count}x: {row}" for row, count in (found_rows - expected_rows).items()]
