"""The scripts for DuckDB that `label-lake` prints."""

import subprocess
from pathlib import Path

from queries import Query


def views(label_lake: Path, lake: Path) -> str:
    """Returns the statements that create a view for each table of a lake."""
    return output(label_lake, "ddl", "--duckdb", "--lake", str(lake))


def script(label_lake: Path, lake: Path, query: Query) -> str:
    """Returns the views and a saved query with its parameters."""
    return output(label_lake, *arguments(lake, query), "--sql")


def arguments(lake: Path, query: Query) -> list[str]:
    return ["query", query.name, *map(str, query.parameters), "--lake", str(lake)]


def output(*command: str | Path) -> str:
    return subprocess.run(command, text=True, check=True, stdout=subprocess.PIPE).stdout
