"""Checks of starting jobs: rule, queue of videos, starter, its role and what wakes it."""

import json
import re
from collections.abc import Iterator
from typing import Any

from permissions import IN_VPC, WITH_TRACES, statements
from stack import ROOT, Stack

# Actions of the starter's role by statement. A missing action is a finding, and so is an additional one.
ROLE = {
    "StartJobs": {"rekognition:StartLabelDetection"},
    "LetRekognitionPublish": {"iam:PassRole"},
    "ReadVideos": {"s3:GetObject", "s3:GetObjectVersion"},
    "TakeVideos": {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"},
    "KeepFailures": {"sqs:SendMessage"},
    "WriteLogs": {"logs:CreateLogStream", "logs:PutLogEvents"},
}
WITH_KEY = {"UseVideoKey": {"kms:Decrypt"}}
# Resources of a stack without VideoBucket that differ with it: they have one more statement or widget.
EXTENDED = {"FailedQueuePolicy", "Dashboard"}
PASSED_TO_REKOGNITION = {"StringEquals": {"iam:PassedToService": "rekognition.amazonaws.com"}}
# Names of resources, outputs and conditions that exist only with VideoBucket.
MENTIONS = r"Starter|starter|StartsVideos|Videos?(Queue|Rule|Bucket|Event|Not|Wait)"
# Seconds.
MINUTE = 60


def starts(stack: Stack) -> bool:
    return bool(stack.parameters["VideoBucket"])


def off(stack: Stack) -> Iterator[str]:
    """Without VideoBucket, nothing of the stack mentions videos that are to be started, or the starter."""
    if not starts(stack):
        for name, found in (*stack.resources.items(), *stack.outputs.items()):
            if re.search(MENTIONS, json.dumps({name: found})):
                yield f"{name} is of starting jobs"


def on(stack: Stack) -> Iterator[str]:
    """VideoBucket changes nothing that a stack has without it: neither the function nor the function's role."""
    if not starts(stack):
        return
    without = Stack(stack.template, **stack.parameters | {"VideoBucket": ""})
    for name, resource in without.resources.items():
        if stack.resources.get(name) != resource and name not in EXTENDED:
            yield f"{name} changes with VideoBucket"
    for name, value in without.outputs.items():
        if stack.outputs.get(name) != value:
            yield f"the output {name} changes with VideoBucket"


def rule(stack: Stack) -> Iterator[str]:
    """The rule sends new objects with one of the suffixes to the queue, and those it cannot send to the failures."""
    if not starts(stack):
        return
    rule = stack.of_type("AWS::Events::Rule")["VideoRule"]
    suffixes = stack.parameters["VideoSuffixes"].split(",")
    expected = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {
            "bucket": {"name": [stack.parameters["VideoBucket"]]},
            "object": {"key": [{"suffix": {"equals-ignore-case": suffix}} for suffix in suffixes]},
        },
    }
    if json.loads(rule["EventPattern"]) != expected:
        yield f"the rule for videos matches {rule['EventPattern']}"
    targets = [(target["Arn"], target.get("DeadLetterConfig")) for target in rule["Targets"]]
    if targets != [("<VideoQueue.Arn>", {"Arn": "<FailedQueue.Arn>"})]:
        yield f"the rule for videos sends to {targets}"
    if rule.get("State", "ENABLED") != "ENABLED":
        yield "the rule for videos is disabled"


def queue(stack: Stack) -> Iterator[str]:
    """Only the starter takes videos from the queue, and waiting does not bring them to the failures."""
    if not starts(stack):
        return
    queue, starter = stack.of_type("AWS::SQS::Queue")["VideoQueue"], stack.resources["Starter"]["Properties"]
    if queue.get("RedrivePolicy") != {"deadLetterTargetArn": "<FailedQueue.Arn>", "maxReceiveCount": 1000}:
        yield f"VideoQueue gives up too early, or loses videos: {queue.get('RedrivePolicy')}"
    if queue["VisibilityTimeout"] < 2 * starter["Timeout"]:
        yield "a video can be received again while an invocation holds it"
    for name, mapping in stack.of_type("AWS::Lambda::EventSourceMapping").items():
        if mapping["EventSourceArn"] == "<VideoQueue.Arn>":
            yield f"{name} starts jobs as fast as videos arrive"


def wakes(stack: Stack) -> Iterator[str]:
    """Each message on the topic wakes the starter, whatever its API and status, and so does each minute."""
    if not starts(stack):
        return
    topic = stack.parameters["ExistingTopicArn"] or "<Topic>"
    subscription = stack.of_type("AWS::SNS::Subscription")["StarterSubscription"]
    if subscription != {"TopicArn": topic, "Protocol": "lambda", "Endpoint": "<Starter.Arn>"}:
        yield f"the subscription of the starter is {subscription}"
    permission = stack.of_type("AWS::Lambda::Permission")["StarterPermission"]
    if (permission["FunctionName"], permission["Principal"], permission["SourceArn"]) != (
        "<Starter>",
        "sns.amazonaws.com",
        topic,
    ):
        yield f"the topic may not invoke the starter: {permission}"
    schedule = stack.of_type("AWS::Scheduler::Schedule")["StarterSchedule"]
    target = schedule["Target"]
    if (schedule["ScheduleExpression"], target["Arn"], target["RoleArn"]) != (
        "rate(1 minute)",
        "<Starter.Arn>",
        "<StarterScheduleRole.Arn>",
    ) or schedule.get("State", "ENABLED") != "ENABLED":
        yield f"the schedule of the starter is {schedule}"
    if schedule["FlexibleTimeWindow"] != {"Mode": "OFF"} or target["RetryPolicy"]["MaximumRetryAttempts"] != 0:
        yield "the schedule wakes the starter late, or again for a minute that is over"
    granted = [statement for name, statement in statements(stack) if name == "StarterScheduleRole"]
    allowed = [(each["Action"], each.get("Resource")) for each in granted if "Principal" not in each]
    if allowed != [(["lambda:InvokeFunction"], "<Starter.Arn>")]:
        yield f"the role of the schedule allows {allowed}"


def starter(stack: Stack) -> Iterator[str]:
    """The starter has the program of the function, another handler and its own settings, which the program reads."""
    if not starts(stack):
        return
    starter, function = (stack.resources[name]["Properties"] for name in ("Starter", "Function"))
    for name in ("Code", "Runtime", "Architectures", "VpcConfig", "TracingConfig"):
        if starter.get(name) != function.get(name):
            yield f"Starter has another {name} than Function: {starter.get(name)}"
    if starter["Handler"] != "starter" or starter["Role"] != "<StarterRole.Arn>":
        yield f"Starter has the handler {starter['Handler']} and the role {starter['Role']}"
    if starter["Timeout"] > MINUTE:
        yield "the starter is still running when the schedule invokes it again"
    if starter["LoggingConfig"] != function["LoggingConfig"] | {"LogGroup": "<StarterLogGroup>"}:
        yield f"Starter logs as {starter['LoggingConfig']}"
    parameters = stack.parameters
    expected = {
        "VIDEO_QUEUE_URL": "<VideoQueue>",
        "FAILED_QUEUE_URL": "<FailedQueue>",
        "TOPIC_ARN": parameters["ExistingTopicArn"] or "<Topic>",
        "REKOGNITION_ROLE_ARN": "<RekognitionRole.Arn>",
        "MIN_CONFIDENCE": parameters["MinConfidence"],
        "INCLUDE_LABELS": parameters["IncludeLabels"],
        "EXCLUDE_LABELS": parameters["ExcludeLabels"],
        "JOB_TAG": parameters["JobTag"],
        "RUST_LOG": parameters["LogLevel"],
    }
    if starter["Environment"]["Variables"] != expected:
        yield f"the settings of Starter are {starter['Environment']['Variables']}"
    for setting in expected.keys() - {"RUST_LOG"}:
        if f'"{setting}"' not in (ROOT / "src" / "config" / "starter.rs").read_text():
            yield f"the starter does not read {setting}"
    (config,) = [
        config
        for config in stack.of_type("AWS::Lambda::EventInvokeConfig").values()
        if config["FunctionName"] == "<Starter>"
    ]
    # An event is only a wake-up. Failures of videos are in the queue, so an event must not go there.
    if config["MaximumRetryAttempts"] != 0 or config.get("DestinationConfig"):
        yield f"Lambda repeats or keeps the events of the starter: {config}"


def role(stack: Stack) -> Iterator[str]:
    """The starter's role allows what the starter does, on this stack's resources and the bucket of videos only."""
    if not starts(stack):
        return
    expected = dict(ROLE)
    for given, more in (
        (stack.parameters["VideoBucketKeyArn"], WITH_KEY),
        (stack.parameters["Tracing"] == "Active", WITH_TRACES),
        (stack.parameters["SubnetIds"], IN_VPC),
    ):
        if given:
            expected |= more
    found = {
        statement["Sid"]: statement
        for name, statement in statements(stack)
        if name == "StarterRole" and "Principal" not in statement
    }
    if found.keys() != expected.keys():
        yield f"the statements of StarterRole differ from the expected ones by {found.keys() ^ expected.keys()}"
    for sid in found.keys() & expected.keys():
        if set(found[sid]["Action"]) != expected[sid]:
            yield f"the actions of {sid} differ from the expected ones by {set(found[sid]['Action']) ^ expected[sid]}"
        if found[sid]["Resource"] != role_resources(stack)[sid]:
            yield f"{sid} applies to {found[sid]['Resource']}, not to {role_resources(stack)[sid]}"
        if found[sid].get("Condition") != (PASSED_TO_REKOGNITION if sid == "LetRekognitionPublish" else None):
            yield f"{sid} has the condition {found[sid].get('Condition')}"


def role_resources(stack: Stack) -> dict[str, Any]:
    """Returns the resource of each statement of the starter's role."""
    return {
        "StartJobs": "*",
        "LetRekognitionPublish": "<RekognitionRole.Arn>",
        "ReadVideos": f"arn:aws-test:s3:::{stack.parameters['VideoBucket']}/*",
        "TakeVideos": "<VideoQueue.Arn>",
        "KeepFailures": "<FailedQueue.Arn>",
        "WriteLogs": "<StarterLogGroup.Arn>",
        "UseVideoKey": stack.parameters["VideoBucketKeyArn"],
        "Trace": "*",
        "JoinVpc": "*",
    }


def outputs(stack: Stack) -> Iterator[str]:
    """The outputs name the queue, the starter and the bucket, and their commands are complete."""
    if not starts(stack):
        return
    bucket = stack.parameters["VideoBucket"]
    read = f"aws s3api get-bucket-notification-configuration --region us-east-1 --bucket {bucket} --output json"
    for name, value in (("VideoBucketName", bucket), ("VideoQueueUrl", "<VideoQueue>"), ("StarterName", "<Starter>")):
        if stack.outputs.get(name) != value:
            yield f"the output {name} is {stack.outputs.get(name)}"
    for name, part in (
        # The second command replaces all notifications of the bucket, so it adds to those that the first one prints.
        ("SendVideoEvents", f"n=$({read}) && aws s3api put-bucket-notification-configuration "),
        ("SendVideoEvents", f'--bucket {bucket} --notification-configuration "$(echo "$n" | sed \''),
        ("StopStarting", "--function-name <Starter> --reserved-concurrent-executions 0"),
        ("ShowStarterLog", "aws logs tail <StarterLogGroup> "),
    ):
        if part not in stack.outputs[name]:
            yield f"the output {name} is {stack.outputs[name]}"


CHECKS = (off, on, rule, queue, wakes, starter, role, outputs)
