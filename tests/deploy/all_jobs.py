"""Checks of the tables of all jobs: statements, state machine, schedules, and the role that runs the statements."""

import json
import re
from collections.abc import Iterator
from typing import Any

import definition
from lake import GOLDEN
from permissions import statements
from stack import Stack

GLUE = "arn:aws-test:glue:us-east-1:123456789012"
# Actions of the role by statement. A missing action is a finding, and so is an additional one.
ROLE = {
    "RunStatements": {"athena:StartQueryExecution", "athena:GetQueryExecution", "athena:GetQueryResults"},
    "FindCatalog": {"athena:GetDataCatalog"},
    "FindDatabase": {"glue:GetDatabase"},
    "FindTables": {"glue:GetTable", "glue:GetTables", "glue:GetPartitions"},
    "CommitTables": {"glue:CreateTable", "glue:UpdateTable"},
    "ReadLake": {"s3:GetObject"},
    "WriteTables": {
        "s3:GetObject",
        "s3:PutObject",
        "s3:DeleteObject",
        "s3:AbortMultipartUpload",
        "s3:ListMultipartUploadParts",
    },
    "ListLake": {"s3:ListBucket"},
    "LocateLake": {"s3:GetBucketLocation"},
    "Continue": {"states:ListExecutions", "states:StartExecution"},
}
WITH_KEY = {"UseBucketKey": {"kms:GenerateDataKey", "kms:Decrypt"}}
GOVERNED = {"UseGoverned": {"lakeformation:GetDataAccess"}}
TABLES = {"detections": "label_detections", "segments": "label_segments", "jobs": "jobs"}
# Columns that all_detections and all_segments have before those of the files.
OF_JOB = [["job_id", "string"], ["label", "string"], ["completed_at_ms", "bigint"]]


def keeps(stack: Stack) -> bool:
    return bool(stack.parameters["AllJobs"] != "No")


def off(stack: Stack) -> Iterator[str]:
    """Without AllJobs, nothing of the stack mentions the tables of all jobs."""
    if not keeps(stack):
        for name, resource in stack.resources.items():
            if re.search(r"AllJobs|ByJob|\ball_\w|/all/|AWS::States", json.dumps({name: resource})):
                yield f"{name} is of the tables of all jobs"


def machine(stack: Stack) -> Iterator[str]:
    """The state machine runs in the workgroup of the stack, on its database, and writes below all/ of the lake."""
    if not keeps(stack):
        return
    (found,) = stack.of_type("AWS::StepFunctions::StateMachine").values()
    running = json.loads(found["DefinitionString"])
    if found.get("LoggingConfiguration") or found["StateMachineType"] != "STANDARD":
        yield "the state machine is not a standard one, or has a log that nobody reads"
    start = running["States"]["Start"]["Arguments"]
    if (start["WorkGroup"], start["QueryExecutionContext"]) != ("<WorkGroup>", {"Database": "<Database>"}):
        yield f"statements run with {start}"
    bucket = stack.parameters["ExistingBucket"] or "<Bucket>"
    prefix = f"/{stack.parameters['OutputPrefix']}" if stack.parameters["OutputPrefix"] else ""
    for name in TABLES:
        create = running["States"]["Begin"]["Assign"]["statements"][f"create-{name}"]
        if f"LOCATION 's3://{bucket}{prefix}/all/all_{name}/{{run}}'" not in create:
            yield f"all_{name} is created by {create}"
    if "${" in found["DefinitionString"]:
        yield "the definition has an unresolved variable"
    pattern = stack.template["Parameters"]["OutputPrefix"]["AllowedPattern"]
    for prefix in ("o'brien", "a\\b", 'a"b', "a${b}", "a{jobs}"):
        if re.fullmatch(pattern, prefix):
            yield f"the prefix {prefix} would change the SQL or the JSON of the state machine"


def transitions(_: str) -> Iterator[str]:
    """Every state of the machine can be reached, and every transition leads to a state."""
    running = definition.definition()
    text = json.dumps(running["States"])
    targets = {running["StartAt"], *re.findall(r'"(?:Next|Default)": "(\w+)"', text)}
    if targets != running["States"].keys():
        yield f"transitions and states differ by {targets ^ running['States'].keys()}"
    planned = set(re.findall(r"[\"'](\w+-(?:detections|segments|jobs)|pending)[\"']", text))
    if planned != running["States"]["Begin"]["Assign"]["statements"].keys():
        yield f"the plans have the statements {planned}"


def placeholders(_: str) -> Iterator[str]:
    """The machine replaces each placeholder of the statements. The query for pending jobs returns what it reads."""
    running = definition.definition()["States"]
    texts = running["Begin"]["Assign"]["statements"]
    found = set(re.findall(r"(?<!\$)\{\w+\}", json.dumps(texts)))
    replaced = set(re.findall(r"'(\{\w+\})'", running["Start"]["Arguments"]["QueryString"]))
    if found != replaced:
        yield f"placeholders of the statements and of the state Start differ by {found ^ replaced}"
    returned = re.findall(r" AS (\w+)[, ]", texts["pending"].rpartition("SELECT ")[2].partition(" FROM ")[0] + " ")
    if returned != ["pending", "jobs", "put", "paths", "differing"]:
        yield f"the query for pending jobs returns {returned}"


def schedules(stack: Stack) -> Iterator[str]:
    """A schedule takes in jobs each day or hour, and another one maintains the tables each week."""
    if not keeps(stack):
        return
    expected = {
        "AllJobsSchedule": ("rate(1 day)" if stack.parameters["AllJobs"] == "Daily" else "rate(1 hour)", {}),
        "AllJobsMaintenance": ("cron(20 3 ? * SUN *)", {"task": "maintain"}),
    }
    found = {name: each for name, each in stack.of_type("AWS::Scheduler::Schedule").items() if "AllJobs" in name}
    for name, schedule in found.items():
        target = schedule["Target"]
        if (schedule["ScheduleExpression"], json.loads(target["Input"])) != expected.get(name):
            yield f"{name} runs at {schedule['ScheduleExpression']} with {target['Input']}"
        if (target["Arn"], target["RoleArn"]) != ("<AllJobsMachine>", "<AllJobsScheduleRole.Arn>"):
            yield f"{name} starts {target['Arn']} as {target['RoleArn']}"
        if schedule.get("State", "ENABLED") != "ENABLED" or "AllJobsExecutionPolicy" not in str(
            stack.resources[name].get("DependsOn")
        ):
            yield f"{name} does not run, or runs before the role may look for executions"
    if found.keys() != expected.keys():
        yield f"the schedules are {found.keys()}"


def role(stack: Stack) -> Iterator[str]:
    """The role may do what the statements need, on this stack's workgroup, tables and files."""
    if not keeps(stack):
        return
    expected = dict(ROLE)
    expected |= WITH_KEY if stack.parameters["BucketKeyArn"] else {}
    expected |= GOVERNED if stack.parameters["LakeFormation"] == "Yes" else {}
    found = {
        statement["Sid"]: statement
        for name, statement in statements(stack)
        if name in ("AllJobsRole", "AllJobsExecutionPolicy") and "Principal" not in statement
    }
    if found.keys() != expected.keys():
        yield f"the statements of AllJobsRole differ from the expected ones by {found.keys() ^ expected.keys()}"
    for sid in found.keys() & expected.keys():
        if set(found[sid]["Action"]) != expected[sid]:
            yield f"the actions of {sid} differ from the expected ones by {set(found[sid]['Action']) ^ expected[sid]}"
    prefix = stack.parameters["OutputPrefix"]
    only = {"StringLike": {"s3:prefix": f"{prefix}/*"}} if prefix else None
    if "ListLake" in found and found["ListLake"].get("Condition") != only:
        yield f"ListLake lists {found['ListLake'].get('Condition')} instead of {only}"
    for sid, resource in role_resources(stack).items():
        if sid in found and found[sid]["Resource"] != resource:
            yield f"{sid} applies to {found[sid]['Resource']}, not to {resource}"


def role_resources(stack: Stack) -> dict[str, Any]:
    """Returns the resources of each statement of the role."""
    prefix = f"{stack.parameters['OutputPrefix']}/" if stack.parameters["OutputPrefix"] else ""
    bucket = f"arn:aws-test:s3:::{stack.parameters['ExistingBucket'] or '<Bucket>'}"
    lake, database = f"{bucket}/{prefix}", stack.parameters["DatabaseName"]
    catalog = [f"{GLUE}:catalog", f"{GLUE}:database/{database}"]
    athena = "arn:aws-test:athena:us-east-1:123456789012"
    return {
        "RunStatements": f"{athena}:workgroup/<WorkGroup>",
        "FindCatalog": f"{athena}:datacatalog/AwsDataCatalog",
        "FindDatabase": [catalog[0], f"{GLUE}:database/default", catalog[1]],
        "FindTables": [*catalog, f"{GLUE}:table/{database}/*"],
        "CommitTables": [*catalog, *(f"{GLUE}:table/{database}/all_{name}" for name in TABLES)],
        "ReadLake": [f"{lake}{table}/*" for table in TABLES.values()],
        "WriteTables": f"{lake}all/*",
        "ListLake": bucket,
        "LocateLake": bucket,
        "Continue": "<AllJobsMachine>",
        "UseBucketKey": stack.parameters["BucketKeyArn"],
        "UseGoverned": "*",
    }


def current(text: str) -> Iterator[str]:
    """The template has the current definition."""
    if definition.with_definition(text) != text:
        yield "the state machine differs from all-jobs/; run python3 all-jobs/definition.py"


def columns(_: str) -> Iterator[str]:
    """The statements have the columns of the tables in order."""
    for name, table in TABLES.items():
        golden = [column[:2] for column in GOLDEN[table]["columns"]]
        golden = golden if name == "jobs" else OF_JOB + golden
        create, _, _ = (definition.HERE / f"create-{name}.sql").read_text().partition("\n)")
        found = [line.strip(" ,").split(" ", 1) for line in create.splitlines() if line.startswith("    ")]
        if found != golden:
            yield f"create-{name}.sql has the columns {found} instead of {golden}"
        merge = definition.statement(definition.HERE / f"merge-{name}.sql")
        for kind, start in (("inserts", "INSERT ("), ("takes", "VALUES ( s.")):
            listed = merge.rpartition(start)[2].split(")")[0].replace("s.", "").split(",")
            listed = [column.strip() for column in listed]
            if listed != [column for column, _ in golden]:
                yield f"merge-{name}.sql {kind} {listed}"


def as_object(template: dict[str, Any]) -> dict[str, Any]:
    """Returns a template with the definition as an object: the linter does not look into a text with functions."""
    text, _ = template["Resources"]["AllJobsMachine"]["Properties"]["DefinitionString"]["Fn::Sub"]
    machine = json.loads(text.replace("arn:${AWS::Partition}", "arn:aws"))
    properties = {"Definition": machine, "RoleArn": "arn:aws:iam::123456789012:role/none"}
    properties["DefinitionSubstitutions"] = dict.fromkeys(("Location", "WorkGroup", "Database"), "-")
    resource = {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}
    return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": {"Machine": resource}}


CHECKS = (off, machine, schedules, role)
TEXT_CHECKS = (current, columns, transitions, placeholders)
