"""Fetches the pages of a job, for both functions."""

from collections.abc import Iterator
from typing import Any

import boto3
from botocore.config import Config

# More connections than threads, and enough retries to wait for a quota.
CONFIG = Config(retries={"mode": "standard", "max_attempts": 10}, max_pool_connections=32)
rekognition = boto3.client("rekognition", config=CONFIG)


def labels(job_id: str) -> Iterator[dict[str, Any]]:
    """Returns the labels of all pages, grouped by name."""
    arguments = {"JobId": job_id, "MaxResults": 1000, "SortBy": "NAME", "AggregateBy": "TIMESTAMPS"}
    while True:
        page = rekognition.get_label_detection(**arguments)
        yield from page["Labels"]
        if not page.get("NextToken"):
            return
        arguments["NextToken"] = page["NextToken"]
