"""Checks of what a person sees of the stack: dashboard, outputs and parameters."""

import json
from collections.abc import Iterator
from typing import Any

from metrics import EMITTED, EMITTED_BY_STARTER, wrong_metric
from stack import Stack


def dashboard(stack: Stack) -> Iterator[str]:
    """The dashboard shows every metric of the function, all alarms, and only metrics that exist."""
    (dashboard,) = stack.of_type("AWS::CloudWatch::Dashboard").values()
    body = json.loads(dashboard["DashboardBody"])
    shown = set()
    for widget in body["widgets"]:
        properties = widget["properties"]
        if widget["x"] + widget["width"] > 24:
            yield f"{properties['title']} is wider than the page"
        for namespace, metric, dimension, value, *_ in properties.get("metrics", []):
            shown.add(metric)
            for finding in wrong_metric(namespace, metric, {dimension: value}):
                yield f"{properties['title']}: {finding}"
        if widget["type"] == "alarm":
            alarms = {arn.strip("<>").removesuffix(".Arn") for arn in properties["alarms"]}
            expected = {name for name, resource in stack.resources.items() if resource["Type"].endswith("Alarm")}
            if alarms != expected:
                yield f"the alarms of the stack and the dashboard differ by {alarms ^ expected}"
    for metric in (EMITTED | (EMITTED_BY_STARTER if stack.parameters["VideoBucket"] else set())) - shown:
        yield f"the dashboard does not show {metric}"


def outputs(stack: Stack) -> Iterator[str]:
    """Outputs that are commands are complete and can be pasted."""
    topic = stack.parameters["ExistingTopicArn"] or "<Topic>"
    for name, part in (
        ("StartJob", f"SNSTopicArn={topic},RoleArn=<RekognitionRole.Arn>"),
        ("QueryJobs", "--work-group <WorkGroup> --query-execution-context Database=<Database>"),
        ("ReplayFailures", "label-lake replay <FailedQueue> --function <Function>"),
        ("SendJob", "--function-name <Function> --invocation-type Event"),
    ):
        if part not in stack.outputs[name]:
            yield f"the output {name} is {stack.outputs[name]}"
    if stack.outputs.get("ReaderPolicyArn") != "<ReaderPolicy>":
        yield f"the output ReaderPolicyArn is {stack.outputs.get('ReaderPolicyArn')}"
    for name, value in stack.outputs.items():
        if isinstance(value, str) and "${" in value:
            yield f"the output {name} has an unresolved variable"


def dashboard_url(template: dict[str, Any]) -> Iterator[str]:
    """The URL of the dashboard has the host of the partition's console."""
    hosts = {"aws": "us-east-1.console.aws.amazon.com", "aws-us-gov": "console.amazonaws-us-gov.com"}
    for partition, host in hosts.items():
        url = Stack(template, partition=partition).outputs["DashboardUrl"]
        if url != f"https://{host}/cloudwatch/home?region=us-east-1#dashboards:name=<Dashboard>":
            yield f"the dashboard's URL in {partition} is {url}"


def parameters(template: dict[str, Any]) -> Iterator[str]:
    """Each parameter has a description, a default and one group."""
    interface = template["Metadata"]["AWS::CloudFormation::Interface"]
    grouped = [name for group in interface["ParameterGroups"] for name in group["Parameters"]]
    if sorted(grouped) != sorted(template["Parameters"]):
        yield f"the parameters and their groups differ by {set(grouped) ^ set(template['Parameters'])}"
    for name, parameter in template["Parameters"].items():
        if "Description" not in parameter or "Default" not in parameter:
            yield f"{name} has no description or no default"
    for name in interface["ParameterLabels"].keys() - template["Parameters"].keys():
        yield f"{name} has a label but is not a parameter"


CHECKS = (dashboard, outputs)
TEMPLATE_CHECKS = (dashboard_url, parameters)
