"""The columns that both functions write, and the conversion of a label to rows."""

from collections.abc import Iterator
from typing import Any

COLUMNS = [
    "timestamp_ms", "confidence", "instance_count", "instance_index", "instance_confidence", "bbox_left", "bbox_top",
    "bbox_width", "bbox_height", "parents", "aliases", "categories", "label_name",
]  # fmt: skip


def rows(detection: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Returns one row per instance, or one row if the label has no instances. Values are in the order of COLUMNS."""
    label = detection["Label"]
    instances = label.get("Instances")
    names = tuple(
        [item["Name"] for item in label[field]] if field in label else None
        for field in ("Parents", "Aliases", "Categories")
    )
    head = (detection["Timestamp"], label.get("Confidence"), None if instances is None else len(instances))
    if not instances:
        yield (*head, None, None, None, None, None, None, *names, label["Name"])
    for index, instance in enumerate(instances or []):
        box = instance.get("BoundingBox", {})
        sides = (box.get("Left"), box.get("Top"), box.get("Width"), box.get("Height"))
        yield (*head, index, instance.get("Confidence"), *sides, *names, label["Name"])
