"""Counts user instructions with perf, or with Valgrind on a virtual machine without performance counters."""

import re
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from measure import machine
from measure.account import SETTINGS, Function
from simulator import Simulator

PERF = ["perf", "stat", "--event=instructions:u", "--field-separator=,"]
# Simulating no cache makes Valgrind count instructions only.
VALGRIND = ["valgrind", "--quiet", "--tool=cachegrind", "--cache-sim=no"]
# Valgrind counts every byte that `rep movsb` copies as an instruction. This setting makes the C library copy with
# vector instructions instead.
TUNABLES = {"GLIBC_TUNABLES": f"{SETTINGS['GLIBC_TUNABLES']}:glibc.cpu.hwcaps=-ERMS"}
# Valgrind emulates a CPU without SHA instructions, where each block takes about 2,000 instructions instead of 100. In
# short jobs this would dominate the count. Lambda's CPUs have SHA instructions, so the function is not counted.
SHA256 = "fn=sha2::sha256::compress256"


@cache
def name() -> str:
    """Returns the name of the program that counts on this machine: `perf` or `valgrind`."""
    with tempfile.NamedTemporaryFile() as output:
        try:
            subprocess.run([*PERF, f"--output={output.name}", "true"], check=True)
        except (FileNotFoundError, subprocess.CalledProcessError):
            return "valgrind"
        return "perf" if read_perf(Path(output.name)) else "valgrind"


def count(services: Simulator, jobs: list[str]) -> int:
    """Returns the instructions of a process that starts and exports these jobs one after another."""
    with tempfile.NamedTemporaryFile() as output:
        if name() == "perf":
            command, settings = [*PERF, f"--output={output.name}"], {}
        else:
            command, settings = [*VALGRIND, f"--cachegrind-out-file={output.name}"], TUNABLES
        with Function(services, *command, machine.WITH_SYMBOLS, settings=settings) as function:
            if jobs:
                for job in jobs:
                    function.export(job)
            else:
                function.wait_until_idle()
        counted = read_perf(Path(output.name)) if name() == "perf" else read_valgrind(Path(output.name))
    if not counted:
        raise RuntimeError(f"{name()} counted no instructions")
    return counted


def read_perf(output: Path) -> int | None:
    counted = re.search(r"^(\d+),,instructions:u", output.read_text(), re.MULTILINE)
    return int(counted[1]) if counted else None


def read_valgrind(output: Path) -> int:
    counted, is_excluded = 0, False
    for line in output.read_text().splitlines():
        if line.startswith("fn="):
            is_excluded = line == SHA256
        elif line[:1].isdigit() and not is_excluded:
            counted += int(line.split()[1])
    return counted
