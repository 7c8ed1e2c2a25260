"""Generates the variables and outputs of the Terraform module from the parameters and outputs of the template.

deploy/update-terraform runs this script, and tests/deploy/check fails if the files are out of date.
"""

import json
import re
from pathlib import Path
from typing import Any

from bucket_template import PARAMETERS, bucket_template
from release_template import TEMPLATE

MODULE = Path(__file__).resolve().parent / "terraform"
GENERATED = "# Generated from template.yaml by deploy/update-terraform.\n"
YES_OR_NO = {"Yes", "No"}


def files(template: dict[str, Any]) -> dict[Path, str]:
    """Returns the generated files of the module for the template that it deploys."""
    # The module itself uploads the zip, and says where it is.
    parameters = {name: given for name, given in template["Parameters"].items() if name not in PARAMETERS}
    variables = [variable(name, given, parameters) for name, given in parameters.items()]
    outputs = [output(name, given, parameters) for name, given in template["Outputs"].items()]
    return {
        MODULE / "parameters.tf": "\n".join([GENERATED, *variables, locals_of(parameters)]),
        MODULE / "outputs.tf": "\n".join([GENERATED, *outputs]),
    }


def snake_case(name: str) -> str:
    """Returns the name of the variable or output for that of a parameter or output."""
    return re.sub("(?<=[a-z])(?=[A-Z])", "_", name).lower()


def quoted(text: str) -> str:
    """Returns a string literal of Terraform."""
    return json.dumps(text, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")


def is_bool(given: dict[str, Any]) -> bool:
    return set(given.get("AllowedValues", [])) == YES_OR_NO


def description(given: dict[str, Any], parameters: dict[str, Any]) -> str:
    """Returns a description with the names and values of Terraform."""
    text = given["Description"]
    if is_bool(given):
        text = re.sub(r"\bYes\b", "true", text)
    names = "|".join(parameters)
    return re.sub(rf"\b({names})\b", lambda match: snake_case(match[1]), text)


def variable(name: str, given: dict[str, Any], parameters: dict[str, Any]) -> str:
    kind, default = kind_and_default(given)
    lines = [
        f'variable "{snake_case(name)}" {{',
        f"  description = {quoted(description(given, parameters))}",
        f"  type        = {kind}",
        f"  default     = {default}",
        "  nullable    = false",
    ]
    for condition, message in validations(f"var.{snake_case(name)}", given):
        lines += [
            "",
            "  validation {",
            f"    condition     = {condition}",
            f"    error_message = {quoted(message)}",
            "  }",
        ]
    return "\n".join([*lines, "}", ""])


def kind_and_default(given: dict[str, Any]) -> tuple[str, str]:
    if is_bool(given):
        return "bool", "true" if given["Default"] == "Yes" else "false"
    if given["Type"] == "Number":
        return "number", str(given["Default"])
    if given["Type"] == "CommaDelimitedList":
        return "list(string)", json.dumps([one for one in given["Default"].split(",") if one])
    return "string", quoted(given["Default"])


def validations(value: str, given: dict[str, Any]) -> list[tuple[str, str]]:
    """Returns the conditions on a variable, each with its error message."""
    found = []
    if "AllowedValues" in given and not is_bool(given):
        allowed = [one if given["Type"] == "Number" else quoted(one) for one in given["AllowedValues"]]
        listed = ", ".join(map(str, given["AllowedValues"]))
        found.append((f"contains([{', '.join(map(str, allowed))}], {value})", f"Must be one of: {listed}."))
    if "AllowedPattern" in given:
        pattern = given["AllowedPattern"]
        if given["Type"] == "CommaDelimitedList":
            # CloudFormation applies the pattern to each item.
            condition = f"alltrue([for item in {value} : can(regex({quoted(pattern)}, item))])"
        else:
            condition = f"can(regex({quoted(pattern)}, {value}))"
        found.append((condition, f"Must match {pattern}."))
    if "MaxLength" in given:
        found.append((f"length({value}) <= {given['MaxLength']}", f"At most {given['MaxLength']} characters."))
    if "MinValue" in given:
        found.append((f"{value} >= {given['MinValue']}", f"Must be at least {given['MinValue']}."))
    if "MaxValue" in given:
        found.append((f"{value} <= {given['MaxValue']}", f"Must be at most {given['MaxValue']}."))
    return found


def locals_of(parameters: dict[str, Any]) -> str:
    """Returns the parameters of the stack as text, as CloudFormation takes them."""
    width = max(map(len, parameters))
    lines = [f"    {name:{width}} = {as_text(name, given)}" for name, given in parameters.items()]
    return "\n".join(["locals {", "  parameters = {", *lines, "  }", "}", ""])


def as_text(name: str, given: dict[str, Any]) -> str:
    value = f"var.{snake_case(name)}"
    if is_bool(given):
        return f'{value} ? "Yes" : "No"'
    if given["Type"] == "Number":
        return f"tostring({value})"
    if given["Type"] == "CommaDelimitedList":
        return f'join(",", {value})'
    return value


def output(name: str, given: dict[str, Any], parameters: dict[str, Any]) -> str:
    text, value = description(given, parameters), f'aws_cloudformation_stack.this.outputs["{name}"]'
    if "Condition" in given:
        text += " Null if the stack does not have it."
        value = f'lookup(aws_cloudformation_stack.this.outputs, "{name}", null)'
    return "\n".join(
        [
            f'output "{snake_case(name)}" {{',
            f"  description = {quoted(text)}",
            f"  value       = {value}",
            "}",
            "",
        ]
    )


if __name__ == "__main__":
    for file, content in files(bucket_template(TEMPLATE.read_text())).items():
        file.write_text(content)
