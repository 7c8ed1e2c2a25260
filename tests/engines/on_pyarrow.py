"""Reads the files with PyArrow."""

from pathlib import Path

import pyarrow
import pyarrow.dataset
import pyarrow.types

from rows import Row
from tables import Table


class OnPyArrow:
    """PyArrow with a dataset for each table."""

    name = "PyArrow"
    needs_registration = False

    def __init__(self, lake: Path):
        self.lake = lake

    def dataset(self, table: Table) -> pyarrow.dataset.Dataset:
        keys = pyarrow.schema([(name, pyarrow.string()) for name, _ in table.keys])
        partitioning = pyarrow.dataset.partitioning(keys, flavor="hive") if table.keys else None
        # PyArrow ignores files whose names begin with . or _, but this does not include folders such as label=_private.
        return pyarrow.dataset.dataset(self.lake / table.name, partitioning=partitioning)

    def rows(self, table: Table) -> list[Row]:
        names = [name for name, _ in table.all_columns()]
        return [tuple(row[name] for name in names) for row in self.dataset(table).to_table().to_pylist()]

    def types(self, table: Table) -> list[tuple[str, str]]:
        return [(field.name, hive_type(field.type)) for field in self.dataset(table).schema]

    def close(self) -> None:
        pass


def hive_type(kind: pyarrow.DataType) -> str:
    if pyarrow.types.is_list(kind):
        return f"array<{hive_type(kind.value_type)}>"
    if pyarrow.types.is_struct(kind):
        return f"struct<{','.join(f'{field.name}:{hive_type(field.type)}' for field in kind)}>"
    return {"int64": "bigint", "int32": "int"}.get(str(kind), str(kind))
