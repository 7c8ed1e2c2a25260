"""Checks template.yaml and what is generated from it. With --mutations, also checks that the checks can fail."""

import sys

import construct_template
import mutations
import released
import static
from construct_template import TEMPLATE


def main() -> int:
    text = TEMPLATE.read_text()
    found = static.findings(text)
    for finding in found:
        print(f"template.yaml: {finding}", file=sys.stderr)
    if found:
        return 1
    if not construct_template.is_current(text):
        print("cdk/template.json is out of date; run cdk/update-template", file=sys.stderr)
        return 1
    found = released.findings(text) or released.lint_findings(text)
    for finding in found:
        print(finding, file=sys.stderr)
    if found:
        return 1
    variants = len(static.VARIANTS) + len(static.single_values(construct_template.transformed(text)))
    print(f"template.yaml: no findings in {variants} variants")
    if "--mutations" in sys.argv[1:]:
        return mutations.run(text) or mutations.run_released(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
