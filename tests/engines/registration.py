"""Checks that no row of a job is visible before its partitions are registered, and every row is after.

The function is killed before the registration, and the job is then delivered again.
"""

from collections.abc import Callable, Iterable
from typing import Any

from checks import Check, Queries, unequal
from glue_proxy import GlueProxy
from lake import KILLED, Lake
from rows import Served, differences
from tables import BUCKET, DATABASE, Table, tables

EVENT = {"JobId": KILLED, "Status": "SUCCEEDED", "API": "StartLabelDetection"}
BOTH = ["TIMESTAMPS", "SEGMENTS"]
PARTITIONED = [table for table in tables() if table.keys]


def kill_before_registration(lake: Lake) -> None:
    """Delivers a job, and kills the function with SIGKILL when it sends its first BatchCreatePartition."""

    def kill(operation: str, request: dict[str, Any]) -> dict[str, Any] | None:
        if operation != "BatchCreatePartition":
            return request
        function.process.kill()
        return None

    proxy = GlueProxy(lake.glue.url, kill)
    function = lake.function(",".join(BOTH), proxy.url)
    lake.simulator.send(invoke=EVENT, timeout_ms=60_000)
    function.process.wait(60)
    proxy.stop()


def before(lake: Lake, engines: list[Queries]) -> Iterable[tuple[str, list[Check]]]:
    """Checks that all files are in S3, and no engine sees a row."""
    files = {table.name: len(lake.s3.keys(BUCKET, f"{table.name}/job_id={KILLED}/")) for table in PARTITIONED}
    labels = lake_labels(lake.served(EVENT, BOTH))
    yield "S3", [(f"all files are in S3: {files}", unequal(files.items(), labels.items()))]
    for engine in engines:
        counts = {table.name: count(engine, table) for table in tables()}
        visible = [f"{rows} rows in {table}" for table, rows in counts.items() if rows]
        yield engine.name, [("no row is visible of a job whose function was killed before the registration", visible)]


def count(engine: Queries, table: Table) -> int:
    ((rows,),) = engine.query(f"SELECT count(*) FROM {table.name} WHERE job_id = ?", (KILLED,))
    return rows


def lake_labels(job: Served) -> dict[str, int]:
    """Returns the number of labels, and so of partitions, by table."""
    return {table.name: len({row[-1] for row in job.rows(table.name)}) for table in PARTITIONED}


def put_stale_location(lake: Lake) -> list[str]:
    """Registers one partition with an empty location and without the last column, as an old table might have."""
    table = PARTITIONED[0].name
    described = lake.glue.client.get_table(DatabaseName=DATABASE, Name=table)["Table"]["StorageDescriptor"]
    label = lake.served(EVENT, BOTH).rows(table)[0][-1]
    stale = {**described, "Location": f"s3://{BUCKET}/elsewhere/", "Columns": described["Columns"][:-1]}
    entry = {"Values": [KILLED, label], "StorageDescriptor": stale}
    lake.glue.client.batch_create_partition(DatabaseName=DATABASE, TableName=table, PartitionInputList=[entry])
    return [KILLED, label]


def deliver_again(lake: Lake) -> None:
    with lake.function(",".join(BOTH)):
        for _ in range(2):
            lake.simulator.invoke(EVENT)


def redelivered(lake: Lake) -> Served:
    """Returns the job that was killed, as it is after its second delivery."""
    return lake.served(EVENT, BOTH)


def after(
    lake: Lake, engines: list[Queries], stale: list[str], refresh: Callable[[Queries], None]
) -> Iterable[tuple[str, list[Check]]]:
    yield "Glue", list(catalog(lake, stale))
    job = redelivered(lake)
    for engine in engines:
        refresh(engine)
        for table in tables():
            yield engine.name, [(f"after redelivery, {table.name} is complete", incomplete(engine, table, job))]


def catalog(lake: Lake, stale: list[str]) -> Iterable[Check]:
    labels = lake_labels(lake.served(EVENT, BOTH))
    for table in PARTITIONED:
        found = [entry for entry in lake.glue.partitions(DATABASE, table.name) if entry["Values"][0] == KILLED]
        distinct = len({entry["Values"][1] for entry in found})
        expected = [labels[table.name]] * 2
        yield f"{table.name} has {distinct} partitions, each once", unequal([len(found), distinct], expected)
    name = PARTITIONED[0].name
    reply = lake.glue.client.get_partition(DatabaseName=DATABASE, TableName=name, PartitionValues=stale)
    storage = reply["Partition"]["StorageDescriptor"]
    location = f"/{PARTITIONED[0].name}/job_id={KILLED}/label=" in storage["Location"]
    columns = len(storage["Columns"]) == len(PARTITIONED[0].columns)
    yield "a stale location and stale columns are repaired", [] if location and columns else [str(storage)]


def incomplete(engine: Queries, table: Table, job: Served) -> list[str]:
    """Returns the differences between a table and the served rows of the job."""
    names = ", ".join(name for name, _ in table.all_columns())
    rows = engine.query(f"SELECT {names} FROM {table.name} WHERE job_id = ?", (KILLED,))
    return differences(rows, job.rows(table.name))
