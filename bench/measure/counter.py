"""Counts user instructions: with the processor's counters, or with Valgrind where a virtual machine has none."""

import re
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from measure import machine
from measure.account import SETTINGS, Function
from simulator import Simulator

PERF = ["perf", "stat", "--event=instructions:u", "--field-separator=,"]
# Without a simulated cache it counts instructions, and nothing else.
VALGRIND = ["valgrind", "--quiet", "--tool=cachegrind", "--cache-sim=no"]
# Valgrind counts each byte that `rep movsb` copies. Without it the C library copies with vector instructions.
TUNABLES = {"GLIBC_TUNABLES": f"{SETTINGS['GLIBC_TUNABLES']}:glibc.cpu.hwcaps=-ERMS"}
# Valgrind's processor has no SHA instructions, so that each block takes some 2,000 instructions instead of 100. Its
# cost would hide all else in short jobs, and Lambda's processors have them: it is left out.
SHA256 = "fn=sha2::sha256::compress256"


@cache
def name() -> str:
    """What counts here."""
    with tempfile.NamedTemporaryFile() as output:
        try:
            subprocess.run([*PERF, f"--output={output.name}", "true"], check=True)
        except (FileNotFoundError, subprocess.CalledProcessError):
            return "valgrind"
        return "perf" if read_perf(Path(output.name)) else "valgrind"


def count(services: Simulator, jobs: list[str]) -> int:
    """The instructions of a process that starts and exports these jobs, one after the other."""
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
        raise RuntimeError(f"{name()} has counted nothing")
    return counted


def read_perf(output: Path) -> int | None:
    counted = re.search(r"^(\d+),,instructions:u", output.read_text(), re.MULTILINE)
    return int(counted[1]) if counted else None


def read_valgrind(output: Path) -> int:
    counted, leave_out = 0, False
    for line in output.read_text().splitlines():
        if line.startswith("fn="):
            leave_out = line == SHA256
        elif line[:1].isdigit() and not leave_out:
            counted += int(line.split()[1])
    return counted
