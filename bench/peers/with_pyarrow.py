"""A function like Label Lake, written with boto3 and PyArrow.

It writes label by label, and uploads files with a few threads while it fetches pages.
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
FLOAT, INT, NAMES = pa.float32(), pa.int32(), pa.list_(pa.string())
TYPES = [pa.int64(), FLOAT, INT, INT, FLOAT, FLOAT, FLOAT, FLOAT, FLOAT, NAMES, NAMES, NAMES, pa.string()]
SCHEMA = pa.schema(zip(COLUMNS, TYPES, strict=True))

s3 = boto3.client("s3", config=CONFIG)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Writes the labels of a job as one file per label."""
    job_id = event["JobId"]
    with ThreadPoolExecutor(16) as pool:
        sent = [
            pool.submit(send, job_id, name, table([row for detection in group for row in rows(detection)]))
            for name, group in groupby(labels(job_id), lambda detection: detection["Label"]["Name"])
        ]
        return {"rows": sum(future.result() for future in sent)}


def table(rows_of_label: list[tuple[Any, ...]]) -> pa.Table:
    columns = zip(*rows_of_label, strict=True)
    arrays = [pa.array(column, type_) for column, type_ in zip(columns, TYPES, strict=True)]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def send(job_id: str, name: str, rows_of_label: pa.Table) -> int:
    file = BytesIO()
    pq.write_table(rows_of_label.sort_by("timestamp_ms"), file, compression="zstd")
    key = f"label_detections/job_id={job_id}/label={quote(name)}/part-00000.parquet"
    s3.put_object(Bucket=BUCKET, Key=key, Body=file.getvalue())
    return rows_of_label.num_rows
