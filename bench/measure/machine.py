"""Paths and builds of the measured programs, and a description of this machine."""

import os
import subprocess
from datetime import date
from pathlib import Path

BENCH = Path(__file__).parent.parent
ROOT = BENCH.parent
TARGET = ROOT / "target/bench"
# The function as it is deployed, and the same code with symbols.
FUNCTION = TARGET / "release/stripped/bootstrap"
WITH_SYMBOLS = TARGET / "release/bootstrap"
SIMULATOR = TARGET / "simulator/release/simulator"
COMMAND = TARGET / "simulator/release/label-lake"
# Profile of programs that do without optimizations that take minutes.
QUICK = {"CARGO_PROFILE_RELEASE_LTO": "false", "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "4"}


def build() -> None:
    """Builds the simulator and the function."""
    cargo("rekognition-simulator", TARGET / "simulator", QUICK)
    named = {"CARGO_PROFILE_RELEASE_STRIP": "none", "CARGO_PROFILE_RELEASE_DEBUG": "line-tables-only"}
    cargo("label-lake", TARGET, named)
    strip(WITH_SYMBOLS, FUNCTION)


def build_command() -> Path:
    """Builds the command line and returns its path."""
    cargo("label-lake-cli", TARGET / "simulator", QUICK)
    return COMMAND


def cargo(package: str, target: Path, profile: dict[str, str]) -> None:
    command = ["cargo", "build", "--release", "--locked", "--package", package, "--target-dir", str(target)]
    subprocess.run(command, cwd=ROOT, env=os.environ | profile, check=True)


def strip(binary: Path, stripped: Path) -> None:
    """Strips a binary, as the release profile does."""
    stripped.parent.mkdir(exist_ok=True)
    subprocess.run(["strip", "--strip-all", "-o", stripped, binary], check=True)


def description() -> str:
    """Returns the properties of this machine that influence the results."""
    cpu = Path("/proc/cpuinfo").read_text()
    model = next(line.split(":")[1].strip() for line in cpu.splitlines() if line.startswith("model name"))
    virtual = ", virtual" if "hypervisor" in cpu else ""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores of an {model}{virtual}, {memory:.0f} GiB, Linux {os.uname().release.split('-')[0]}"


def today() -> str:
    return date.today().isoformat()
