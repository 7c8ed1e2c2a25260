"""Checks of what watches: every metric exists, every way to lose a job has an alarm, the commands are complete."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from stack import ROOT, Stack

# Documented metrics with the dimension that they are read by. An alarm on any other never rings.
DOCUMENTED = {
    "AWS/Lambda": (
        "FunctionName",
        {
            "AsyncEventAge",
            "AsyncEventsDropped",
            "AsyncEventsReceived",
            "ConcurrentExecutions",
            "DeadLetterErrors",
            "DestinationDeliveryFailures",
            "Duration",
            "Errors",
            "Invocations",
            "RecursiveInvocationsDropped",
            "Throttles",
        },
    ),
    "AWS/SQS": (
        "QueueName",
        {
            "ApproximateAgeOfOldestMessage",
            "ApproximateNumberOfMessagesDelayed",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesVisible",
            "NumberOfEmptyReceives",
            "NumberOfMessagesDeleted",
            "NumberOfMessagesReceived",
            "NumberOfMessagesSent",
            "SentMessageSize",
        },
    ),
    "AWS/SNS": (
        "TopicName",
        {
            "NumberOfMessagesPublished",
            "NumberOfNotificationsDelivered",
            "NumberOfNotificationsFailed",
            "NumberOfNotificationsFailedToRedriveToDlq",
            "NumberOfNotificationsFilteredOut",
            "NumberOfNotificationsFilteredOut-InvalidAttributes",
            "NumberOfNotificationsFilteredOut-InvalidMessageBody",
            "NumberOfNotificationsFilteredOut-MessageAttributes",
            "NumberOfNotificationsFilteredOut-MessageBody",
            "NumberOfNotificationsFilteredOut-NoMessageAttributes",
            "NumberOfNotificationsRedrivenToDlq",
            "PublishSize",
        },
    ),
}
EMITTED = {line.split()[0] for line in (ROOT / "tests" / "golden" / "metrics.txt").read_text().splitlines()}

# Every bad end of a job, and of an event, with the threshold that still leaves time to act.
NEEDED: dict[tuple[str, str, str], tuple[float, float]] = {
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "<FailedQueue.QueueName>"): (0, 0),
    # Seconds. Results are kept for 7 days.
    ("AWS/SQS", "ApproximateAgeOfOldestMessage", "<FailedQueue.QueueName>"): (3600, 4 * 86400),
    ("AWS/Lambda", "Errors", "<Function>"): (0, 10),
    ("AWS/Lambda", "Throttles", "<Function>"): (0, 0),
    # Milliseconds, between the moment to hand on and the timeout.
    ("AWS/Lambda", "Duration", "<Function>"): (895_000, 899_999),
    ("LabelLake", "FailedJobs", "<Function>"): (0, 0),
    ("AWS/Lambda", "AsyncEventsDropped", "<Function>"): (0, 0),
    ("AWS/Lambda", "DestinationDeliveryFailures", "<Function>"): (0, 0),
    ("AWS/SNS", "NumberOfNotificationsFailedToRedriveToDlq", "{topic}"): (0, 0),
    ("AWS/Lambda", "RecursiveInvocationsDropped", "<Function>"): (0, 0),
}
NEEDED_WITH_QUEUE = {("AWS/SQS", "ApproximateAgeOfOldestMessage", "<JobQueue.QueueName>"): (3600, 4 * 86400)}


def wrong_metric(namespace: str, metric: str, dimensions: dict[str, str]) -> Iterator[str]:
    if namespace == "LabelLake":
        if metric not in EMITTED:
            yield f"the function does not emit {metric}"
        expected = "FunctionName"
    elif namespace in DOCUMENTED:
        expected, metrics = DOCUMENTED[namespace]
        if metric not in metrics:
            yield f"{namespace} has no metric {metric}"
    else:
        yield f"there is no namespace {namespace}"
        return
    if list(dimensions) != [expected]:
        yield f"{namespace} {metric} has no dimensions {list(dimensions)}"


def alarms(stack: Stack) -> Iterator[str]:
    """Each alarm is on a metric that exists; together they see every bad end."""
    topic_arn = stack.parameters["ExistingTopicArn"]
    topic = topic_arn.split(":")[5] if topic_arn else "<Topic.TopicName>"
    needed = NEEDED | (NEEDED_WITH_QUEUE if stack.parameters["UseQueue"] == "Yes" else {})
    needed = {(space, metric, of.format(topic=topic)): bounds for (space, metric, of), bounds in needed.items()}
    for name, alarm in stack.of_type("AWS::CloudWatch::Alarm").items():
        dimensions = {dimension["Name"]: dimension["Value"] for dimension in alarm["Dimensions"]}
        for finding in wrong_metric(alarm["Namespace"], alarm["MetricName"], dimensions):
            yield f"{name}: {finding}"
        low, high = needed.pop((alarm["Namespace"], alarm["MetricName"], *dimensions.values()), (0, -1))
        if not low <= alarm["Threshold"] <= high:
            yield f"{name} rings at {alarm['Threshold']}"
        level = alarm["MetricName"].startswith("Approximate") or alarm["MetricName"] == "Duration"
        if alarm["Statistic"] != ("Maximum" if level else "Sum"):
            yield f"{name} looks at the {alarm['Statistic']}"
        if not alarm["ComparisonOperator"].startswith("GreaterThan"):
            yield f"{name} rings when all is well"
        # No data point means that nothing happened. Missing data would keep the composite alarm from saying OK.
        if alarm["TreatMissingData"] != "notBreaching":
            yield f"{name} treats silence as {alarm['TreatMissingData']}"
        if len(alarm["AlarmDescription"]) > 700:
            yield f"{name} has a description that may exceed the 1,024 characters of CloudWatch"
    for missing in needed:
        yield f"no alarm on {missing}"


def composite(stack: Stack) -> Iterator[str]:
    """One alarm above all others, that tells somebody and says what to run."""
    (alarm,) = stack.of_type("AWS::CloudWatch::CompositeAlarm").values()
    rung = set(re.findall(r'ALARM\("<(\w+)>"\)', alarm["AlarmRule"]))
    if rung != stack.of_type("AWS::CloudWatch::Alarm").keys():
        yield f"the composite alarm rings with {alarm['AlarmRule']}"
    for word in alarm["AlarmRule"].split():
        if word not in ("OR", "FALSE") and not re.fullmatch(r'ALARM\("<\w+>"\)', word):
            yield f"the composite alarm's rule has the word {word}"
    if "label-lake replay <FailedQueue> --function <Function>" not in alarm["AlarmDescription"]:
        yield "the composite alarm does not say what to run"
    told = stack.parameters["AlarmTopicArn"] or ("<AlarmTopic>" if stack.parameters["AlarmEmail"] else None)
    if alarm.get("AlarmActions") != (told and [told]):
        yield f"the composite alarm tells {alarm.get('AlarmActions')}"


def described(stack: Stack) -> Iterator[str]:
    """docs/OPERATIONS.md has a line for each alarm."""
    operations = (ROOT / "docs" / "OPERATIONS.md").read_text()
    for alarm in stack.of_type("AWS::CloudWatch::Alarm").values():
        name = alarm["AlarmName"].removeprefix("label-lake-")
        if f"`{name}`" not in operations:
            yield f"docs/OPERATIONS.md does not say what to do when {name} rings"


def dashboard(stack: Stack) -> Iterator[str]:
    """The dashboard is valid, and shows metrics that exist."""
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
                yield f"the dashboard shows {alarms ^ expected} too little or too much"
    for metric in EMITTED - shown:
        yield f"the dashboard does not show {metric}"


def outputs(stack: Stack) -> Iterator[str]:
    """The outputs are commands that can be pasted."""
    topic = stack.parameters["ExistingTopicArn"] or "<Topic>"
    for name, part in (
        ("StartJob", f"SNSTopicArn={topic},RoleArn=<RekognitionRole.Arn>"),
        ("QueryJobs", "--work-group <WorkGroup> --query-execution-context Database=<Database>"),
        ("ReplayFailures", "label-lake replay <FailedQueue> --function <Function>"),
        ("SendJob", "--function-name <Function> --invocation-type Event"),
    ):
        if part not in stack.outputs[name]:
            yield f"the output {name} is {stack.outputs[name]}"
    for name, value in stack.outputs.items():
        if isinstance(value, str) and "${" in value:
            yield f"the output {name} has an open place"


def parameters(template: dict[str, Any]) -> Iterator[str]:
    """Each parameter is described, and in one group."""
    interface = template["Metadata"]["AWS::CloudFormation::Interface"]
    grouped = [name for group in interface["ParameterGroups"] for name in group["Parameters"]]
    if sorted(grouped) != sorted(template["Parameters"]):
        yield f"the parameter groups have {set(grouped) ^ set(template['Parameters'])} too little or too much"
    for name, parameter in template["Parameters"].items():
        if "Description" not in parameter or "Default" not in parameter:
            yield f"{name} has no description or no default"
    for name in interface["ParameterLabels"].keys() - template["Parameters"].keys():
        yield f"there is a label for {name}, which is no parameter"


CHECKS = (alarms, composite, described, dashboard, outputs)
TEMPLATE_CHECKS = (parameters,)
