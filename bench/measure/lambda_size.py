"""What Lambda gives a function of a size: that much memory, and a share of a processor. Control groups do it here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Self

# With so much memory a function has one whole processor.
MB_OF_A_PROCESSOR = 1769
# Short, or a function that has used its share up pauses for longer than it does at Lambda.
PERIOD_US = 20_000
ROOT = Path("/sys/fs/cgroup")


def unavailable() -> str | None:
    """Why the sizes of functions cannot be emulated here."""
    if os.geteuid() != 0:
        return "only root makes control groups"
    if not is_version_2() and not all((ROOT / name / "cgroup.procs").exists() for name in ("memory", "cpu")):
        return "there are no control groups for memory and processor"
    return None


def is_version_2() -> bool:
    file = ROOT / "cgroup.controllers"
    return file.exists() and {"memory", "cpu"} <= set(file.read_text().split())


class Size:
    """A function size: what begins with its `command` has its memory and its share. Ends with its block."""

    def __init__(self, megabytes: int) -> None:
        name = f"label-lake-{os.getpid()}-{megabytes}"
        memory, quota = str(megabytes << 20), str(PERIOD_US * megabytes // MB_OF_A_PROCESSOR)
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
        """A command that enters the groups before it becomes another."""
        enter = "".join(f'echo $$ >"{group}/cgroup.procs" && ' for group in self.groups)
        return ["sh", "-c", f'{enter}exec "$@"', "sh", *map(str, command)]

    def processes(self) -> list[int]:
        """What runs in it."""
        return [int(line) for line in (next(iter(self.groups)) / "cgroup.procs").read_text().split()]


def peak_memory(process: int) -> int:
    """The most memory that a process has had, its program included, in bytes."""
    status = Path(f"/proc/{process}/status").read_text()
    (peak,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(peak.split()[1]) * 1024
