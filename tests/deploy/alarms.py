"""Checks of alarms, dashboard and outputs: every way to lose a job has an alarm, and every metric exists."""

import json
import re
from collections.abc import Iterator
from typing import Any

from stack import ROOT, Stack

# Documented metrics with the dimension that the alarms use. An alarm on any other metric would never fire.
DOCUMENTED = {
    "AWS/Events": (
        "RuleName",
        {
            "FailedInvocations",
            "InvocationAttempts",
            "Invocations",
            "MatchedEvents",
            "RetryInvocationAttempts",
            "SuccessfulInvocationAttempts",
            "ThrottledRules",
            "TriggeredRules",
        },
    ),
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

# Metrics for every way in which a job or an event can be lost, with the range of thresholds that leave time to act.
NEEDED: dict[tuple[str, str, str], tuple[float, float]] = {
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "<FailedQueue.QueueName>"): (0, 0),
    # Seconds. Results are kept for 7 days.
    ("AWS/SQS", "ApproximateAgeOfOldestMessage", "<FailedQueue.QueueName>"): (3600, 4 * 86400),
    ("AWS/Lambda", "Errors", "<Function>"): (0, 10),
    ("AWS/Lambda", "Throttles", "<Function>"): (0, 0),
    # Milliseconds: later than a job is continued in another invocation, earlier than the timeout.
    ("AWS/Lambda", "Duration", "<Function>"): (895_000, 899_999),
    ("LabelLake", "FailedJobs", "<Function>"): (0, 0),
    ("AWS/Lambda", "AsyncEventsDropped", "<Function>"): (0, 0),
    ("AWS/Lambda", "DestinationDeliveryFailures", "<Function>"): (0, 0),
    ("AWS/SNS", "NumberOfNotificationsFailedToRedriveToDlq", "{topic}"): (0, 0),
    ("AWS/Lambda", "RecursiveInvocationsDropped", "<Function>"): (0, 0),
    ("AWS/Events", "FailedInvocations", "<ReadyRule>"): (0, 0),
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
        yield f"unknown namespace {namespace}"
        return
    if list(dimensions) != [expected]:
        yield f"{namespace} {metric} does not have the dimensions {list(dimensions)}"


def alarms(stack: Stack) -> Iterator[str]:
    """Each alarm uses a metric that exists. Together, the alarms cover every way to lose a job."""
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
            yield f"{name} is unexpected, or has a wrong threshold: {alarm['Threshold']}"
        is_level = alarm["MetricName"].startswith("Approximate") or alarm["MetricName"] == "Duration"
        if alarm["Statistic"] != ("Maximum" if is_level else "Sum"):
            yield f"{name} uses the statistic {alarm['Statistic']}"
        if not alarm["ComparisonOperator"].startswith("GreaterThan"):
            yield f"{name} fires below its threshold"
        # No data point means that nothing happened. With other settings the composite alarm would not return to OK.
        if alarm["TreatMissingData"] != "notBreaching":
            yield f"{name} treats missing data as {alarm['TreatMissingData']}"
        if len(alarm["AlarmDescription"]) > 700:
            yield f"{name} has a description that may exceed CloudWatch's limit of 1,024 characters"
    for missing in needed:
        yield f"no alarm on {missing}"


def composite(stack: Stack) -> Iterator[str]:
    """The composite alarm covers all alarms, notifies, and says what to run."""
    (alarm,) = stack.of_type("AWS::CloudWatch::CompositeAlarm").values()
    covered = set(re.findall(r'ALARM\("<(\w+)>"\)', alarm["AlarmRule"]))
    if covered != stack.of_type("AWS::CloudWatch::Alarm").keys():
        yield f"the composite alarm does not cover every alarm: {alarm['AlarmRule']}"
    for word in alarm["AlarmRule"].split():
        if word not in ("OR", "FALSE") and not re.fullmatch(r'ALARM\("<\w+>"\)', word):
            yield f"the composite alarm's rule contains {word}"
    if "label-lake replay <FailedQueue> --function <Function>" not in alarm["AlarmDescription"]:
        yield "the composite alarm does not say what to run"
    topic = stack.parameters["AlarmTopicArn"] or ("<AlarmTopic>" if stack.parameters["AlarmEmail"] else None)
    if alarm.get("AlarmActions") != (topic and [topic]):
        yield f"the composite alarm notifies {alarm.get('AlarmActions')}"


def described(stack: Stack) -> Iterator[str]:
    """docs/OPERATIONS.md describes each alarm."""
    operations = (ROOT / "docs" / "OPERATIONS.md").read_text()
    for alarm in stack.of_type("AWS::CloudWatch::Alarm").values():
        name = alarm["AlarmName"].removeprefix("label-lake-")
        if f"`{name}`" not in operations:
            yield f"docs/OPERATIONS.md does not say what to do when {name} fires"


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
    for metric in EMITTED - shown:
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
    for name, value in stack.outputs.items():
        if isinstance(value, str) and "${" in value:
            yield f"the output {name} has an unresolved variable"


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


CHECKS = (alarms, composite, described, dashboard, outputs)
TEMPLATE_CHECKS = (parameters,)
