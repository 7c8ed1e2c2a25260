"""Makes the template of a release: that of the repository, with a program that is built already.

template.py ARCHITECTURE prints it.
"""

from __future__ import annotations

import sys
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parents[1] / "template.yaml"

BUILD = """\
    Metadata:
      BuildMethod: rust-cargolambda
      BuildProperties:
        Binary: bootstrap
"""
CODE = "      CodeUri: .\n"
ARCHITECTURE = """\
    Default: arm64
    AllowedValues: [arm64, x86_64]
    Description: Processor of the function. The artifact has to be built for it.
"""


def released(text: str, architecture: str) -> str:
    for old, new in (
        # Without it `sam deploy` asks for no build, and so for no compiler.
        (BUILD, ""),
        (CODE, f"      CodeUri: label-lake-{architecture}.zip\n"),
        (
            ARCHITECTURE,
            f"""\
    Default: {architecture}
    AllowedValues: [{architecture}]
    Description: Processor of the function. This template is for one; the release has another for the other.
""",
        ),
    ):
        if text.count(old) != 1:
            raise SystemExit(f"template.yaml no longer has, once:\n{old}")
        text = text.replace(old, new)
    return text


if __name__ == "__main__":
    print(released(TEMPLATE.read_text(), sys.argv[1]), end="")
