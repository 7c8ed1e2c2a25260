"""Checks of the alarms: every way to lose a job has an alarm, and every alarm can fire and notifies."""

import re
from collections.abc import Iterator
from typing import Any

from metrics import EMITTED, EMITTED_BY_STARTER, delay_seconds, is_state, wrong_metric
from stack import ROOT, Stack

# Metrics for every way in which a job or an event can be lost, with the range of thresholds that leave time to act.
NEEDED: dict[tuple[str, str, str], tuple[float, float]] = {
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "<FailedQueue.QueueName>"): (0, 0),
    # Seconds. Results are kept for 7 days.
    ("AWS/SQS", "ApproximateAgeOfOldestMessage", "<FailedQueue.QueueName>"): (3600, 4 * 86400),
    # The function's own count has the time of the failure, and the failed items of a batch. Lambda's has crashes.
    ("LabelLake", "FailedAttempts", "<Function>"): (0, 10),
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
NEEDED_WITH_ALL_JOBS: dict[tuple[str, str, str], tuple[float, float]] = {
    ("AWS/States", "ExecutionsFailed", "<AllJobsMachine>"): (0, 0),
    ("AWS/States", "ExecutionsSucceeded", "<AllJobsMachine>"): (1, 1),
}
NEEDED_WITH_VIDEOS: dict[tuple[str, str, str], tuple[float, float]] = {
    # Seconds. Messages are kept for 14 days.
    ("AWS/SQS", "ApproximateAgeOfOldestMessage", "<VideoQueue.QueueName>"): (3600, 4 * 86400),
    ("LabelLake", "VideosNotStarted", "<Starter>"): (0, 0),
    ("AWS/Lambda", "Errors", "<Starter>"): (0, 10),
    ("AWS/Events", "InvocationsFailedToBeSentToDlq", "<VideoRule>"): (0, 0),
}
# The alarm that fires if something has not happened. It has no data before the first success, and none when it fires.
ABSENCE = "ExecutionsSucceeded"

# List prices of us-east-1 a month, and what they may add up to without the queue.
METRIC_DOLLARS, ALARM_DOLLARS, DASHBOARD_DOLLARS = 0.30, 0.10, 3.00
BUDGET_DOLLARS = 8.10


def alarms(stack: Stack) -> Iterator[str]:
    """Each alarm uses a metric that exists. Together, the alarms cover every way to lose a job."""
    topic_arn = stack.parameters["ExistingTopicArn"]
    topic = topic_arn.split(":")[5] if topic_arn else "<Topic.TopicName>"
    needed = NEEDED | (NEEDED_WITH_QUEUE if stack.parameters["UseQueue"] == "Yes" else {})
    needed |= NEEDED_WITH_ALL_JOBS if stack.parameters["AllJobs"] != "No" else {}
    needed |= NEEDED_WITH_VIDEOS if stack.parameters["VideoBucket"] else {}
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
        absence = alarm["MetricName"] == ABSENCE
        if alarm["ComparisonOperator"].startswith("GreaterThan") == absence:
            yield f"{name} compares by {alarm['ComparisonOperator']}"
        # No data point means that nothing happened. With other settings the alarm would not return to OK.
        if alarm["TreatMissingData"] != ("missing" if absence else "notBreaching"):
            yield f"{name} treats missing data as {alarm['TreatMissingData']}"
        if len(alarm["AlarmDescription"]) > 700:
            yield f"{name} has a description that may exceed CloudWatch's limit of 1,024 characters"
    for missing in needed:
        yield f"no alarm on {missing}"


def periods(stack: Stack) -> Iterator[str]:
    """Each alarm looks back far enough to see its data points when they arrive, as late as they may."""
    for name, alarm in stack.of_type("AWS::CloudWatch::Alarm").items():
        looked_at, needed = alarm["EvaluationPeriods"], alarm.get("DatapointsToAlarm", alarm["EvaluationPeriods"])
        if alarm["MetricName"] == ABSENCE:
            # A run a day, which may end late on one of them. CloudWatch looks back seven days at most.
            if not 2 * 86400 <= alarm["Period"] * needed <= 7 * 86400:
                yield f"{name} fires after {alarm['Period'] * needed} s without a success"
            continue
        # The newest data points may be missing, but those before them have to be enough.
        if alarm["Period"] * (looked_at - needed) < delay_seconds(alarm["MetricName"]):
            yield f"{name} does not see data points that arrive {delay_seconds(alarm['MetricName'])} s late"
        # A state that has ended must not keep the alarm from telling of the next.
        if alarm["MetricName"].startswith("Approximate") and alarm["Period"] * looked_at > 900:
            yield f"{name} is still firing 15 minutes after its state has ended"


def notifies(stack: Stack) -> Iterator[str]:
    """Each alarm notifies when it fires, also while any other alarm or all of them are already firing.

    An alarm notifies only when its own state changes. A composite alarm that is already firing because of one of its
    alarms says nothing of the next.
    """
    topic = stack.parameters["AlarmTopicArn"] or ("<AlarmTopic>" if stack.parameters["AlarmEmail"] else None)
    metric_alarms = stack.of_type("AWS::CloudWatch::Alarm")
    both = metric_alarms | stack.of_type("AWS::CloudWatch::CompositeAlarm")
    for name, alarm in both.items():
        for notified in alarm.get("AlarmActions", []) + alarm.get("OKActions", []):
            if notified != topic:
                yield f"{name} notifies {notified}"
    if not topic:
        return
    notifying = {
        name: alarm
        for name, alarm in both.items()
        if alarm.get("AlarmActions") and alarm.get("ActionsEnabled", True) is True
    }
    for name, alarm in metric_alarms.items():
        others = metric_alarms.keys() - {name}
        for before in (set(), *({other} for other in others), others):
            changed = [each for each, it in notifying.items() if fires(each, it, before | {name})]
            if all(fires(each, notifying[each], before) for each in changed):
                yield f"{name} does not notify while {', '.join(sorted(before)) or 'no alarm'} is firing"
                break
        if alarm["MetricName"] == ABSENCE and alarm.get("InsufficientDataActions") != alarm.get("AlarmActions"):
            yield f"{name} does not notify when there is no data"
        # After an event, OK says only that time has passed. After a state, it says that the state is over.
        if bool(alarm.get("OKActions")) != is_state(alarm["MetricName"]):
            yield f"{name} {'notifies' if alarm.get('OKActions') else 'does not notify'} when it returns to OK"


def fires(name: str, alarm: dict[str, Any], firing: set[str]) -> bool:
    """Returns true if an alarm fires while these metric alarms do. A composite alarm fires with any of its alarms."""
    if "AlarmRule" not in alarm:
        return name in firing
    return not firing.isdisjoint(re.findall(r'ALARM\("<(\w+)>"\)', alarm["AlarmRule"]))


def described(stack: Stack) -> Iterator[str]:
    """docs/OPERATIONS.md describes each alarm, and the alarms on the dead-letter queue say what to run."""
    operations = (ROOT / "docs" / "OPERATIONS.md").read_text()
    for alarm in stack.of_type("AWS::CloudWatch::Alarm").values():
        name = alarm["AlarmName"].removeprefix("label-lake-")
        if f"`{name}`" not in operations:
            yield f"docs/OPERATIONS.md does not say what to do when {name} fires"
        on_failed_queue = "<FailedQueue.QueueName>" in [dimension["Value"] for dimension in alarm["Dimensions"]]
        if on_failed_queue and "label-lake replay <FailedQueue> --function <Function>" not in alarm["AlarmDescription"]:
            yield f"{name} does not say what to run"


def cost(stack: Stack) -> Iterator[str]:
    """Alarms, metrics and dashboard cost no more than the budget, and docs/OPERATIONS.md counts them."""
    number = len(stack.of_type("AWS::CloudWatch::Alarm")) - (stack.parameters["UseQueue"] == "Yes")
    number -= len(NEEDED_WITH_ALL_JOBS) * (stack.parameters["AllJobs"] != "No")
    number -= len(NEEDED_WITH_VIDEOS) * bool(stack.parameters["VideoBucket"])
    dollars = METRIC_DOLLARS * len(EMITTED) + ALARM_DOLLARS * number + DASHBOARD_DOLLARS
    if stack.of_type("AWS::CloudWatch::CompositeAlarm"):
        yield "a composite alarm costs as much as five others"
    if round(dollars, 2) > BUDGET_DOLLARS:
        yield f"metrics, alarms and dashboard cost ${dollars:.2f} a month, more than ${BUDGET_DOLLARS:.2f}"
    operations = " ".join((ROOT / "docs" / "OPERATIONS.md").read_text().split())
    more = f"one more with `UseQueue`, {len(NEEDED_WITH_ALL_JOBS)} more with `AllJobs`"
    counted = f"{len(EMITTED)} metrics at $0.30, {number} alarms at $0.10 ({more})"
    with_videos = f"{len(EMITTED_BY_STARTER)} metrics and {len(NEEDED_WITH_VIDEOS)} alarms more with `VideoBucket`"
    for figures in (counted, with_videos):
        if figures not in operations:
            yield f"docs/OPERATIONS.md does not count {figures}"


CHECKS = (alarms, periods, notifies, described, cost)
