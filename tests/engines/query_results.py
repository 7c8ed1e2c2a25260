"""Runs the saved queries with `label-lake query`, and compares the results with the expected rows and docs/QUERYING.md.

The scripts run in DuckDB's Python package, and in the program `duckdb`, which is another version.

Usage: query_results.py LABEL_LAKE [QUERY...]

LABEL_LAKE is the path of the `label-lake` command, which creates the lake. QUERY is the name of a saved query: its
result is printed as the Markdown table that docs/QUERYING.md must contain.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from dialects import hive_type
from duckdb_scripts import arguments, script, views
from queries import QUERIES, faults_of_the_files
from served import OLD_ROW, ROOT, float32, make_lake
from skill import faults_of_the_file
from tables import tables

DOCUMENT = ROOT / "docs/QUERYING.md"
SUMS = {"detections", "instances", "samples", "screen_time_ms"}
"""Columns that are sums in some queries."""
TIMES = {"completed_at", "first_at", "last_at"}


def run(sql: str) -> tuple[list[str], list[tuple]]:
    """Returns the column names and the rows of a script's last statement."""
    with duckdb.connect() as connection:
        result = connection.execute(sql)
        return [column[0] for column in result.description], result.fetchall()


def cell(value: object) -> str:
    """Formats a value for a Markdown table. A float has as many digits as its 32-bit value needs."""
    if isinstance(value, float):
        candidates = (f"{value:.{digits}g}" for digits in range(1, 10))
        return next(text for text in candidates if float32(float(text)) == float32(value))
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}.{round(value.microsecond / 1000):03} UTC"
    if isinstance(value, list):
        return f"[{', '.join(value)}]"
    return "" if value is None else str(value)


def markdown(columns: list[str], rows: list[tuple]) -> str:
    """Returns a Markdown table. Columns of numbers are right-aligned."""
    is_numeric = [any(isinstance(row[i], int | float) for row in rows) for i in range(len(columns))]
    lines = [columns, ["---:" if right else "---" for right in is_numeric], *([cell(v) for v in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def faults_of_the_results(label_lake: Path, lake: Path, to_print: list[str]) -> list[str]:
    """Runs all queries, and returns a description of each wrong result. Prints the tables of the queries in `to_print`.

    QUERIES contains most queries several times, with different parameters. docs/QUERYING.md shows the result of the
    first.
    """
    document = DOCUMENT.read_text(encoding="utf-8")
    faults, documented = [], set()
    for query in QUERIES:
        columns, rows = run(script(label_lake, lake, query))
        faults += [f"{query.title}: {fault}" for fault in query.compare(rows)]
        if query.name in documented:
            continue
        documented.add(query.name)
        table = markdown(columns, rows)
        if query.name in to_print:
            print(table)
        if table not in document:
            faults.append(f"{DOCUMENT.name} does not show the result of {query.name}; pass {query.name} to print it")
    return faults


def faults_of_the_program(label_lake: Path, lake: Path) -> Iterable[str]:
    """Runs all queries with the program `duckdb`, and yields a description of each wrong result."""
    programs = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{programs}:{os.environ['PATH']}"}
    for query in QUERIES:
        sql = script(label_lake, lake, query)
        found = execute([programs / "duckdb", "-json"], sql)
        rows = json.loads(found.stdout or "[]")
        for fault in query.compare([tuple(map(from_json, row.items())) for row in rows]):
            yield f"program duckdb: {query.title}: {fault} {found.stderr}"
        command = execute([label_lake, *arguments(lake, query)], "", environment)
        if command.returncode or command.stdout != execute([programs / "duckdb"], sql).stdout:
            yield f"label-lake query {query.title}: {command.stdout} {command.stderr}"


def execute(command: list, standard_input: str, environment: dict | None = None) -> subprocess.CompletedProcess:
    return subprocess.run(command, input=standard_input, env=environment, text=True, capture_output=True)


def from_json(column: tuple[str, object]) -> object:
    """Converts a value of DuckDB's JSON output, which has times and the 128-bit numbers of sums as strings."""
    name, value = column
    if isinstance(value, str) and name in TIMES:
        return datetime.fromisoformat(value)
    return int(value) if isinstance(value, str) and name in SUMS else value


def faults_of_the_columns(label_lake: Path, lake: Path) -> Iterable[str]:
    """Yields the differences between the documented columns and those of the views of a lake."""
    for table in tables():
        _, described = run(f"{views(label_lake, lake)} DESCRIBE {table.name}")
        found = [(name, hive_type(kind, "duckdb")) for name, kind, *_ in described]
        if found != table.all_columns():
            yield f"the view {table.name} of {lake.name} has the columns {found}"


def main() -> None:
    program, *to_print = sys.argv[1:]
    label_lake = Path(program).resolve()
    with TemporaryDirectory() as directory:
        lake, empty, old = (Path(directory) / name for name in ("lake", "empty", "old"))
        make_lake(str(label_lake), lake)
        empty.mkdir()
        (old / "jobs").mkdir(parents=True)
        (old / "jobs/job-corner-cases.parquet").write_bytes(OLD_ROW.read_bytes())
        faults = [
            *faults_of_the_files(),
            *faults_of_the_file(),
            *faults_of_the_results(label_lake, lake, to_print),
            *faults_of_the_program(label_lake, lake),
            *faults_of_the_columns(label_lake, empty),
            *faults_of_the_columns(label_lake, old),
        ]
    for fault in faults:
        print(fault)
    print(f"DuckDB: {len(QUERIES)} queries run, {len(faults)} faults")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
