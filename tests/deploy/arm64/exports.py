"""Exports a job with the x86_64 and the arm64 program, and checks that both write the same bytes.

Usage: exports.py SIMULATOR X86_64 -- ARM64...

ARM64 is the command that runs the arm64 program on this machine.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from simulator import Simulator

JOB = "a1" * 32
PAGES = 3
SETTINGS = {
    "AWS_LAMBDA_FUNCTION_NAME": "label-lake",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
    "OUTPUT_BUCKET": "lake",
    "AGGREGATE_BY": "TIMESTAMPS,SEGMENTS",
}


def exported(name: str, program: list[str], simulator: str, directory: Path) -> dict[str, bytes]:
    """Exports the job with a program, over TLS, and returns the objects of the lake by key."""
    lake = directory / name
    lake.mkdir()
    services = Simulator(simulator, "--job", f"{JOB}={PAGES}", "--tls", "--listing", "--directory", str(lake))
    function = subprocess.Popen(program, env=services.environment | SETTINGS, stdout=subprocess.DEVNULL)
    try:
        started = time.monotonic()
        answer = services.ask(invoke={"JobId": JOB}, timeout_ms=120_000)
        seconds = time.monotonic() - started
    finally:
        function.kill()
        function.wait()
        services.stop()
    assert "response" in answer, answer
    objects = {str(file.relative_to(lake)): file.read_bytes() for file in lake.rglob("*") if file.is_file()}
    print(
        f"  {name}: {len(objects)} objects, {sum(map(len, objects.values())):,} bytes, {seconds:.1f} s with the start"
    )
    return objects


def main() -> None:
    split = sys.argv.index("--")
    simulator, x86_64 = sys.argv[1:split]
    with tempfile.TemporaryDirectory() as directory:
        expected = exported("x86_64", [x86_64], simulator, Path(directory))
        found = exported("arm64", sys.argv[split + 1 :], simulator, Path(directory))
    assert expected and any(f"job-{JOB}.parquet" in key for key in expected), expected.keys()
    assert found.keys() == expected.keys(), found.keys() ^ expected.keys()
    different = [key for key, content in expected.items() if found[key] != content]
    assert not different, different
    print("  identical byte for byte")


if __name__ == "__main__":
    main()
