"""Checks that the policy for readers allows them to query the lake, and nothing more."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from stack import Stack

ATHENA, GLUE = "arn:aws-test:athena:us-east-1:123456789012", "arn:aws-test:glue:us-east-1:123456789012"
# Actions on resources that a query in Athena needs, from the console or by the API. Athena reads the catalog and the
# files with the permissions of the person who runs the query, and returns managed results by GetQueryResults(Stream).
NEEDED = (
    ("athena:StartQueryExecution", ATHENA + ":workgroup/<WorkGroup>"),
    ("athena:StopQueryExecution", ATHENA + ":workgroup/<WorkGroup>"),
    ("athena:GetQueryExecution", ATHENA + ":workgroup/<WorkGroup>"),
    ("athena:GetQueryResults", ATHENA + ":workgroup/<WorkGroup>"),
    ("athena:GetQueryResultsStream", ATHENA + ":workgroup/<WorkGroup>"),
    ("athena:GetWorkGroup", ATHENA + ":workgroup/<WorkGroup>"),
    ("athena:ListNamedQueries", ATHENA + ":workgroup/<WorkGroup>"),
    ("athena:BatchGetNamedQuery", ATHENA + ":workgroup/<WorkGroup>"),
    ("athena:ListWorkGroups", "*"),
    ("athena:ListTableMetadata", ATHENA + ":datacatalog/AwsDataCatalog"),
    *(
        ("glue:GetDatabase", f"{GLUE}:{resource}")
        for resource in ("catalog", "database/default", "database/{database}")
    ),
    *(
        (f"glue:{action}", f"{GLUE}:{resource}")
        for action in ("GetTable", "GetTables", "GetPartition", "GetPartitions", "BatchGetPartition")
        for resource in ("catalog", "database/{database}", "table/{database}/jobs", "table/{database}/label_segments")
    ),
    *(
        ("s3:GetObject", f"{{lake}}{key}")
        for key in ("jobs/job-1.parquet", "label_detections/job_id=1/label=Dog/part-00000.parquet", "label_segments/1")
    ),
    ("s3:ListBucket", "{bucket}"),
    ("s3:GetBucketLocation", "{bucket}"),
)
REFUSED = (
    ("athena:StartQueryExecution", ATHENA + ":workgroup/another"),
    ("athena:CreateNamedQuery", ATHENA + ":workgroup/<WorkGroup>"),
    ("glue:GetTable", GLUE + ":table/another/jobs"),
    ("glue:DeleteTable", GLUE + ":table/{database}/jobs"),
    ("glue:BatchCreatePartition", GLUE + ":table/{database}/label_segments"),
    ("s3:GetObject", "{lake}_checkpoints/1"),
    ("s3:PutObject", "{lake}jobs/job-1.parquet"),
    ("s3:DeleteObject", "{lake}jobs/job-1.parquet"),
)


def allows(stack: Stack, action: str, resource: str) -> dict[str, Any] | None:
    """Returns the statement of the policy for readers that allows an action, or None. Ignores conditions."""
    for statement in stack.resources["ReaderPolicy"]["Properties"]["PolicyDocument"]["Statement"]:
        resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        if action in statement["Action"] and any(fnmatchcase(resource, pattern) for pattern in resources):
            return statement
    return None


def reader(stack: Stack) -> Iterator[str]:
    """The policy for readers allows what a query needs, and neither writing nor what belongs to others."""
    prefix = f"{stack.parameters['OutputPrefix']}/" if stack.parameters["OutputPrefix"] else ""
    bucket = f"arn:aws-test:s3:::{stack.parameters['ExistingBucket'] or '<Bucket>'}"
    names = {"database": stack.parameters["DatabaseName"], "bucket": bucket, "lake": f"{bucket}/{prefix}"}
    of_all_jobs = ("s3:GetObject", f"{names['lake']}all/all_jobs/1/data/1.parquet")
    key, governed = stack.parameters["BucketKeyArn"], stack.parameters["LakeFormation"] == "Yes"
    needed = [(action, resource.format(**names)) for action, resource in NEEDED]
    refused = [(action, resource.format(**names)) for action, resource in REFUSED]
    (needed if stack.parameters["AllJobs"] != "No" else refused).append(of_all_jobs)
    (needed if key else refused).append(("kms:Decrypt", key or "arn:aws-test:kms:us-east-1:123456789012:key/1"))
    (needed if governed else refused).append(("lakeformation:GetDataAccess", "*"))
    for action, resource in needed:
        if not allows(stack, action, resource):
            yield f"a reader may not {action} on {resource}"
    for action, resource in refused:
        if allows(stack, action, resource):
            yield f"a reader may {action} on {resource}"
    listing = allows(stack, "s3:ListBucket", bucket) or {}
    expected = {"StringLike": {"s3:prefix": f"{prefix}*"}} if prefix else None
    if listing.get("Condition") != expected:
        yield f"a reader may list the bucket with the condition {listing.get('Condition')}"
    policy = stack.resources["ReaderPolicy"]["Properties"]
    if policy.get("Path") != stack.parameters["RolePath"]:
        yield f"the policy for readers has the path {policy.get('Path')}"
    # Names would need CAPABILITY_NAMED_IAM, and principals would attach the policy to them.
    for name in policy.keys() & {"ManagedPolicyName", "Roles", "Users", "Groups"}:
        yield f"the policy for readers sets {name}"


CHECKS = (reader,)
