"""A simulated AWS account and function processes in it."""

import subprocess
import time
from pathlib import Path
from typing import Self

from measure import machine
from measure.lambda_size import peak_memory
from simulator import Simulator, succeeded

# Type of the clock that measures the CPU time of another process; see clock_getcpuclockid(3).
CPU_CLOCK = 2
# Environment variables that Lambda or the template sets, in addition to those of the simulator.
SETTINGS = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
    "OUTPUT_BUCKET": "lake",
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_TRIM_THRESHOLD_": "131072",
    "GLIBC_TUNABLES": "glibc.malloc.tcache_count=16000:glibc.malloc.tcache_max=128",
}
# Timeout of an invocation. Counting instructions with Valgrind takes longer than Lambda's 15 minutes.
INVOCATION_TIMEOUT_MS = 6 * 3600 * 1000


class FunctionExitedError(Exception):
    """The function's process has exited."""


def account(*arguments: str) -> Simulator:
    """Starts a simulator that serves the services, without a function."""
    return Simulator(machine.SIMULATOR, "--listing", *arguments)


class Function:
    """A function process that polls the account's Runtime API. Use as a context manager."""

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
        """Returns the CPU time of all threads so far, in seconds."""
        return time.clock_gettime(~self.process.pid << 3 | CPU_CLOCK)

    def peak_memory(self) -> int:
        """Returns the peak resident memory in bytes."""
        return peak_memory(self.process.pid)

    def export(self, job: str) -> float:
        """Exports a job and returns how many seconds it took. Raises an error if the process exits."""
        begun = time.monotonic()
        command = self.services.send(invoke={"JobId": job}, timeout_ms=INVOCATION_TIMEOUT_MS)
        while not self.services.has_answered(0.5):
            if self.process.poll() is not None:
                raise FunctionExitedError(f"the function exited with status {self.process.returncode}")
        succeeded(self.services.answer({command}))
        return time.monotonic() - begun

    def wait_until_idle(self) -> None:
        """Waits until the process has been idle for 0.1 s, that is, until it waits for its first event."""
        before = -1.0
        while self.process.poll() is None:
            now = self.cpu()
            if before == now and self._is_sleeping():
                return
            before = now
            time.sleep(0.1)
        raise FunctionExitedError(f"the function exited with status {self.process.returncode} before its first event")

    def _is_sleeping(self) -> bool:
        stat = Path(f"/proc/{self.process.pid}/stat").read_text()
        return stat.rpartition(")")[2].split()[0] == "S"


def job(job_id: str, pages: int, labels: int = 220) -> str:
    """Returns the simulator's argument that adds a job."""
    return f"--job={job_id}={pages}x{labels}"
