"""The column `content` of `jobs`, computed from the row and the files as docs/QUERYING.md documents it."""

import hashlib
import json
import zlib
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

from served import float32

TABLES = {"TIMESTAMPS": "label_detections", "SEGMENTS": "label_segments"}


def digest(row: dict[str, Any], files: Iterable[tuple[str, bytes]]) -> str:
    """Returns the digest of a job. `row` has the columns of `jobs` in order, `files` the keys and bytes of objects."""
    columns = list(row)
    facts = [row[column] for column in columns[: columns.index("label_count")]]
    lines: list[Any] = [[float32(fact) if isinstance(fact, float) else fact for fact in facts]]
    for aggregation in row["aggregate_by"]:
        folder = f"{TABLES[aggregation]}/job_id={row['job_id']}/label="
        labels = {label(key.removeprefix(folder)): found for key, found in files if key.startswith(folder)}
        for name in sorted(labels, key=lambda name: (name is not None, (name or "").encode())):
            lines.append([TABLES[aggregation], name, len(labels[name]), zlib.crc32(labels[name])])
    text = "".join(json.dumps(line, separators=(",", ":"), ensure_ascii=False) + "\n" for line in lines)
    return hashlib.sha256(text.encode()).hexdigest()


def label(path: str) -> str | None:
    """Returns the label of a file, from the part of its key after `label=`."""
    folder, _, _ = path.partition("/")
    return None if folder == "__HIVE_DEFAULT_PARTITION__" else unquote(folder)
