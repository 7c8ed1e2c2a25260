"""Prints a template of a release: template.yaml with the zip of an architecture instead of a build.

Usage: release_template.py arm64|x86_64|serverlessrepo

`serverlessrepo` is the template for arm64 with the description that `sam publish` needs.
"""

import sys
from collections.abc import Iterable

import project

TEMPLATE = project.ROOT / "template.yaml"

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
METADATA = "\nMetadata:\n"

# The licenses are alternatives, and the repository accepts one only.
APPLICATION = """\
  AWS::ServerlessRepo::Application:
    Name: label-lake
    Description: >-
      Exports the results of Amazon Rekognition Video label detection to S3 as Parquet, ready for Amazon Athena: topic,
      function, Glue tables, saved queries, alarms, and dashboard.
    Author: label-lake-authors
    SpdxLicenseId: Apache-2.0
    LicenseUrl: LICENSE-APACHE
    ReadmeUrl: serverlessrepo.md
    Labels: [rekognition, video, labels, s3, parquet, athena, glue, data-lake]
    SemanticVersion: {version}
"""


def replaced(text: str, replacements: Iterable[tuple[str, int, str]]) -> str:
    """Replaces texts that `text` contains exactly so many times."""
    for old, times, new in replacements:
        if text.count(old) != times:
            raise SystemExit(f"template.yaml must contain this text {times} times:\n{old}")
        text = text.replace(old, new)
    return text


def released(text: str, architecture: str) -> str:
    return replaced(
        text,
        (
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
        ),
    )


def application(text: str) -> str:
    """Returns the template for the Serverless Application Repository."""
    described = APPLICATION.format(version=project.VERSION)
    if repository := project.REPOSITORY:
        described += f"    HomePageUrl: {repository}\n    SourceCodeUrl: {repository}\n"
    return replaced(released(text, "arm64"), [(METADATA, 1, METADATA + described)])


def main(kind: str) -> None:
    text = TEMPLATE.read_text()
    print(application(text) if kind == "serverlessrepo" else released(text, kind), end="")


if __name__ == "__main__":
    main(sys.argv[1])
