"""Runs the saved queries with DuckDB and compares their rows with the expected ones, and with docs/QUERYING.md.

Usage: query_results.py LABEL_LAKE [QUERY...]

LABEL_LAKE is the program. For each QUERY, prints the table for the document.
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
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    types = "hive_partitioning = true, hive_types = {'job_id': VARCHAR, 'label': VARCHAR}"
    for table in ("label_detections", "label_segments"):
        connection.execute(f"CREATE VIEW {table} AS FROM read_parquet('{lake}/{table}/**/*.parquet', {types})")
    connection.execute(f"CREATE VIEW jobs AS FROM read_parquet('{lake}/jobs/*.parquet')")
    return connection


def run(connection: duckdb.DuckDBPyConnection, query: Query) -> tuple[list[str], list[tuple]]:
    answer = connection.execute(translate(query.sql, "duckdb"), query.parameters)
    return [column[0] for column in answer.description], answer.fetchall()


def cell(value: object) -> str:
    if isinstance(value, float):
        digits = (f"{value:.{count}g}" for count in range(1, 10))
        return next(text for text in digits if float32(float(text)) == float32(value))
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}.{round(value.microsecond / 1000):03} UTC"
    if isinstance(value, list):
        return f"[{', '.join(value)}]"
    return "" if value is None else str(value)


def markdown(columns: list[str], rows: list[tuple]) -> str:
    """Returns a Markdown table with numbers aligned to the right."""
    numbers = [any(isinstance(row[i], int | float) for row in rows) for i in range(len(columns))]
    lines = [columns, ["---:" if number else "---" for number in numbers], *([cell(v) for v in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def faults_of_the_results(lake: Path, wanted: list[str]) -> list[str]:
    """Returns which rows are wrong. The document shows the rows of the first query of each name."""
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
        if query.name in wanted:
            print(table)
        if table not in document:
            faults.append(f"{DOCUMENT.name} shows other rows of {query.name}; run with {query.name} to print them")
    return faults


def main() -> None:
    label_lake, *wanted = sys.argv[1:]
    with TemporaryDirectory() as directory:
        lake = Path(directory) / "lake"
        make_lake(label_lake, lake)
        faults = faults_of_the_files() + faults_of_the_results(lake, wanted)
    for fault in faults:
        print(fault)
    print(f"queries with DuckDB: {len(QUERIES)} run, {len(faults)} faults")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
