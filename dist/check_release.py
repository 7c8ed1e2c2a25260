"""Checks the files of a release without running them.

Usage: check_release.py DIRECTORY, the output directory of dist/build.
"""

import hashlib
import json
import re
import struct
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

# Version of glibc in Amazon Linux 2023, and so in Lambda's runtime provided.al2023.
GLIBC = (2, 34)
# Machine numbers in an ELF header.
MACHINES = {"arm64": 183, "x86_64": 62}
# Lambda's limit for an unpacked program.
MAX_BYTES = 250 * 1024 * 1024


def program(name: str, content: bytes, architecture: str, glibc: tuple[int, int] = GLIBC) -> Iterator[str]:
    """Checks that a program is for the architecture and needs no later glibc, by default than Lambda has."""
    if content[:4] != b"\x7fELF" or struct.unpack_from("<H", content, 18)[0] != MACHINES[architecture]:
        yield f"{name} is not a program for {architecture}"
    newest = max((int(major), int(minor)) for major, minor in re.findall(rb"GLIBC_(\d+)\.(\d+)", content))
    if newest > glibc:
        yield f"{name} needs glibc {newest}, which is later than {glibc}"
    print(f"{name}: {len(content):,} bytes, glibc {newest[0]}.{newest[1]}")


def released(name: str, content: bytes, architecture: str, glibc: tuple[int, int] = GLIBC) -> Iterator[str]:
    """Checks a program as `program` does, and that it contains no path of the machine that built it."""
    for path in {str(Path.home()), str(Path(__file__).resolve().parents[1])}:
        if path != "/" and path.encode() in content:
            yield f"{name} contains a path of this machine: {path}"
    yield from program(name, content, architecture, glibc)


def archive(directory: Path, architecture: str) -> Iterator[str]:
    """Checks that a zip contains one executable program and no build time."""
    name = f"label-lake-{architecture}.zip"
    with zipfile.ZipFile(directory / name) as zipped:
        entries = zipped.infolist()
        if [entry.filename for entry in entries] != ["bootstrap"]:
            yield f"{name} contains {[entry.filename for entry in entries]}"
            return
        (entry,) = entries
        if entry.external_attr >> 16 != 0o100755 or entry.date_time != (1980, 1, 1, 0, 0, 0):
            yield f"{name} has an entry with mode {entry.external_attr >> 16:o} and time {entry.date_time}"
        if entry.file_size > MAX_BYTES:
            yield f"{name} is too large for Lambda: {entry.file_size:,} bytes"
        print(f"{name}: {(directory / name).stat().st_size:,} bytes")
        yield from released(f"{name}: bootstrap", zipped.read(entry), architecture)


def template(directory: Path, name: str, architecture: str) -> Iterator[str]:
    """Checks that a template deploys the zip of its architecture without a build."""
    text = (directory / name).read_text()
    if f"CodeUri: label-lake-{architecture}.zip\n" not in text or "BuildMethod" in text:
        yield f"{name} does not use label-lake-{architecture}.zip as it is"


def published(directory: Path) -> Iterator[str]:
    """Checks that the templates to publish are there, with the files that they refer to."""
    text = (directory / "template-serverlessrepo.yaml").read_text()
    for key in ("CodeUri", "LicenseUrl", "ReadmeUrl"):
        names = set(re.findall(rf"^ +{key}: (.+)$", text, re.MULTILINE))
        if len(names) != 1:
            yield f"template-serverlessrepo.yaml refers to {sorted(names)} as {key}, instead of to one file"
        for name in names:
            if not (directory / name).is_file():
                yield f"template-serverlessrepo.yaml refers to {name}, which is not in the release"
    parsed = json.loads((directory / "template-from-bucket.json").read_text())
    if "Transform" in parsed or "CodeBucket" not in parsed["Parameters"]:
        yield "template-from-bucket.json needs a transform or has no bucket"


def bill(directory: Path, name: str, without: tuple[str, ...]) -> Iterator[str]:
    """Checks that a bill of materials lists linked crates and no test dependencies."""
    text = (directory / name).read_text()
    found = {component["name"] for component in json.loads(text)["components"]}
    if not {"aws-sdk-rekognition", "parquet", "ring"} <= found:
        yield f"{name} lacks a crate that every program links"
    if unwanted := found.intersection(without):
        yield f"{name} lists {unwanted}, which the program does not link"
    if "/tmp" in text or str(Path.home()) in text:
        yield f"{name} contains a path of this machine"
    print(f"{name}: {len(found)} components")


def sums(directory: Path) -> Iterator[str]:
    """Checks that SHA256SUMS has the sum of every file."""
    lines = (directory / "SHA256SUMS").read_text().splitlines()
    listed = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    files = {file.name for file in directory.iterdir()} - {"SHA256SUMS"}
    if listed.keys() != files:
        yield f"SHA256SUMS and the directory differ by {listed.keys() ^ files}"
    for name in listed.keys() & files:
        if hashlib.sha256((directory / name).read_bytes()).hexdigest() != listed[name]:
            yield f"{name} has a different sum than in SHA256SUMS"


def findings(directory: Path) -> Iterator[str]:
    yield from archive(directory, "arm64")
    yield from archive(directory, "x86_64")
    yield from template(directory, "template.yaml", "arm64")
    yield from template(directory, "template-x86_64.yaml", "x86_64")
    yield from published(directory)
    yield from bill(directory, "label-lake-function.cdx.json", ("rekognition-simulator", "clap", "proptest"))
    yield from bill(directory, "label-lake.cdx.json", ("proptest", "expect-test"))
    yield from sums(directory)


def reported(findings: Iterator[str]) -> int:
    """Prints the findings. Returns the exit code."""
    found = list(findings)
    for finding in found:
        print(finding, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(reported(findings(Path(sys.argv[1]))))
