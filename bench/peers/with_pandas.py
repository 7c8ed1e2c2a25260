"""A function like Label Lake, written with boto3 and AWS SDK for pandas."""

import os
from typing import Any

import awswrangler as wr
import pandas as pd

from flatten import COLUMNS, rows
from pages import labels

BUCKET = os.environ["OUTPUT_BUCKET"]
FLOATS = ["confidence", "instance_confidence", "bbox_left", "bbox_top", "bbox_width", "bbox_height"]
TYPES = dict.fromkeys(FLOATS, "float32") | {"instance_count": "Int32", "instance_index": "Int32"}
NAMES = dict.fromkeys(["parents", "aliases", "categories"], "array<string>")

wr.config.s3_endpoint_url = os.environ.get("AWS_ENDPOINT_URL_S3")


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Writes the labels of a job as a dataset with one partition per label."""
    frame = pd.DataFrame(
        (row for detection in labels(event["JobId"]) for row in rows(detection)),
        columns=COLUMNS,
    ).astype(TYPES)
    frame["job_id"], frame["label"] = event["JobId"], frame["label_name"]
    wr.s3.to_parquet(
        frame.sort_values("timestamp_ms"),
        f"s3://{BUCKET}/label_detections/",
        dataset=True,
        mode="append",
        partition_cols=["job_id", "label"],
        dtype=NAMES,
    )
    return {"rows": len(frame)}
