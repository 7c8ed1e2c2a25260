"""Trino, the engine inside Athena: it finds partitions in Glue, and files in S3."""

import time
from typing import Any

import trino.dbapi
from trino.exceptions import TrinoQueryError

from dialects import hive_type
from programs import LOCALHOST
from rows import Row
from tables import DATABASE, Table


class OnTrino:
    name = "Trino"
    needs_registration = True

    def __init__(self, port: int, catalog: str = "awsdatacatalog"):
        connection = trino.dbapi.connect(LOCALHOST, port, user="test", catalog=catalog, schema=DATABASE)
        self.cursor: trino.dbapi.Cursor = connection.cursor()

    def query(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[Row]:
        # A server that says it has started may not know of its only node for a second more, on a busy machine.
        deadline = time.monotonic() + 60
        while True:
            try:
                self.cursor.execute(sql, parameters or None)
                return [tuple(row) for row in self.cursor.fetchall()]
            except TrinoQueryError as error:
                if error.error_name != "NO_NODES_AVAILABLE" or time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def rows(self, table: Table) -> list[Row]:
        return self.query(f"SELECT {', '.join(name for name, _ in table.all_columns())} FROM {table.name}")

    def types(self, table: Table) -> list[tuple[str, str]]:
        return [(name, hive_type(kind)) for name, kind, *_ in self.query(f"DESCRIBE {table.name}")]

    def close(self) -> None:
        self.cursor.close()
