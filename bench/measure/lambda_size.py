"""Limits a process to the memory and the CPU share of a Lambda function of some size, with control groups."""

import os
from pathlib import Path
from typing import Self

# Memory at which a Lambda function has one whole CPU.
MB_PER_CPU = 1769
# Period of the CPU quota. With a longer period, a function that has used up its share pauses for longer than in Lambda.
PERIOD_US = 20_000
ROOT = Path("/sys/fs/cgroup")


def unavailable() -> str | None:
    """Returns why this machine cannot limit processes, or None if it can."""
    if os.geteuid() != 0:
        return "control groups need root"
    if not is_version_2() and not all((ROOT / name / "cgroup.procs").exists() for name in ("memory", "cpu")):
        return "this machine has no control groups for memory and CPU"
    return None


def is_version_2() -> bool:
    file = ROOT / "cgroup.controllers"
    return file.exists() and {"memory", "cpu"} <= set(file.read_text().split())


class Size:
    """A function size. Processes started with `command` have its limits. Use as a context manager."""

    def __init__(self, megabytes: int) -> None:
        name = f"label-lake-{os.getpid()}-{megabytes}"
        memory, quota = str(megabytes << 20), str(PERIOD_US * megabytes // MB_PER_CPU)
        if is_version_2():
            limits = {"memory.max": memory, "memory.swap.max": "0", "cpu.max": f"{quota} {PERIOD_US}"}
            self.groups = {ROOT / name: limits}
        else:
            self.groups = {
                ROOT / "memory" / name: {"memory.limit_in_bytes": memory},
                ROOT / "cpu" / name: {"cpu.cfs_period_us": str(PERIOD_US), "cpu.cfs_quota_us": quota},
            }

    def __enter__(self) -> Self:
        if is_version_2():
            (ROOT / "cgroup.subtree_control").write_text("+cpu +memory")
        for group, limits in self.groups.items():
            group.mkdir()
            for name, value in limits.items():
                (group / name).write_text(value)
        return self

    def __exit__(self, *_: object) -> None:
        for group in self.groups:
            group.rmdir()

    def command(self, *command: str | Path) -> list[str]:
        """Returns a command that enters the control groups and then runs the given command."""
        enter = "".join(f'echo $$ >"{group}/cgroup.procs" && ' for group in self.groups)
        return ["sh", "-c", f'{enter}exec "$@"', "sh", *map(str, command)]

    def processes(self) -> list[int]:
        """Returns the IDs of the processes in the control groups."""
        return [int(line) for line in (next(iter(self.groups)) / "cgroup.procs").read_text().split()]


def peak_memory(process: int) -> int:
    """Returns the peak resident memory of a process in bytes, including its program."""
    status = Path(f"/proc/{process}/status").read_text()
    (peak,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(peak.split()[1]) * 1024
