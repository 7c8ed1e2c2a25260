"""Reads what the packages of a release share from Cargo.toml: the version and, once it is set, the repository."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def package() -> dict[str, str]:
    """Returns the table `workspace.package` of Cargo.toml."""
    return tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]


def version() -> str:
    return package()["version"]
