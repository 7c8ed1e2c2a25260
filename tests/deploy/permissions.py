"""Checks that policies and roles grant the least privilege that works, in every AWS partition."""

import re
from collections.abc import Iterator
from typing import Any

from stack import Stack

# Actions that the function calls, by statement. A missing action is a finding, and so is an additional one.
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
# Condition keys with which a policy can name the account or the resource that a service acts for, by service and
# type of the policy's resource. A statement needs one of them, and with any other key it never matches.
# EventBridge supports no condition in the policy of an SNS topic (EventBridge guide, "Amazon SNS permissions").
SERVICE_CONDITIONS: dict[tuple[str, str], set[str]] = {
    ("cloudwatch.amazonaws.com", "AWS::SNS::TopicPolicy"): {"aws:SourceAccount"},
    ("events.amazonaws.com", "AWS::SNS::TopicPolicy"): set(),
    ("events.amazonaws.com", "AWS::SQS::QueuePolicy"): {"aws:SourceArn"},
    ("lambda.amazonaws.com", "AWS::IAM::Role"): set(),
    ("rekognition.amazonaws.com", "AWS::IAM::Role"): {"aws:SourceAccount"},
    ("scheduler.amazonaws.com", "AWS::IAM::Role"): {"aws:SourceAccount"},
    ("sns.amazonaws.com", "AWS::SQS::QueuePolicy"): {"aws:SourceArn"},
    ("states.amazonaws.com", "AWS::IAM::Role"): {"aws:SourceAccount"},
}
# Statements whose resource is `*`: their actions support no resources, or Lambda requires them on all resources.
ON_ALL_RESOURCES = {"ReadResults", "Trace", "JoinVpc"}


def statements(stack: Stack) -> Iterator[tuple[str, dict[str, Any]]]:
    """Returns every policy statement of the stack with the logical ID of its resource."""
    for name, resource in stack.resources.items():
        properties = resource.get("Properties", {})
        documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
        documents += [properties[key] for key in ("PolicyDocument", "AssumeRolePolicyDocument") if key in properties]
        for document in documents:
            for statement in document["Statement"]:
                yield name, statement


def function_statements(stack: Stack) -> dict[str, dict[str, Any]]:
    """Returns the statements that grant rights to the function, by Sid."""
    found = {}
    for name, statement in statements(stack):
        if name in ("FunctionRole", "ContinuationPolicy") and "Principal" not in statement:
            found[statement["Sid"]] = statement
    return found


def least(stack: Stack) -> Iterator[str]:
    """The function's role allows the actions that the function calls, and no others."""
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
        yield f"the statements of the function's role differ from the expected ones by {found.keys() ^ expected.keys()}"
    for sid in found.keys() & expected.keys():
        if set(found[sid]["Action"]) != expected[sid]:
            yield f"the actions of {sid} differ from the expected ones by {set(found[sid]['Action']) ^ expected[sid]}"
        if (found[sid]["Resource"] == "*") != (sid in ON_ALL_RESOURCES):
            yield f"{sid} applies to {found[sid]['Resource']}"


def resources(stack: Stack) -> Iterator[str]:
    """Statements name the resources that emulators ignore: bucket, catalog, database, tables and qualified ARN."""
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
            yield f"{sid} applies to {found[sid]['Resource']}, not to {resource}"
    if "Condition" in found.get("SeeWhatIsMissing", {}):
        yield "SeeWhatIsMissing has a condition, which a HEAD request may not satisfy"


def policies(stack: Stack) -> Iterator[str]:
    """No policy allows a wildcard action or everyone, and topic, queues and bucket require TLS."""
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
    kinds = ("AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy", "AWS::S3::BucketPolicy")
    for kind in kinds:
        for name in stack.of_type(kind).keys() - tls:
            yield f"{name} allows access without TLS"


def services(stack: Stack) -> Iterator[str]:
    """Each statement for a service has a condition that the service supports, or none if it supports none."""
    for name, statement in statements(stack):
        principal = statement.get("Principal", {})
        if statement["Effect"] != "Allow" or "Service" not in principal:
            continue
        service = (principal["Service"], stack.resources[name]["Type"])
        if service not in SERVICE_CONDITIONS:
            yield f"{name} allows {service[0]}; add the condition keys that it supports to SERVICE_CONDITIONS"
            continue
        keys = {key for values in statement.get("Condition", {}).values() for key in values}
        if SERVICE_CONDITIONS[service] and not keys:
            yield f"{name} lets {service[0]} act for any account"
        if keys - SERVICE_CONDITIONS[service]:
            yield f"{name} never allows {service[0]}, which does not support {keys - SERVICE_CONDITIONS[service]} there"
    for name, permission in stack.of_type("AWS::Lambda::Permission").items():
        if "SourceArn" not in permission:
            yield f"{name} lets {permission['Principal']} act for any account"


def roles(stack: Stack) -> Iterator[str]:
    """Every role has the permissions boundary and the path of the parameters."""
    for name, role in stack.of_type("AWS::IAM::Role").items():
        if role.get("PermissionsBoundary", "") != stack.parameters["PermissionsBoundary"]:
            yield f"{name} has the permissions boundary {role.get('PermissionsBoundary')}"
        if role.get("Path") != stack.parameters["RolePath"]:
            yield f"{name} has the path {role.get('Path')}"


def spelling(text: str) -> Iterator[str]:
    """Actions are on lines of their own, for readable diffs, and no ARN names an AWS partition."""
    for number, line in enumerate(text.splitlines(), 1):
        if re.search(r"arn:aws\b", line):
            yield f"line {number} names the partition aws; use ${{AWS::Partition}}"
        if re.search(r"\bAction: *(\[|[\w-]+:(?!\*))", line) and "lambda:InvokeFunction" not in line:
            yield f"line {number} has actions that are not on lines of their own"


CHECKS = (least, resources, policies, services, roles)
TEXT_CHECKS = (spelling,)
