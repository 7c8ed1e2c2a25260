"""What Lambda gives a function of a size: that much memory, and a share of a processor. Control groups do it here."""

import os
from pathlib import Path
from typing import Self

# With so much memory a function has one whole processor.
MB_OF_A_PROCESSOR = 1769
# Short, so that a pause for a function that has used up its share does not dominate a page.
PERIOD_US = 20_000
V1 = Path("/sys/fs/cgroup/memory")
V2 = Path("/sys/fs/cgroup/cgroup.controllers")


class Size:
    """A function size: what begins with its `command` has its memory and its share. Ends with its block."""

    def __init__(self, megabytes: int) -> None:
        self.megabytes = megabytes
        name = f"label-lake-bench-{os.getpid()}-{megabytes}"
        bytes_, quota = str(megabytes << 20), str(PERIOD_US * megabytes // MB_OF_A_PROCESSOR)
        if V2.exists():
            self.groups = {Path("/sys/fs/cgroup") / name: {
                "memory.max": bytes_, "memory.swap.max": "0", "cpu.max": f"{quota} {PERIOD_US}",
            }}  # fmt: skip
        elif V1.exists():
            self.groups = {
                V1 / name: {"memory.limit_in_bytes": bytes_},
                Path("/sys/fs/cgroup/cpu") / name: {"cpu.cfs_period_us": str(PERIOD_US), "cpu.cfs_quota_us": quota},
            }
        else:
            raise RuntimeError("no control groups: the sizes of functions cannot be emulated here")

    def __enter__(self) -> Self:
        for group, files in self.groups.items():
            group.mkdir()
            for name, value in files.items():
                (group / name).write_text(value)
        return self

    def __exit__(self, *_: object) -> None:
        for group in self.groups:
            group.rmdir()

    def command(self, *command: str | Path) -> list[str]:
        """A command that enters the groups before it runs another."""
        enter = "".join(f'echo $$ > "{group}/cgroup.procs" && ' for group in self.groups)
        return ["sh", "-c", f'{enter}exec "$@"', "sh", *map(str, command)]


def available() -> bool:
    """Whether the sizes of functions can be emulated here."""
    return os.geteuid() == 0 and (V1.exists() or V2.exists())
