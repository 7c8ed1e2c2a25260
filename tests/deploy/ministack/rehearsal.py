"""What a rehearsal of the alarms works with: a deployed stack, its alarms, and what their datapoints are of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cloudwatch import Alarms, now
from jobs import Jobs
from lake import Lake
from services import say, until

DAY = 24 * 60 * 60


class Rehearsal:
    """A deployed stack, its alarms, and what the datapoints are of."""

    def __init__(self, lake: Lake, jobs: Jobs) -> None:
        self.lake, self.jobs, self.deployment = lake, jobs, lake.deployment
        self.alarms = Alarms(self.deployment)
        self.name = self.deployment.outputs["FunctionName"]
        self.function = {"FunctionName": self.name}
        self.failed = self.deployment.outputs["FailedQueueUrl"]
        self.queued = self.deployment.asked.parameters["UseQueue"] == "Yes"

    def invoke(self, job: str, invocation_type: str = "RequestResponse") -> dict[str, Any]:
        payload = json.dumps({"JobId": job})
        return self.lake.functions.invoke(FunctionName=self.name, InvocationType=invocation_type, Payload=payload)

    def counted(self, metric: str, statistic: str, since: datetime) -> float:
        """What the emulator put for the function since then."""
        end = now() + timedelta(seconds=1)
        value = self.alarms.statistic(statistic, "AWS/Lambda", metric, self.function, since, end)
        assert value is not None, f"the emulator puts no {metric}"
        return value

    @contextmanager
    def logs(self, line: str) -> Iterator[None]:
        """What is done here makes the emulator log that; waits for it."""
        log = self.deployment.aws.log
        before = log.read_text().count(line)
        yield
        until(lambda: log.read_text().count(line) > before, f"the emulator logs {line!r}")

    def waiting(self, queue: str) -> int:
        name = "ApproximateNumberOfMessages"
        return int(self.lake.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=[name])["Attributes"][name])

    def read_waiting(self) -> None:
        """What SQS says of the queue of failures, once a minute."""
        metric, of = "ApproximateNumberOfMessagesVisible", {"QueueName": self.failed.split("/")[-1]}
        self.alarms.put("AWS/SQS", metric, of, self.waiting(self.failed))

    def looked_at(self, queue: str) -> dict[str, Any]:
        """The message of a queue, which stays there."""
        arguments = {"QueueUrl": queue, "VisibilityTimeout": 0, "AttributeNames": ["SentTimestamp"]}
        (message,) = until(lambda: self.lake.sqs.receive_message(**arguments).get("Messages"), "a message is there")
        age = now().timestamp() - int(message["Attributes"]["SentTimestamp"]) / 1000
        assert 0 <= age < DAY / 24, f"the message is {age} s old"
        return json.loads(message["Body"])

    def grows_old(self, queue: str, days: int, alarm: str, beside: frozenset[str] = frozenset()) -> None:
        """The message that waits there is that old to the second, and then a second more."""
        self.looked_at(queue)
        since, of = now(), {"QueueName": queue.split("/")[-1]}
        for seconds, names in ((days * DAY, set()), (days * DAY + 1, {alarm})):
            self.read_waiting()
            self.alarms.put("AWS/SQS", "ApproximateAgeOfOldestMessage", of, seconds)
            self.alarms.expect(names | beside, since)
        say(f"{alarm}: a message waits, and rings when it is {days} d and 1 s old, not before (read, moved)")


@contextmanager
def timeout(on: Rehearsal, seconds: int) -> Iterator[int]:
    """Another timeout; gives the milliseconds to the deployed one, by which durations are moved."""
    deployed = on.lake.functions.get_function_configuration(FunctionName=on.name)["Timeout"]
    on.lake.functions.update_function_configuration(FunctionName=on.name, Timeout=seconds)
    yield (deployed - seconds) * 1000
    on.lake.functions.update_function_configuration(FunctionName=on.name, Timeout=deployed)


def processes(on: Rehearsal) -> Iterator[int]:
    """Those that the emulator started for the function."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
            named = f"AWS_LAMBDA_FUNCTION_NAME={on.name}\0" in (process / "environ").read_text()
            if named and int(parent) == on.deployment.aws.process.pid:
                yield int(process.name)
