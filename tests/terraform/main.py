"""Validates the Terraform module and its examples, and checks the stacks that Terraform plans.

Usage: main.py TERRAFORM DIRECTORY, a directory with the program `provider`, for temporary files
"""

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bucket_keys import ARCHITECTURES
from bucket_template import PARAMETERS, bucket_template, dumped
from construct_template import TEMPLATE
from static import VARIANTS, stack_findings
from terraform_files import MODULE, is_bool, snake_case

VERSION = "6.0.0"
"""Version of the provider that the module asks for."""

# Providers are looked up only in the directory. Terraform and OpenTofu have registries of their own.
CONFIGURATION = 'provider_installation {\n  filesystem_mirror {\n    path = "%s"\n  }\n}\n'
REGISTRIES = ("registry.terraform.io", "registry.opentofu.org")
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


class Terraform:
    """The program, with a provider that calls nothing."""

    def __init__(self, program: str, directory: Path):
        configuration = directory / "terraform.rc"
        configuration.write_text(CONFIGURATION % (directory / "mirror"))
        self.program = program
        self.environment = os.environ | {"TF_CLI_CONFIG_FILE": str(configuration), "TF_IN_AUTOMATION": "1"}
        system = f"{platform.system().lower()}_{MACHINES[platform.machine()]}"
        for registry in REGISTRIES:
            plugins = directory / "mirror" / registry / "hashicorp/aws" / VERSION / system
            plugins.mkdir(parents=True)
            shutil.copy2(directory / "provider", plugins / f"terraform-provider-aws_v{VERSION}")

    def run(self, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [self.program, f"-chdir={folder}", *arguments, "-no-color"]
        return subprocess.run(command, env=self.environment, text=True, capture_output=True, timeout=120)

    def check(self, folder: Path, *arguments: str) -> str:
        done = self.run(folder, *arguments)
        if done.returncode:
            raise AssertionError(f"{arguments[0]} in {folder.name}: {done.stdout}{done.stderr}")
        return done.stdout

    def plan(self, folder: Path, variables: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        (folder / "test.auto.tfvars.json").write_text(json.dumps(variables))
        return self.run(folder, "plan", "-input=false", "-out=planned")

    def planned(self, folder: Path, variables: dict[str, Any]) -> dict[str, Any]:
        """Returns the planned values of the resources by type and name."""
        done = self.plan(folder, variables)
        if done.returncode:
            raise AssertionError(f"plan with {variables}: {done.stdout}{done.stderr}")
        planned = json.loads(self.check(folder, "show", "-json", "planned"))["planned_values"]
        return {resource["address"]: resource["values"] for resource in planned["root_module"]["resources"]}


def release(directory: Path, template: dict[str, Any]) -> Path:
    """Makes a release for Terraform, whose zips are empty."""
    directory.mkdir()
    (directory / "template-from-bucket.json").write_text(dumped(template))
    for architecture in ARCHITECTURES:
        (directory / f"label-lake-{architecture}.zip").write_text(architecture)
    return directory


def variables_for(template: dict[str, Any], parameters: dict[str, str]) -> dict[str, Any]:
    """Returns the variables of the module for parameters of the stack."""
    found: dict[str, Any] = {}
    for name, value in parameters.items():
        given = template["Parameters"][name]
        if is_bool(given):
            found[snake_case(name)] = value == "Yes"
        elif given["Type"] == "Number":
            found[snake_case(name)] = int(value)
        elif given["Type"] == "CommaDelimitedList":
            found[snake_case(name)] = value.split(",")
        else:
            found[snake_case(name)] = value
    return found


def defaults(template: dict[str, Any]) -> dict[str, str]:
    return {name: str(given.get("Default", "")) for name, given in template["Parameters"].items()}


def wrong_values(template: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yields sets of variables, each of which the module must refuse."""
    low, high = {}, {}
    for name, given in template["Parameters"].items():
        if name in PARAMETERS or is_bool(given):
            continue
        if "AllowedValues" in given or "AllowedPattern" in given:
            low[snake_case(name)] = {"Number": 0, "CommaDelimitedList": ["no {such} value"]}.get(
                given["Type"], "no {such} value"
            )
        if "MinValue" in given:
            low[snake_case(name)] = given["MinValue"] - 1
        if "MaxValue" in given:
            high[snake_case(name)] = given["MaxValue"] + 1
        if "MaxLength" in given:
            high[snake_case(name)] = "a" * (given["MaxLength"] + 1)
    yield low
    yield high


def faults(terraform: Terraform, work: Path) -> Iterator[str]:
    template = bucket_template(TEMPLATE.read_text())
    module = work / "module"
    shutil.copytree(MODULE, module)
    for folder in (module, *sorted((module / "examples").iterdir())):
        terraform.check(folder, "init", "-input=false", "-backend=false")
        terraform.check(folder, "validate")

    files = release(work / "release", template)
    base = {"release": str(files), "code_bucket": "code"}
    for title, parameters in VARIANTS.items():
        planned = terraform.planned(module, base | variables_for(template, parameters))
        stack, zipped = planned["aws_cloudformation_stack.this"], planned["aws_s3_object.zip"]
        given = stack["parameters"]
        expected = defaults(template) | parameters | {"CodeBucket": "code", "CodeKey": zipped["key"]}
        if given != expected:
            yield f"{title}: the parameters are {given}, not {expected}"
        for finding in stack_findings(template, given):
            yield f"{title}: {finding}"
        url = f"https://code.s3.eu-west-1.amazonaws.com/{planned['aws_s3_object.template']['key']}"
        if stack["template_url"] != url or stack["capabilities"] != ["CAPABILITY_IAM"]:
            yield f"{title}: {stack}"
        if zipped["source"] != str(files / f"label-lake-{given['Architecture']}.zip"):
            yield f"{title}: the function is {zipped['source']}"

    for variables in wrong_values(template):
        printed = terraform.plan(module, base | variables).stderr
        for name in variables:
            if f"var.{name} is " not in printed:
                yield f"{name} may be {variables[name]!r}"
    template["Parameters"]["Later"] = {"Type": "String", "Default": ""}
    newer = release(work / "newer", template)
    printed = terraform.plan(module, base | {"release": str(newer)}).stderr
    if "is of another version than the module" not in " ".join(printed.replace("│", "").split()):
        yield f"a template with another parameter is accepted: {printed}"


def main() -> None:
    program, directory = sys.argv[1:]
    work = Path(directory)
    terraform = Terraform(program, work)
    found = list(faults(terraform, work))
    for fault in found:
        print(fault, file=sys.stderr)
    version = terraform.check(work, "version").splitlines()[0]
    print(f"{version}: module and examples are valid, {len(VARIANTS)} stacks planned, {len(found)} faults")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
