"""The function at 128 MB: a long job, a timeout, a crash, and after each the next good invocation."""

from __future__ import annotations

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
from lambda_size import MB_OF_A_PROCESSOR, Size, peak_memory, unavailable
from simulator import Simulator

MEGABYTES = 128
PAGES, PAGE_MS, LABELS = 100, 200, 220
LONG, FROZEN, KILLED = "a" * 64, "b" * 64, "c" * 64
SHORT_PAGES = 20
# Enough for the short jobs: a function that lacks time hands a job on, which is tested elsewhere.
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
    """The function at its size, and the services behind it."""

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
        own = {name: value for name, value in self.services.environment.items() if name != "AWS_LAMBDA_RUNTIME_API"}
        return Emulator(self.bootstrap, {"PATH": "/usr/bin:/bin"} | own | SETTINGS, timeout_seconds, self.log)

    def files(self, job: str) -> list[Path]:
        return list((self.lake / "label_detections" / f"job_id={job}").rglob("*.parquet"))

    def is_committed(self, job: str) -> bool:
        return (self.lake / "jobs" / f"job-{job}.parquet").exists()

    def hit_after(self, pages: int, number: signal.Signals) -> threading.Thread:
        """Sends a signal to the function when it has asked for so many pages more."""
        until = self.services.calls("GetLabelDetection") + pages

        def hit() -> None:
            while self.services.calls("GetLabelDetection") < until:
                time.sleep(0.02)
            self.signal(number)

        thread = threading.Thread(target=hit)
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


def is_exported(function: Function, job: str, answer: Any) -> None:
    assert isinstance(answer, dict) and "errorType" not in answer, answer
    assert function.is_committed(job), f"{job} is not committed: {answer}"
    assert len(function.files(job)) == LABELS, f"{len(function.files(job))} files"


def long_job(function: Function) -> None:
    with function.emulator(900) as emulator:
        answer, seconds = emulator.invoke({"JobId": LONG})
        (process,) = function.size.processes()
        peak = peak_memory(process)
    is_exported(function, LONG, answer)
    asked = function.services.calls("GetLabelDetection")
    assert asked == PAGES, f"asked {asked} times for {PAGES} pages"
    pace = PAGES * PAGE_MS / 1000
    say(
        f"a job of {PAGES} pages, {LABELS} files: {seconds:.1f} s, of which {pace:.0f} s are Rekognition's, "
        f"and at most {peak / (1 << 20):.0f} MiB"
    )


def timeout(function: Function, emulator: Emulator) -> None:
    """A function that hangs is stopped, and the next one does the job."""
    hit = function.hit_after(3, signal.SIGSTOP)
    answer, seconds = emulator.invoke({"JobId": FROZEN})
    hit.join()
    assert f"Task timed out after {TIMEOUT_SECONDS}.00 seconds" in str(answer), answer
    assert not function.is_committed(FROZEN)
    say(f"hung: {seconds:.1f} s, then {str(answer)[-40:].strip()!r}, and no half job")
    next_is_good(function, emulator, FROZEN)


def crash(function: Function, emulator: Emulator) -> None:
    hit = function.hit_after(3, signal.SIGKILL)
    answer, seconds = emulator.invoke({"JobId": KILLED})
    hit.join()
    assert isinstance(answer, dict) and answer.get("errorType") == "Runtime.ExitError", answer
    assert not function.is_committed(KILLED)
    say(f"killed: {answer['errorType']} after {seconds:.1f} s, and no half job")
    next_is_good(function, emulator, KILLED)


def next_is_good(function: Function, emulator: Emulator, job: str) -> None:
    answer, seconds = emulator.invoke({"JobId": job})
    is_exported(function, job, answer)
    say(f"the next invocation does it: {seconds:.1f} s")


def main() -> int:
    if reason := unavailable():
        print(f"SKIPPED: the function was not run at {MEGABYTES} MB: {reason}", file=sys.stderr)
        return 0
    simulator, program = sys.argv[1:]
    with tempfile.TemporaryDirectory() as directory, Size(MEGABYTES) as size:
        function = Function(Path(program).resolve(), simulator, Path(directory), size)
        say(f"{MEGABYTES} MB, {100 * MEGABYTES / MB_OF_A_PROCESSOR:.1f} % of a processor")
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
