"""The tables of the DDL that `label-lake ddl` prints, read from its golden files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlglot
from sqlglot import exp

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
DATABASE = "label_lake"
BUCKET = "lake"

INPUT_FORMAT = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
OUTPUT_FORMAT = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
SERDE = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"


@dataclass(frozen=True)
class Table:
    """A table. Columns and keys are pairs of name and Hive type."""

    name: str
    columns: list[tuple[str, str]]
    keys: list[tuple[str, str]]
    location: str
    properties: dict[str, str]

    def all_columns(self) -> list[tuple[str, str]]:
        return self.columns + self.keys


def statements(file: str = "ddl.sql", location: str = f"s3://{BUCKET}") -> list[str]:
    """Returns the single statements of the DDL."""
    text = (GOLDEN / file).read_text(encoding="utf-8").replace("s3://BUCKET", location)
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    return [statement.strip() for statement in "\n".join(lines).split(";\n") if statement.strip(" \n;")]


def tables(file: str = "ddl.sql") -> list[Table]:
    parsed = [sqlglot.parse_one(statement.rstrip(";"), dialect="hive") for statement in statements(file)]
    return [table_of(one) for one in parsed if isinstance(one, exp.Create) and one.kind == "TABLE"]


def table_of(create: exp.Create) -> Table:
    partitioned = create.find(exp.PartitionedByProperty)
    location = create.find(exp.LocationProperty)
    assert location, create.sql()
    properties = [one for one in create.args["properties"].expressions if type(one) is exp.Property]
    return Table(
        name=create.this.this.name,
        columns=columns_of(create.this),
        keys=columns_of(partitioned.this) if partitioned else [],
        location=location.this.name,
        properties={one.this.name: one.args["value"].name for one in properties},
    )


def columns_of(schema: exp.Schema) -> list[tuple[str, str]]:
    spelled = [(column.name, column.kind.sql("hive")) for column in schema.expressions]
    return [(name, kind.lower().replace(": ", ":").replace(", ", ",")) for name, kind in spelled]


def create_in_glue(glue: Any, file: str = "ddl.sql") -> None:
    """Creates the tables in Glue, as Athena does for the DDL. Existing tables are not changed."""
    existing = {table["Name"] for table in glue.get_tables(DatabaseName=DATABASE)["TableList"]}
    for table in tables(file):
        if table.name in existing:
            continue
        storage = {
            "Columns": [{"Name": name, "Type": kind} for name, kind in table.columns],
            "Location": table.location,
            "InputFormat": INPUT_FORMAT,
            "OutputFormat": OUTPUT_FORMAT,
            "SerdeInfo": {"SerializationLibrary": SERDE, "Parameters": {"serialization.format": "1"}},
        }
        glue.create_table(
            DatabaseName=DATABASE,
            TableInput={
                "Name": table.name,
                "TableType": "EXTERNAL_TABLE",
                "StorageDescriptor": storage,
                "PartitionKeys": [{"Name": name, "Type": kind} for name, kind in table.keys],
                "Parameters": {"EXTERNAL": "TRUE", **table.properties},
            },
        )
