"""What the packages and templates of a release say about the project."""

import os
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = "label-lake"
SUMMARY = "Amazon Rekognition Video labels as Parquet, ready for Athena and DuckDB"
# Text for the page of a package, and for people who unpack one.
DESCRIPTION = (ROOT / "dist/package.md").read_text(encoding="utf-8")
LICENSES = [ROOT / "LICENSE-APACHE", ROOT / "LICENSE-MIT"]

_PACKAGE = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["workspace"]["package"]
VERSION: str = _PACKAGE["version"]
LICENSE: str = _PACKAGE["license"]
# Address of the repository, once it is set.
REPOSITORY: str | None = _PACKAGE.get("repository")


def commit_time() -> int:
    """Returns the date of the commit, which dist/package exports, so that packages have no build time."""
    return int(os.environ["SOURCE_DATE_EPOCH"])


def zip_time() -> tuple[int, int, int, int, int, int]:
    """Returns the date of the commit as an entry of a zip has it."""
    year, month, day, hour, minute, second = time.gmtime(commit_time())[:6]
    return year, month, day, hour, minute, second
