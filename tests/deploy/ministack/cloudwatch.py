"""The alarms of a deployed stack and the data points that they evaluate.

The emulator stores data points and computes statistics. This module evaluates the metric alarms itself: the emulator
ignores dimensions and the setting for missing data, so an alarm on another function would fire as well. The emulator
does notify the topic of an alarm whose state changes.
"""

import operator
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from deployment import Deployment
from metrics import delay_seconds

COMPARED = {"GreaterThanThreshold": operator.gt, "GreaterThanOrEqualToThreshold": operator.ge}
# Combines the values of the emulator's periods into one.
COMBINED = {"Sum": sum, "Maximum": max}


def now() -> datetime:
    return datetime.now(UTC)


class Alarms:
    """The deployed alarms, by their names without the prefix of the stack's name."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment, self.client = deployment, deployment.aws.client("cloudwatch")
        self.prefix = f"{deployment.name}-"
        # Alarms that have fired so far, and the number of broken alarms that did not.
        self.fired: set[str] = set()
        self.broken = 0

    def described(self) -> dict[str, dict[str, Any]]:
        """Returns the metric alarms by name."""
        alarms = self.client.describe_alarms(AlarmNamePrefix=self.prefix, AlarmTypes=["MetricAlarm"])["MetricAlarms"]
        return {alarm["AlarmName"].removeprefix(self.prefix): alarm for alarm in alarms}

    def put(
        self, namespace: str, metric: str, dimensions: dict[str, str], value: float, at: datetime | None = None
    ) -> None:
        """Puts a data point, as the AWS service would."""
        pairs = [{"Name": dimension, "Value": named} for dimension, named in dimensions.items()]
        datum = {"MetricName": metric, "Dimensions": pairs, "Value": value, "Timestamp": at or now()}
        self.client.put_metric_data(Namespace=namespace, MetricData=[datum])

    def put_emitted(self, line: dict[str, Any]) -> None:
        """Puts the data points that CloudWatch extracts from a log line in embedded metric format."""
        at = datetime.fromtimestamp(line["_aws"]["Timestamp"] / 1000, UTC)
        for declared in line["_aws"]["CloudWatchMetrics"]:
            for names in declared["Dimensions"]:
                dimensions = {name: line[name] for name in names}
                for metric in declared["Metrics"]:
                    values = line[metric["Name"]]
                    for value in values if isinstance(values, list) else [values]:
                        self.put(declared["Namespace"], metric["Name"], dimensions, value, at)

    def statistic(
        self, name: str, namespace: str, metric: str, dimensions: dict[str, str], start: datetime, end: datetime
    ) -> float | None:
        """Returns a statistic of the data points in a period, or None if there are no data points."""
        if start >= end:
            return None
        answer = self.client.get_metric_statistics(
            Namespace=namespace,
            MetricName=metric,
            Dimensions=[{"Name": dimension, "Value": value} for dimension, value in dimensions.items()],
            StartTime=start,
            EndTime=end,
            Period=60,
            Statistics=[name],
        )
        values = [point[name] for point in answer["Datapoints"]]
        return COMBINED[name](values) if values else None

    def fires(self, alarm: dict[str, Any], since: datetime, moment: datetime) -> bool:
        """Returns true if an alarm is in the state ALARM at a moment. Ignores data points before `since`."""
        assert alarm["TreatMissingData"] == "notBreaching", alarm
        period = timedelta(seconds=alarm["Period"])
        dimensions = {dimension["Name"]: dimension["Value"] for dimension in alarm["Dimensions"]}
        breaching = 0
        for back in range(alarm["EvaluationPeriods"]):
            end = moment - back * period
            start = max(end - period, since)
            value = self.statistic(alarm["Statistic"], alarm["Namespace"], alarm["MetricName"], dimensions, start, end)
            breaching += value is not None and COMPARED[alarm["ComparisonOperator"]](value, alarm["Threshold"])
        return breaching >= alarm.get("DatapointsToAlarm", alarm["EvaluationPeriods"])

    def firing(self, since: datetime, moment: datetime | None = None) -> set[str]:
        """Returns the alarms that are in the state ALARM at a moment, by default now."""
        moment = moment or now() + timedelta(seconds=1)
        return {name for name, alarm in self.described().items() if self.fires(alarm, since, moment)}

    def expect(self, names: set[str], since: datetime, moment: datetime | None = None) -> None:
        """Checks that exactly these alarms fire, and that broken variants of them would not.

        Also checks that each fires if its data points arrive as late as they may: with the same times, but seen later.
        """
        moment = moment or now() + timedelta(seconds=1)
        alarms = self.described()
        fired = self.firing(since, moment)
        assert fired == names, f"{sorted(fired)} fire, instead of {sorted(names)}"
        for name in fired:
            for broken in broken_variants(alarms[name]):
                assert not self.fires(broken, since, moment), f"a broken alarm fires: {broken}"
                self.broken += 1
            delay = timedelta(seconds=delay_seconds(alarms[name]["MetricName"]))
            late = moment + delay
            assert self.fires(alarms[name], since, late), f"{name} does not fire if its data points arrive late"
            if delay > timedelta(seconds=alarms[name]["Period"]):
                # As if it looked only at the newest of its periods.
                needed = alarms[name].get("DatapointsToAlarm", 1)
                hasty = alarms[name] | {"EvaluationPeriods": needed, "DatapointsToAlarm": needed}
                assert not self.fires(hasty, since, late), f"an alarm that does not look back fires: {hasty}"
                self.broken += 1
        self.fired |= fired

    def set_state(self, name: str, state: str) -> None:
        self.client.set_alarm_state(AlarmName=self.prefix + name, StateValue=state, StateReason="set by the test")


def broken_variants(alarm: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Returns variants of an alarm with a wrong function or queue, dimension, metric name or namespace."""
    (dimension,) = alarm["Dimensions"]
    yield alarm | {"Dimensions": [dimension | {"Value": f"{dimension['Value']}-2"}]}
    yield alarm | {"Dimensions": [dimension | {"Name": "Resource"}]}
    yield alarm | {"MetricName": f"{alarm['MetricName']}s"}
    yield alarm | {"Namespace": f"{alarm['Namespace']}s"}
