"""The metrics that exist: those that AWS documents, and those that the function emits."""

from collections.abc import Iterator

from stack import ROOT

# Documented metrics with the dimension that the alarms use. An alarm on any other metric would never fire.
DOCUMENTED = {
    "AWS/Events": (
        "RuleName",
        {
            "FailedInvocations",
            "InvocationAttempts",
            "InvocationsFailedToBeSentToDlq",
            "InvocationsSentToDlq",
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
    "AWS/States": (
        "StateMachineArn",
        {
            "ExecutionThrottled",
            "ExecutionTime",
            "ExecutionsAborted",
            "ExecutionsFailed",
            "ExecutionsStarted",
            "ExecutionsSucceeded",
            "ExecutionsTimedOut",
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


def golden(name: str) -> set[str]:
    return {line.split()[0] for line in (ROOT / "tests" / "golden" / name).read_text().splitlines()}


# Metrics of the function and of the starter.
EMITTED, EMITTED_BY_STARTER = golden("metrics.txt"), golden("starter-metrics.txt")


def wrong_metric(namespace: str, metric: str, dimensions: dict[str, str]) -> Iterator[str]:
    if namespace == "LabelLake":
        if metric not in (EMITTED_BY_STARTER if dimensions.get("FunctionName") == "<Starter>" else EMITTED):
            yield f"{dimensions.get('FunctionName')} does not emit {metric}"
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


def is_state(metric: str) -> bool:
    """Returns true if the metric has data points for as long as a state lasts, and not one for each event.

    Executions succeed at regular times: one that succeeds after a pause ends a state.
    """
    return metric.startswith("Approximate") or metric in ("Throttles", "ExecutionsSucceeded")


# Seconds from the time of a data point until an alarm can see it. Lambda's metrics have the time at which an invocation
# began (Lambda guide, "Viewing metrics"), which lasts up to 15 minutes; publishing takes minutes. A metric of a state
# has a new data point every minute, so only its publishing counts.
STATE_DELAY_SECONDS = 4 * 60
EVENT_DELAY_SECONDS = 20 * 60


def delay_seconds(metric: str) -> int:
    """Returns how late a data point of the metric may arrive."""
    return STATE_DELAY_SECONDS if metric.startswith("Approximate") else EVENT_DELAY_SECONDS
