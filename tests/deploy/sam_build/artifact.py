"""Checks the output of `sam build`.

Usage: artifact.py DIRECTORY
"""

import sys
import zipfile
from io import BytesIO
from pathlib import Path

from check_release import program


def main() -> int:
    directory = Path(sys.argv[1])
    if "CodeUri: Function\n" not in (directory / "template.yaml").read_text():
        print("the built template does not refer to the artifact", file=sys.stderr)
        return 1
    content = (directory / "Function" / "bootstrap").read_bytes()
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
