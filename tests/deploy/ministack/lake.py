"""What a deployed function did: its log, its objects, its partitions."""

from __future__ import annotations

import json
import time
from typing import Any

from deployment import Deployment
from services import until
from simulator import Simulator

JOB = "a0" * 32
# What ends later than this has ended, and its line is missing.
LATE_SECONDS = 20


def completion(job: str, api: str = "StartLabelDetection", status: str = "SUCCEEDED") -> str:
    video = {"S3ObjectName": "videos/beach day.mp4", "S3Bucket": "example-videos"}
    return json.dumps({"JobId": job, "Status": status, "API": api, "Timestamp": 1748793725418, "Video": video})


class Lake:
    """The lake of a deployment, and the way to it."""

    def __init__(self, deployment: Deployment, simulator: Simulator) -> None:
        self.deployment, self.simulator = deployment, simulator
        aws = deployment.aws
        self.s3, self.glue, self.sns = aws.client("s3"), aws.client("glue"), aws.client("sns")
        self.logs, self.sqs, self.functions = aws.client("logs"), aws.client("sqs"), aws.client("lambda")

    def publish(self, job: str, api: str = "StartLabelDetection", status: str = "SUCCEEDED") -> None:
        self.sns.publish(TopicArn=self.deployment.outputs["TopicArn"], Message=completion(job, api, status))

    def objects(self) -> dict[str, str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.deployment.outputs["BucketName"])
        return {item["Key"]: item["ETag"] for page in pages for item in page.get("Contents", [])}

    def partitions(self, job: str, table: str = "label_detections") -> dict[str, str]:
        """Label → location."""
        pages = self.glue.get_paginator("get_partitions").paginate(
            DatabaseName=self.deployment.outputs["DatabaseName"], TableName=table
        )
        found = [partition for page in pages for partition in page["Partitions"]]
        mine = [partition for partition in found if partition["Values"][0] == job]
        return {partition["Values"][1]: partition["StorageDescriptor"]["Location"] for partition in mine}

    def lines(self) -> list[dict[str, Any]]:
        """The function's log lines for people."""
        return [line for line in self.log() if "_aws" not in line]

    def metrics(self, job: str) -> list[dict[str, Any]]:
        """The function's log lines for CloudWatch, which makes metrics of them."""
        return [line for line in self.log() if "_aws" in line and line["job"] == job]

    def log(self) -> list[dict[str, Any]]:
        group = f"/aws/lambda/{self.deployment.name}"
        pages = self.logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        messages = [event["message"] for page in pages for event in page["events"]]
        return [json.loads(message) for message in messages if message.startswith("{")]

    def outcome(self, job: str, after: int = 0) -> dict[str, Any]:
        """The line that ends the export of a job; the first beyond the given number of such lines."""

        def ended() -> dict[str, Any] | None:
            lines = [
                line for line in self.lines() if line.get("job") == job and ("outcome" in line or "error_type" in line)
            ]
            if len(lines) > after:
                return lines[after]
            # The emulator waits 50 ms for the lines of an invocation. On a busy machine some come with the next: here it is.
            if time.monotonic() - started > LATE_SECONDS:
                self.functions.invoke(FunctionName=self.deployment.outputs["FunctionName"], Payload=b"{}")
            return None

        started = time.monotonic()
        return until(ended, f"{job} ends")

    def export(self, job: str) -> dict[str, Any]:
        self.publish(job)
        return self.outcome(job)

    def subscriber(self, topic: str, name: str) -> str:
        """A new queue that gets what the topic tells; its URL."""
        queue = self.sqs.create_queue(QueueName=f"{self.deployment.name}-{name}")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        allow = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        self.sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
        self.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        return queue

    def received(self, queue_url: str, what: str) -> dict[str, Any]:
        """A message of a queue, which is then gone from it."""

        def message() -> dict[str, Any] | None:
            messages = self.sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=1).get("Messages", [])
            return messages[0] if messages else None

        message_found = until(message, what)
        self.sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message_found["ReceiptHandle"])
        return json.loads(message_found["Body"])
