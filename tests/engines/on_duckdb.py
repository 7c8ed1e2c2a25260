"""Reads the files with DuckDB. It needs no catalog: it finds the partitions in the paths."""

from pathlib import Path
from typing import Any

import duckdb

from dialects import hive_type, translate
from rows import Row
from tables import Table


class OnDuckDB:
    """DuckDB with a view for each table."""

    name = "DuckDB"
    needs_registration = False

    def __init__(self, lake: Path):
        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone = 'UTC'")
        keys = "hive_partitioning = true, hive_types = {'job_id': VARCHAR, 'label': VARCHAR}"
        for table in ("label_detections", "label_segments"):
            files = f"{lake}/{table}/**/*.parquet"
            self.connection.execute(f"CREATE VIEW {table} AS FROM read_parquet('{files}', {keys})")
        self.connection.execute(f"CREATE VIEW jobs AS FROM read_parquet('{lake}/jobs/*.parquet')")

    def query(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[Row]:
        return self.connection.execute(translate(sql, "duckdb"), parameters).fetchall()

    def rows(self, table: Table) -> list[Row]:
        names = ", ".join(f'"{name}"' for name, _ in table.all_columns())
        return self.connection.execute(f"SELECT {names} FROM {table.name}").fetchall()

    def types(self, table: Table) -> list[tuple[str, str]]:
        described = self.connection.execute(f"DESCRIBE {table.name}").fetchall()
        return [(name, hive_type(kind, "duckdb")) for name, kind, *_ in described]

    def close(self) -> None:
        self.connection.close()
