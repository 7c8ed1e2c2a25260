"""Measures `label-lake report`: its time and memory, and the size of a page with and without the samples."""

import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from measure import machine

PAGES = [10, 1000, 5000]
# Start of the samples in a page. A browser shows the page without decoding them.
SAMPLES = b'<script type="text/plain" data-boxes'


def run() -> dict[str, Any]:
    command = machine.build_command()
    return {str(pages): of(command, pages) for pages in PAGES}


def of(command: Path, pages: int) -> dict[str, float]:
    """Measures the report of a generated job."""
    with tempfile.TemporaryDirectory() as directory:
        lake, page = Path(directory, "lake"), Path(directory, "job.html")
        event = machine.ROOT / "events/completion.json"
        subprocess.run(
            [command, "run", event, "--pages", str(pages), "--out", lake, "--quiet"],
            stdout=subprocess.DEVNULL,
            check=True,
        )
        (row,) = (lake / "jobs").glob("job-*.parquet")
        job = row.stem.removeprefix("job-")
        begun = time.monotonic()
        process = subprocess.Popen([command, "report", job, "--lake", lake, "--out", page], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, "label-lake report")
        content = page.read_bytes()
        return {
            "seconds": seconds,
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
            # Linux counts in KiB.
            "peak": usage.ru_maxrss << 10,
            "bytes_without_samples": content.find(SAMPLES),
            "bytes": len(content),
        }
