"""Each alarm of a deployed stack is made to ring, and nothing else rings with it.

What an alarm is about is brought about with the deployed function, queues and topics. Where its datapoint is from, the
line that is printed says:

  counted   the emulator put it, as CloudWatch gets it from Lambda
  emitted   made of the function's own log line, as CloudWatch makes it
  read      of the queue's attributes or of a message, at that moment
  made      by this test: no emulator publishes the metric
"""

from __future__ import annotations

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from time import sleep

from botocore.exceptions import ClientError

from cloudwatch import now
from jobs import Jobs
from lake import Lake
from rehearsal import Rehearsal, processes, timeout
from services import say, until

# Rekognition knows none of these.
UNKNOWN, LOST = "9" * 64, "8" * 64
# Attributes that a queue has by itself.
OWN = ("QueueArn", "CreatedTimestamp", "LastModifiedTimestamp", "ApproximateNumber")


def all_is_well(on: Rehearsal) -> None:
    """A job by the topic, and the same once more by hand: there are datapoints, and no alarm rings."""
    since, job = now(), on.jobs.new()
    assert on.lake.export(job)["outcome"] == "EXPORTED"
    assert "FunctionError" not in on.invoke(job)
    on.alarms.put_emitted(until(lambda: on.lake.metrics(job), "the metrics are in the log")[0])
    on.read_waiting()
    assert on.counted("Errors", "Sum", since) == on.counted("Throttles", "Sum", since) == 0
    on.alarms.expect(set(), since)
    say("alarms: none rings while all is well")


def a_failed_job(on: Rehearsal) -> None:
    since, job = now(), on.jobs.new(status="FAILED")
    on.lake.publish(job, status="FAILED")
    on.lake.outcome(job)
    on.alarms.put_emitted(until(lambda: on.lake.metrics(job), "the metrics are in the log")[0])
    on.alarms.expect({"jobs-failed"}, since)
    say("jobs-failed: a job that Rekognition gave up (emitted)")


def five_errors(on: Rehearsal) -> None:
    since = now()
    for count in range(1, 6):
        assert "FunctionError" in on.invoke(UNKNOWN)
        assert on.counted("Errors", "Sum", since) == count
        on.alarms.expect({"function-errors"} if count == 5 else set(), since)
    say("function-errors: the fifth invocation that fails, not the fourth (counted)")


def no_concurrency(on: Rehearsal) -> None:
    """Half an hour of it: the datapoint of now is put again for each five minutes that follow."""
    since = now()
    on.lake.functions.put_function_concurrency(FunctionName=on.name, ReservedConcurrentExecutions=0)
    try:
        on.invoke(UNKNOWN)
    except on.lake.functions.exceptions.TooManyRequestsException:
        pass
    else:
        raise AssertionError("the function was not throttled")
    on.lake.functions.delete_function_concurrency(FunctionName=on.name)
    throttles, happened = on.counted("Throttles", "Sum", since), now()
    for period in range(1, 6):
        at = happened + period * timedelta(minutes=5)
        on.alarms.put("AWS/Lambda", "Throttles", on.function, throttles, at)
        on.alarms.expect({"function-throttled"} if period == 5 else set(), since, at + timedelta(seconds=1))
    say("function-throttled: invoked with no concurrency (counted; put again for half an hour, at 25 minutes silent)")


def handed_on_in_time(on: Rehearsal) -> None:
    """A job of 18 seconds and a timeout of 20: it is handed on 5 seconds before that, as with the deployed timeout."""
    since, job = now(), on.jobs.new(pages=120)
    with timeout(on, 20) as to_deployed:
        answer = json.loads(on.invoke(job)["Payload"].read())
        until(lambda: f"jobs/job-{job}.parquet" in on.lake.objects(), f"{job} is committed")
    duration = on.counted("Duration", "Maximum", since)
    assert 14_000 < duration < 17_000, (duration, answer)
    on.alarms.put("AWS/Lambda", "Duration", on.function, duration + to_deployed)
    on.alarms.expect(set(), since)
    say(f"function-near-timeout: silent for a job handed on after {duration / 1000:.1f} of 20 s (counted, moved)")


def hangs(on: Rehearsal) -> None:
    """The function's process is stopped in the middle of a job, as one that gets no processor any more."""
    since, job = now(), on.jobs.new(pages=20)
    with timeout(on, 4) as to_deployed, ThreadPoolExecutor() as threads:
        calls = on.jobs.simulator.calls("GetLabelDetection")
        invoked = threads.submit(on.invoke, job)
        until(lambda: on.jobs.simulator.calls("GetLabelDetection") > calls + 2, "the job is under way")
        stopped = list(processes(on))
        for process in stopped:
            os.kill(process, signal.SIGSTOP)
        answer = json.loads(invoked.result()["Payload"].read())
        for process in stopped:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)
    assert "timed out after 4.00 seconds" in answer["errorMessage"], answer
    on.alarms.put("AWS/Lambda", "Duration", on.function, on.counted("Duration", "Maximum", since) + to_deployed)
    on.alarms.expect({"function-near-timeout"}, since)
    say("function-near-timeout: a process that hangs runs into a timeout of 4 s (counted, moved)")


def an_event_given_up(on: Rehearsal) -> None:
    """It waits in the queue of failures, is three days old one day, and is taken out."""
    since = now()
    on.invoke(UNKNOWN, "Event")
    letter = on.looked_at(on.failed)
    assert letter["requestContext"]["condition"] == "RetriesExhausted", letter
    on.read_waiting()
    on.alarms.expect({"failures-waiting"}, since)
    say("failures-waiting: an event that failed three times is in the queue (read)")
    on.alarms.put("AWS/Lambda", "AsyncEventsDropped", on.function, 1)
    on.alarms.expect({"failures-waiting", "events-dropped"}, since)
    say("events-dropped: the same event (made)")
    on.grows_old(on.failed, 3, "failures-old", frozenset({"failures-waiting"}))
    on.lake.received(on.failed, "the event is taken out")
    since = now()
    on.read_waiting()
    on.alarms.expect(set(), since)
    say("failures-waiting: OK again when the queue is empty")


def an_event_not_kept(on: Rehearsal) -> None:
    """The queue of failures is gone when an event is given up, and so is the event."""
    since = now()
    attributes = on.lake.sqs.get_queue_attributes(QueueUrl=on.failed, AttributeNames=["All"])["Attributes"]
    on.lake.sqs.delete_queue(QueueUrl=on.failed)
    with on.logs("DLQ target not found"):
        on.invoke(LOST, "Event")
    kept = {name: value for name, value in attributes.items() if not name.startswith(OWN)}
    on.lake.sqs.create_queue(QueueName=on.failed.split("/")[-1], Attributes=kept)
    assert on.waiting(on.failed) == 0
    on.alarms.put("AWS/Lambda", "DestinationDeliveryFailures", on.function, 1)
    on.alarms.expect({"events-not-kept"}, since)
    say("events-not-kept: the queue of failures is deleted, and an event that is given up is nowhere (made)")


def a_notification_not_kept(on: Rehearsal) -> None:
    """With a queue, SNS may write neither there nor to the queue of failures. Without, the emulator always delivers."""
    since, topic, how = now(), on.deployment.outputs["TopicArn"].split(":")[-1], "nothing brings it about here"
    if on.queued:
        queues = [on.deployment.resource("JobQueue"), on.failed]
        policies = {}
        for queue in queues:
            policies[queue] = on.lake.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["Policy"])["Attributes"]
            on.lake.sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": ""})
        job = on.jobs.new()
        with on.logs("queue policy denies delivery"):
            on.lake.publish(job)
        for queue, policy in policies.items():
            on.lake.sqs.set_queue_attributes(QueueUrl=queue, Attributes=policy)
        assert not any(map(on.waiting, queues)) and not [line for line in on.lake.lines() if line.get("job") == job]
        how = "both queues refuse SNS, and the message is nowhere"
    on.alarms.put("AWS/SNS", "NumberOfNotificationsFailedToRedriveToDlq", {"TopicName": topic}, 1)
    on.alarms.expect({"notifications-not-kept"}, since)
    say(f"notifications-not-kept: {how} (made)")


def a_continuation_dropped(on: Rehearsal) -> None:
    """The emulator cuts a loop, as Lambda does, if the caller says how long it is. A program in Rust does not."""
    since = now()
    functions = on.deployment.aws.client("lambda")
    deep = {"X-Ministack-Invoke-Depth": "16"}
    functions.meta.events.register("before-call.lambda.Invoke", lambda params, **_: params["headers"].update(deep))
    call = {"FunctionName": on.name, "Payload": "{}"}
    # The emulator's CloudFormation leaves RecursiveLoop out.
    functions.put_function_recursion_config(FunctionName=on.name, RecursiveLoop="Terminate")
    try:
        functions.invoke(**call)
    except ClientError as error:
        assert error.response["Error"]["Code"] == "RecursiveInvocationException", error
    else:
        raise AssertionError("the loop goes on")
    asked = on.deployment.asked.resources["Function"]["Properties"]["RecursiveLoop"]
    functions.put_function_recursion_config(FunctionName=on.name, RecursiveLoop=asked)
    functions.invoke(**call)
    assert on.counted("RecursiveInvocationsDropped", "Sum", since) == 1
    on.alarms.expect({"continuations-dropped"}, since)
    say("continuations-dropped: the 17th of a chain is cut, and is not with the template's RecursiveLoop (counted)")


def a_job_that_waits(on: Rehearsal) -> None:
    """Nobody takes jobs out of the queue for a day."""
    queue = on.deployment.resource("JobQueue")
    (mapping,) = on.lake.functions.list_event_source_mappings(FunctionName=on.name)["EventSourceMappings"]
    on.lake.functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    sleep(1)
    job = on.jobs.new()
    on.lake.publish(job)
    on.grows_old(queue, 1, "jobs-wait-long")
    on.lake.functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
    assert on.lake.outcome(job)["outcome"] == "EXPORTED"


def told(on: Rehearsal, queue: str) -> None:
    """Of the composite alarm alone, each time that it rang and that it was over."""
    states: list[str] = []
    while on.waiting(queue):
        notice = json.loads(on.lake.received(queue, "a notice")["Message"])
        assert notice["AlarmName"] == on.alarms.composite, notice
        states.append(notice["NewStateValue"])
    assert states.count("ALARM") == states.count("OK") > 0, states
    say("something-failed: a subscriber of AlarmTopic is told when it rings and when it is over, and of no other alarm")


def alarms_ring(lake: Lake, jobs: Jobs) -> None:
    on = Rehearsal(lake, jobs)
    # The emulator may have judged by datapoints of another stack.
    on.alarms.expect(set(), now())
    told_to = lake.subscriber(lake.deployment.resource("AlarmTopic"), "told") if on.queued else None
    all_is_well(on)
    a_failed_job(on)
    five_errors(on)
    no_concurrency(on)
    if on.queued:
        a_job_that_waits(on)
    else:
        handed_on_in_time(on)
    hangs(on)
    an_event_given_up(on)
    an_event_not_kept(on)
    a_notification_not_kept(on)
    a_continuation_dropped(on)
    on.alarms.expect(set(), now())
    if told_to:
        told(on, told_to)
    missing = on.alarms.described().keys() - on.alarms.rung
    assert not missing, f"nothing makes {missing} ring"
    on.alarms.remove_composite()
    rung, broken = len(on.alarms.rung), on.alarms.broken
    say(f"each of the {rung} alarms rang, and something-failed with it; {broken} broken alarms did not")
