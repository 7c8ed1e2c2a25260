"""All checks of a template's text: what AWS would refuse or lose, and emulators and linters do not see."""

from __future__ import annotations

import alarms
import lake
import lint
import messages
import permissions
from stack import Stack, transformed

KEY = "arn:aws-test:kms:us-east-1:123456789012:key/1"
# The ways to deploy: each check looks at each.
VARIANTS: dict[str, dict[str, str]] = {
    "as it comes": {},
    "with a queue": {"UseQueue": "Yes", "AlarmEmail": "someone@example.com"},
    "onto what is there": {
        "ExistingBucket": "a-bucket",
        "OutputPrefix": "video/labels",
        "ExistingTopicArn": "arn:aws-test:sns:us-east-1:123456789012:AmazonRekognition-done",
        "AlarmTopicArn": "arn:aws-test:sns:us-east-1:123456789012:pager",
        "DatabaseName": "other",
    },
    "with every rule": {
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
}
MODULES = (messages, permissions, lake, alarms)


def findings(text: str) -> list[str]:
    """What is wrong with the template: ours first, then the linter's, which takes longest."""
    return own_findings(text) or lint_findings(text)


def own_findings(text: str) -> list[str]:
    found = [finding for check in permissions.TEXT_CHECKS for finding in check(text)]
    try:
        template = transformed(text)
    except Exception as error:  # noqa: BLE001 - whatever the transform does not take is a finding
        return [*found, f"the transform refuses the template: {error}"]
    found += [finding for check in alarms.TEMPLATE_CHECKS for finding in check(template)]
    for variant, parameters in VARIANTS.items():
        try:
            stack = Stack(template, **parameters)
        except (ValueError, KeyError) as error:
            found.append(f"{variant}: {error}")
            continue
        for module in MODULES:
            for check in module.CHECKS:
                try:
                    found += [f"{variant}: {finding}" for finding in check(stack)]
                except (KeyError, ValueError, IndexError) as error:
                    found.append(f"{variant}: {check.__name__} does not find {error}")
    return found


def lint_findings(text: str) -> list[str]:
    """As written and as CloudFormation gets it: the raw template hides most mistakes from the linter."""
    raw = [f"as written: {finding}" for finding in lint.findings(text)]
    return raw + [f"transformed: {finding}" for finding in lint.findings(transformed(text))]
