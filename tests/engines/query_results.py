"""Runs the saved queries with DuckDB, and compares the results with the expected rows and with docs/QUERYING.md.

Usage: query_results.py LABEL_LAKE [QUERY...]

LABEL_LAKE is the path of the `label-lake` command, which creates the lake. QUERY is the name of a saved query: its
result is printed as the Markdown table that docs/QUERYING.md must contain.
"""

import sys
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from dialects import translate
from queries import QUERIES, Query, faults_of_the_files
from served import ROOT, float32, make_lake

DOCUMENT = ROOT / "docs/QUERYING.md"


def connect(lake: Path) -> duckdb.DuckDBPyConnection:
    """Opens a database with a view for each table of the lake."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    partitions = "hive_partitioning = true, hive_types = {'job_id': VARCHAR, 'label': VARCHAR}"
    for table in ("label_detections", "label_segments"):
        connection.execute(f"CREATE VIEW {table} AS FROM read_parquet('{lake}/{table}/**/*.parquet', {partitions})")
    connection.execute(f"CREATE VIEW jobs AS FROM read_parquet('{lake}/jobs/*.parquet')")
    return connection


def run(connection: duckdb.DuckDBPyConnection, query: Query) -> tuple[list[str], list[tuple]]:
    """Returns the column names and the rows of a query."""
    result = connection.execute(translate(query.sql, "duckdb"), query.parameters)
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


def faults_of_the_results(lake: Path, to_print: list[str]) -> list[str]:
    """Runs all queries, and returns a description of each wrong result. Prints the tables of the queries in `to_print`.

    QUERIES contains most queries several times, with different parameters. docs/QUERYING.md shows the result of the
    first.
    """
    connection = connect(lake)
    document = DOCUMENT.read_text(encoding="utf-8")
    faults, documented = [], set()
    for query in QUERIES:
        columns, rows = run(connection, query)
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


def main() -> None:
    label_lake, *to_print = sys.argv[1:]
    with TemporaryDirectory() as directory:
        lake = Path(directory) / "lake"
        make_lake(label_lake, lake)
        faults = faults_of_the_files() + faults_of_the_results(lake, to_print)
    for fault in faults:
        print(fault)
    print(f"DuckDB: {len(QUERIES)} queries run, {len(faults)} faults")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
