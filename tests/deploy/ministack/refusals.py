"""What the function may not do without: each permission is taken away in turn."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from deployment import Deployment
from jobs import PAGES, Jobs
from lake import Lake
from services import say

# Statements of the function's role, and the actions that every export uses.
REFUSED = (
    "WriteLake",
    "s3:GetObject",
    "s3:PutObject",
    "RegisterPartitions",
    "glue:GetTable",
    "glue:BatchCreatePartition",
)


@dataclass(frozen=True)
class Policy:
    """A policy of the function's role."""

    name: str

    @contextmanager
    def without(self, deployment: Deployment, taken: str) -> Iterator[None]:
        """Takes a statement out, by its Sid, or an action, and puts it back."""
        iam, role = deployment.aws.client("iam"), deployment.resource("FunctionRole")
        document = iam.get_role_policy(RoleName=role, PolicyName=self.name)["PolicyDocument"]
        rest = []
        for statement in document["Statement"]:
            actions = [action for action in statement["Action"] if action != taken]
            if statement["Sid"] != taken and actions:
                rest.append(statement | {"Action": actions})
        assert rest != document["Statement"], f"no policy has {taken}"
        iam.delete_role_policy(RoleName=role, PolicyName=self.name)
        if rest:
            changed = json.dumps(document | {"Statement": rest})
            iam.put_role_policy(RoleName=role, PolicyName=self.name, PolicyDocument=changed)
        yield
        iam.put_role_policy(RoleName=role, PolicyName=self.name, PolicyDocument=json.dumps(document))


EXPORT = Policy("export")
CONTINUATION = Policy("go-on-with-long-jobs")


def refused(lake: Lake, jobs: Jobs, taken: str, policy: Policy = EXPORT, pages: int = PAGES) -> None:
    """Without the statement, or the action, the export fails and says what it lacks; with it again, it does not."""
    with policy.without(lake.deployment, taken):
        job = jobs.new(pages)
        line = lake.export(job)
        assert line.get("error_type") == "AccessDenied", f"{taken} is not needed: {line}"
        assert f"jobs/job-{job}.parquet" not in lake.objects()
    say(f"without {taken}: {line['error'].split(': ', 1)[-1][:70]}…")


def not_enforced(lake: Lake, jobs: Jobs) -> None:
    """What the emulator lets pass. Should it learn to refuse, these belong above.

    It lets pass KeepFailures and TakeJobs too, and does not ask for all of Glue's resources.
    """
    for sid in ("ReadResults", "SeeWhatIsMissing", "WriteLogs"):
        with EXPORT.without(lake.deployment, sid):
            assert lake.export(jobs.new()).get("outcome") == "EXPORTED", f"the emulator enforces {sid} now"
    say("not enforced here, and so only looked at by tests/deploy/check: ReadResults, SeeWhatIsMissing, WriteLogs")
