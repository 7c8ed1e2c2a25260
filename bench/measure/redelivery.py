"""Compares the rows of a lake, for the function and its peers in Python, after events are delivered again."""

import sys
import tempfile
from pathlib import Path
from typing import Any

from measure.account import Function, account, job
from measure.peers import digest, environment, functions
from simulator import Simulator

PAGES = 10
# The upload that S3 refuses. A job of 10 pages has 220 files.
REFUSED_UPLOAD = 100


def run() -> dict[str, Any]:
    python = environment()
    figures: dict[str, Any] = {}
    for name, command in functions(python).items():
        print(f"{name}: redelivery", file=sys.stderr)
        once = lake(python, command, ["export"])
        figures[name] = {
            "rows": once["rows"],
            "twice": lake(python, command, ["export", "export"]),
            "failed_once": lake(python, command, ["fail", "export"]),
        }
    return figures


def lake(python: Path, command: list[str | Path], deliveries: list[str]) -> dict[str, Any]:
    """Delivers a message, each time so that the export fails or succeeds, and returns the digest of the rows."""
    with tempfile.TemporaryDirectory() as directory:
        with (
            account("--tls", f"--directory={directory}", job("job", PAGES)) as services,
            Function(services, *command) as function,
        ):
            for delivery in deliveries:
                if delivery == "fail":
                    fail(services)
                else:
                    function.export("job")
        return digest(python, Path(directory))


def fail(services: Simulator) -> None:
    """Delivers the message while S3 refuses an upload for good, and checks that the export failed."""
    services.ask(fault={"operation": "PutObject", "nth": REFUSED_UPLOAD, "status": 403, "code": "AccessDenied"})
    answer = services.ask(invoke={"JobId": "job"}, timeout_ms=600_000)
    if "function_error" not in answer:
        raise RuntimeError(f"the export did not fail: {answer}")
