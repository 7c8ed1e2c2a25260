"""Runs cfn-lint on a template, as written or after the SAM transform."""

import json
from collections.abc import Iterator
from typing import Any

from cfnlint.api import ManualArgs, lint

# The linter knows which resource types and values each region has.
REGIONS = ["us-east-1", "us-west-2", "eu-west-1", "ap-southeast-2", "us-gov-west-1"]


def findings(template: str | dict[str, Any]) -> Iterator[str]:
    text = template if isinstance(template, str) else json.dumps(template, indent=1)
    for match in lint(text, config=ManualArgs(regions=REGIONS)):
        path = "/".join(map(str, match.path or []))
        yield f"{match.rule.id} {match.message} at {path}"
