"""What a million labels cost, from what the section `peers` has measured."""

from typing import Any

# List prices in us-east-1, in dollars, as the author knew them in 2025, see aws.amazon.com/lambda/pricing and
# aws.amazon.com/s3/pricing. Lambda's is the one of x86-64. They were not read there: "What it costs" in
# docs/OPERATIONS.md says in which other pages they were found on 2026-11-25, and of when those are.
PRICES_OF = "2025"
GB_SECOND = 0.0000166667
INVOCATION = 0.20 / 1e6
PUT = 0.005 / 1e3
GET = 0.0004 / 1e3
PRICE_OF = {"PutObject": PUT, "CreateMultipartUpload": PUT, "UploadPart": PUT, "CompleteMultipartUpload": PUT,
            "ListObjectsV2": PUT, "GetObject": GET, "HeadObject": GET}
MILLION = 1_000_000
LABELS_A_PAGE = 1000


def run(peers: dict[str, Any]) -> dict[str, Any]:
    """For each function and length of a job, the cost in dollars."""
    return {
        name: {pages: of(int(pages), figures[pages]) for pages in figures if "limited" in figures[pages]}
        for name, figures in peers.items()
    }


def of(pages: int, figures: dict[str, Any]) -> dict[str, float]:
    jobs = MILLION / (pages * LABELS_A_PAGE)
    limited = figures["limited"]
    memory_time = jobs * limited["gb_seconds"] * GB_SECOND
    requests = jobs * sum(count * PRICE_OF.get(operation, 0) for operation, count in figures["requests"].items())
    # A cold start is billed too; how many jobs meet one is up to the traffic.
    start = jobs * limited["megabytes"] / 1024 * limited["start_seconds"] * GB_SECOND
    return {
        "memory_time": memory_time,
        "invocations": jobs * INVOCATION,
        "requests": requests,
        "if_every_start_is_cold": start,
        "all": memory_time + jobs * INVOCATION + requests,
    }
