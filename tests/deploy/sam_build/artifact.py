"""Checks the output of `sam build`.

Usage: artifact.py DIRECTORY BUILDS

BUILDS is a file with a line for each build of the program.
"""

import sys
import zipfile
from io import BytesIO
from pathlib import Path

from check_release import program


def main() -> int:
    directory, builds = Path(sys.argv[1]), Path(sys.argv[2]).read_text().splitlines()
    for function in ("Function", "Starter"):
        if f"CodeUri: {function}\n" not in (directory / "template.yaml").read_text():
            print(f"the built template does not refer to the artifact of {function}", file=sys.stderr)
            return 1
    content = (directory / "Function" / "bootstrap").read_bytes()
    # Both functions have the same program, so SAM builds it once.
    if len(builds) != 1 or (directory / "Starter" / "bootstrap").read_bytes() != content:
        print(f"the program was built {len(builds)} times, or the functions have different programs", file=sys.stderr)
        return 1
    zipped = BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bootstrap", content)
    print(f"sam build: zipped {zipped.tell():,} bytes")
    # A local build may contain paths of this machine, so `released` does not apply.
    found = list(program("bootstrap", content, "arm64"))
    for finding in found:
        print(finding, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
