"""Queries the lake with Trino, the engine of Athena. Trino finds partitions in Glue and files in S3."""

from collections.abc import Iterable
from typing import Any

import trino.dbapi

from dialects import hive_type
from programs import LOCALHOST
from queries import Query
from rows import Row
from tables import BUCKET, DATABASE, Table


class OnTrino:
    """A connection to a Trino server."""

    name = "Trino"
    dialect = "trino"
    location = f"s3://{BUCKET}"
    needs_registration = True

    def __init__(self, port: int, catalog: str = "awsdatacatalog"):
        connection = trino.dbapi.connect(LOCALHOST, port, user="test", catalog=catalog, schema=DATABASE)
        self.cursor: trino.dbapi.Cursor = connection.cursor()

    def query(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[Row]:
        self.cursor.execute(sql, parameters or None)
        return [tuple(row) for row in self.cursor.fetchall()]

    def execute(self, statement: str) -> list[Row]:
        return self.query(statement)

    def forget_files(self, names: Iterable[str]) -> None:
        """Does nothing: Trino lists the files for each query."""

    def stored_rows(self, table: str) -> int:
        ((rows,),) = self.query(f'SELECT sum(record_count) FROM iceberg.{DATABASE}."{table}$files" WHERE content = 0')
        return rows

    def saved_query(self, query: Query) -> list[Row]:
        return self.query(query.sql, query.parameters)

    def rows(self, table: Table) -> list[Row]:
        return self.query(f"SELECT {', '.join(name for name, _ in table.all_columns())} FROM {table.name}")

    def types(self, table: Table) -> list[tuple[str, str]]:
        return [(name, hive_type(kind)) for name, kind, *_ in self.query(f"DESCRIBE {table.name}")]

    def close(self) -> None:
        self.cursor.close()
