"""Checks of the lake and of what makes it queryable: bucket, tables, workgroup, saved queries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from saved_queries import saved_queries
from stack import ROOT, Stack

PARQUET = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
}
SERDE = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
GOLDEN = json.loads((ROOT / "tests" / "golden" / "tables.json").read_text())


def bucket(stack: Stack) -> Iterator[str]:
    """Kept, private, encrypted; its checkpoints expire; it tells of new objects."""
    if stack.parameters["ExistingBucket"]:
        if stack.of_type("AWS::S3::Bucket"):
            yield "a bucket is created beside the existing one"
        return
    for name in ("Bucket", "BucketPolicy"):
        resource = stack.resources[name]
        if (resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy")) != ("Retain", "Retain"):
            yield f"{name} is deleted with the stack"
    bucket = stack.resources["Bucket"]["Properties"]
    if set(bucket["PublicAccessBlockConfiguration"].values()) != {True}:
        yield "the bucket may be made public"
    (encryption,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    by_default = encryption["ServerSideEncryptionByDefault"]
    key = stack.parameters["BucketKeyArn"]
    if key and (by_default.get("KMSMasterKeyID") != key or encryption.get("BucketKeyEnabled") is not True):
        yield "the bucket does not use the key, or calls KMS for each file"
    if by_default["SSEAlgorithm"] != ("aws:kms" if key else "AES256"):
        yield f"the bucket is encrypted with {by_default['SSEAlgorithm']}"
    (rule,) = bucket["LifecycleConfiguration"]["Rules"]
    prefix = f"{stack.parameters['OutputPrefix']}/" if stack.parameters["OutputPrefix"] else ""
    # Shorter than 14 days it could take the state that a message in the queue of failures still needs.
    if rule["Prefix"] != f"{prefix}_checkpoints/" or rule["ExpirationInDays"] < 14 or rule["Status"] != "Enabled":
        yield f"checkpoints expire by {rule}"
    if bucket["NotificationConfiguration"] != {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}:
        yield "EventBridge is not told of new objects"


def ready(stack: Stack) -> Iterator[str]:
    """The notice that a job is ready is of the commit, and of this lake."""
    (rule,) = stack.of_type("AWS::Events::Rule").values()
    prefix = f"{stack.parameters['OutputPrefix']}/" if stack.parameters["OutputPrefix"] else ""
    expected = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {
            "bucket": {"name": [stack.parameters["ExistingBucket"] or "<Bucket>"]},
            "object": {"key": [{"prefix": f"{prefix}jobs/"}]},
        },
    }
    if rule["EventPattern"] != expected:
        yield f"the notice is of {rule['EventPattern']}"
    if [target["Arn"] for target in rule["Targets"]] != ["<ReadyTopic>"]:
        yield "the notice goes nowhere"


def tables(stack: Stack) -> Iterator[str]:
    """The tables are those of the golden file: every column with its type and comment, in order."""
    found = {table["TableInput"]["Name"]: table["TableInput"] for table in stack.of_type("AWS::Glue::Table").values()}
    if found.keys() != GOLDEN.keys():
        yield f"the tables are {found.keys()}"
    bucket = stack.parameters["ExistingBucket"] or "<Bucket>"
    prefix = f"{stack.parameters['OutputPrefix']}/" if stack.parameters["OutputPrefix"] else ""
    for name in found.keys() & GOLDEN.keys():
        table, golden = found[name], GOLDEN[name]
        storage = table["StorageDescriptor"]
        for what, columns in (("columns", storage["Columns"]), ("partition_keys", table.get("PartitionKeys", []))):
            yield from columns_differ(f"{name}.{what}", columns, golden[what])
        if table["Description"] != golden["comment"]:
            yield f"{name} is described as {table['Description']!r}"
        # Athena's DDL fails on a table of any other type.
        if table.get("TableType") != "EXTERNAL_TABLE":
            yield f"{name} is a table of type {table.get('TableType')}"
        # Without the slash the location takes in whatever begins with the same word.
        if storage["Location"] != f"s3://{bucket}/{prefix}{name}/":
            yield f"{name} is at {storage['Location']}"
        if {key: storage[key] for key in PARQUET} != PARQUET or storage["SerdeInfo"]["SerializationLibrary"] != SERDE:
            yield f"{name} is not read as Parquet"


def columns_differ(name: str, columns: list[dict[str, str]], golden: list[list[Any]]) -> Iterator[str]:
    found = [[column["Name"], column["Type"], column["Comment"]] for column in columns]
    for position in range(max(len(found), len(golden))):
        given = found[position] if position < len(found) else "nothing"
        wanted = golden[position][:3] if position < len(golden) else "nothing"
        if given != wanted:
            yield f"{name}, column {position}: {given} instead of {wanted}"


def athena(stack: Stack) -> Iterator[str]:
    """The workgroup can be used at once, is bounded, and can be deleted with its queries."""
    (group,) = stack.of_type("AWS::Athena::WorkGroup").values()
    configuration = group["WorkGroupConfiguration"]
    if group.get("RecursiveDeleteOption") is not True:
        yield "a workgroup with queries cannot be deleted"
    if configuration.get("ManagedQueryResultsConfiguration") != {"Enabled": True}:
        yield "the workgroup has no place for results"
    if str(configuration.get("BytesScannedCutoffPerQuery")) != str(stack.parameters["ScanLimitBytes"]):
        yield "a query may scan everything"
    if configuration.get("EnforceWorkGroupConfiguration") is not True:
        yield "a client may set the limit aside"
    found = {query["Name"]: query for query in stack.of_type("AWS::Athena::NamedQuery").values()}
    expected = saved_queries()
    if found.keys() != expected.keys():
        yield f"the saved queries are {found.keys() ^ expected.keys()} too little or too much"
    for name in found.keys() & expected.keys():
        query = found[name]
        if (query["QueryString"].strip(), query["Description"]) != (expected[name].text, expected[name].question):
            yield f"the saved query {name} is not queries/{name}.sql: run tests/deploy/saved_queries.py"
        if (query["WorkGroup"], query["Database"]) != ("<WorkGroup>", "<Database>"):
            yield f"the saved query {name} is of another workgroup or database"


CHECKS = (bucket, ready, tables, athena)
