"""Removes the permissions of the function one at a time, and checks that exports fail without them."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from deployment import Deployment
from jobs import PAGES, Jobs
from lake import Lake
from services import say

# Statements and actions of the function's role that every export needs.
NEEDED = (
    "WriteLake",
    "s3:GetObject",
    "s3:PutObject",
    "SeeWhatIsMissing",
    "RegisterPartitions",
    "glue:GetTable",
    "glue:BatchCreatePartition",
)


@dataclass(frozen=True)
class Policy:
    """An inline policy of a role, by default the function's."""

    name: str
    role: str = "FunctionRole"

    @contextmanager
    def without(self, deployment: Deployment, removed: str) -> Generator[None]:
        """Removes a statement, given by its Sid, or an action from the policy, and restores the policy afterwards."""
        iam, role = deployment.aws.client("iam"), deployment.resource(self.role)
        document = iam.get_role_policy(RoleName=role, PolicyName=self.name)["PolicyDocument"]
        remaining = []
        for statement in document["Statement"]:
            actions = [action for action in statement["Action"] if action != removed]
            if statement["Sid"] != removed and actions:
                remaining.append(statement | {"Action": actions})
        assert remaining != document["Statement"], f"the policy {self.name} has no {removed}"
        iam.delete_role_policy(RoleName=role, PolicyName=self.name)
        if remaining:
            changed = json.dumps(document | {"Statement": remaining})
            iam.put_role_policy(RoleName=role, PolicyName=self.name, PolicyDocument=changed)
        yield
        iam.put_role_policy(RoleName=role, PolicyName=self.name, PolicyDocument=json.dumps(document))


EXPORT = Policy("export")
CONTINUATION = Policy("go-on-with-long-jobs")


def fails_without(lake: Lake, jobs: Jobs, removed: str, policy: Policy = EXPORT, pages: int = PAGES) -> None:
    """Without the statement or action, an export fails with an error that says what is missing."""
    with policy.without(lake.deployment, removed):
        job = jobs.new(pages)
        line = lake.export(job)
        assert line.get("error_type") == "AccessDenied", f"the export does not need {removed}: {line}"
        assert f"jobs/job-{job}.parquet" not in lake.objects()
    say(f"without {removed}: {line['error'].split(': ', 1)[-1][:70]}…")


def not_enforced(lake: Lake, jobs: Jobs) -> None:
    """The emulator does not enforce some statements. If a later version does, move them to NEEDED.

    It does not enforce KeepFailures and TakeJobs either, and checks only some of Glue's resources.
    """
    for sid in ("ReadResults", "WriteLogs"):
        with EXPORT.without(lake.deployment, sid):
            line = lake.export(jobs.new())
            assert line.get("outcome") == "EXPORTED", f"an export failed without {sid}: {line}"
    say("not enforced by the emulator, checked by tests/deploy/check only: ReadResults, WriteLogs")
