"""Static checks of the template, for mistakes that emulators and linters miss."""

from collections.abc import Iterator
from typing import Any

import alarms
import all_jobs
import console
import lake
import lint
import messages
import permissions
import reader
import starter
from construct_template import transformed
from stack import Stack

KEY = "arn:aws-test:kms:us-east-1:123456789012:key/1"
# Sets of parameters. Every check runs on each of them, and on each allowed value of each parameter.
VARIANTS: dict[str, dict[str, str]] = {
    "with defaults": {},
    "with a queue": {"UseQueue": "Yes", "AlarmEmail": "someone@example.com"},
    "with existing resources": {
        "ExistingBucket": "a-bucket",
        "OutputPrefix": "video/labels",
        "ExistingTopicArn": "arn:aws-test:sns:us-east-1:123456789012:AmazonRekognition-done",
        "AlarmTopicArn": "arn:aws-test:sns:us-east-1:123456789012:pager",
        "AllJobs": "Daily",
        "DatabaseName": "other",
    },
    "with a bucket of videos": {"VideoBucket": "videos"},
    "with an organization's rules": {
        "AllJobs": "Hourly",
        "UseQueue": "Yes",
        "OutputPrefix": "labels",
        "BucketKeyArn": KEY,
        "PermissionsBoundary": "arn:aws-test:iam::123456789012:policy/boundary",
        "RolePath": "/service/",
        "SubnetIds": "subnet-1,subnet-2",
        "SecurityGroupIds": "sg-1",
        "Tracing": "Active",
        "ReservedConcurrency": "20",
        "LakeFormation": "Yes",
        "PartitionIndex": "Yes",
    },
    "with a bucket of videos and all that belongs to it": {
        "AggregateBy": "SEGMENTS",
        "AlarmEmail": "someone@example.com",
        "AllJobs": "Daily",
        "UseQueue": "Yes",
        "ExistingTopicArn": "arn:aws-test:sns:us-east-1:123456789012:AmazonRekognition-done",
        "PermissionsBoundary": "arn:aws-test:iam::123456789012:policy/boundary",
        "RolePath": "/service/",
        "SubnetIds": "subnet-1,subnet-2",
        "SecurityGroupIds": "sg-1",
        "Tracing": "Active",
        "LogLevel": "WARN",
        "VideoBucket": "videos",
        "VideoSuffixes": ".mp4,.m4v,_raw.MOV",
        "VideoBucketKeyArn": KEY,
        "MinConfidence": "80",
        "IncludeLabels": "Dog,Street Light",
        "ExcludeLabels": "Person",
        "JobTag": "archive",
    },
}
MODULES = (messages, permissions, reader, lake, alarms, console, all_jobs, starter)


def findings(text: str) -> list[str]:
    """Returns what is wrong with the template. The linter is slow, so it runs only if our own checks find nothing."""
    return own_findings(text) or lint_findings(text)


def own_findings(text: str) -> list[str]:
    """Returns the findings of the checks in this folder."""
    found = [finding for check in (*permissions.TEXT_CHECKS, *all_jobs.TEXT_CHECKS) for finding in check(text)]
    try:
        template = transformed(text)
    except Exception as error:  # Anything that the transform raises is a finding.
        return [*found, f"the SAM transform fails: {error}"]
    for check in console.TEMPLATE_CHECKS:
        try:
            found += check(template)
        except (KeyError, ValueError) as error:
            found.append(f"{check.__name__} failed: {error!r}")
    in_variants: dict[str, list[str]] = {}
    for variant, parameters in (VARIANTS | single_values(template)).items():
        for finding in stack_findings(template, parameters):
            in_variants.setdefault(finding, []).append(variant)
    for finding, (first, *more) in in_variants.items():
        found.append(f"{first}{f' and in {len(more)} more variants' if more else ''}: {finding}")
    return found


def stack_findings(template: dict[str, Any], parameters: dict[str, str]) -> Iterator[str]:
    """Returns the findings for one set of parameters."""
    try:
        stack = Stack(template, **parameters)
    except (ValueError, KeyError) as error:
        yield str(error)
        return
    for module in MODULES:
        for check in module.CHECKS:
            try:
                yield from check(stack)
            except (KeyError, ValueError, IndexError) as error:
                yield f"{check.__name__} failed: {error!r}"


def single_values(template: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Returns a set of parameters for each value of each parameter that has allowed values."""
    return {
        f"with {name}={value}": {name: str(value)}
        for name, parameter in template["Parameters"].items()
        for value in parameter.get("AllowedValues", [])
        if value != parameter["Default"]
    }


def lint_findings(text: str) -> list[str]:
    """Lints the template as written and after the transform. As written, most mistakes are hidden from the linter."""
    raw = [f"as written: {finding}" for finding in lint.findings(text)]
    template = transformed(text)
    machine = [f"state machine: {finding}" for finding in lint.findings(all_jobs.as_object(template))]
    return raw + machine + [f"transformed: {finding}" for finding in lint.findings(template)]
