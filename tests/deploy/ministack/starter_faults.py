"""Faults of the part of a stack that starts jobs, for `label-lake status --stack` to find."""

import json
from collections.abc import Callable
from typing import Any

from doctor import Fault, faults_of_queue
from video_stack import BUCKET, START, VideoStack


def faults_of_videos(videos: VideoStack) -> list[Fault]:
    return [*faults_of_source(videos), *faults_of_video_queue(videos), *faults_of_starter(videos)]


def faults_of_source(videos: VideoStack) -> list[Fault]:
    """Returns the faults of the bucket and the rule."""
    events, rule = videos.deployment.aws.client("events"), videos.deployment.resource("VideoRule")

    def remove_targets() -> None:
        targets = events.list_targets_by_rule(Rule=rule)["Targets"]
        events.remove_targets(Rule=rule, Ids=[target["Id"] for target in targets])

    return [
        Fault(
            "video bucket",
            f"{BUCKET} sends no events to EventBridge",
            "n=$(aws s3api get-bucket-notification-configuration",
            lambda: videos.lake.s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={}),
        ),
        Fault(
            "video rule",
            "is disabled",
            f"aws events enable-rule --name {rule}",
            lambda: events.disable_rule(Name=rule),
        ),
        Fault("video rule", "does not send to the queue", f"aws events put-targets --rule {rule}", remove_targets),
    ]


def faults_of_video_queue(videos: VideoStack) -> list[Fault]:
    fix = f"aws sqs set-queue-attributes --queue-url {videos.queue}"
    refused = "the rule for videos may not send messages"

    def set_attribute(queue: str, name: str, value: str) -> Callable[[], object]:
        return lambda: videos.lake.sqs.set_queue_attributes(QueueUrl=queue, Attributes={name: value})

    retention, _ = faults_of_queue(videos.lake, videos.queue, "video queue retention", "")
    sqs = videos.lake.sqs.get_queue_attributes(QueueUrl=videos.failed, AttributeNames=["Policy"])
    policy = json.loads(sqs["Attributes"]["Policy"])
    others = [each for each in policy["Statement"] if each["Sid"] != "FromVideoRule"]
    return [
        retention,
        Fault("video queue policy", refused, fix, set_attribute(videos.queue, "Policy", "")),
        Fault(
            "video queue",
            "VisibilityTimeout is 30 s instead of 120 s",
            fix,
            set_attribute(videos.queue, "VisibilityTimeout", "30"),
        ),
        Fault(
            "video queue failures",
            "are retried until they expire",
            fix,
            set_attribute(videos.queue, "RedrivePolicy", ""),
        ),
        Fault(
            "dead-letter queue policy",
            refused,
            f"aws sqs set-queue-attributes --queue-url {videos.failed}",
            set_attribute(videos.failed, "Policy", json.dumps(policy | {"Statement": others})),
        ),
    ]


def faults_of_starter(videos: VideoStack) -> list[Fault]:
    """Returns the faults of the function, of what wakes it, and of its role."""
    aws, functions, name = videos.deployment.aws, videos.lake.functions, videos.starter
    scheduler, schedule = aws.client("scheduler"), videos.deployment.resource("StarterSchedule")
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    update = f"aws lambda update-function-configuration --function-name {name}"

    def configure(**settings: Any) -> Callable[[], object]:
        return lambda: functions.update_function_configuration(FunctionName=name, **settings)

    def unsubscribe() -> None:
        found = videos.lake.sns.list_subscriptions_by_topic(TopicArn=videos.topic)["Subscriptions"]
        (mine,) = [each["SubscriptionArn"] for each in found if each["Endpoint"].endswith(f":{name}")]
        videos.lake.sns.unsubscribe(SubscriptionArn=mine)

    def remove_permission() -> None:
        for statement in json.loads(functions.get_policy(FunctionName=name)["Policy"])["Statement"]:
            functions.remove_permission(FunctionName=name, StatementId=statement["Sid"])

    def disable_schedule() -> None:
        given = scheduler.get_schedule(Name=schedule)
        parts = {key: given[key] for key in ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")}
        scheduler.update_schedule(**parts, State="DISABLED")

    iam = aws.client("iam")
    document = iam.get_role_policy(RoleName=videos.role, PolicyName=START.name)["PolicyDocument"]

    def put_policy(statements: list[Any]) -> None:
        changed = json.dumps(document | {"Statement": statements})
        iam.put_role_policy(RoleName=videos.role, PolicyName=START.name, PolicyDocument=changed)

    def restore_policy() -> None:
        put_policy(document["Statement"])
        iam.delete_role_policy(RoleName=videos.role, PolicyName="label-lake-fix")

    without_start = [each for each in document["Statement"] if each["Sid"] != "StartJobs"]
    return [
        Fault("starter timeout", "3 s instead of 60 s", f"{update} --timeout 60", configure(Timeout=3)),
        Fault(
            "starter settings",
            'TOPIC_ARN is "other"',
            f"{update} --environment",
            configure(Environment={"Variables": variables | {"TOPIC_ARN": "other"}}),
        ),
        Fault(
            "starter concurrency",
            "the starter is stopped",
            f"aws lambda delete-function-concurrency --function-name {name}",
            lambda: functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0),
        ),
        Fault(
            "starter invoke permission",
            "the topic may not invoke the function",
            f"aws lambda add-permission --function-name {name}",
            remove_permission,
        ),
        Fault(
            "starter subscription",
            "the topic does not wake the starter",
            f"aws sns subscribe --topic-arn {videos.topic} --protocol lambda",
            unsubscribe,
        ),
        Fault(
            "starter schedule",
            "is disabled",
            f"aws scheduler update-schedule --name {schedule} --state ENABLED",
            disable_schedule,
        ),
        Fault(
            "starter permissions",
            "may not rekognition:StartLabelDetection on *",
            f"aws iam put-role-policy --role-name {videos.role}",
            lambda: put_policy(without_start),
            restore_policy,
        ),
    ]
