"""Makes each alarm of a deployed stack fire, and checks that no other alarm fires with it.

Each case causes the condition of an alarm with the deployed function, queues and topics. The printed line says where
the data point comes from:

  counted   put by the emulator, as Lambda does
  emitted   extracted from a log line of the function, as CloudWatch does
  read      read from the attributes of the queue or from a message at that moment
  made      put by this test, because the emulator does not publish the metric
  shifted   with a value or time that this test has changed, to avoid a long wait
"""

import json
import os
import signal
from contextlib import suppress
from datetime import timedelta
from time import sleep

from botocore.exceptions import ClientError

from alarm_test import AlarmTest, processes, timeout
from cloudwatch import now
from jobs import Jobs
from lake import Lake
from metrics import is_state
from services import say, wait_until

# Jobs that Rekognition does not know.
UNKNOWN, LOST = "9" * 64, "8" * 64
# Prefixes of the attributes of a queue that cannot be set.
READ_ONLY = ("QueueArn", "CreatedTimestamp", "LastModifiedTimestamp", "ApproximateNumber")


def successful_jobs(test: AlarmTest) -> None:
    """No alarm fires for a job that is exported, and then delivered again."""
    since, job = now(), test.jobs.new()
    assert test.lake.export(job)["outcome"] == "EXPORTED"
    assert "FunctionError" not in test.invoke(job)
    test.alarms.put_emitted(test.lake.attempts(job)[0])
    test.put_waiting()
    assert test.counted("Errors", "Sum", since) == test.counted("Throttles", "Sum", since) == 0
    test.alarms.expect(set(), since)
    say("alarms: none fires for a successful job")


def failed_job(test: AlarmTest) -> None:
    since, job = now(), test.jobs.new(status="FAILED")
    test.lake.publish(job, status="FAILED")
    test.lake.outcome(job)
    test.alarms.put_emitted(test.lake.attempts(job)[0])
    test.alarms.expect({"jobs-failed"}, since)
    say("jobs-failed: fires for a job that failed at Rekognition (emitted)")


def five_failed_attempts(test: AlarmTest) -> None:
    """Attempts at a job that Rekognition does not know fail, with a queue until the queue gives up on the job."""
    since = now()
    if test.has_queue:
        test.lake.publish(UNKNOWN)
        assert test.lake.receive(test.failed, "the job is in the dead-letter queue")["JobId"] == UNKNOWN
    else:
        for _ in range(5):
            assert "FunctionError" in test.invoke(UNKNOWN)
    for count, line in enumerate(test.lake.attempts(UNKNOWN, 5), 1):
        test.alarms.put_emitted(line)
        assert ("function-errors" in test.alarms.firing(since)) is (count == 5), f"{count} attempts"
    # On AWS, the invocations failed too, because each had a single job. The emulator counts only direct invocations.
    test.alarms.expect({"function-errors"} if test.has_queue else {"function-errors", "function-crashed"}, since)
    source = "a queue" if test.has_queue else "direct invocations"
    say(f"function-errors: fires at the fifth failed attempt, not at the fourth, with {source} (emitted)")


def five_crashes(test: AlarmTest) -> None:
    """The function's process is killed in the middle of a job, so that only Lambda can count the failure."""
    since, job = now(), test.jobs.new(pages=20)
    for count in range(1, 6):
        with test.during_export(job):
            for process in processes(test):
                os.kill(process, signal.SIGKILL)
        assert test.counted("Errors", "Sum", since) == count
        test.alarms.expect({"function-crashed"} if count == 5 else set(), since)
    assert not test.lake.metrics(job)
    say("function-crashed: fires at the fifth crash, not at the fourth; function-errors does not (counted)")


def throttled_function(test: AlarmTest) -> None:
    """The function is throttled for half an hour: the data point of now is repeated every five minutes."""
    since = now()
    test.lake.functions.put_function_concurrency(FunctionName=test.name, ReservedConcurrentExecutions=0)
    try:
        test.invoke(UNKNOWN)
    except test.lake.functions.exceptions.TooManyRequestsException:
        pass
    else:
        raise AssertionError("the function was not throttled")
    test.lake.functions.delete_function_concurrency(FunctionName=test.name)
    throttles, happened = test.counted("Throttles", "Sum", since), now()
    for period in range(1, 6):
        at = happened + period * timedelta(minutes=5)
        test.alarms.put("AWS/Lambda", "Throttles", test.function, throttles, at)
        test.alarms.expect({"function-throttled"} if period == 5 else set(), since, at + timedelta(seconds=1))
    say("function-throttled: fires after 30 minutes of throttling, not after 25 (counted, shifted)")


def continued_job(test: AlarmTest) -> None:
    """A job of 18 s with a timeout of 20 s is continued 5 s before the timeout, and the alarm does not fire."""
    since, job = now(), test.jobs.new(pages=120)
    with timeout(test, 20) as to_deployed:
        answer = json.loads(test.invoke(job)["Payload"].read())
        wait_until(lambda: f"jobs/job-{job}.parquet" in test.lake.objects(), f"{job} is committed")
    duration = test.counted("Duration", "Maximum", since)
    assert 14_000 < duration < 17_000, (duration, answer)
    test.alarms.put("AWS/Lambda", "Duration", test.function, duration + to_deployed)
    test.alarms.expect(set(), since)
    say(f"function-near-timeout: stays OK for a job continued after {duration / 1000:.1f} of 20 s (counted, shifted)")


def hung_function(test: AlarmTest) -> None:
    """The function's process is suspended in the middle of a job, and runs into its timeout."""
    since, job, stopped = now(), test.jobs.new(pages=20), []
    with timeout(test, 4) as to_deployed:
        with test.during_export(job) as invoked:
            stopped = list(processes(test))
            for process in stopped:
                os.kill(process, signal.SIGSTOP)
        for process in stopped:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)
    answer = json.loads(invoked.result()["Payload"].read())
    assert "timed out after 4.00 seconds" in answer["errorMessage"], answer
    test.alarms.put("AWS/Lambda", "Duration", test.function, test.counted("Duration", "Maximum", since) + to_deployed)
    test.alarms.expect({"function-near-timeout"}, since)
    say("function-near-timeout: fires for a suspended process that runs into a timeout of 4 s (counted, shifted)")


def dead_letter(test: AlarmTest) -> None:
    """An event that Lambda gives up on is in the dead-letter queue, becomes three days old, and is removed."""
    since = now()
    test.invoke(UNKNOWN, "Event")
    record = test.peek(test.failed)
    assert record["requestContext"]["condition"] == "RetriesExhausted", record
    test.put_waiting()
    test.alarms.expect({"failures-waiting"}, since)
    say("failures-waiting: fires for an event that failed three times (read)")
    test.alarms.put("AWS/Lambda", "AsyncEventsDropped", test.function, 1)
    test.alarms.expect({"failures-waiting", "events-dropped"}, since)
    say("events-dropped: fires for the same event (made)")
    test.check_age_alarm(test.failed, 3, "failures-old", frozenset({"failures-waiting"}))
    test.lake.receive(test.failed, "the event is in the dead-letter queue")
    since = now()
    test.put_waiting()
    test.alarms.expect(set(), since)
    say("failures-waiting: returns to OK when the queue is empty (read)")


def lost_event(test: AlarmTest) -> None:
    """The dead-letter queue is deleted when Lambda gives up on an event, so the event is lost."""
    since = now()
    attributes = test.lake.sqs.get_queue_attributes(QueueUrl=test.failed, AttributeNames=["All"])["Attributes"]
    test.lake.sqs.delete_queue(QueueUrl=test.failed)
    with test.logs("DLQ target not found"):
        test.invoke(LOST, "Event")
    settable = {name: value for name, value in attributes.items() if not name.startswith(READ_ONLY)}
    test.lake.sqs.create_queue(QueueName=test.failed.split("/")[-1], Attributes=settable)
    assert test.waiting(test.failed) == 0
    test.alarms.put("AWS/Lambda", "DestinationDeliveryFailures", test.function, 1)
    test.alarms.expect({"events-not-kept"}, since)
    say("events-not-kept: fires for an event that is lost because its dead-letter queue is deleted (made)")


def lost_notification(test: AlarmTest) -> None:
    """SNS may write neither to the job queue nor to the dead-letter queue, so the notification is lost.

    Without a job queue, the emulator always delivers, so the test only puts a data point.
    """
    since, topic, cause = now(), test.deployment.outputs["TopicArn"].split(":")[-1], "not caused here"
    if test.has_queue:
        queues = [test.deployment.resource("JobQueue"), test.failed]
        policies = {}
        for queue in queues:
            attributes = test.lake.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["Policy"])
            policies[queue] = attributes["Attributes"]
            test.lake.sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": ""})
        job = test.jobs.new()
        with test.logs("queue policy denies delivery"):
            test.lake.publish(job)
        for queue, policy in policies.items():
            test.lake.sqs.set_queue_attributes(QueueUrl=queue, Attributes=policy)
        assert not any(map(test.waiting, queues)) and not [line for line in test.lake.lines() if line.get("job") == job]
        cause = "both queues deny SNS access, and the message is lost"
    test.alarms.put("AWS/SNS", "NumberOfNotificationsFailedToRedriveToDlq", {"TopicName": topic}, 1)
    test.alarms.expect({"notifications-not-kept"}, since)
    say(f"notifications-not-kept: {cause} (made)")


def dropped_continuation(test: AlarmTest) -> None:
    """The emulator stops recursive invocations, as Lambda does, but only if the caller sends their depth in a header.

    The SDK for Rust does not send it, so this test invokes the function itself.
    """
    since = now()
    functions = test.deployment.aws.client("lambda")
    depth = {"X-Ministack-Invoke-Depth": "16"}
    functions.meta.events.register("before-call.lambda.Invoke", lambda params, **_: params["headers"].update(depth))
    call = {"FunctionName": test.name, "Payload": "{}"}
    # The emulator's CloudFormation ignores RecursiveLoop.
    functions.put_function_recursion_config(FunctionName=test.name, RecursiveLoop="Terminate")
    try:
        functions.invoke(**call)
    except ClientError as error:
        assert error.response["Error"]["Code"] == "RecursiveInvocationException", error
    else:
        raise AssertionError("the recursive invocation was not stopped")
    recursive_loop = test.deployment.expected.resources["Function"]["Properties"]["RecursiveLoop"]
    functions.put_function_recursion_config(FunctionName=test.name, RecursiveLoop=recursive_loop)
    functions.invoke(**call)
    assert test.counted("RecursiveInvocationsDropped", "Sum", since) == 1
    test.alarms.expect({"continuations-dropped"}, since)
    say("continuations-dropped: fires when Lambda stops the 17th continuation; it does not with the template (counted)")


def unsent_notice(test: AlarmTest) -> None:
    """ReadyTopic is deleted when a job is finished, so the notice is lost.

    The emulator does not evaluate the policy of a topic for EventBridge, which a static check covers.
    """
    since, topic = now(), test.deployment.outputs["ReadyTopicArn"]
    policy = test.lake.sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"]
    test.lake.sns.delete_topic(TopicArn=topic)
    with test.logs(f"EventBridge → SNS: topic {topic} not found"):
        assert test.lake.export(test.jobs.new())["outcome"] == "EXPORTED"
    test.lake.sns.create_topic(Name=topic.split(":")[-1], Attributes={"Policy": policy})
    test.alarms.put("AWS/Events", "FailedInvocations", {"RuleName": test.deployment.resource("ReadyRule")}, 1)
    test.alarms.expect({"ready-not-sent"}, since)
    say("ready-not-sent: fires for a notice that is lost because its topic is deleted (made)")


def waiting_job(test: AlarmTest) -> None:
    """A job is in the job queue for more than a day, because the event source mapping is disabled."""
    queue = test.deployment.resource("JobQueue")
    (mapping,) = test.lake.functions.list_event_source_mappings(FunctionName=test.name)["EventSourceMappings"]
    test.lake.functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    sleep(1)
    job = test.jobs.new()
    test.lake.publish(job)
    test.check_age_alarm(queue, 1, "jobs-wait-long")
    test.lake.functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
    assert test.lake.outcome(job)["outcome"] == "EXPORTED"


def check_notifications(test: AlarmTest) -> None:
    """Each alarm notifies when it fires while all others are firing. Those on a state notify when it is over."""
    topic = test.deployment.expected.parameters["AlarmTopicArn"] or test.deployment.resource("AlarmTopic")
    queue = test.lake.subscriber(topic, "alarms")

    def notified() -> list[tuple[str, str]]:
        """Removes the notifications from the queue and returns their alarms with the new states."""
        found = []
        while test.waiting(queue):
            message = json.loads(test.lake.receive(queue, "a notification arrives")["Message"])
            found.append((message["AlarmName"].removeprefix(test.alarms.prefix), message["NewStateValue"]))
        return found

    alarms = test.alarms.described()
    for name in alarms:
        test.alarms.set_state(name, "ALARM")
    for name, alarm in alarms.items():
        notified()
        test.alarms.set_state(name, "OK")
        over = [(name, "OK")] if is_state(alarm["MetricName"]) else []
        assert (found := notified()) == over, f"{name} is OK: {found}"
        test.alarms.set_state(name, "ALARM")
        assert (found := notified()) == [(name, "ALARM")], f"{name} fires: {found}"
    for name in alarms:
        test.alarms.set_state(name, "OK")
    test.lake.sqs.delete_queue(QueueUrl=queue)
    say(f"each of {len(alarms)} alarms notifies while all others are firing")


def check_alarms(lake: Lake, jobs: Jobs) -> None:
    test = AlarmTest(lake, jobs)
    # The emulator may have evaluated the alarms with data points of another stack.
    test.alarms.expect(set(), now())
    successful_jobs(test)
    failed_job(test)
    five_failed_attempts(test)
    five_crashes(test)
    throttled_function(test)
    if test.has_queue:
        waiting_job(test)
    else:
        continued_job(test)
    hung_function(test)
    dead_letter(test)
    lost_event(test)
    lost_notification(test)
    dropped_continuation(test)
    unsent_notice(test)
    test.alarms.expect(set(), now())
    check_notifications(test)
    missing = test.alarms.described().keys() - test.alarms.fired
    assert not missing, f"no case makes {missing} fire"
    fired, broken = len(test.alarms.fired), test.alarms.broken
    say(f"all {fired} alarms fired; {broken} broken alarms did not")
