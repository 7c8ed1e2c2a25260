"""Breaks a deployed stack, and checks that `label-lake status --stack` names each fault, with a command that fixes it.

The commands are run as printed, except those that need what the emulator lacks.
"""

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commands import PROGRAM, run
from deployment import Deployment
from jobs import Jobs
from lake import Lake, completion
from services import REGION, say, wait_until
from stack import PSEUDO
from verification import CLI

# Brings deleted resources back on AWS. The emulator has no drift-aware change sets.
REVERT = "aws cloudformation create-change-set"


@dataclass(frozen=True)
class Fault:
    """A fault to cause.

    `restore` cleans up after the printed command, or replaces it if the emulator cannot run it.
    """

    check: str
    text: str
    fix: str
    cause: Callable[[], object]
    restore: Callable[[], object] | None = None
    runs_fix: bool = True


def check_doctor(lake: Lake, jobs: Jobs, faults: Callable[[Lake, Jobs], list[Fault]]) -> None:
    """The stack has only the faults that it has on an emulator; each fault that is caused is found, and then fixed."""
    # The emulator's CloudFormation ignores RecursiveLoop.
    function = {"FunctionName": lake.deployment.outputs["FunctionName"]}
    lake.functions.put_function_recursion_config(**function, RecursiveLoop="Allow")
    standing = expected_faults(lake)
    assert doctor(lake).keys() == standing, doctor(lake)
    listed = faults(lake, jobs)
    for fault in listed:
        fault.cause()
        found = doctor(lake)
        assert found.keys() - standing == {fault.check}, (fault, found)
        check = found[fault.check]
        assert fault.text in check["text"] and check["fix"].startswith(fault.fix), (fault, check)
        if fault.runs_fix:
            run_fix(lake, check["fix"])
        if fault.restore and not fault.runs_fix:
            fault.restore()
        wait_until(lambda: doctor(lake).keys() == standing, f"{fault.check} is fixed")
        if fault.restore and fault.runs_fix:
            fault.restore()
    fixed = sum(fault.runs_fix for fault in listed)
    ran = run(lake, "status", "--stack", lake.deployment.name)
    assert ran.returncode == bool(standing) and ran.stdout.startswith("ok     stack"), ran
    checks = ran.stdout.splitlines()[-1]
    say(f"label-lake status --stack: {checks}; names {len(listed)} faults, of which its commands fix {fixed}")


def doctor(lake: Lake) -> dict[str, dict[str, Any]]:
    """Returns the faults of the stack by the name of the check."""
    ran = run(lake, "status", "--stack", lake.deployment.name, "--json")
    assert ran.stdout and not ran.stderr, ran
    report = json.loads(ran.stdout)
    faults = {check["check"]: check for check in report["checks"] if not check["ok"]}
    assert ran.returncode == bool(faults) and report["faults"] == len(faults), ran
    return faults


def expected_faults(lake: Lake) -> set[str]:
    """Returns the checks that fail on a sound stack: an alarm without an action does not notify by itself."""
    expected = lake.deployment.expected
    if not expected.parameters["AlarmEmail"]:
        return set()
    alarms = expected.of_type("AWS::CloudWatch::Alarm").values()
    silent = [alarm["AlarmName"] for alarm in alarms if "AlarmActions" not in alarm]
    return {f"alarm {name.replace(PSEUDO['AWS::StackName'], lake.deployment.name, 1)}" for name in silent}


def run_fix(lake: Lake, command: str) -> None:
    """Runs a command as a user would paste it into a shell."""
    environment = lake.deployment.aws.environment | {
        "AWS_REGION": REGION,
        "PATH": f"{CLI}:{Path(PROGRAM).parent}:{os.environ['PATH']}",
        "QUERY_RESULTS": "",
    }
    ran = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, (command, ran)


def faults_of_stack(lake: Lake, jobs: Jobs) -> list[Fault]:
    """Returns the faults of a stack without a queue."""
    return [
        *faults_of_function(lake.deployment),
        *faults_of_topic(lake.deployment),
        *faults_of_dead_letter_queue(lake, jobs),
        *faults_of_roles(lake.deployment),
        *faults_of_lake(lake, jobs),
        *faults_of_alarms(lake.deployment),
    ]


def faults_of_function(deployment: Deployment) -> list[Fault]:
    functions, name = deployment.aws.client("lambda"), deployment.outputs["FunctionName"]
    configuration = functions.get_function_configuration(FunctionName=name)

    def configure(**settings: Any) -> Callable[[], object]:
        return lambda: functions.update_function_configuration(FunctionName=name, **settings)

    def remove_permission() -> None:
        policy = json.loads(functions.get_policy(FunctionName=name)["Policy"])
        for statement in policy["Statement"]:
            functions.remove_permission(FunctionName=name, StatementId=statement["Sid"])

    latest = {"FunctionName": name, "Qualifier": "$LATEST"}
    deployed = functions.get_function_event_invoke_config(**latest)
    failures = {key: deployed[key] for key in ("MaximumEventAgeInSeconds", "DestinationConfig")}
    variables = configuration["Environment"]["Variables"]
    update = f"aws lambda update-function-configuration --function-name {name}"
    other = {"Variables": variables | {"OUTPUT_BUCKET": "other"}}
    return [
        Fault("function timeout", "60 s instead of 900 s", f"{update} --timeout 900", configure(Timeout=60)),
        Fault("function memory", "128 MB instead of 256 MB", f"{update} --memory-size 256", configure(MemorySize=128)),
        Fault("function settings", 'OUTPUT_BUCKET is "other"', f"{update} --environment", configure(Environment=other)),
        Fault(
            "function concurrency",
            "the function is stopped",
            f"aws lambda delete-function-concurrency --function-name {name}",
            lambda: functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0),
        ),
        Fault(
            "long jobs",
            "recursive loop detection",
            f"aws lambda put-function-recursion-config --function-name {name} --recursive-loop Allow",
            lambda: functions.put_function_recursion_config(FunctionName=name, RecursiveLoop="Terminate"),
        ),
        Fault(
            "failed events",
            "are lost after the last retry",
            f"aws lambda put-function-event-invoke-config --function-name {name}",
            lambda: functions.delete_function_event_invoke_config(**latest),
        ),
        Fault(
            "failed events",
            "retries: 0 instead of 2",
            f"aws lambda put-function-event-invoke-config --function-name {name}",
            lambda: functions.put_function_event_invoke_config(**latest, **failures | {"MaximumRetryAttempts": 0}),
        ),
        Fault(
            "invoke permission",
            "the topic may not invoke the function",
            f"aws lambda add-permission --function-name {name}",
            remove_permission,
        ),
    ]


def faults_of_topic(deployment: Deployment) -> list[Fault]:
    sns, topic = deployment.aws.client("sns"), deployment.outputs["TopicArn"]
    deny = {"Effect": "Deny", "Principal": "*", "Action": "sns:Publish", "Resource": topic}
    denying = json.dumps({"Version": "2012-10-17", "Statement": [deny]})

    def subscription() -> str:
        (found,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        return found["SubscriptionArn"]

    def set_attribute(name: str, value: str) -> None:
        sns.set_subscription_attributes(SubscriptionArn=subscription(), AttributeName=name, AttributeValue=value)

    def set_filter(scope: str, api: str) -> None:
        set_attribute("FilterPolicy", json.dumps({"API": [api, "LABEL_DETECTION"]}))
        set_attribute("FilterPolicyScope", scope)

    set_attributes = "aws sns set-subscription-attributes --subscription-arn arn:aws:sns:"
    return [
        Fault(
            "topic policy",
            "a statement denies to publish",
            f"aws sns set-topic-attributes --topic-arn {topic}",
            lambda: sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=denying),
        ),
        Fault(
            "subscription",
            "the topic does not deliver to arn:aws:lambda:",
            f"aws sns subscribe --topic-arn {topic} --protocol lambda",
            lambda: sns.unsubscribe(SubscriptionArn=subscription()),
        ),
        Fault(
            "subscription filter",
            "drops messages of label detection",
            set_attributes,
            lambda: set_filter("MessageBody", "OTHER"),
        ),
        Fault(
            "subscription filter",
            "looks at MessageAttributes",
            set_attributes,
            lambda: set_filter("MessageAttributes", "StartLabelDetection"),
        ),
        Fault("undelivered messages", "are lost", set_attributes, lambda: set_attribute("RedrivePolicy", "")),
    ]


def faults_of_dead_letter_queue(lake: Lake, jobs: Jobs) -> list[Fault]:
    queue = lake.deployment.outputs["FailedQueueUrl"]
    return [
        *faults_of_queue(lake, queue, "dead-letter queue", "dead-letter queue policy"),
        Fault(
            "failures waiting",
            "1 failed event",
            f"label-lake replay --stack {lake.deployment.name}",
            lambda: lake.sqs.send_message(QueueUrl=queue, MessageBody=completion(jobs.new())),
        ),
    ]


def faults_of_queue(lake: Lake, queue: str, retention: str, policy: str) -> list[Fault]:
    """Returns the faults of either queue, found by these checks."""

    def set_attribute(name: str, value: str) -> Callable[[], object]:
        return lambda: lake.sqs.set_queue_attributes(QueueUrl=queue, Attributes={name: value})

    fix = f"aws sqs set-queue-attributes --queue-url {queue}"
    short = "MessageRetentionPeriod is 60 s instead of 1209600 s"
    return [
        Fault(retention, short, fix, set_attribute("MessageRetentionPeriod", "60")),
        Fault(policy, "the topic may not send messages", fix, set_attribute("Policy", "")),
    ]


def faults_of_roles(deployment: Deployment) -> list[Fault]:
    iam = deployment.aws.client("iam")
    function, rekognition = deployment.resource("FunctionRole"), deployment.resource("RekognitionRole")
    export = iam.get_role_policy(RoleName=function, PolicyName="export")["PolicyDocument"]
    publish = iam.get_role_policy(RoleName=rekognition, PolicyName="publish")["PolicyDocument"]
    other = json.dumps({"Version": "2012-10-17", "Statement": []})

    def put(role: str, name: str, document: Any) -> None:
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))

    def remove_action() -> None:
        statements = [
            statement | {"Action": [action for action in statement["Action"] if action != "s3:PutObject"]}
            for statement in export["Statement"]
        ]
        put(function, "export", export | {"Statement": statements})

    def restore(role: str, name: str, document: Any) -> None:
        put(role, name, document)
        iam.delete_role_policy(RoleName=role, PolicyName="label-lake-fix")

    return [
        Fault(
            "function permissions",
            "may not s3:PutObject on arn:aws:s3:::",
            f"aws iam put-role-policy --role-name {function}",
            remove_action,
            lambda: restore(function, "export", export),
        ),
        Fault(
            "Rekognition permissions",
            "may not sns:Publish on arn:aws:sns:",
            f"aws iam put-role-policy --role-name {rekognition}",
            lambda: iam.delete_role_policy(RoleName=rekognition, PolicyName="publish"),
            lambda: restore(rekognition, "publish", publish),
        ),
        Fault(
            "function role trust",
            "lambda.amazonaws.com may not assume",
            f"aws iam update-assume-role-policy --role-name {function}",
            lambda: iam.update_assume_role_policy(RoleName=function, PolicyDocument=other),
        ),
    ]


def faults_of_lake(lake: Lake, jobs: Jobs) -> list[Fault]:
    glue, stack, bucket = lake.glue, lake.deployment.name, lake.deployment.outputs["BucketName"]
    database = lake.deployment.outputs["DatabaseName"]
    job = jobs.new()
    assert lake.export(job)["outcome"] == "EXPORTED"
    label = next(iter(lake.partitions(job)))
    table = glue.get_table(DatabaseName=database, Name="jobs")["Table"]
    given = {key: table[key] for key in ("Name", "TableType", "Parameters", "StorageDescriptor")}
    elsewhere = given | {"StorageDescriptor": given["StorageDescriptor"] | {"Location": f"s3://{bucket}/old/jobs/"}}

    def delete_file() -> None:
        key = next(key for key in lake.objects() if f"label_detections/job_id={job}/" in key)
        lake.s3.delete_object(Bucket=bucket, Key=key)

    return [
        # The emulator's Athena does not run ALTER TABLE.
        Fault(
            "table jobs",
            f"is in s3://{bucket}/old/jobs/ instead of s3://{bucket}/jobs/",
            f"aws athena start-query-execution --work-group {stack}",
            lambda: glue.update_table(DatabaseName=database, TableInput=elsewhere),
            lambda: glue.update_table(DatabaseName=database, TableInput=given),
            runs_fix=False,
        ),
        Fault(
            "table jobs",
            f"table {database}.jobs does not exist",
            REVERT,
            lambda: glue.delete_table(DatabaseName=database, Name="jobs"),
            lambda: glue.create_table(DatabaseName=database, TableInput=given),
            runs_fix=False,
        ),
        Fault(
            f"job {job}",
            "1 partition missing",
            f"label-lake register --stack {stack}",
            lambda: glue.delete_partition(
                DatabaseName=database, TableName="label_detections", PartitionValues=[job, label]
            ),
        ),
        Fault(f"job {job}", "1 file missing", f"label-lake backfill --stack {stack}", delete_file),
    ]


def faults_of_alarms(deployment: Deployment) -> list[Fault]:
    cloudwatch, name = deployment.aws.client("cloudwatch"), f"{deployment.name}-failures-waiting"
    (described,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    settings = (
        *("AlarmName", "AlarmDescription", "Namespace", "MetricName", "Dimensions", "Statistic", "Period"),
        *("EvaluationPeriods", "DatapointsToAlarm", "ComparisonOperator", "Threshold", "TreatMissingData"),
        *("AlarmActions", "OKActions"),
    )
    given = {key: described[key] for key in settings if key in described}

    def set_state(state: str) -> None:
        cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="by the test")

    return [
        Fault(
            f"alarm {name}",
            "its actions are disabled",
            f"aws cloudwatch enable-alarm-actions --alarm-names {name}",
            lambda: cloudwatch.disable_alarm_actions(AlarmNames=[name]),
        ),
        Fault(
            f"alarm {name}",
            "is firing: by the test",
            f"label-lake replay --stack {deployment.name}",
            lambda: set_state("ALARM"),
            lambda: set_state("OK"),
            runs_fix=False,
        ),
        Fault(
            f"alarm {name}",
            "does not exist",
            REVERT,
            lambda: cloudwatch.delete_alarms(AlarmNames=[name]),
            lambda: cloudwatch.put_metric_alarm(**given),
            runs_fix=False,
        ),
    ]


def faults_of_job_queue(lake: Lake, jobs: Jobs) -> list[Fault]:
    """Returns the faults of the queue in front of the function."""
    queue = lake.deployment.resource("JobQueue")
    (mapping,) = lake.functions.list_event_source_mappings(FunctionName=lake.deployment.outputs["FunctionName"])[
        "EventSourceMappings"
    ]
    mapped = {"UUID": mapping["UUID"]}
    fix = f"aws sqs set-queue-attributes --queue-url {queue}"

    def set_attribute(name: str, value: str) -> Callable[[], object]:
        return lambda: lake.sqs.set_queue_attributes(QueueUrl=queue, Attributes={name: value})

    return [
        *faults_of_queue(lake, queue, "job queue retention", "job queue policy"),
        Fault(
            "job queue", "VisibilityTimeout is 30 s instead of 1800 s", fix, set_attribute("VisibilityTimeout", "30")
        ),
        Fault("job queue failures", "are retried until they expire", fix, set_attribute("RedrivePolicy", "")),
        Fault(
            "job queue mapping",
            "the function takes no jobs from the queue",
            f"aws lambda update-event-source-mapping --uuid {mapping['UUID']} --enabled",
            lambda: lake.functions.update_event_source_mapping(**mapped, Enabled=False),
        ),
        Fault(
            "job queue mapping",
            "does not report batch item failures",
            f"aws lambda update-event-source-mapping --uuid {mapping['UUID']} --function-response-types",
            lambda: lake.functions.update_event_source_mapping(**mapped, FunctionResponseTypes=[]),
        ),
    ]
