"""Computes the cost of a million detections from the results of the section `peers`."""

from typing import Any

# List prices in us-east-1 in dollars, as known to the author in 2025; Lambda's is for x86-64. The official pages are
# aws.amazon.com/lambda/pricing and aws.amazon.com/s3/pricing, which were not available. "Cost" in
# docs/OPERATIONS.md lists the other pages that the prices were checked against on 2026-11-25, with their dates.
PRICES_OF = "2025"
GB_SECOND = 0.0000166667
INVOCATION = 0.20 / 1e6
PUT = 0.005 / 1e3
GET = 0.0004 / 1e3
PRICE_OF = {
    "PutObject": PUT,
    "CreateMultipartUpload": PUT,
    "UploadPart": PUT,
    "CompleteMultipartUpload": PUT,
    "ListObjectsV2": PUT,
    "GetObject": GET,
    "HeadObject": GET,
}
MILLION = 1_000_000
LABELS_PER_PAGE = 1000


def run(peers: dict[str, Any]) -> dict[str, Any]:
    """Returns the cost in dollars by function and number of pages per job."""
    return {
        name: {pages: of(int(pages), figures[pages]) for pages in figures if "limited" in figures[pages]}
        for name, figures in peers.items()
    }


def of(pages: int, figures: dict[str, Any]) -> dict[str, float]:
    jobs = MILLION / (pages * LABELS_PER_PAGE)
    limited = figures["limited"]
    memory_time = jobs * limited["gb_seconds"] * GB_SECOND
    requests = jobs * sum(count * PRICE_OF.get(operation, 0) for operation, count in figures["requests"].items())
    # Cold starts are billed as well. Their number depends on the traffic, so this is an upper bound.
    start = jobs * limited["megabytes"] / 1024 * limited["start_seconds"] * GB_SECOND
    return {
        "memory_time": memory_time,
        "invocations": jobs * INVOCATION,
        "requests": requests,
        "cold_starts": start,
        "all": memory_time + jobs * INVOCATION + requests,
    }
