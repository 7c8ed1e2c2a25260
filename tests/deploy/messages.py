"""Checks of the path of a message: subscription filter, retries and dead-letter queue."""

import json
from collections.abc import Iterator
from typing import Any

from stack import ROOT, Stack

FAILED_QUEUE = "<FailedQueue.Arn>"
# The subscription that wakes the starter, which loses nothing: starter.py checks it.
STARTER = "StarterSubscription"


def subscriptions(stack: Stack) -> Iterator[str]:
    """The one subscription of the function filters only a shared topic, and has a dead-letter queue."""
    found = {name: each for name, each in stack.of_type("AWS::SNS::Subscription").items() if name != STARTER}
    queued = stack.parameters["UseQueue"] == "Yes"
    endpoints = [subscription["Endpoint"] for subscription in found.values()]
    if endpoints != ["<JobQueue.Arn>" if queued else "<Function.Arn>"]:
        yield f"the subscriptions deliver to {endpoints}"
    for name, subscription in found.items():
        if subscription["TopicArn"] not in ("<Topic>", stack.parameters["ExistingTopicArn"]):
            yield f"{name} subscribes to {subscription['TopicArn']}"
        yield from filters(name, subscription, is_shared=bool(stack.parameters["ExistingTopicArn"]))
        if subscription.get("RedrivePolicy") != {"deadLetterTargetArn": FAILED_QUEUE}:
            yield f"{name} loses messages that SNS cannot deliver"


def filters(name: str, subscription: dict[str, Any], *, is_shared: bool) -> Iterator[str]:
    """A subscription to a shared topic filters by message body. One to the stack's own topic has no filter.

    The function ignores other messages. A filter that does not know a new spelling of the API's name would drop all
    messages, and neither an alarm nor the dead-letter queue would have them.
    """
    policy = subscription.get("FilterPolicy")
    if not is_shared:
        if policy is not None or "FilterPolicyScope" in subscription:
            yield f"{name} filters the messages of the stack's own topic"
        return
    # Emulators accept any scope. SNS refuses unknown scopes, and without a scope it filters by attributes only.
    if subscription.get("FilterPolicyScope") != "MessageBody":
        yield f"{name} filters by {subscription.get('FilterPolicyScope')}, not by MessageBody"
    for event, passes in (("completion", True), ("failed", True), ("other-api", False)):
        message = json.loads((ROOT / "events" / f"{event}.json").read_text())
        if matches(policy or {}, message) is not passes:
            yield f"{name} {'filters out' if passes else 'lets through'} events/{event}.json"
    if not matches(policy or {}, {"API": "LABEL_DETECTION"}):
        yield f"{name} filters out LABEL_DETECTION, the API name in AWS's documentation"


def matches(policy: dict[str, list[str]], message: dict[str, Any]) -> bool:
    """Returns true if a message matches a filter policy of exact values."""
    return bool(policy) and all(message.get(field) in values for field, values in policy.items())


def dead_letters(stack: Stack) -> Iterator[str]:
    """Events that Lambda or SQS gives up on go to the dead-letter queue, after as many retries as possible."""
    (config,) = [
        config
        for config in stack.of_type("AWS::Lambda::EventInvokeConfig").values()
        if config["FunctionName"] == "<Function>"
    ]
    if config.get("DestinationConfig") != {"OnFailure": {"Destination": FAILED_QUEUE}}:
        yield "Lambda loses the events that it gives up on"
    if (config.get("MaximumRetryAttempts"), config.get("MaximumEventAgeInSeconds")) != (2, 21600):
        yield "Lambda does not retry for as long as it can"
    queues = stack.of_type("AWS::SQS::Queue")
    for name, queue in queues.items():
        if queue.get("MessageRetentionPeriod") != 14 * 24 * 3600:
            yield f"{name} does not keep messages for 14 days, the maximum"
        if queue.get("SqsManagedSseEnabled") is not True:
            yield f"{name} is not encrypted"
    if "JobQueue" in queues:
        redrive = queues["JobQueue"].get("RedrivePolicy", {})
        if redrive.get("deadLetterTargetArn") != FAILED_QUEUE or redrive.get("maxReceiveCount", 0) < 5:
            yield f"JobQueue gives up too early, or loses messages: {redrive}"
    for queue in queues:
        yield from senders(stack, queue)


def senders(stack: Stack, queue: str) -> Iterator[str]:
    """The queue's policy allows the topic or the rule before the queue to send messages, and allows nothing else."""
    policies = stack.of_type("AWS::SQS::QueuePolicy")
    (policy,) = [policy for policy in policies.values() if policy["Queues"] == [f"<{queue}>"]]
    allowed = [statement for statement in policy["PolicyDocument"]["Statement"] if statement["Effect"] == "Allow"]
    expected = []
    if queue != "VideoQueue":
        expected.append(("sns.amazonaws.com", stack.parameters["ExistingTopicArn"] or "<Topic>"))
    if queue != "JobQueue" and stack.parameters["VideoBucket"]:
        expected.append(("events.amazonaws.com", "<VideoRule.Arn>"))
    if [{**statement, "Sid": ""} for statement in allowed] != [
        {
            "Sid": "",
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": ["sqs:SendMessage"],
            "Resource": f"<{queue}.Arn>",
            "Condition": {"ArnEquals": {"aws:SourceArn": source}},
        }
        for service, source in expected
    ]:
        yield f"the policy of {queue} allows {allowed}"


LOG_LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR")


def log(stack: Stack) -> Iterator[str]:
    """The function writes lines from the given level on, and Lambda passes on every line with metrics.

    Lambda drops lines below its own level. It counts a line without a level, such as one with metrics, as INFO (Lambda
    guide, "Log-level filtering").
    """
    function = stack.resources["Function"]["Properties"]
    written = function["Environment"]["Variables"].get("RUST_LOG")
    if written != stack.parameters["LogLevel"]:
        yield f"the function writes log lines from {written} on"
    logging = function["LoggingConfig"]
    if logging["LogFormat"] != "JSON":
        yield "the log format is not JSON, which the log level needs"
    passed = logging["ApplicationLogLevel"]
    if LOG_LEVELS.index(passed) > LOG_LEVELS.index("INFO"):
        yield f"Lambda drops all metrics, because it passes on lines from {passed} on"
    if LOG_LEVELS.index(passed) > LOG_LEVELS.index(stack.parameters["LogLevel"]):
        yield f"Lambda drops log lines below {passed}"


def function(stack: Stack) -> Iterator[str]:
    """The function has the properties that it relies on and that emulators ignore."""
    function = stack.resources["Function"]["Properties"]
    if function["Timeout"] != 900:
        yield "the function's timeout is not 900 s, the maximum"
    if function.get("RecursiveLoop") != "Allow":
        yield "Lambda stops a long job after 16 continuations"
    variables = set(function["Environment"]["Variables"])
    settings = {"OUTPUT_BUCKET", "OUTPUT_PREFIX", "AGGREGATE_BY", "GLUE_DATABASE", "EXPECTED_BUCKET_OWNER"}
    c_library_settings = {"MALLOC_ARENA_MAX", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES"}
    expected = settings | c_library_settings | {"RUST_LOG"}
    if variables != expected:
        yield f"the function's environment differs from the expected one by {variables ^ expected}"
    for setting in settings:
        if f'"{setting}"' not in (ROOT / "src" / "config.rs").read_text():
            yield f"the function does not read {setting}"
    for name, mapping in stack.of_type("AWS::Lambda::EventSourceMapping").items():
        if mapping["BatchSize"] != 1 or mapping.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            yield f"{name} delivers several jobs at once, or does not report failures of single messages"
        if "MaximumConcurrency" not in mapping.get("ScalingConfig", {}):
            yield f"{name} has no maximum concurrency"
        if stack.resources["JobQueue"]["Properties"]["VisibilityTimeout"] < 2 * function["Timeout"]:
            yield f"{name} can redeliver a job while it is being exported"


CHECKS = (subscriptions, dead_letters, log, function)
