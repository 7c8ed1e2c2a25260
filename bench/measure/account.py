"""A simulated account, and functions in it."""

import json
import select
import subprocess
import time
from pathlib import Path
from typing import Any, Self

from measure import machine

# What `clock_gettime` calls the processor time of another process, see clock_getcpuclockid(3).
CPU_CLOCK = 2
# What Lambda adds to the simulator's environment, and what the template sets.
SETTINGS = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
    "OUTPUT_BUCKET": "lake",
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_TRIM_THRESHOLD_": "131072",
}


class DiedError(Exception):
    """The function's process is gone."""


class Account:
    """The simulator as a process. Ends with its block."""

    def __init__(self, *arguments: str) -> None:
        command = [str(machine.SIMULATOR), "--listing", *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.environment: dict[str, str] = self._hear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()

    def ask(self, **command: Any) -> Any:
        """Gives a command, and returns its answer."""
        self._say(command)
        return self._hear()

    def export(self, job: str, by: "Function | None" = None) -> float:
        """Lets a function export a job; returns how long it took, in seconds. Notices if the function dies."""
        begun = time.monotonic()
        self._say({"invoke": {"JobId": job}})
        assert self.process.stdout
        while by and not select.select([self.process.stdout], [], [], 0.5)[0]:
            if by.process.poll() is not None:
                raise DiedError(f"the function ended with {by.process.returncode}")
        succeeded(self._hear())
        return time.monotonic() - begun

    def export_all(self, jobs: list[str]) -> dict[str, float]:
        """Invokes with all jobs at once; returns how long each took, in seconds."""
        begun = time.monotonic()
        for job in jobs:
            self._say({"invoke": {"JobId": job}, "id": job})
        took = {}
        for _ in jobs:
            answer = succeeded(self._hear())
            took[answer["id"]] = time.monotonic() - begun
        return took

    def requests(self) -> dict[str, dict[str, int]]:
        """Counts the requests by operation."""
        return self.ask(requests=True)["requests"]

    def _say(self, command: dict[str, Any]) -> None:
        assert self.process.stdin
        print(json.dumps(command), file=self.process.stdin, flush=True)

    def _hear(self) -> Any:
        assert self.process.stdout
        return json.loads(self.process.stdout.readline())


def succeeded(answer: dict[str, Any]) -> dict[str, Any]:
    if "response" not in answer:
        raise RuntimeError(f"the function failed: {answer}")
    return answer


class Function:
    """A process that polls the account's Runtime API. Ends with its block."""

    def __init__(
        self,
        account: Account,
        *command: str | Path,
        log: Path | None = None,
        settings: dict[str, str] | None = None,
    ) -> None:
        environment = account.environment | SETTINGS | (settings or {})
        output = log.open("w") if log else subprocess.DEVNULL
        arguments = [str(word) for word in command] or [str(machine.FUNCTION)]
        self.process = subprocess.Popen(arguments, env=environment, stdout=output)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()

    def cpu(self) -> float:
        """The processor time of all its threads so far, in seconds."""
        return time.clock_gettime(~self.process.pid << 3 | CPU_CLOCK)

    def peak_memory(self) -> int:
        """The most memory that it has had, in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(peak.split()[1]) * 1024

    def wait_until_idle(self) -> None:
        """Waits until it has slept for a while: it waits for its first event."""
        before = -1.0
        while self.process.poll() is None:
            now = self.cpu()
            if before == now and self._sleeps():
                return
            before = now
            time.sleep(0.1)
        raise DiedError(f"the function ended with {self.process.returncode} before its first event")

    def _sleeps(self) -> bool:
        stat = Path(f"/proc/{self.process.pid}/stat").read_text()
        return stat.rpartition(")")[2].split()[0] == "S"


def job(job_id: str, pages: int, labels: int = 220) -> str:
    """The simulator's argument for a job."""
    return f"--job={job_id}={pages}x{labels}"

