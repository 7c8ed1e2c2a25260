"""Packs a program of the command line with its completions, man pages, and licenses into a tarball.

Usage: package_tarball.py PROGRAM TRIPLE DOCUMENTS DIRECTORY

DOCUMENTS is the output directory of dist/documents. The same files always give the same bytes.
"""

import gzip
import io
import sys
import tarfile
from pathlib import Path

from project import DESCRIPTION, LICENSES, PROGRAM, VERSION, commit_time


def main() -> None:
    program, triple, documents, directory = sys.argv[1:]
    name = f"{PROGRAM}-{VERSION}-{triple}"
    executable = Path(program).name
    files = {executable: Path(program).read_bytes(), "README.md": DESCRIPTION.encode()}
    files |= {license.name: license.read_bytes() for license in LICENSES}
    for file in Path(documents).rglob("*"):
        if file.is_file():
            files[file.relative_to(documents).as_posix()] = file.read_bytes()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path, content in sorted(files.items()):
            entry = tarfile.TarInfo(f"{name}/{path}")
            entry.size = len(content)
            entry.mode = 0o755 if path == executable else 0o644
            entry.mtime = commit_time()
            tar.addfile(entry, io.BytesIO(content))
    (Path(directory) / f"{name}.tar.gz").write_bytes(gzip.compress(packed.getvalue(), mtime=0))


if __name__ == "__main__":
    main()
