"""Runs the function at 128 MB: a long job, then a timeout and a crash, each followed by a successful invocation.

Usage: scenario.py SIMULATOR PROGRAM
"""

import os
import shlex
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from emulator import Emulator
from measure.lambda_size import MB_PER_CPU, Size, peak_memory, unavailable
from simulator import Simulator

MEGABYTES = 128
PAGES, PAGE_MS, LABELS = 100, 200, 220
LONG, FROZEN, KILLED = "a" * 64, "b" * 64, "c" * 64
SHORT_PAGES = 20
# Enough for the short jobs. With less time the function would continue a job, which other tests cover.
TIMEOUT_SECONDS = 10
SETTINGS = {
    "AWS_LAMBDA_FUNCTION_NAME": "label-lake",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(MEGABYTES),
    "OUTPUT_BUCKET": "lake",
}


def say(line: str) -> None:
    print(f"  {line}", flush=True)


class Function:
    """The function at its size, with a simulator."""

    def __init__(self, program: Path, simulator: str, directory: Path, size: Size) -> None:
        self.lake, self.log = directory / "lake", directory / "emulator.log"
        self.lake.mkdir()
        jobs = {LONG: PAGES, FROZEN: SHORT_PAGES, KILLED: SHORT_PAGES}
        arguments = [argument for job, pages in jobs.items() for argument in ("--job", f"{job}={pages}x{LABELS}")]
        self.services = Simulator(
            simulator, *arguments, "--page-latency", str(PAGE_MS), "--tls", "--listing", "--directory", str(self.lake)
        )
        self.size = size
        self.bootstrap = directory / "bootstrap"
        self.bootstrap.write_text(f"#!/bin/sh\nexec {shlex.join(size.command(program))}\n")
        self.bootstrap.chmod(0o755)

    def emulator(self, timeout_seconds: int) -> Emulator:
        endpoints = {name: url for name, url in self.services.environment.items() if name != "AWS_LAMBDA_RUNTIME_API"}
        environment = {"PATH": "/usr/bin:/bin"} | endpoints | SETTINGS
        return Emulator(self.bootstrap, environment, timeout_seconds, self.log)

    def files(self, job: str) -> list[Path]:
        return list((self.lake / "label_detections" / f"job_id={job}").rglob("*.parquet"))

    def is_committed(self, job: str) -> bool:
        return (self.lake / "jobs" / f"job-{job}.parquet").exists()

    def signal_after(self, pages: int, number: signal.Signals) -> threading.Thread:
        """Starts a thread that sends a signal to the function after so many more requests for pages."""
        calls = self.services.calls("GetLabelDetection") + pages

        def wait_and_signal() -> None:
            while self.services.calls("GetLabelDetection") < calls:
                time.sleep(0.02)
            self.signal(number)

        thread = threading.Thread(target=wait_and_signal)
        thread.start()
        return thread

    def signal(self, number: signal.Signals) -> None:
        for process in self.size.processes():
            os.kill(process, number)

    def stop(self) -> None:
        self.services.stop()
        end = time.monotonic() + 10
        while self.size.processes() and time.monotonic() < end:
            self.signal(signal.SIGKILL)
            time.sleep(0.05)


def assert_exported(function: Function, job: str, answer: Any) -> None:
    assert isinstance(answer, dict) and "errorType" not in answer, answer
    assert function.is_committed(job), f"{job} is not committed: {answer}"
    assert len(function.files(job)) == LABELS, f"{len(function.files(job))} files"


def long_job(function: Function) -> None:
    with function.emulator(900) as emulator:
        answer, seconds = emulator.invoke({"JobId": LONG})
        (process,) = function.size.processes()
        peak = peak_memory(process)
    assert_exported(function, LONG, answer)
    calls = function.services.calls("GetLabelDetection")
    assert calls == PAGES, f"{calls} calls for {PAGES} pages"
    latency = PAGES * PAGE_MS / 1000
    say(
        f"a job of {PAGES} pages, {LABELS} files: {seconds:.1f} s, including {latency:.0f} s of Rekognition's latency; "
        f"peak memory {peak / (1 << 20):.0f} MiB"
    )


def timeout(function: Function, emulator: Emulator) -> None:
    """A function that hangs times out, and the next invocation exports the job."""
    thread = function.signal_after(3, signal.SIGSTOP)
    answer, seconds = emulator.invoke({"JobId": FROZEN})
    thread.join()
    assert f"Task timed out after {TIMEOUT_SECONDS}.00 seconds" in str(answer), answer
    assert not function.is_committed(FROZEN)
    say(f"suspended: {str(answer)[-40:].strip()!r} after {seconds:.1f} s, and nothing is committed")
    next_succeeds(function, emulator, FROZEN)


def crash(function: Function, emulator: Emulator) -> None:
    """A function that crashes is restarted, and the next invocation exports the job."""
    thread = function.signal_after(3, signal.SIGKILL)
    answer, seconds = emulator.invoke({"JobId": KILLED})
    thread.join()
    assert isinstance(answer, dict) and answer.get("errorType") == "Runtime.ExitError", answer
    assert not function.is_committed(KILLED)
    say(f"killed: {answer['errorType']} after {seconds:.1f} s, and nothing is committed")
    next_succeeds(function, emulator, KILLED)


def next_succeeds(function: Function, emulator: Emulator, job: str) -> None:
    answer, seconds = emulator.invoke({"JobId": job})
    assert_exported(function, job, answer)
    say(f"the next invocation exports the job: {seconds:.1f} s")


def main() -> int:
    if reason := unavailable():
        print(f"SKIPPED: cannot limit the function to {MEGABYTES} MB: {reason}", file=sys.stderr)
        return 0
    simulator, program = sys.argv[1:]
    with tempfile.TemporaryDirectory() as directory, Size(MEGABYTES) as size:
        function = Function(Path(program).resolve(), simulator, Path(directory), size)
        say(f"{MEGABYTES} MB, {100 * MEGABYTES / MB_PER_CPU:.1f} % of a CPU")
        try:
            long_job(function)
            with function.emulator(TIMEOUT_SECONDS) as emulator:
                timeout(function, emulator)
                crash(function, emulator)
        except BaseException:
            print(function.log.read_text()[-4000:], file=sys.stderr)
            raise
        finally:
            function.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
