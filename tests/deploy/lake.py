"""Checks of the lake and its catalog: bucket, tables, workgroup and saved queries."""

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
# The tables over the same files by which the tables of all jobs are filled. Their key is injected by each query.
PROJECTION = {"projection.enabled": "true", "projection.job_id.type": "injected"}
BY_JOB = {
    f"{name}_by_job": {
        **table,
        "comment": f"{table['comment']}. Every query must compare job_id with literals, by = or IN",
        "partition_keys": table["partition_keys"][:1],
    }
    for name, table in GOLDEN.items()
    if table["partition_keys"]
}


def bucket(stack: Stack) -> Iterator[str]:
    """The bucket is private and encrypted, and outlives the stack, but not a creation that fails.

    It expires checkpoints, and sends events of new objects.
    """
    if stack.parameters["ExistingBucket"]:
        if stack.of_type("AWS::S3::Bucket"):
            yield "a bucket is created although there is an existing one"
        return
    for name in ("Bucket", "BucketPolicy"):
        resource = stack.resources[name]
        if "Retain" not in resource.get("DeletionPolicy", "") or resource.get("UpdateReplacePolicy") != "Retain":
            yield f"{name} is deleted with the stack"
        if resource.get("DeletionPolicy") == "Retain":
            yield f"{name} is left over by each creation of the stack that fails"
    bucket = stack.resources["Bucket"]["Properties"]
    if set(bucket["PublicAccessBlockConfiguration"].values()) != {True}:
        yield "the bucket can be made public"
    (encryption,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    by_default = encryption["ServerSideEncryptionByDefault"]
    key = stack.parameters["BucketKeyArn"]
    if key and (by_default.get("KMSMasterKeyID") != key or encryption.get("BucketKeyEnabled") is not True):
        yield "the bucket does not use the key, or calls KMS for every file"
    if by_default["SSEAlgorithm"] != ("aws:kms" if key else "AES256"):
        yield f"the bucket is encrypted with {by_default['SSEAlgorithm']}"
    (rule,) = bucket["LifecycleConfiguration"]["Rules"]
    prefix = f"{stack.parameters['OutputPrefix']}/" if stack.parameters["OutputPrefix"] else ""
    # Messages stay in the dead-letter queue for 14 days. Their checkpoints must not expire before that.
    if rule["Prefix"] != f"{prefix}_checkpoints/" or rule["ExpirationInDays"] < 14 or rule["Status"] != "Enabled":
        yield f"checkpoints expire by the rule {rule}"
    if bucket["NotificationConfiguration"] != {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}:
        yield "the bucket sends no events to EventBridge"


def ready(stack: Stack) -> Iterator[str]:
    """The rule for ready jobs matches commits of this lake only."""
    rule = stack.of_type("AWS::Events::Rule")["ReadyRule"]
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
        yield f"the rule for ready jobs matches {rule['EventPattern']}"
    if [target["Arn"] for target in rule["Targets"]] != ["<ReadyTopic>"]:
        yield "the rule for ready jobs does not notify ReadyTopic"


def tables(stack: Stack) -> Iterator[str]:
    """The tables equal the golden file: every column with its type and comment, in order."""
    found = {table["TableInput"]["Name"]: table["TableInput"] for table in stack.of_type("AWS::Glue::Table").values()}
    golden_tables = GOLDEN | (BY_JOB if stack.parameters["AllJobs"] != "No" else {})
    if found.keys() != golden_tables.keys():
        yield f"the tables are {found.keys()}"
    bucket = stack.parameters["ExistingBucket"] or "<Bucket>"
    prefix = f"{stack.parameters['OutputPrefix']}/" if stack.parameters["OutputPrefix"] else ""
    for name in found.keys() & golden_tables.keys():
        table, golden = found[name], golden_tables[name]
        projection = {key: value for key, value in table["Parameters"].items() if key.startswith("projection.")}
        if projection != (PROJECTION if name in BY_JOB else {}):
            yield f"{name} has the projection {projection}"
        storage = table["StorageDescriptor"]
        for kind, columns in (("columns", storage["Columns"]), ("partition_keys", table.get("PartitionKeys", []))):
            yield from columns_differ(f"{name}.{kind}", columns, golden[kind])
        if table["Description"] != golden["comment"]:
            yield f"{name} is described as {table['Description']!r}"
        # Athena's DDL statements fail on tables of any other type.
        if table.get("TableType") != "EXTERNAL_TABLE":
            yield f"{name} has the table type {table.get('TableType')}"
        # Without the slash, the location includes every prefix that begins with the same word.
        if storage["Location"] != f"s3://{bucket}/{prefix}{name.removesuffix('_by_job')}/":
            yield f"{name} has the location {storage['Location']}"
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
    """The workgroup is ready to use, limits scans, and is deleted with its queries."""
    (group,) = stack.of_type("AWS::Athena::WorkGroup").values()
    configuration = group["WorkGroupConfiguration"]
    if group.get("RecursiveDeleteOption") is not True:
        yield "the workgroup cannot be deleted while it has queries"
    if configuration.get("ManagedQueryResultsConfiguration") != {"Enabled": True}:
        yield "the workgroup has no location for results"
    if str(configuration.get("BytesScannedCutoffPerQuery")) != str(stack.parameters["ScanLimitBytes"]):
        yield "the workgroup does not limit how much a query scans"
    if configuration.get("EnforceWorkGroupConfiguration") is not True:
        yield "a client can override the limit"
    found = {query["Name"]: query for query in stack.of_type("AWS::Athena::NamedQuery").values()}
    keeps_all_jobs = stack.parameters["AllJobs"] != "No"
    expected = {name: query for name, query in saved_queries().items() if keeps_all_jobs or not query.of_all_jobs}
    if found.keys() != expected.keys():
        yield f"the saved queries and queries/ differ by {found.keys() ^ expected.keys()}"
    for name in found.keys() & expected.keys():
        query = found[name]
        if (query["QueryString"].strip(), query["Description"]) != (expected[name].text, expected[name].description):
            yield f"the saved query {name} differs from queries/; run python3 queries/saved_queries.py"
        if (query["WorkGroup"], query["Database"]) != ("<WorkGroup>", "<Database>"):
            yield f"the saved query {name} is in another workgroup or database"


CHECKS = (bucket, ready, tables, athena)
