"""How large the files are: bytes a row."""

import json
import tempfile
from pathlib import Path
from statistics import mean
from typing import Any

from measure.account import Function, account, job

PAGES = [10, 100, 1000]


def run() -> dict[str, Any]:
    figures: dict[str, Any] = {}
    ten_rows = []
    for pages in PAGES:
        files = files_of(pages)
        rows = sum(file["rows"] for file in files)
        figures[str(pages)] = {
            "bytes_a_row": sum(file["size_bytes"] for file in files) / rows,
            "rows": rows,
            "files": len(files),
            "rows_of_the_largest": max(file["rows"] for file in files),
        }
        ten_rows += [file["size_bytes"] for file in files if file["rows"] == 10]
    # Few labels of those jobs have ten rows: a page of a hundred labels has more of them.
    ten_rows += [file["size_bytes"] for file in files_of(1, 100) if file["rows"] == 10]
    return figures | {"ten_rows": {"largest": max(ten_rows), "mean": mean(ten_rows), "files": len(ten_rows)}}


def files_of(pages: int, labels: int = 220) -> list[dict[str, Any]]:
    """The files of a job, as the function's log tells of them."""
    with tempfile.TemporaryDirectory() as directory, account(job("job", pages, labels)) as services:
        log = Path(directory) / "log"
        with Function(services, log=log, settings={"RUST_LOG": "label_lake=debug"}) as function:
            function.export("job")
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        return [line for line in lines if line.get("message") == "stored a file"]
