"""Packs a program of the command line into a Debian package with completions and man pages.

Usage: package_deb.py PROGRAM amd64|arm64 DOCUMENTS DIRECTORY

DOCUMENTS is the output directory of dist/documents. The same files always give the same bytes.

dpkg-deb makes the package. cargo-deb would need the list of files, too, and would have to be compiled first.
"""

import gzip
import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from project import LICENSES, PROGRAM, ROOT, SUMMARY, VERSION, commit_time

# Version of glibc that dist/compile links against.
GLIBC = "2.28"

CONTROL = """\
Package: {name}
Version: {version}
Architecture: {architecture}
Maintainer: Label Lake contributors
Installed-Size: {kibibytes}
Depends: libc6 (>= {glibc})
Section: utils
Priority: optional
Description: {summary}
 Exports results of Amazon Rekognition Video label detection to Parquet files,
 lists and shows them, and maintains a lake in an AWS account.
"""


def contents(program: Path, documents: Path) -> dict[str, bytes]:
    """Returns the files of the package by their paths."""

    def document(path: str) -> bytes:
        return (documents / path).read_bytes()

    def compressed(content: bytes) -> bytes:
        return gzip.compress(content, mtime=0)

    licenses = [license.read_text(encoding="utf-8") for license in LICENSES]
    files = {
        f"usr/bin/{PROGRAM}": program.read_bytes(),
        f"usr/share/bash-completion/completions/{PROGRAM}": document("completions/label-lake.bash"),
        f"usr/share/fish/vendor_completions.d/{PROGRAM}.fish": document("completions/label-lake.fish"),
        f"usr/share/zsh/vendor-completions/_{PROGRAM}": document("completions/_label-lake"),
        f"usr/share/doc/{PROGRAM}/copyright": ("\nor, at your option:\n\n".join(licenses)).encode(),
        f"usr/share/doc/{PROGRAM}/changelog.gz": compressed((ROOT / "CHANGELOG.md").read_bytes()),
    }
    for page in (documents / "man/man1").iterdir():
        files[f"usr/share/man/man1/{page.name}.gz"] = compressed(page.read_bytes())
    return files


def main() -> None:
    program, architecture, documents, directory = sys.argv[1:]
    files = contents(Path(program), Path(documents))
    control = CONTROL.format(
        name=PROGRAM,
        version=VERSION,
        architecture=architecture,
        kibibytes=sum(len(content) for content in files.values()) // 1024,
        glibc=GLIBC,
        summary=SUMMARY,
    )
    sums = [f"{hashlib.md5(content).hexdigest()}  {path}\n" for path, content in sorted(files.items())]
    staged = files | {"DEBIAN/control": control.encode(), "DEBIAN/md5sums": "".join(sums).encode()}
    with tempfile.TemporaryDirectory() as work:
        for path, content in staged.items():
            file = Path(work) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        # Independent of the umask.
        for file in [Path(work), *Path(work).rglob("*")]:
            file.chmod(0o755 if file.is_dir() or file.parent.name == "bin" else 0o644)
        package = Path(directory) / f"{PROGRAM}_{VERSION}_{architecture}.deb"
        # One thread: with several, the bytes would depend on how many there are.
        options = ["--root-owner-group", "-Zxz", "--threads-max=1"]
        command = ["dpkg-deb", *options, "--build", work, package]
        environment = os.environ | {"SOURCE_DATE_EPOCH": str(commit_time())}
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
