"""The lake of a deployed stack: objects, partitions, log lines and queues."""

import json
import time
from collections.abc import Callable
from typing import Any

from deployment import Deployment
from services import Found, wait_until
from simulator import Simulator

JOB = "a0" * 32
# An export takes less time than this. If its log line is still missing, the emulator has not delivered the line.
LATE_SECONDS = 20


def completion(job: str, api: str = "StartLabelDetection", status: str = "SUCCEEDED") -> str:
    """Returns the completion message of a job."""
    video = {"S3ObjectName": "videos/beach day.mp4", "S3Bucket": "example-videos"}
    return json.dumps({"JobId": job, "Status": status, "API": api, "Timestamp": 1748793725418, "Video": video})


class Lake:
    """The lake of a deployment, with clients for the services that it uses."""

    def __init__(self, deployment: Deployment, simulator: Simulator) -> None:
        self.deployment, self.simulator = deployment, simulator
        aws = deployment.aws
        self.s3, self.glue, self.sns = aws.client("s3"), aws.client("glue"), aws.client("sns")
        self.logs, self.sqs, self.functions = aws.client("logs"), aws.client("sqs"), aws.client("lambda")

    def publish(self, job: str, api: str = "StartLabelDetection", status: str = "SUCCEEDED") -> None:
        self.sns.publish(TopicArn=self.deployment.outputs["TopicArn"], Message=completion(job, api, status))

    def objects(self) -> dict[str, str]:
        """Returns the ETags of all objects by key."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.deployment.outputs["BucketName"])
        return {item["Key"]: item["ETag"] for page in pages for item in page.get("Contents", [])}

    def partitions(self, job: str, table: str = "label_detections") -> dict[str, str]:
        """Returns the locations of a job's partitions by label."""
        pages = self.glue.get_paginator("get_partitions").paginate(
            DatabaseName=self.deployment.outputs["DatabaseName"], TableName=table
        )
        found = [partition for page in pages for partition in page["Partitions"]]
        mine = [partition for partition in found if partition["Values"][0] == job]
        return {partition["Values"][1]: partition["StorageDescriptor"]["Location"] for partition in mine}

    def lines(self) -> list[dict[str, Any]]:
        """Returns the log lines of the function, without those that contain metrics."""
        return [line for line in self.log() if "_aws" not in line]

    def metrics(self, job: str) -> list[dict[str, Any]]:
        """Returns the log lines with a job's metrics, in CloudWatch's embedded metric format."""
        return [line for line in self.log() if "_aws" in line and line.get("job") == job]

    def log(self) -> list[dict[str, Any]]:
        group = f"/aws/lambda/{self.deployment.name}"
        pages = self.logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        messages = [event["message"] for page in pages for event in page["events"]]
        return [json.loads(message) for message in messages if message.startswith("{")]

    def outcome(self, job: str, after: int = 0) -> dict[str, Any]:
        """Waits for the log line that ends an export of a job and returns it. Skips the first `after` such lines."""

        def ended() -> dict[str, Any] | None:
            lines = [
                line for line in self.lines() if line.get("job") == job and ("outcome" in line or "error_type" in line)
            ]
            return lines[after] if len(lines) > after else None

        return self.wait_for_log(ended, f"the export of {job} ends")

    def attempts(self, job: str, count: int = 1) -> list[dict[str, Any]]:
        """Waits until the log has the metrics of so many attempts at a job, and returns these lines."""

        def logged() -> list[dict[str, Any]] | None:
            lines = self.metrics(job)
            return lines if len(lines) >= count else None

        lines = self.wait_for_log(logged, f"the metrics of {count} attempts at {job} are in the log")
        assert len(lines) == count, lines
        return lines

    def wait_for_log(self, found: Callable[[], Found | None], condition: str) -> Found:
        """Waits for log lines.

        The emulator waits 50 ms for the log lines of an invocation. On a busy machine, a late line appears only with
        the next invocation, so this causes one.
        """
        started = time.monotonic()

        def found_or_late() -> Found | None:
            answer = found()
            if not answer and time.monotonic() - started > LATE_SECONDS:
                self.functions.invoke(FunctionName=self.deployment.outputs["FunctionName"], Payload=b"{}")
            return answer

        return wait_until(found_or_late, condition)

    def export(self, job: str, api: str = "StartLabelDetection") -> dict[str, Any]:
        """Publishes the completion of a job and returns the log line that ends its export."""
        self.publish(job, api)
        return self.outcome(job)

    def subscriber(self, topic: str, name: str) -> str:
        """Subscribes a new queue to a topic and returns the URL of the queue."""
        queue = self.sqs.create_queue(QueueName=f"{self.deployment.name}-{name}")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        allow = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        self.sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
        self.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        return queue

    def receive(self, queue_url: str, condition: str) -> dict[str, Any]:
        """Waits for a message in a queue, deletes it from the queue and returns its body."""

        def message() -> dict[str, Any] | None:
            messages = self.sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=1).get("Messages", [])
            return messages[0] if messages else None

        received = wait_until(message, condition)
        self.sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=received["ReceiptHandle"])
        return json.loads(received["Body"])
