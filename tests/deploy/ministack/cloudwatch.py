"""The alarms of a deployed stack, and the datapoints that they look at.

The emulator keeps datapoints and gives statistics of them. Whether an alarm on a metric rings is decided here: the
emulator looks neither at the dimension nor at what is said of missing data, so an alarm on another function would ring
as well. From the states of these it decides itself whether the composite alarm rings, and whom it tells.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from deployment import Deployment

COMPARED = {"GreaterThanThreshold": operator.gt, "GreaterThanOrEqualToThreshold": operator.ge}
# One value of those that the periods of the emulator's clock have.
TOGETHER = {"Sum": sum, "Maximum": max}


def now() -> datetime:
    return datetime.now(UTC)


class Alarms:
    """The alarms as they are deployed, by their names without that of the stack."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment, self.client = deployment, deployment.aws.client("cloudwatch")
        self.prefix = f"{deployment.name}-"
        # Those that rang so far, and how many broken ones did not.
        self.rung: set[str] = set()
        self.broken = 0
        # The emulator's CloudFormation knows no composite alarm, its CloudWatch does.
        (asked,) = deployment.asked.of_type("AWS::CloudWatch::CompositeAlarm").values()
        self.rule, actions = self.deployed(asked["AlarmRule"]), self.deployed(asked.get("AlarmActions", []))
        self.composite = f"{self.prefix}something-failed"
        self.client.put_composite_alarm(
            AlarmName=self.composite, AlarmRule=self.rule, AlarmActions=actions, OKActions=actions
        )

    def deployed(self, asked: Any) -> Any:
        """The text, or texts, with the names that the resources got."""
        if isinstance(asked, list):
            return [self.deployed(item) for item in asked]
        return re.sub(r"<(\w+)>", lambda match: self.deployment.resource(match[1]), asked)

    def remove_composite(self) -> None:
        """Before the stack is deleted: an alarm that another looks at cannot be."""
        self.client.delete_alarms(AlarmNames=[self.composite])

    def described(self) -> dict[str, dict[str, Any]]:
        alarms = self.client.describe_alarms(AlarmNamePrefix=self.prefix, AlarmTypes=["MetricAlarm"])["MetricAlarms"]
        return {alarm["AlarmName"].removeprefix(self.prefix): alarm for alarm in alarms}

    def put(self, namespace: str, metric: str, of: dict[str, str], value: float, at: datetime | None = None) -> None:
        """A datapoint, as the service would have put it."""
        dimensions = [{"Name": name, "Value": named} for name, named in of.items()]
        datum = {"MetricName": metric, "Dimensions": dimensions, "Value": value, "Timestamp": at or now()}
        self.client.put_metric_data(Namespace=namespace, MetricData=[datum])

    def put_emitted(self, line: dict[str, Any]) -> None:
        """The datapoints that CloudWatch makes of a log line, by the specification of its embedded metric format."""
        for declared in line["_aws"]["CloudWatchMetrics"]:
            for names in declared["Dimensions"]:
                of = {name: line[name] for name in names}
                for metric in declared["Metrics"]:
                    values = line[metric["Name"]]
                    for value in values if isinstance(values, list) else [values]:
                        self.put(declared["Namespace"], metric["Name"], of, value)

    def statistic(
        self, name: str, namespace: str, metric: str, of: dict[str, str], start: datetime, end: datetime
    ) -> float | None:
        """Of the datapoints in that time; None if there is none."""
        if start >= end:
            return None
        answer = self.client.get_metric_statistics(
            Namespace=namespace,
            MetricName=metric,
            Dimensions=[{"Name": dimension, "Value": value} for dimension, value in of.items()],
            StartTime=start,
            EndTime=end,
            Period=60,
            Statistics=[name],
        )
        values = [point[name] for point in answer["Datapoints"]]
        return TOGETHER[name](values) if values else None

    def rings(self, alarm: dict[str, Any], since: datetime, moment: datetime) -> bool:
        """Whether each of its periods up to the moment is beyond the threshold, if nothing was before `since`."""
        assert alarm["TreatMissingData"] in ("breaching", "notBreaching") and "DatapointsToAlarm" not in alarm, alarm
        period = timedelta(seconds=alarm["Period"])
        of = {dimension["Name"]: dimension["Value"] for dimension in alarm["Dimensions"]}
        for back in range(alarm["EvaluationPeriods"]):
            end = moment - back * period
            start = max(end - period, since)
            value = self.statistic(alarm["Statistic"], alarm["Namespace"], alarm["MetricName"], of, start, end)
            if value is None:
                beyond = alarm["TreatMissingData"] == "breaching"
            else:
                beyond = COMPARED[alarm["ComparisonOperator"]](value, alarm["Threshold"])
            if not beyond:
                return False
        return True

    def expect(self, names: set[str], since: datetime, moment: datetime | None = None) -> None:
        """These ring and no other, and the composite alarm if one does. Were one of them broken, it would not."""
        moment = moment or now() + timedelta(seconds=1)
        alarms = self.described()
        rung = {name for name, alarm in alarms.items() if self.rings(alarm, since, moment)}
        assert rung == names, f"{sorted(rung)} ring, instead of {sorted(names)}"
        for name in alarms:
            state = "ALARM" if name in rung else "OK"
            self.client.set_alarm_state(AlarmName=self.prefix + name, StateValue=state, StateReason="as decided")
        assert self.state(self.composite) == ("ALARM" if rung else "OK"), self.composite
        for name in rung:
            for broken in ways_to_break(alarms[name]):
                assert not self.rings(broken, since, moment), f"a broken alarm rings: {broken}"
                self.broken += 1
        if rung:
            self.is_deaf_without(rung)
        self.rung |= rung

    def is_deaf_without(self, rung: set[str]) -> None:
        """A composite alarm that does not look at those that ring says OK."""
        rule, name = self.rule, f"{self.prefix}deaf"
        for child in rung:
            rule = rule.replace(f'ALARM("{self.prefix}{child}")', "FALSE")
        self.client.put_composite_alarm(AlarmName=name, AlarmRule=rule)
        assert self.state(name) == "OK", rule
        self.client.delete_alarms(AlarmNames=[name])
        self.broken += 1

    def state(self, composite: str) -> str:
        (alarm,) = self.client.describe_alarms(AlarmNames=[composite], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
        return alarm["StateValue"]


def ways_to_break(alarm: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """An alarm of another function or queue, by another dimension, on a metric or in a namespace that is not there."""
    (dimension,) = alarm["Dimensions"]
    yield alarm | {"Dimensions": [dimension | {"Value": f"{dimension['Value']}-2"}]}
    yield alarm | {"Dimensions": [dimension | {"Name": "Resource"}]}
    yield alarm | {"MetricName": f"{alarm['MetricName']}s"}
    yield alarm | {"Namespace": f"{alarm['Namespace']}s"}
