"""The helpers of the alarm test: a deployed stack, its alarms, and the sources of their data points."""

import json
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cloudwatch import Alarms, now
from jobs import Jobs
from lake import Lake
from services import say, wait_until

DAY = 24 * 60 * 60


class AlarmTest:
    """A deployed stack and its alarms."""

    def __init__(self, lake: Lake, jobs: Jobs) -> None:
        self.lake, self.jobs, self.deployment = lake, jobs, lake.deployment
        self.alarms = Alarms(self.deployment)
        self.name = self.deployment.outputs["FunctionName"]
        self.function = {"FunctionName": self.name}
        self.failed = self.deployment.outputs["FailedQueueUrl"]
        self.has_queue = self.deployment.expected.parameters["UseQueue"] == "Yes"

    def invoke(self, job: str, invocation_type: str = "RequestResponse") -> dict[str, Any]:
        payload = json.dumps({"JobId": job})
        return self.lake.functions.invoke(FunctionName=self.name, InvocationType=invocation_type, Payload=payload)

    @contextmanager
    def during_export(self, job: str) -> Generator[Future[dict[str, Any]]]:
        """Runs its block while an invocation exports a job, and waits for the end of the invocation."""
        simulator = self.jobs.simulator
        calls = simulator.calls("GetLabelDetection")
        with ThreadPoolExecutor() as threads:
            invoked = threads.submit(self.invoke, job)
            wait_until(lambda: simulator.calls("GetLabelDetection") > calls + 2, "the export is in progress")
            yield invoked
            invoked.exception()

    def counted(self, metric: str, statistic: str, since: datetime) -> float:
        """Returns a statistic of a metric that the emulator counts for the function."""
        end = now() + timedelta(seconds=1)
        value = self.alarms.statistic(statistic, "AWS/Lambda", metric, self.function, since, end)
        assert value is not None, f"the emulator has no data points of {metric}"
        return value

    @contextmanager
    def logs(self, line: str) -> Generator[None]:
        """Waits, after its block, until the emulator has logged a line."""
        log = self.deployment.aws.log
        before = log.read_text().count(line)
        yield
        wait_until(lambda: log.read_text().count(line) > before, f"the emulator logs {line!r}")

    def waiting(self, queue: str) -> int:
        """Returns the number of messages in a queue."""
        name = "ApproximateNumberOfMessages"
        return int(self.lake.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=[name])["Attributes"][name])

    def put_waiting(self) -> None:
        """Puts the number of messages in the dead-letter queue as a data point, as SQS does once a minute."""
        metric, dimensions = "ApproximateNumberOfMessagesVisible", {"QueueName": self.failed.split("/")[-1]}
        self.alarms.put("AWS/SQS", metric, dimensions, self.waiting(self.failed))

    def peek(self, queue: str) -> dict[str, Any]:
        """Waits for a message in a queue and returns its body. The message stays in the queue."""
        arguments = {"QueueUrl": queue, "VisibilityTimeout": 0, "AttributeNames": ["SentTimestamp"]}
        (message,) = wait_until(lambda: self.lake.sqs.receive_message(**arguments).get("Messages"), "a message arrives")
        age = now().timestamp() - int(message["Attributes"]["SentTimestamp"]) / 1000
        assert 0 <= age < DAY / 24, f"the message is {age} s old"
        return json.loads(message["Body"])

    def check_age_alarm(self, queue: str, days: int, alarm: str, others: frozenset[str] = frozenset()) -> None:
        """The alarm on a queue's oldest message fires when the message is older than so many days, and not before."""
        self.peek(queue)
        since, dimensions = now(), {"QueueName": queue.split("/")[-1]}
        for seconds, names in ((days * DAY, set()), (days * DAY + 1, {alarm})):
            self.put_waiting()
            self.alarms.put("AWS/SQS", "ApproximateAgeOfOldestMessage", dimensions, seconds)
            self.alarms.expect(names | others, since)
        say(f"{alarm}: fires when a message is {days} d and 1 s old, not 1 s earlier (read, shifted)")


@contextmanager
def timeout(test: AlarmTest, seconds: int) -> Generator[int]:
    """Sets another timeout during its block. Yields by how many milliseconds it is shorter than the deployed one."""
    deployed = test.lake.functions.get_function_configuration(FunctionName=test.name)["Timeout"]
    test.lake.functions.update_function_configuration(FunctionName=test.name, Timeout=seconds)
    yield (deployed - seconds) * 1000
    test.lake.functions.update_function_configuration(FunctionName=test.name, Timeout=deployed)


def processes(test: AlarmTest) -> Iterator[int]:
    """Returns the IDs of the processes that the emulator started for the function."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
            is_function = f"AWS_LAMBDA_FUNCTION_NAME={test.name}\0" in (process / "environ").read_text()
            if is_function and int(parent) == test.deployment.aws.process.pid:
                yield int(process.name)
