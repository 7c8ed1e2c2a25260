"""Deploys the stack to ministack with `sam`, without the resources that the emulator does not support."""

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from construct_template import FUNCTIONS
from services import REGION, Ministack
from stack import Stack

ROOT = Path(__file__).resolve().parents[3]
# The template of a release for the architecture of this machine.
RELEASED = "template-x86_64.yaml"

# Resource types that make the emulator refuse a template. The static checks cover them.
UNSUPPORTED_TYPES = {
    "AWS::Athena::NamedQuery",
    "AWS::LakeFormation::PrincipalPermissions",
}


def original_template(artifact: Path) -> dict[str, Any]:
    """Returns the original template: that of the release if the artifact is one, else that of the repository."""
    released = artifact / RELEASED
    return yaml_parse((released if released.exists() else ROOT / "template.yaml").read_text())


def template(artifact: Path, *, plain_http: bool) -> dict[str, Any]:
    """Returns a template that the emulator supports.

    The emulator serves plain HTTP, which the policies deny. With `plain_http` the template is without these policies.
    """
    template = original_template(artifact)
    resources = template["Resources"]
    for name in [name for name, resource in resources.items() if resource["Type"] in UNSUPPORTED_TYPES]:
        del resources[name]
    for function in (resources[name] for name in FUNCTIONS):
        if (artifact / RELEASED).exists():
            # The template is written to another directory than the artifact.
            function["Properties"]["CodeUri"] = str(artifact / function["Properties"]["CodeUri"])
        else:
            del function["Metadata"]
            function["Properties"]["CodeUri"] = str(artifact)
    # The emulator's policy simulator ignores the context, so it would deny to pass the role.
    for statement in resources["StarterRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]:
        if statement.get("Sid") == "LetRekognitionPublish":
            del statement["Condition"]
    # CloudFormation converts the text of a parameter to a number; the emulator does not.
    resources["JobQueueMapping"]["Properties"]["ScalingConfig"] = {"MaximumConcurrency": 2}
    if plain_http:
        without_tls(resources)
    return template


def without_tls(resources: dict[str, Any]) -> None:
    """Removes the statements that deny plain HTTP, and policies that contain nothing else."""
    for name, resource in list(resources.items()):
        document = resource.get("Properties", {}).get("PolicyDocument")
        if document and not resource["Type"].startswith("AWS::IAM::"):
            document["Statement"] = [
                statement for statement in document["Statement"] if statement.get("Sid") != "TlsOnly"
            ]
            if not document["Statement"]:
                del resources[name]


class Deployment:
    """A stack and its outputs."""

    def __init__(self, aws: Ministack, directory: Path, name: str) -> None:
        self.aws, self.name = aws, name
        self.file = directory / f"{name}.json"
        self.outputs: dict[str, str] = {}
        # The stack that the original template describes, including resources that the emulator does not support.
        self.expected: Stack

    def deploy(self, artifact: Path, *, plain_http: bool = True, **parameters: str) -> float:
        """Deploys, and returns how many seconds it took."""
        self.file.write_text(json.dumps(template(artifact, plain_http=plain_http)))
        parameters = {"Architecture": "x86_64"} | parameters
        self.expected = Stack(original_template(artifact), **parameters)
        # `sam` ends a value without quotes at the first space.
        overrides = [f'{name}="{value}"' for name, value in parameters.items()]
        started = time.monotonic()
        self.sam(
            *("deploy", "--template", str(self.file), "--resolve-s3", "--capabilities", "CAPABILITY_IAM"),
            *("--no-confirm-changeset", "--no-progressbar", "--parameter-overrides", *overrides),
        )
        stacks = self.aws.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in stacks[0]["Outputs"]}
        return time.monotonic() - started

    def delete(self) -> None:
        self.sam("delete", "--no-prompts")

    def sam(self, *arguments: str) -> None:
        done = subprocess.run(
            [os.environ["SAM"], *arguments, "--stack-name", self.name, "--region", REGION],
            env=self.aws.environment,
            cwd=self.file.parent,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise AssertionError(f"sam {arguments[0]}: {done.stdout}\n{done.stderr}")

    def resource(self, logical_id: str) -> str:
        """Returns the physical ID of a resource."""
        cloudformation = self.aws.client("cloudformation")
        detail = cloudformation.describe_stack_resource(StackName=self.name, LogicalResourceId=logical_id)
        return detail["StackResourceDetail"]["PhysicalResourceId"]
