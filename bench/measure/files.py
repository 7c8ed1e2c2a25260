"""Measures the size of the files in bytes per row."""

import json
import tempfile
from pathlib import Path
from statistics import mean
from typing import Any

from measure.account import Function, account, job

PAGES = [10, 100, 1000]


def run() -> dict[str, Any]:
    figures: dict[str, Any] = {}
    ten_row_files = []
    for pages in PAGES:
        files = files_of(pages)
        rows = sum(file["rows"] for file in files)
        figures[str(pages)] = {
            "bytes_per_row": sum(file["size_bytes"] for file in files) / rows,
            "rows": rows,
            "files": len(files),
            "rows_of_largest_file": max(file["rows"] for file in files),
        }
        ten_row_files += [file["size_bytes"] for file in files if file["rows"] == 10]
    # Few files of these jobs have ten rows. A job of one page with a hundred labels adds more.
    ten_row_files += [file["size_bytes"] for file in files_of(1, 100) if file["rows"] == 10]
    sizes = {"largest": max(ten_row_files), "mean": mean(ten_row_files), "files": len(ten_row_files)}
    return figures | {"ten_row_files": sizes}


def files_of(pages: int, labels: int = 220) -> list[dict[str, Any]]:
    """Exports a job and returns the log lines about its files."""
    with tempfile.TemporaryDirectory() as directory, account(job("job", pages, labels)) as services:
        log = Path(directory) / "log"
        with Function(services, log=log, settings={"RUST_LOG": "label_lake=debug"}) as function:
            function.export("job")
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        return [line for line in lines if line.get("message") == "stored a file"]
