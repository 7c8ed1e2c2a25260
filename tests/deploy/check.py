"""Checks template.yaml, and that the checks can fail."""

from __future__ import annotations

import sys

import construct_template
import mutations
import static
from stack import TEMPLATE


def main() -> int:
    text = TEMPLATE.read_text()
    found = static.findings(text)
    for finding in found:
        print(f"template.yaml: {finding}", file=sys.stderr)
    if found:
        return 1
    if not construct_template.current(text):
        print("cdk/template.json is older than template.yaml: run cdk/update-template", file=sys.stderr)
        return 1
    print(f"template.yaml: no findings, {len(static.VARIANTS)} ways to deploy")
    if "--mutations" in sys.argv[1:]:
        return mutations.run(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
