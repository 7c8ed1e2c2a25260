"""What the CDK construct includes: the template after the SAM transform. cdk/update-template writes the file anew.

The construct cannot take template.yaml as it is. The CDK's classes for SAM lag behind SAM, and SAM's transform would be
asked of the whole stack that the construct is put into.
"""

from __future__ import annotations

import json

from stack import ROOT, TEMPLATE, transformed

INCLUDED = ROOT / "cdk" / "template.json"


def construct_template(text: str) -> str:
    template = transformed(text)
    # The stack's description, and how the console asks for parameters: the stack that includes this has neither.
    del template["Description"], template["Metadata"]
    for resource in template["Resources"].values():
        # How SAM builds.
        resource.pop("Metadata", None)
    # It would say that SAM made the function.
    del template["Resources"]["Function"]["Properties"]["Tags"]
    return json.dumps(template, indent=1, ensure_ascii=False) + "\n"


def current(text: str) -> bool:
    return INCLUDED.is_file() and INCLUDED.read_text() == construct_template(text)


if __name__ == "__main__":
    INCLUDED.write_text(construct_template(TEMPLATE.read_text()))
