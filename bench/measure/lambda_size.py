"""Uses Linux control groups (cgroups) to limit a process to the memory and CPU share of a Lambda function."""

import os
from pathlib import Path
from typing import Self

# Memory in MB at which Lambda gives a function one whole CPU. The CPU share is proportional to the memory.
MB_PER_CPU = 1769
# Period of the CPU quota in microseconds. With a longer period, a function that has used up its quota would wait longer
# for the next period than it does in Lambda.
PERIOD_US = 20_000
# Mount point of the control groups.
ROOT = Path("/sys/fs/cgroup")


def unavailable() -> str | None:
    """Returns the reason why this machine cannot limit processes, or None if it can."""
    if os.geteuid() != 0:
        return "creating control groups requires root"
    if not is_version_2() and not all((ROOT / name / "cgroup.procs").exists() for name in ("memory", "cpu")):
        return "the control groups for memory and CPU are not available"
    return None


def is_version_2() -> bool:
    """Returns true if memory and CPU are controlled by version 2 of control groups, which has a single hierarchy."""
    file = ROOT / "cgroup.controllers"
    return file.exists() and {"memory", "cpu"} <= set(file.read_text().split())


class Size:
    """The memory and CPU share of a Lambda function with this much memory.

    Use it as a context manager, which creates the control groups and removes them at the end. Only processes that are
    started with `command` are limited.
    """

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
        """Wraps a command so that its process joins the control groups before it runs."""
        enter = "".join(f'echo $$ >"{group}/cgroup.procs" && ' for group in self.groups)
        return ["sh", "-c", f'{enter}exec "$@"', "sh", *map(str, command)]

    def processes(self) -> list[int]:
        """Returns the IDs of the processes in the control groups."""
        return [int(line) for line in (next(iter(self.groups)) / "cgroup.procs").read_text().split()]


def peak_memory(process: int) -> int:
    """Returns the peak resident memory of a process in bytes, including the pages of its binary."""
    status = Path(f"/proc/{process}/status").read_text()
    (peak,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(peak.split()[1]) * 1024
