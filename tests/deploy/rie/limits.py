"""What Lambda gives a function of 128 MB: that much memory, and a share of a processor. Control groups do it here."""

from __future__ import annotations

import os
import signal
from pathlib import Path

MEGABYTES = 128
# With so much memory a function has one whole processor.
MEGABYTES_OF_A_PROCESSOR = 1769
# Short, or a function that has used its share up pauses for longer than it does at Lambda.
PERIOD_US = 20_000
QUOTA_US = PERIOD_US * MEGABYTES // MEGABYTES_OF_A_PROCESSOR
ROOT = Path("/sys/fs/cgroup")


def unavailable() -> str | None:
    """Why there can be no limits here."""
    if os.geteuid() != 0:
        return "only root makes control groups"
    if not is_version_2() and not all((ROOT / name / "cgroup.procs").exists() for name in ("memory", "cpu")):
        return "there are no control groups for memory and processor"
    return None


def is_version_2() -> bool:
    file = ROOT / "cgroup.controllers"
    return file.exists() and {"memory", "cpu"} <= set(file.read_text().split())


class Limits:
    """The control groups of a function."""

    def __init__(self) -> None:
        name = f"label-lake-{os.getpid()}"
        if is_version_2():
            (ROOT / "cgroup.subtree_control").write_text("+cpu +memory")
            self.memory = ROOT / name
            self.groups = [self.memory]
            limits = {"memory.max": str(MEGABYTES << 20), "memory.swap.max": "0", "cpu.max": f"{QUOTA_US} {PERIOD_US}"}
            self.make(self.memory, limits)
            return
        self.memory, processor = ROOT / "memory" / name, ROOT / "cpu" / name
        self.groups = [self.memory, processor]
        self.make(self.memory, {"memory.limit_in_bytes": str(MEGABYTES << 20)})
        self.make(processor, {"cpu.cfs_period_us": str(PERIOD_US), "cpu.cfs_quota_us": str(QUOTA_US)})

    def make(self, group: Path, limits: dict[str, str]) -> None:
        group.mkdir()
        for name, value in limits.items():
            (group / name).write_text(value)

    def bootstrap(self, program: Path, file: Path) -> None:
        """Writes a script that enters the groups, and becomes the program."""
        enter = "".join(f'echo $$ >"{group}/cgroup.procs"\n' for group in self.groups)
        file.write_text(f'#!/bin/sh\nset -e\n{enter}exec "{program}"\n')
        file.chmod(0o755)

    def processes(self) -> list[int]:
        return [int(line) for line in (self.memory / "cgroup.procs").read_text().split()]

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the function."""
        for process in self.processes():
            os.kill(process, number)

    def peak_bytes(self) -> int:
        """The most memory that the function has had so far, its program included."""
        (process,) = self.processes()
        status = Path(f"/proc/{process}/status").read_text()
        (peak,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
        return int(peak.split()[1]) * 1024

    def remove(self) -> None:
        for group in self.groups:
            group.rmdir()
