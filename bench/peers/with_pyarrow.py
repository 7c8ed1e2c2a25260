"""A function that writes the same rows as Label Lake, built on boto3 and PyArrow.

It converts one label at a time, and uploads files on 16 threads while it fetches pages.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from itertools import groupby
from typing import Any
from urllib.parse import quote

import boto3
import pyarrow as pa
import pyarrow.parquet as pq

from flatten import COLUMNS, rows
from pages import CONFIG, labels

BUCKET = os.environ["OUTPUT_BUCKET"]
FLOAT, INT, STRINGS = pa.float32(), pa.int32(), pa.list_(pa.string())
# Types of COLUMNS, in the same order.
TYPES = [pa.int64(), FLOAT, INT, INT, FLOAT, FLOAT, FLOAT, FLOAT, FLOAT, STRINGS, STRINGS, STRINGS, pa.string()]
SCHEMA = pa.schema(zip(COLUMNS, TYPES, strict=True))

s3 = boto3.client("s3", config=CONFIG)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Exports a job: writes one file per label."""
    job_id = event["JobId"]
    with ThreadPoolExecutor(16) as pool:
        uploads = [
            pool.submit(upload, job_id, name, table([row for detection in detections for row in rows(detection)]))
            for name, detections in groupby(labels(job_id), lambda detection: detection["Label"]["Name"])
        ]
        return {"rows": sum(future.result() for future in uploads)}


def table(rows_of_label: list[tuple[Any, ...]]) -> pa.Table:
    """Converts the rows of a label to a PyArrow table."""
    columns = zip(*rows_of_label, strict=True)
    arrays = [pa.array(column, type_) for column, type_ in zip(columns, TYPES, strict=True)]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def upload(job_id: str, name: str, rows_of_label: pa.Table) -> int:
    """Writes the rows of a label to a Parquet file, uploads it, and returns the number of rows."""
    file = BytesIO()
    pq.write_table(rows_of_label.sort_by("timestamp_ms"), file, compression="zstd")
    key = f"label_detections/job_id={job_id}/label={quote(name)}/part-00000.parquet"
    s3.put_object(Bucket=BUCKET, Key=key, Body=file.getvalue())
    return rows_of_label.num_rows
