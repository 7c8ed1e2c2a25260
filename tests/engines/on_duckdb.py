"""Reads the files with DuckDB. It needs no catalog: it finds the partitions in the paths."""

from pathlib import Path
from typing import Any

import duckdb

from dialects import hive_type, translate
from duckdb_scripts import script, views
from queries import Query
from rows import Row
from tables import Table


class OnDuckDB:
    """DuckDB with a view for each table."""

    name = "DuckDB"
    needs_registration = False

    def __init__(self, label_lake: Path, lake: Path):
        self.label_lake, self.lake = label_lake, lake
        self.connection = duckdb.connect()
        self.connection.execute(views(label_lake, lake))

    def query(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[Row]:
        return self.connection.execute(translate(sql, "duckdb"), parameters).fetchall()

    def saved_query(self, query: Query) -> list[Row]:
        return self.connection.execute(script(self.label_lake, self.lake, query)).fetchall()

    def rows(self, table: Table) -> list[Row]:
        names = ", ".join(f'"{name}"' for name, _ in table.all_columns())
        return self.connection.execute(f"SELECT {names} FROM {table.name}").fetchall()

    def types(self, table: Table) -> list[tuple[str, str]]:
        described = self.connection.execute(f"DESCRIBE {table.name}").fetchall()
        return [(name, hive_type(kind, "duckdb")) for name, kind, *_ in described]

    def close(self) -> None:
        self.connection.close()
