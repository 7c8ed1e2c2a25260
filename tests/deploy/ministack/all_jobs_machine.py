"""Deploys the state machine that keeps the tables of all jobs, and lets its schedule start it.

The emulator's Athena has no Iceberg tables and no managed results, so the first statement is refused.
tests/all_jobs runs the statements.
"""

import json
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

from doctor import REVERT, doctor
from lake import Lake
from services import say, wait_until


def check_all_jobs(lake: Lake, artifact: Path) -> None:
    """With AllJobs=Daily, the stack gets a state machine, and a schedule that starts it."""
    deployment = lake.deployment
    seconds = deployment.deploy(artifact, AllJobs="Daily")
    machine = deployment.outputs["AllJobsMachineArn"]
    step_functions, scheduler = (deployment.aws.client(service) for service in ("stepfunctions", "scheduler"))

    definition = json.loads(step_functions.describe_state_machine(stateMachineArn=machine)["definition"])
    create = definition["States"]["Begin"]["Assign"]["statements"]["create-jobs"]
    assert f"LOCATION 's3://{deployment.outputs['BucketName']}/all/all_jobs/{{run}}'" in create, create

    listed = scheduler.list_schedules()["Schedules"]
    found = [scheduler.get_schedule(Name=schedule["Name"]) for schedule in listed]
    schedules = {schedule["ScheduleExpression"]: schedule for schedule in found}
    assert schedules.keys() == {"rate(1 day)", "cron(20 3 ? * SUN *)"}, schedules
    assert {schedule["Target"]["Arn"] for schedule in schedules.values()} == {machine}, schedules
    assert not step_functions.list_executions(stateMachineArn=machine)["executions"]
    standing = doctor(lake).keys()
    assert not [name for name in standing if name.startswith(("tables", "schedule"))], standing
    names_disabled_schedule(lake, schedules["rate(1 day)"], standing)

    # The same target, but now.
    scheduler.create_schedule(
        Name="now",
        ScheduleExpression=time.strftime("at(%Y-%m-%dT%H:%M:%S)", time.gmtime()),
        FlexibleTimeWindow={"Mode": "OFF"},
        Target=schedules["rate(1 day)"]["Target"],
    )

    def ended() -> dict[str, str] | None:
        for execution in step_functions.list_executions(stateMachineArn=machine)["executions"]:
            found = step_functions.describe_execution(executionArn=execution["executionArn"])
            return found if found["status"] != "RUNNING" else None
        return None

    execution = wait_until(ended, "the schedule has started the state machine")
    scheduler.delete_schedule(Name="now")
    history = step_functions.get_execution_history(executionArn=execution["executionArn"])["events"]
    called = [event["taskScheduledEventDetails"]["resource"] for event in history if event["type"] == "TaskScheduled"]
    assert [resource.split(":")[-1] for resource in called] == ["listExecutions", "startQueryExecution"], called
    assert (execution["status"], execution["error"]) == ("FAILED", "Athena.InvalidRequestException"), execution
    assert "output location" in execution["cause"], execution
    check = doctor(lake)["tables of all jobs"]
    assert f"is FAILED: {execution['error']}: {execution['cause']}" in check["text"], check
    assert check["fix"].startswith(REVERT), check
    say(f"AllJobs=Daily: update in {seconds:.0f} s; a schedule starts the machine, whose error is the reason of Athena")


def names_disabled_schedule(lake: Lake, schedule: dict[str, Any], standing: Collection[str]) -> None:
    """label-lake status --stack names a schedule that is disabled."""
    scheduler = lake.deployment.aws.client("scheduler")
    names = ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")
    given = {name: schedule[name] for name in names}
    scheduler.update_schedule(**given, State="DISABLED")
    faults = doctor(lake)
    (name,) = faults.keys() - standing
    check = faults[name]
    assert name == f"schedule {schedule['Name']}" and "is DISABLED" in check["text"], check
    assert check["fix"].startswith(REVERT), check
    scheduler.update_schedule(**given, State="ENABLED")
    assert doctor(lake).keys() == standing
