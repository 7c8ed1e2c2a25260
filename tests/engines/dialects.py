"""Translates queries and types between the dialects of Athena and other engines.

`label-lake query` translates the saved queries for DuckDB.
"""

import sqlglot
from sqlglot import exp


def translate(sql: str, dialect: str) -> str:
    """Translates a query from Athena's dialect to that of `duckdb` or `spark`."""
    tree = sqlglot.parse_one(sql, read="athena")
    for unnest in tree.find_all(exp.Unnest):
        # Trino makes a column of each field of the structs. Other engines make one column of the struct; it gets the
        # same name, so that references to its fields stay valid.
        alias = unnest.args["alias"]
        alias.set("columns", [alias.this.copy()])
    for time in list(tree.find_all(exp.UnixToTime)):
        # Spark's from_unixtime drops fractions of a second.
        time.replace(exp.Anonymous(this="timestamp_seconds", expressions=[time.this]))
    return tree.sql(dialect=dialect, comments=False)


def hive_type(kind: str, dialect: str = "trino") -> str:
    """Returns a type in the spelling of Hive and Athena."""
    spelled = exp.DataType.build(kind, dialect=dialect).sql("hive")
    return spelled.lower().replace("`", "").replace(": ", ":").replace(", ", ",")
