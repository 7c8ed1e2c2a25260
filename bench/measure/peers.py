"""Compares the function with two functions in Python, one with PyArrow and one with AWS SDK for pandas."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from measure import machine
from measure.account import Function, FunctionExitedError, account, job
from measure.lambda_size import MB_PER_CPU, Size, unavailable
from simulator import Simulator

PEERS = machine.BENCH / "peers"
PAGES = [10, 100]
LATENCY_MS = 200
PUT_MS = 40
SIZES_MB = [128, 256, 512, 1024, 2048, 4096]


def run() -> dict[str, Any]:
    python = environment()
    figures: dict[str, Any] = {}
    for name, command in functions(python).items():
        print(f"{name}: rows", file=sys.stderr)
        figures[name] = {"start": start(command), "rows": rows(python, command)}
        for pages in PAGES:
            print(f"{name}: {pages} pages", file=sys.stderr)
            figures[name][str(pages)] = unlimited(command, pages) | smallest(command, pages)
    if len({figure["rows"]["sum"] for figure in figures.values()}) != 1:
        raise RuntimeError(f"the functions wrote different rows: {figures}")
    return figures


def environment() -> Path:
    """Returns a Python with the packages of the peers."""
    command = [machine.ROOT / "scripts/python-environment", "peers", PEERS / "requirements.txt"]
    return Path(subprocess.check_output(command, text=True).strip()) / "python"


def functions(python: Path) -> dict[str, list[str | Path]]:
    """Returns the commands that start the function and its peers, by name."""
    return {
        "label-lake": [machine.FUNCTION],
        "pyarrow": [python, "-B", PEERS / "runtime.py", "with_pyarrow"],
        "pandas": [python, "-B", PEERS / "runtime.py", "with_pandas"],
    }


def start(command: list[str | Path]) -> dict[str, float]:
    """Measures a process until it requests its first event."""
    with account("--tls") as services, Function(services, *command) as function:
        function.wait_until_idle()
        return {"cpu_ms": function.cpu() * 1e3, "peak": function.peak_memory()}


def rows(python: Path, command: list[str | Path]) -> dict[str, Any]:
    """Exports a job and returns a digest of its rows."""
    with tempfile.TemporaryDirectory() as lake:
        with (
            account("--tls", f"--directory={lake}", job("job", 10)) as services,
            Function(services, *command) as function,
        ):
            function.export("job")
        return digest(python, Path(lake))


def digest(python: Path, lake: Path) -> dict[str, Any]:
    """Returns the number of rows in a lake, and a digest of the rows."""
    command = [python, "-B", PEERS / "digest.py", lake]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def slow(pages: int) -> Simulator:
    """Starts a simulator with latency and a job."""
    return account("--tls", f"--page-latency={LATENCY_MS}", f"--put-latency={PUT_MS}", job("job", pages))


def unlimited(command: list[str | Path], pages: int) -> dict[str, Any]:
    """Measures a job without limits for memory and CPU."""
    with slow(pages) as services, Function(services, *command) as function:
        function.wait_until_idle()
        before = function.cpu()
        seconds = function.export("job")
        requests = services.requests()
        return {
            "cpu_ms": (function.cpu() - before) * 1e3,
            "seconds": seconds,
            "peak": function.peak_memory(),
            "requests": {operation: traffic["count"] for operation, traffic in requests.items()},
            "bytes_written": requests["PutObject"]["bytes_in"],
        }


def smallest(command: list[str | Path], pages: int) -> dict[str, Any]:
    """Finds the smallest function size at which a job succeeds, and measures the job at that size."""
    if unavailable():
        return {}
    for megabytes in SIZES_MB:
        settings = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(megabytes)}
        with (
            slow(pages) as services,
            Size(megabytes) as size,
            Function(services, *size.command(*command), settings=settings) as function,
        ):
            try:
                function.wait_until_idle()
                started = function.cpu() / min(1.0, megabytes / MB_PER_CPU)
                seconds = function.export("job")
            except FunctionExitedError:
                continue
        figures = {"megabytes": megabytes, "seconds": seconds, "start_seconds": started}
        return {"limited": figures | {"gb_seconds": megabytes / 1024 * seconds}}
    raise RuntimeError(f"{command} needs more than {SIZES_MB[-1]} MB")
