"""Generates template.json, which the CDK construct includes: template.yaml after the SAM transform.

The construct cannot include template.yaml itself. The CDK's classes for SAM lag behind SAM, and CloudFormation would
apply the SAM transform to the whole stack that the construct is in.

cdk/update-template runs this script. dist/ and tests/deploy use its functions.
"""

import json
import logging
import os
from pathlib import Path
from typing import Any

from samtranslator.public.translator import ManagedPolicyLoader
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

CDK = Path(__file__).resolve().parent
TEMPLATE = CDK.parent / "template.yaml"
INCLUDED = CDK / "template.json"
# Functions of the template. They have the same program.
FUNCTIONS = ("Function", "Starter")

# The transform asks for a region, but the template does not depend on it.
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
# The transform collects metrics of its own and warns that they are not published.
logging.getLogger("samtranslator").setLevel(logging.ERROR)


class NoManagedPolicies(ManagedPolicyLoader):
    """Loads no managed policies: the template uses none, and loading them needs an account."""

    def __init__(self) -> None:
        super().__init__(None)

    def load(self) -> dict[str, str]:
        return {}


def transformed(text: str) -> dict[str, Any]:
    """Applies the SAM transform to a template. Parameters and conditions stay unresolved."""
    template = yaml_parse(text)
    # The transform accepts only a built artifact in S3.
    for function in FUNCTIONS:
        template["Resources"][function]["Properties"]["CodeUri"] = "s3://artifacts/bootstrap.zip"
    return transform(template, {}, NoManagedPolicies())


def without_sam(text: str) -> dict[str, Any]:
    """Returns the template after the SAM transform, without instructions and marks of SAM."""
    template = transformed(text)
    for resource in template["Resources"].values():
        # Instructions for `sam build`.
        resource.pop("Metadata", None)
    # A tag that says that SAM created the function.
    for function in FUNCTIONS:
        del template["Resources"][function]["Properties"]["Tags"]
    return template


def construct_template(text: str) -> str:
    """Returns template.json for the text of template.yaml."""
    template = without_sam(text)
    # The stack's description and the order of parameters in the console. The stack of the construct has its own.
    del template["Description"], template["Metadata"]
    return json.dumps(template, indent=1, ensure_ascii=False) + "\n"


def is_current(text: str) -> bool:
    """Returns true if template.json is up to date with the text of template.yaml."""
    return INCLUDED.is_file() and INCLUDED.read_text() == construct_template(text)


if __name__ == "__main__":
    INCLUDED.write_text(construct_template(TEMPLATE.read_text()))
