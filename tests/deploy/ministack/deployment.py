"""The stack on ministack: the template with what the emulator does not know taken out, deployed by `sam`."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from services import REGION, Ministack
from stack import Stack

ROOT = Path(__file__).resolve().parents[3]
# The template of a release that is for this machine.
RELEASED = "template-x86_64.yaml"

# The emulator refuses a template with these. The static checks look at them.
UNKNOWN_TYPES = {
    "AWS::Athena::NamedQuery",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::LakeFormation::PrincipalPermissions",
}


def written(artifact: Path) -> dict[str, Any]:
    """The template as it is written."""
    released = artifact / RELEASED
    return yaml_parse((released if released.exists() else ROOT / "template.yaml").read_text())


def template(artifact: Path, *, plain_http: bool) -> dict[str, Any]:
    """The template as the emulator takes it. It serves HTTP, which the policies refuse unless they are told not to."""
    template = written(artifact)
    resources = template["Resources"]
    for name in [name for name, resource in resources.items() if resource["Type"] in UNKNOWN_TYPES]:
        del resources[name]
    dashboard = resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    dashboard[0] = dashboard[0].replace('"${SomethingFailed.Arn}", ', "")
    function = resources["Function"]
    if (artifact / RELEASED).exists():
        # The template is written elsewhere; what it points at is where it was.
        function["Properties"]["CodeUri"] = str(artifact / function["Properties"]["CodeUri"])
    else:
        del function["Metadata"]
        function["Properties"]["CodeUri"] = str(artifact)
    # CloudFormation makes a number of a parameter's text; the emulator does not.
    resources["JobQueueMapping"]["Properties"]["ScalingConfig"] = {"MaximumConcurrency": 2}
    if plain_http:
        without_tls(resources)
    return template


def without_tls(resources: dict[str, Any]) -> None:
    """Takes out the statements that refuse HTTP, and the policies that hold nothing else."""
    for name, resource in list(resources.items()):
        document = resource.get("Properties", {}).get("PolicyDocument")
        if document and resource["Type"] != "AWS::IAM::Policy":
            document["Statement"] = [statement for statement in document["Statement"] if statement["Sid"] != "TlsOnly"]
            if not document["Statement"]:
                del resources[name]


class Deployment:
    """A stack, and what its outputs name."""

    def __init__(self, aws: Ministack, directory: Path, name: str) -> None:
        self.aws, self.name = aws, name
        self.file = directory / f"{name}.json"
        self.outputs: dict[str, str] = {}
        # All that the template asks for, also what the emulator does not know.
        self.asked: Stack

    def deploy(self, artifact: Path, *, plain_http: bool = True, **parameters: str) -> float:
        """Deploys, and says how many seconds it took."""
        self.file.write_text(json.dumps(template(artifact, plain_http=plain_http)))
        parameters = {"Architecture": "x86_64"} | parameters
        self.asked = Stack(written(artifact), **parameters)
        given = [f"{name}={value}" for name, value in parameters.items()]
        started = time.monotonic()
        self.sam(
            *("deploy", "--template", str(self.file), "--resolve-s3", "--capabilities", "CAPABILITY_IAM"),
            *("--no-confirm-changeset", "--no-progressbar", "--parameter-overrides", *given),
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

    def resource(self, logical: str) -> str:
        """The name that a resource got."""
        cloudformation = self.aws.client("cloudformation")
        detail = cloudformation.describe_stack_resource(StackName=self.name, LogicalResourceId=logical)
        return detail["StackResourceDetail"]["PhysicalResourceId"]
