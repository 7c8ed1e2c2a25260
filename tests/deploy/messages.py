"""Checks of the way of a message: filter, retries, and where it goes when it is given up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from stack import ROOT, Stack

FAILED_QUEUE = "<FailedQueue.Arn>"


def subscriptions(stack: Stack) -> Iterator[str]:
    """One subscription, that filters by the body, and whose undeliverable messages are kept."""
    found = stack.of_type("AWS::SNS::Subscription")
    queued = stack.parameters["UseQueue"] == "Yes"
    endpoints = [subscription["Endpoint"] for subscription in found.values()]
    if endpoints != ["<JobQueue.Arn>" if queued else "<Function.Arn>"]:
        yield f"the topic is delivered to {endpoints}"
    for name, subscription in found.items():
        if subscription["TopicArn"] not in ("<Topic>", stack.parameters["ExistingTopicArn"]):
            yield f"{name} is of {subscription['TopicArn']}"
        # Emulators take any scope; SNS refuses what it does not know, and without it looks at attributes only.
        if subscription.get("FilterPolicyScope") != "MessageBody":
            yield f"{name} filters {subscription.get('FilterPolicyScope')}, not MessageBody"
        policy = subscription.get("FilterPolicy", {})
        for event, passes in (("completion", True), ("failed", True), ("other-api", False)):
            message = json.loads((ROOT / "events" / f"{event}.json").read_text())
            if matches(policy, message) is not passes:
                yield f"{name} {'refuses' if passes else 'lets through'} events/{event}.json"
        if not matches(policy, {"API": "LABEL_DETECTION"}):
            yield f"{name} refuses the API as the documentation spells it"
        if subscription.get("RedrivePolicy") != {"deadLetterTargetArn": FAILED_QUEUE}:
            yield f"{name} loses what SNS cannot deliver"


def matches(policy: dict[str, list[str]], message: dict[str, Any]) -> bool:
    """SNS's rule for lists of exact values."""
    return bool(policy) and all(message.get(field) in values for field, values in policy.items())


def given_up(stack: Stack) -> Iterator[str]:
    """What Lambda or SQS gives up goes to the one queue, after the tries that the template explains."""
    (config,) = stack.of_type("AWS::Lambda::EventInvokeConfig").values()
    if config.get("DestinationConfig") != {"OnFailure": {"Destination": FAILED_QUEUE}}:
        yield "Lambda loses the events that it gives up"
    if (config.get("MaximumRetryAttempts"), config.get("MaximumEventAgeInSeconds")) != (2, 21600):
        yield "Lambda gives up earlier than it can"
    queues = stack.of_type("AWS::SQS::Queue")
    for name, queue in queues.items():
        if queue.get("MessageRetentionPeriod") != 14 * 24 * 3600:
            yield f"{name} keeps messages for less than SQS can"
        if queue.get("SqsManagedSseEnabled") is not True:
            yield f"{name} is not encrypted"
    if "JobQueue" in queues:
        redrive = queues["JobQueue"].get("RedrivePolicy", {})
        if redrive.get("deadLetterTargetArn") != FAILED_QUEUE or redrive.get("maxReceiveCount", 0) < 5:
            yield f"JobQueue gives up too early or loses messages: {redrive}"
    for queue in queues:
        yield from allows_topic(stack, queue)


def allows_topic(stack: Stack, queue: str) -> Iterator[str]:
    """SNS may write to the queue, on behalf of this topic alone, and nobody without TLS."""
    policies = stack.of_type("AWS::SQS::QueuePolicy")
    (policy,) = [policy for policy in policies.values() if policy["Queues"] == [f"<{queue}>"]]
    allowed = [statement for statement in policy["PolicyDocument"]["Statement"] if statement["Effect"] == "Allow"]
    topic = stack.parameters["ExistingTopicArn"] or "<Topic>"
    expected = {
        "Sid": allowed[0]["Sid"],
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": ["sqs:SendMessage"],
        "Resource": f"<{queue}.Arn>",
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    if allowed != [expected]:
        yield f"the policy of {queue} allows {allowed}"


def function(stack: Stack) -> Iterator[str]:
    """What the function relies on, and emulators ignore."""
    function = stack.resources["Function"]["Properties"]
    if function["Timeout"] != 900:
        yield "the function's timeout is not Lambda's longest"
    if function.get("RecursiveLoop") != "Allow":
        yield "Lambda cuts a long job after 16 continuations"
    if function["LoggingConfig"]["LogFormat"] != "JSON":
        yield "Lambda's own log lines are not JSON, and the level is not set"
    variables = set(function["Environment"]["Variables"])
    settings = {"OUTPUT_BUCKET", "OUTPUT_PREFIX", "AGGREGATE_BY", "GLUE_DATABASE", "EXPECTED_BUCKET_OWNER"}
    of_the_c_library = {"MALLOC_ARENA_MAX", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES"}
    if variables != settings | of_the_c_library:
        yield f"the function is given {variables ^ (settings | of_the_c_library)} too little or too much"
    for setting in settings:
        if f'"{setting}"' not in (ROOT / "src" / "config.rs").read_text():
            yield f"the function does not read {setting}"
    for name, mapping in stack.of_type("AWS::Lambda::EventSourceMapping").items():
        if mapping["BatchSize"] != 1 or mapping.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            yield f"{name} delivers several jobs at once, or fails those that succeeded"
        if "MaximumConcurrency" not in mapping.get("ScalingConfig", {}):
            yield f"{name} is not bounded"
        if stack.resources["JobQueue"]["Properties"]["VisibilityTimeout"] < 2 * function["Timeout"]:
            yield f"{name} delivers a job again while it is exported"


CHECKS = (subscriptions, given_up, function)
