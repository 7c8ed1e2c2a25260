"""A deployed stack that starts jobs for the videos in a bucket."""

import json
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from botocore.exceptions import ClientError

from lake import Lake
from permissions_needed import Policy
from rekognition import Refusal
from services import wait_until

BUCKET = "videos"
START = Policy("start", "StarterRole")
# The event with which SNS tells the starter that a job has ended.
JOB_ENDED = {"Records": [{"Sns": {"Message": "{}"}}]}


class VideoStack:
    """The stack, and what a test does with its videos."""

    def __init__(self, lake: Lake) -> None:
        self.lake, self.deployment, self.simulator = lake, lake.deployment, lake.simulator
        outputs = self.deployment.outputs
        self.starter, self.queue = outputs["StarterName"], outputs["VideoQueueUrl"]
        self.failed, self.topic = outputs["FailedQueueUrl"], outputs["TopicArn"]
        self.role = self.deployment.resource("StarterRole")

    def put(self, key: str) -> None:
        """Puts a video into the bucket."""
        self.lake.s3.put_object(Bucket=BUCKET, Key=key, Body=key.encode())

    def waiting(self) -> int:
        """Returns the number of videos in the queue that are not hidden."""
        name = "ApproximateNumberOfMessages"
        return int(self.lake.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=[name])["Attributes"][name])

    def arrives(self, key: str) -> None:
        """Puts a video into the bucket, and waits for its message in the queue."""
        before = self.waiting()
        self.put(key)
        wait_until(lambda: self.waiting() > before, f"{key} is in the queue")

    def wake(self) -> dict[str, Any]:
        """Wakes the starter as the end of a job does, and returns its answer: the counts, or an error."""
        answer = self.lake.functions.invoke(FunctionName=self.starter, Payload=json.dumps(JOB_ENDED))
        return json.load(answer["Payload"])

    def started(self) -> dict[str, dict[str, Any]]:
        """Returns the started jobs by the key of the video."""
        jobs = self.simulator.ask(started_jobs=True)["started_jobs"]
        return {job["request"]["Video"]["S3Object"]["Name"]: job for job in jobs}

    def number_of_jobs(self) -> int:
        return len(self.simulator.ask(started_jobs=True)["started_jobs"])

    def end(self, key: str) -> str:
        """Ends the job of a video, of which Rekognition tells the topic. Returns the job ID."""
        job = self.started()[key]["id"]
        event = self.simulator.ask(end_job={"job": job})["completion"]
        self.lake.sns.publish(TopicArn=self.topic, Message=event["Records"][0]["Sns"]["Message"])
        return job

    def failure(self) -> dict[str, Any]:
        """Waits for a video in the dead-letter queue, and removes it there."""
        return self.lake.receive(self.failed, "a video is in the dead-letter queue")

    def stop(self) -> None:
        """Stops the starter, and empties the queue."""
        self.lake.functions.put_function_concurrency(FunctionName=self.starter, ReservedConcurrentExecutions=0)
        self.empty()

    def start_again(self) -> None:
        self.lake.functions.delete_function_concurrency(FunctionName=self.starter)

    def empty(self) -> None:
        """Removes all messages from the queue, also hidden ones."""
        self.lake.sqs.purge_queue(QueueUrl=self.queue)

    def log(self) -> list[dict[str, Any]]:
        """Returns the log lines of the starter."""
        group = f"/aws/lambda/{self.deployment.name}-starter"
        pages = self.lake.logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        messages = [event["message"] for page in pages for event in page["events"]]
        return [json.loads(message) for message in messages if message.startswith("{")]

    def logged(self, is_wanted: Callable[[dict[str, Any]], Any], condition: str) -> list[dict[str, Any]]:
        """Waits for such log lines of the starter, and returns them.

        The emulator may show a line only with the next invocation, which the schedule causes.
        """
        return wait_until(lambda: [line for line in self.log() if is_wanted(line)], condition)

    def refusal(self, request: dict[str, Any]) -> Refusal | None:
        """Returns the error of Rekognition if the deployed role lacks a permission that a start needs."""
        video, role = request["Video"]["S3Object"], request["NotificationChannel"]["RoleArn"]
        user = f"arn:aws:sts::000000000000:assumed-role/{self.role}/{self.starter}"
        for action, resource in (("rekognition:StartLabelDetection", "*"), ("iam:PassRole", role)):
            if not self.allows(action, resource):
                text = f"User: {user} is not authorized to perform: {action} on resource: {resource} because no "
                return "AccessDeniedException", f"{text}identity-based policy allows the {action} action"
        readable = self.allows("s3:GetObject", f"arn:aws:s3:::{video['Bucket']}/{video['Name']}")
        try:
            self.lake.s3.head_object(Bucket=video["Bucket"], Key=video["Name"])
        except ClientError:
            readable = False
        if readable:
            return None
        text = "Unable to get object metadata from S3. Check object key, region and/or access permissions."
        return "InvalidS3ObjectException", text

    def allows(self, action: str, resource: str) -> bool:
        """Returns true if a statement of the deployed role allows the action."""
        iam = self.deployment.aws.client("iam")
        document = iam.get_role_policy(RoleName=self.role, PolicyName=START.name)["PolicyDocument"]
        for statement in document["Statement"]:
            resources = [statement["Resource"]] if isinstance(statement["Resource"], str) else statement["Resource"]
            if action in statement["Action"] and any(fnmatchcase(resource, pattern) for pattern in resources):
                return True
        return False
