"""Where things are, how they are built, and what they run on."""

import os
import subprocess
from datetime import date
from pathlib import Path

BENCH = Path(__file__).parent.parent
ROOT = BENCH.parent
TARGET = ROOT / "target/bench"
# The function as it is deployed, and the same code with the names of its functions.
FUNCTION = TARGET / "release/stripped/bootstrap"
WITH_SYMBOLS = TARGET / "release/bootstrap"
SIMULATOR = TARGET / "simulator/release/simulator"


def build() -> None:
    """Builds the simulator, and the function as it is deployed."""
    # The simulator is measured against, not measured: it need not be linked for minutes.
    quick = {"CARGO_PROFILE_RELEASE_LTO": "false", "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "4"}
    cargo("simulator", TARGET / "simulator", quick)
    named = {"CARGO_PROFILE_RELEASE_STRIP": "none", "CARGO_PROFILE_RELEASE_DEBUG": "line-tables-only"}
    cargo("label-lake", TARGET, named)
    strip(WITH_SYMBOLS, FUNCTION)


def cargo(package: str, target: Path, profile: dict[str, str]) -> None:
    command = ["cargo", "build", "--release", "--locked", "--package", package, "--target-dir", str(target)]
    subprocess.run(command, cwd=ROOT, env=os.environ | profile, check=True)


def strip(binary: Path, stripped: Path) -> None:
    """What the release profile lets the linker do."""
    stripped.parent.mkdir(exist_ok=True)
    subprocess.run(["strip", "--strip-all", "-o", stripped, binary], check=True)


def in_words() -> str:
    """The machine, as far as it matters for the figures."""
    cpu = Path("/proc/cpuinfo").read_text()
    model = next(line.split(":")[1].strip() for line in cpu.splitlines() if line.startswith("model name"))
    virtual = ", virtual" if "hypervisor" in cpu else ""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores of an {model}{virtual}, {memory:.0f} GiB, Linux {os.uname().release.split('-')[0]}"


def today() -> str:
    return date.today().isoformat()
