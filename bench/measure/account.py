"""A simulated account, and functions in it."""

import subprocess
import time
from pathlib import Path
from typing import Self

from lambda_size import peak_memory
from measure import machine
from simulator import Simulator, succeeded

# What `clock_gettime` calls the processor time of another process, see clock_getcpuclockid(3).
CPU_CLOCK = 2
# What Lambda adds to the simulator's environment, and what the template sets.
SETTINGS = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
    "OUTPUT_BUCKET": "lake",
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_TRIM_THRESHOLD_": "131072",
    "GLIBC_TUNABLES": "glibc.malloc.tcache_count=16000:glibc.malloc.tcache_max=128",
}


# A count with Valgrind takes longer than Lambda's 15 minutes, and is not to be cut there.
LONGER_THAN_ANY_JOB_MS = 6 * 3600 * 1000


class DiedError(Exception):
    """The function's process is gone."""


def account(*arguments: str) -> Simulator:
    """The services, without functions."""
    return Simulator(machine.SIMULATOR, "--listing", *arguments)


class Function:
    """A process that polls the account's Runtime API. Ends with its block."""

    def __init__(
        self,
        services: Simulator,
        *command: str | Path,
        log: Path | None = None,
        settings: dict[str, str] | None = None,
    ) -> None:
        self.services = services
        environment = services.environment | SETTINGS | (settings or {})
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
        return peak_memory(self.process.pid)

    def export(self, job: str) -> float:
        """Exports a job; returns how long that took, in seconds. Notices if the function dies."""
        begun = time.monotonic()
        number = self.services.send(invoke={"JobId": job}, timeout_ms=LONGER_THAN_ANY_JOB_MS)
        while not self.services.has_answered(0.5):
            if self.process.poll() is not None:
                raise DiedError(f"the function ended with {self.process.returncode}")
        succeeded(self.services.answer({number}))
        return time.monotonic() - begun

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
