"""Resolves the template to the stack that CloudFormation would create for given parameters.

Takes the output of AWS's own SAM transform, and resolves conditions and intrinsic functions. A reference to a resource
becomes `<Name>`, an attribute `<Name.Attribute>`.
"""

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

PSEUDO = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws-test",
    "AWS::Region": "us-east-1",
    "AWS::StackName": "label-lake",
}
# The value of AWS::NoValue, which removes a property.
NO_VALUE = object()


class Stack:
    """The outputs of a template for given parameters, and its resources except those whose condition is false."""

    def __init__(
        self, template: dict[str, Any], *, partition: str = PSEUDO["AWS::Partition"], **parameters: str
    ) -> None:
        self.template = template
        self.pseudo = PSEUDO | {"AWS::Partition": partition}
        defaults = {name: given.get("Default", "") for name, given in template["Parameters"].items()}
        unknown = parameters.keys() - defaults.keys()
        if unknown:
            raise ValueError(f"unknown parameters: {unknown}")
        self.parameters = defaults | parameters
        self.resources: dict[str, dict[str, Any]] = {
            name: self.resolve(resource)
            for name, resource in template["Resources"].items()
            if "Condition" not in resource or self.condition(resource["Condition"])
        }
        self.outputs = {
            name: self.resolve(output["Value"])
            for name, output in template["Outputs"].items()
            if "Condition" not in output or self.condition(output["Condition"])
        }

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Returns the properties of all resources of a type, by logical ID."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.resources.items()
            if resource["Type"] == kind
        }

    def condition(self, name: str) -> bool:
        return bool(self.resolve(self.template["Conditions"][name]))

    def resolve(self, value: Any) -> Any:
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name in FUNCTIONS:
                return FUNCTIONS[name](self, argument)
        resolved = {name: self.resolve(item) for name, item in value.items()}
        return {name: item for name, item in resolved.items() if item is not NO_VALUE}

    def reference(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in self.pseudo:
            return self.pseudo[name]
        if name in self.parameters:
            value = self.parameters[name]
            is_list = self.template["Parameters"][name]["Type"] == "CommaDelimitedList"
            return value.split(",") if is_list else value
        if name not in self.template["Resources"]:
            raise ValueError(f"a reference to {name}, which is not in the template")
        return f"<{name}>"

    def attribute(self, argument: str | list[str]) -> str:
        path = argument if isinstance(argument, str) else ".".join(argument)
        self.reference(path.split(".")[0])
        return f"<{path}>"

    def substitute(self, argument: str | list[Any]) -> str:
        text, given = (argument, {}) if isinstance(argument, str) else argument
        given = {name: self.resolve(value) for name, value in given.items()}

        def value(match: re.Match[str]) -> str:
            name = match[1]
            if name in given:
                return str(given[name])
            return self.attribute(name) if "." in name else str(self.reference(name))

        return re.sub(r"\$\{([^!}]+)\}", value, text)

    def choose(self, argument: list[Any]) -> Any:
        name, then, otherwise = argument
        return self.resolve(then if self.condition(name) else otherwise)

    def joined(self, argument: list[Any]) -> str:
        separator, parts = argument
        return separator.join(map(str, self.resolve(parts)))

    def selected(self, argument: list[Any]) -> Any:
        index, items = argument
        return self.resolve(items)[int(index)]

    def split(self, argument: list[Any]) -> list[str]:
        separator, text = argument
        return self.resolve(text).split(separator)

    def equal(self, argument: list[Any]) -> bool:
        left, right = self.resolve(argument)
        return str(left) == str(right)


FUNCTIONS = {
    "Ref": Stack.reference,
    "Fn::GetAtt": Stack.attribute,
    "Fn::Sub": Stack.substitute,
    "Fn::If": Stack.choose,
    "Fn::Join": Stack.joined,
    "Fn::Select": Stack.selected,
    "Fn::Split": Stack.split,
    "Fn::Equals": Stack.equal,
    "Fn::Not": lambda stack, argument: not stack.resolve(argument)[0],
    "Fn::And": lambda stack, argument: all(stack.resolve(argument)),
    "Fn::Or": lambda stack, argument: any(stack.resolve(argument)),
    "Condition": Stack.condition,
}
