"""Zips a program for Lambda. The same program always gives the same bytes.

Usage: archive.py PROGRAM ARCHIVE
"""

import sys
import zipfile
from pathlib import Path


def main() -> None:
    program, archive = map(Path, sys.argv[1:])
    entry = zipfile.ZipInfo("bootstrap", date_time=(1980, 1, 1, 0, 0, 0))
    entry.create_system = 3  # Unix, which makes Lambda use the permissions below.
    entry.external_attr = 0o100755 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr(entry, program.read_bytes(), compresslevel=9)


if __name__ == "__main__":
    main()
