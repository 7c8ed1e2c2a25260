"""A Glue catalog that serves partitions with an index and leaves all other calls to moto.

moto evaluates a filter on every partition and returns all partitions at once. This catalog returns pages of 1,000, as
AWS does, and counts the calls.
"""

import re
from collections import Counter
from typing import Any

from glue_proxy import GlueProxy

PAGE = 1000


class Catalog:
    """A proxy for Glue that keeps the partitions itself."""

    def __init__(self, glue: str):
        self.jobs: dict[str, dict[str, dict[str, dict[str, Any]]]] = {}
        self.calls: Counter[str] = Counter()
        self.proxy = GlueProxy(glue, lambda _, request: request, self.answer)
        self.url = self.proxy.url

    def answer(self, operation: str, request: dict[str, Any]) -> dict[str, Any] | None:
        self.calls[operation] += 1
        handler = {
            "BatchCreatePartition": self.create,
            "GetPartitions": self.find,
            "BatchGetPartition": self.get,
        }.get(operation)
        return handler(self.jobs.setdefault(request["TableName"], {}), request) if handler else None

    def create(self, jobs: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
        for entry in request["PartitionInputList"]:
            job_id, label = entry["Values"]
            names = {"DatabaseName": request["DatabaseName"], "TableName": request["TableName"]}
            jobs.setdefault(job_id, {})[label] = {**names, **entry}
        return {"Errors": []}

    def get(self, jobs: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
        requested = [entry["Values"] for entry in request["PartitionsToGet"]]
        found = [jobs[job_id][label] for job_id, label in requested if label in jobs.get(job_id, {})]
        return {"Partitions": found, "UnprocessedKeys": []}

    def find(self, jobs: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
        expression = request.get("Expression", "")
        # A filter of another form finds too many partitions. Trino filters them again.
        wanted = {key: set(re.findall("'([^']*)'", text)) for key, text in re.findall(CLAUSE, expression)}
        ids = sorted(wanted.get("job_id", jobs))
        found = [
            partition
            for job_id in ids
            for label, partition in jobs.get(job_id, {}).items()
            if "label" not in wanted or label in wanted["label"]
        ]
        segment = request.get("Segment", {"SegmentNumber": 0, "TotalSegments": 1})
        found = found[segment["SegmentNumber"] :: segment["TotalSegments"]]
        first = int(request.get("NextToken", 0))
        page = found[first : first + PAGE]
        if request.get("ExcludeColumnSchema"):
            page = list(map(without_columns, page))
        return {"Partitions": page, **({"NextToken": str(first + PAGE)} if len(found) > first + PAGE else {})}


CLAUSE = r"\b(job_id|label) ((?:= '[^']*')|(?:in \([^)]*\)))"


def without_columns(partition: dict[str, Any]) -> dict[str, Any]:
    storage = {name: value for name, value in partition["StorageDescriptor"].items() if name != "Columns"}
    return {**partition, "StorageDescriptor": storage}
