"""Checks what `sam build` made: artifact.py DIRECTORY."""

from __future__ import annotations

import sys
import zipfile
from io import BytesIO
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "dist"))

from check import program  # noqa: E402


def main() -> int:
    directory = Path(sys.argv[1])
    if "CodeUri: Function\n" not in (directory / "template.yaml").read_text():
        print("the built template does not point at the artifact", file=sys.stderr)
        return 1
    content = (directory / "Function" / "bootstrap").read_bytes()
    zipped = BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bootstrap", content)
    print(f"sam build: zipped {zipped.tell():,} bytes")
    # Not `released`: who builds for themselves may have paths of theirs in it.
    found = list(program("bootstrap", content, "arm64"))
    for finding in found:
        print(finding, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
