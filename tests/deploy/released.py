"""Checks the templates that dist/ makes from template.yaml, and the Terraform module."""

import re
from collections.abc import Iterator
from typing import Any

from samtranslator.yaml_helper import yaml_parse

import bucket_keys
import bucket_template
import launch_link
import lint
import project
import release_template
import terraform_files
from construct_template import FUNCTIONS
from stack import Stack
from static import VARIANTS, stack_findings

# The smaller of two documented limits of a template in S3. The other one is 1 MB.
MAX_BYTES = 460_800

# Properties of AWS::ServerlessRepo::Application with the pattern and the length of each, from the guide of AWS SAM.
APPLICATION = {
    "Name": ("[a-zA-Z0-9-]+", 140),
    "Description": ("(?s).+", 256),
    "Author": ("[a-z0-9](([a-z0-9]|-(?!-))*[a-z0-9])?", 127),
    "SpdxLicenseId": ("MIT|Apache-2.0", 20),
    "LicenseUrl": ("LICENSE-(MIT|APACHE)", 20),
    "ReadmeUrl": ("serverlessrepo.md", 20),
    "SemanticVersion": (re.escape(project.VERSION), 127),
    "HomePageUrl": ("https://.+", 256),
    "SourceCodeUrl": ("https://.+", 256),
}
OPTIONAL = {"HomePageUrl", "SourceCodeUrl"}
LABEL = re.compile(r"[a-zA-Z0-9+\-_:/@]{1,127}")
# With a name of its own, such a resource needs CAPABILITY_NAMED_IAM.
NAMES = {
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::User": "UserName",
    "AWS::IAM::Group": "GroupName",
}


def findings(text: str) -> list[str]:
    """Returns what is wrong with the templates of a release that is made from the text of template.yaml."""
    template = bucket_template.bucket_template(text)
    found = [f"template-from-bucket.json: {finding}" for finding in of_bucket_template(template)]
    found += [
        f"template-serverlessrepo.yaml: {finding}" for finding in of_application(release_template.application(text))
    ]
    found += of_link()
    return found + [f"deploy/terraform: {finding}" for finding in of_terraform(text)]


def of_bucket_template(template: dict[str, Any]) -> Iterator[str]:
    """The template needs no transform, and takes the zip that the link or the user names."""
    for variant, parameters in VARIANTS.items():
        for finding in stack_findings(template, {"CodeBucket": "code", **parameters}):
            yield f"{variant}: {finding}"
    if "Transform" in template:
        yield "it has a transform"
    size = len(bucket_template.dumped(template).encode())
    if size > MAX_BYTES:
        yield f"it has {size:,} bytes"
    if "Default" in template["Parameters"]["CodeBucket"]:
        yield "CodeBucket has a default"
    uploads = bucket_keys.uploads()
    for architecture in template["Parameters"]["Architecture"]["AllowedValues"]:
        for given, expected in (("", uploads[f"label-lake-{architecture}.zip"]), ("mine.zip", "mine.zip")):
            stack = Stack(template, CodeBucket="code", CodeKey=given, Architecture=architecture, VideoBucket="videos")
            for function in FUNCTIONS:
                code = stack.resources[function]["Properties"]["Code"]
                if code != {"S3Bucket": "code", "S3Key": expected}:
                    yield f"with CodeKey={given!r} and {architecture}, {function} is {code}"
    for name, resource in template["Resources"].items():
        if NAMES.get(resource["Type"]) in resource.get("Properties", {}):
            yield f"{name} has a name, so the stack needs CAPABILITY_NAMED_IAM"
    grouped = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    if sorted(name for group in grouped for name in group["Parameters"]) != sorted(template["Parameters"]):
        yield "the groups of parameters and the parameters differ"


def of_link() -> Iterator[str]:
    """The link names the uploaded template, in the region of the bucket."""
    for region, console in (
        ("eu-west-1", "eu-west-1.console.aws.amazon.com"),
        ("us-gov-west-1", "console.amazonaws-us-gov.com"),
    ):
        template = f"https://code.s3.{region}.amazonaws.com/{bucket_keys.uploads()['template-from-bucket.json']}"
        expected = (
            f"https://{console}/cloudformation/home?region={region}#/stacks/create/review"
            f"?templateURL={template}&stackName=label-lake&param_CodeBucket=code"
        )
        if launch_link.link("code", region) != expected:
            yield f"the link for {region} is {launch_link.link('code', region)}"


def of_application(text: str) -> Iterator[str]:
    """The description of the application has the form that the Serverless Application Repository accepts."""
    application = yaml_parse(text)["Metadata"]["AWS::ServerlessRepo::Application"]
    labels = application.pop("Labels")
    if len(labels) > 10 or not all(LABEL.fullmatch(label) for label in labels):
        yield f"the labels are {labels}"
    if missing := APPLICATION.keys() - OPTIONAL - application.keys():
        yield f"the application lacks {missing}"
    for name, value in application.items():
        pattern, length = APPLICATION[name]
        if not re.fullmatch(pattern, value) or len(value) > length:
            yield f"{name} is {value!r}"
    if bool(project.REPOSITORY) != (application.keys() >= OPTIONAL):
        yield "Cargo.toml names a repository, and the application does not, or the other way around"


def of_terraform(text: str) -> Iterator[str]:
    """The variables and outputs of the Terraform module are those of the template."""
    for file, content in terraform_files.files(bucket_template.bucket_template(text)).items():
        if not file.is_file() or file.read_text() != content:
            yield f"{file.name} is out of date; run deploy/update-terraform"


def lint_findings(text: str) -> list[str]:
    template = bucket_template.bucket_template(text)
    return [f"template-from-bucket.json: {finding}" for finding in lint.findings(template)]
