"""Checks of who may do what: the least that works, in every partition."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from stack import Stack

# What the function calls, and nothing else. An action that is missing here or there is a finding.
ALWAYS = {
    "ReadResults": {"rekognition:GetLabelDetection"},
    "WriteLake": {"s3:GetObject", "s3:PutObject", "s3:DeleteObject"},
    "SeeWhatIsMissing": {"s3:ListBucket"},
    "RegisterPartitions": {
        "glue:GetTable",
        "glue:GetPartition",
        "glue:GetPartitions",
        "glue:BatchGetPartition",
        "glue:BatchCreatePartition",
        "glue:UpdatePartition",
        "glue:BatchUpdatePartition",
        "glue:DeletePartition",
        "glue:BatchDeletePartition",
    },
    "KeepFailures": {"sqs:SendMessage"},
    "WriteLogs": {"logs:CreateLogStream", "logs:PutLogEvents"},
    "InvokeItself": {"lambda:InvokeFunction"},
}
WITH_QUEUE = {"TakeJobs": {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}}
WITH_KEY = {"UseBucketKey": {"kms:GenerateDataKey", "kms:Decrypt"}}
WITH_TRACES = {"Trace": {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}}
IN_VPC = {
    "JoinVpc": {
        "ec2:CreateNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:DeleteNetworkInterface",
        "ec2:AssignPrivateIpAddresses",
        "ec2:UnassignPrivateIpAddresses",
    }
}
# These take no resource, or Lambda asks for them on everything.
ON_EVERYTHING = {"ReadResults", "Trace", "JoinVpc"}


def statements(stack: Stack) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every policy statement of the stack, with the resource that it is in."""
    for name, resource in stack.resources.items():
        properties = resource.get("Properties", {})
        documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
        documents += [properties[key] for key in ("PolicyDocument", "AssumeRolePolicyDocument") if key in properties]
        for document in documents:
            for statement in document["Statement"]:
                yield name, statement


def function_statements(stack: Stack) -> dict[str, dict[str, Any]]:
    found = {}
    for name, statement in statements(stack):
        if name in ("FunctionRole", "ContinuationPolicy") and "Principal" not in statement:
            found[statement["Sid"]] = statement
    return found


def least(stack: Stack) -> Iterator[str]:
    """The function's role has the actions that the function calls, on the resources that it calls them on."""
    expected = dict(ALWAYS)
    for given, more in (
        (stack.parameters["UseQueue"] == "Yes", WITH_QUEUE),
        (stack.parameters["BucketKeyArn"], WITH_KEY),
        (stack.parameters["Tracing"] == "Active", WITH_TRACES),
        (stack.parameters["SubnetIds"], IN_VPC),
    ):
        if given:
            expected |= more
    found = function_statements(stack)
    if found.keys() != expected.keys():
        yield f"the function's role has {found.keys() ^ expected.keys()} too little or too much"
    for sid in found.keys() & expected.keys():
        if set(found[sid]["Action"]) != expected[sid]:
            yield f"{sid} has {set(found[sid]['Action']) ^ expected[sid]} too little or too much"
        if (found[sid]["Resource"] == "*") != (sid in ON_EVERYTHING):
            yield f"{sid} is on {found[sid]['Resource']}"


def resources(stack: Stack) -> Iterator[str]:
    """Resources that emulators do not look at: the bucket of ListBucket, the three kinds of Glue, the qualified ARN."""
    found = function_statements(stack)
    bucket = stack.parameters["ExistingBucket"] or "<Bucket>"
    prefix = f"{stack.parameters['OutputPrefix']}/" if stack.parameters["OutputPrefix"] else ""
    glue = "arn:aws-test:glue:us-east-1:123456789012"
    database = stack.parameters["DatabaseName"]
    expected = {
        "WriteLake": f"arn:aws-test:s3:::{bucket}/{prefix}*",
        "SeeWhatIsMissing": f"arn:aws-test:s3:::{bucket}",
        "RegisterPartitions": [
            f"{glue}:catalog",
            f"{glue}:database/{database}",
            f"{glue}:table/{database}/label_detections",
            f"{glue}:table/{database}/label_segments",
        ],
        "KeepFailures": "<FailedQueue.Arn>",
        "WriteLogs": "<LogGroup.Arn>",
        "InvokeItself": ["<Function.Arn>", "<Function.Arn>:*"],
    }
    for sid, resource in expected.items():
        if sid in found and found[sid]["Resource"] != resource:
            yield f"{sid} is on {found[sid]['Resource']}, not {resource}"
    if "Condition" in found.get("SeeWhatIsMissing", {}):
        yield "SeeWhatIsMissing has a condition, which a HEAD request may not meet"


def policies(stack: Stack) -> Iterator[str]:
    """No wildcard is allowed to anybody, and whoever writes to topic, queue or bucket does it with TLS."""
    tls = set()
    for name, statement in statements(stack):
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        if statement["Effect"] == "Deny":
            if statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}} and statement["Principal"] == "*":
                tls.add(name)
            continue
        if any("*" in action for action in actions):
            yield f"{name} allows {actions}"
        principal = statement.get("Principal", {})
        if principal == "*" or "AWS" in principal:
            yield f"{name} allows {principal}"
        # A service acts for many accounts: it has to say for whom. Lambda does not in a role of its own.
        if "Service" in principal and principal["Service"] != "lambda.amazonaws.com" and "Condition" not in statement:
            yield f"{name} lets {principal['Service']} act for anybody"
    kinds = ("AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy", "AWS::S3::BucketPolicy")
    for kind in kinds:
        for name in stack.of_type(kind).keys() - tls:
            yield f"{name} allows access without TLS"


def roles(stack: Stack) -> Iterator[str]:
    """Every role obeys the organisation's rules."""
    for name, role in stack.of_type("AWS::IAM::Role").items():
        if role.get("PermissionsBoundary", "") != stack.parameters["PermissionsBoundary"]:
            yield f"{name} has the permissions boundary {role.get('PermissionsBoundary')}"
        if role.get("Path") != stack.parameters["RolePath"]:
            yield f"{name} has the path {role.get('Path')}"


def spelling(text: str) -> Iterator[str]:
    """One action a line, so that a change of one is a change of one line; and no partition by name."""
    for number, line in enumerate(text.splitlines(), 1):
        if re.search(r"arn:aws\b", line):
            yield f"line {number} names a partition"
        if re.search(r"\bAction: *(\[|[\w-]+:(?!\*))", line) and "lambda:InvokeFunction" not in line:
            yield f"line {number} has actions that are not on lines of their own"


CHECKS = (least, resources, policies, roles)
TEXT_CHECKS = (spelling,)
