"""Queries and types in the dialects of other engines than Athena and Trino."""

import sqlglot
from sqlglot import exp


def translate(sql: str, dialect: str) -> str:
    """Translates from Athena's dialect into duckdb's or spark's."""
    tree = sqlglot.parse_one(sql, read="athena")
    for unnest in tree.find_all(exp.Unnest):
        # In Trino the fields of the structs become columns; elsewhere the struct is one column, here of the same name.
        alias = unnest.args["alias"]
        alias.set("columns", [alias.this.copy()])
    for time in list(tree.find_all(exp.UnixToTime)):
        if dialect == "spark":
            # Its from_unixtime drops what is less than a second.
            time.replace(exp.Anonymous(this="timestamp_seconds", expressions=[time.this]))
        else:
            # Its Python client wants another package for a time with a zone.
            time.replace(exp.AtTimeZone(this=time.copy(), zone=exp.Literal.string("UTC")))
    return tree.sql(dialect=dialect, comments=False)


def hive_type(kind: str, dialect: str = "trino") -> str:
    """A type as Hive and Athena spell it."""
    spelled = exp.DataType.build(kind, dialect=dialect).sql("hive")
    return spelled.lower().replace("`", "").replace(": ", ":").replace(", ", ",")
