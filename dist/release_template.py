"""Prints the template of a release: template.yaml with the zip of an architecture instead of a build.

Usage: release_template.py arm64|x86_64
"""

import sys
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parents[1] / "template.yaml"

# Functions of the template, which share the program.
FUNCTIONS = 2
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
    for old, times, new in (
        # Without the metadata, `sam deploy` does not ask for a build.
        (BUILD, FUNCTIONS, ""),
        (CODE, FUNCTIONS, f"      CodeUri: label-lake-{architecture}.zip\n"),
        (
            ARCHITECTURE,
            1,
            f"""\
    Default: {architecture}
    AllowedValues: [{architecture}]
    Description: Processor of the function. The release has a template for each architecture.
""",
        ),
    ):
        if text.count(old) != times:
            raise SystemExit(f"template.yaml must contain this text {times} times:\n{old}")
        text = text.replace(old, new)
    return text


if __name__ == "__main__":
    print(released(TEMPLATE.read_text(), sys.argv[1]), end="")
