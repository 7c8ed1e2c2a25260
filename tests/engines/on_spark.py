"""Queries the lake with Spark and a Hive metastore. Spark reads registered partitions only."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from checks import Check
from dialects import translate
from queries import Query
from rows import Row, Served, differences
from tables import BUCKET, DATABASE, Table, statements, tables

BATCH = 100

ICEBERG = "org.apache.iceberg.spark"


class OnSpark:
    """A Spark session with the tables of the lake."""

    name = "Spark"
    dialect = "spark"
    needs_registration = True

    def __init__(self, directory: Path, lake: Path):
        directory.mkdir(parents=True)
        self.lake = lake
        self.location = f"file://{directory}"
        settings = {
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.memory": "1g",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.sql.shuffle.partitions": "2",
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.warehouse.dir": f"{directory}/warehouse",
            "spark.driver.extraJavaOptions": f"-Dderby.system.home={directory}",
            # One catalog has the tables of the lake, and the Iceberg tables of all jobs.
            "spark.jars": os.environ["ICEBERG_FOR_SPARK"],
            "spark.sql.extensions": f"{ICEBERG}.extensions.IcebergSparkSessionExtensions",
            "spark.sql.catalog.spark_catalog": f"{ICEBERG}.SparkSessionCatalog",
            "spark.sql.catalog.spark_catalog.type": "hive",
            # A new Derby metastore has no tables for locks.
            "spark.hadoop.iceberg.engine.hive.lock-enabled": "false",
        }
        builder = SparkSession.builder.master("local[2]").enableHiveSupport()
        for name, value in settings.items():
            builder = builder.config(name, value)
        self.session = builder.getOrCreate()
        self.session.sparkContext.setLogLevel("ERROR")
        self.create(DATABASE)

    def create(self, database: str) -> None:
        """Creates the tables with the same statements as Athena."""
        for statement in statements(location=f"file://{self.lake}"):
            self.session.sql(statement.rstrip(";").replace(f"`{DATABASE}`", f"`{database}`"))
        self.session.sql(f"USE `{database}`")

    def register(self, table: str, partitions: list[dict[str, Any]]) -> None:
        """Adds partitions of Glue, with the locations of the downloaded files."""
        for first in range(0, len(partitions), BATCH):
            added = " ".join(map(self.partition, partitions[first : first + BATCH]))
            self.session.sql(f"ALTER TABLE {table} ADD IF NOT EXISTS {added}")

    def partition(self, partition: dict[str, Any]) -> str:
        job_id, label = map(literal, partition["Values"])
        location = partition["StorageDescriptor"]["Location"].replace(f"s3://{BUCKET}", f"file://{self.lake}")
        return f"PARTITION (job_id = {job_id}, label = {label}) LOCATION {literal(location)}"

    def forget_files(self, names: Iterable[str]) -> None:
        """Clears Spark's cached lists of files."""
        for name in names:
            self.session.sql(f"REFRESH TABLE {name}")

    def repaired(self, jobs: list[Served]) -> Iterable[Check]:
        """Creates the tables in another database and checks that MSCK REPAIR finds the partitions in the paths."""
        self.create(f"{DATABASE}_repaired")
        for table in tables():
            yield f"{table.name} has no rows before", [] if not table.keys or not self.rows(table) else ["it has rows"]
            if table.keys:
                self.session.sql(f"MSCK REPAIR TABLE {table.name}")
            expected = [row for job in jobs for row in job.rows(table.name)]
            yield f"{table.name} has the {len(expected)} rows", differences(self.rows(table), expected)
        self.session.sql(f"USE `{DATABASE}`")

    def query(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[Row]:
        return [tuple(row) for row in self.session.sql(translate(sql, "spark"), args=list(parameters)).collect()]

    def execute(self, statement: str) -> list[Row]:
        return [tuple(row) for row in self.session.sql(statement).collect()]

    def stored_rows(self, table: str) -> int:
        ((rows,),) = self.execute(f"SELECT sum(record_count) FROM {DATABASE}.{table}.data_files")
        return rows

    def saved_query(self, query: Query) -> list[Row]:
        return self.query(query.sql, query.parameters)

    def rows(self, table: Table) -> list[Row]:
        names = ", ".join(f"`{name}`" for name, _ in table.all_columns())
        return [tuple(row) for row in self.session.sql(f"SELECT {names} FROM {table.name}").collect()]

    def types(self, table: Table) -> list[tuple[str, str]]:
        return [(field.name, field.dataType.simpleString()) for field in self.session.table(table.name).schema]

    def close(self) -> None:
        self.session.stop()


def literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
