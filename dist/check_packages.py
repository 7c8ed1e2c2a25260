"""Checks the packages of a release without installing them.

Usage: check_packages.py DIRECTORY, the output directory of dist/build.

Runs with the packages of dist/package-requirements.txt.
"""

import io
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

from check_release import released, reported
from package_deb import GLIBC
from project import PROGRAM, ROOT, VERSION

# The platforms of the command line, as Lambda, Rust, Python, and Debian name them.
PLATFORMS = [
    ("x86_64", "x86_64-unknown-linux-gnu", "manylinux_2_28_x86_64", "amd64"),
    ("arm64", "aarch64-unknown-linux-gnu", "manylinux_2_28_aarch64", "arm64"),
]
# Libraries of libc6, the only package that the Debian package depends on.
LIBC6 = {"libc.so.6", "libdl.so.2", "libm.so.6", "libpthread.so.0", "librt.so.1", "libutil.so.1"}
DOCUMENTS = [
    "completions/label-lake.bash",
    "completions/_label-lake",
    "man/man1/label-lake.1",
    "man/man1/label-lake-run.1",
]
LICENSES = ["LICENSE-APACHE", "LICENSE-MIT"]

# Mode and content of each file by its path.
Files = dict[str, tuple[int, bytes]]


def unpacked(file: Path) -> Files:
    """Returns the files of a package."""
    if file.suffix == ".whl":
        with zipfile.ZipFile(file) as zipped:
            return {
                entry.filename: (entry.external_attr >> 16 & 0o777, zipped.read(entry)) for entry in zipped.filelist
            }
    content = file.read_bytes()
    if file.suffix == ".deb":
        content = subprocess.check_output(["dpkg-deb", "--fsys-tarfile", file])
    files = {}
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        for entry in tar:
            if extracted := tar.extractfile(entry):
                files[entry.name.removeprefix("./")] = (entry.mode, extracted.read())
    return files


def files_of(file: Path, program: str, others: list[str]) -> Iterator[str]:
    """Checks that a package has these files, and that only the program is executable."""
    files = unpacked(file)
    if missing := {program, *others} - files.keys():
        yield f"{file.name} lacks {sorted(missing)}"
    executable = [path for path, (mode, _) in files.items() if mode & 0o111]
    if executable != [program] or files[program][0] != 0o755:
        yield f"{file.name} has the executable files {executable}"
    print(f"{file.name}: {file.stat().st_size:,} bytes")


def tarball(file: Path, triple: str, program: str) -> Iterator[str]:
    """Checks a tarball, and that `cargo binstall` finds it and the program in it."""
    folder = program.split("/")[0]
    yield from files_of(file, program, [f"{folder}/{path}" for path in ["README.md", *LICENSES, *DOCUMENTS]])
    values = {"repo": "REPO", "version": VERSION, "target": triple, "bin": PROGRAM, "binary-ext": ""}
    binstall = tomllib.loads((ROOT / "cli/Cargo.toml").read_text())["package"]["metadata"]["binstall"]
    for key, expected in {"pkg-url": f"REPO/releases/download/v{VERSION}/{file.name}", "bin-dir": program}.items():
        found = binstall[key]
        for name, value in values.items():
            found = found.replace(f"{{ {name} }}", value)
        if found != expected:
            yield f"{key} of cargo-binstall is {found}; expected {expected}"


def wheel(file: Path, platform: str, program: str) -> Iterator[str]:
    """Checks a wheel, also with the tools of PyPI."""
    others = ["METADATA", "WHEEL", "RECORD", *(f"licenses/{license}" for license in LICENSES)]
    yield from files_of(file, program, [f"label_lake-{VERSION}.dist-info/{path}" for path in others])
    tools = Path(sys.executable).parent
    checked = subprocess.run([tools / "twine", "--no-color", "check", "--strict", file], text=True, capture_output=True)
    if checked.returncode != 0:
        yield f"twine: {checked.stdout}{checked.stderr}"
    shown = subprocess.run([tools / "auditwheel", "show", file], text=True, capture_output=True)
    # The oldest platform that has the program's libraries and their symbols.
    found = re.search(r'platform tag: "manylinux_2_(\d+)_(\w+)"', " ".join(shown.stdout.split()))
    minor, architecture = platform.removeprefix("manylinux_2_").split("_", 1)
    if not found or found[2] != architecture or int(found[1]) > int(minor):
        yield f"auditwheel: {shown.stdout}{shown.stderr}"


def deb(file: Path, architecture: str, program: str) -> Iterator[str]:
    """Checks a Debian package."""
    others = ["bash-completion/completions/label-lake", "doc/label-lake/copyright"]
    others += ["man/man1/label-lake.1.gz", "man/man1/label-lake-run.1.gz"]
    yield from files_of(file, program, [f"usr/share/{path}" for path in others])
    expected = {"Package": PROGRAM, "Version": VERSION, "Architecture": architecture, "Depends": f"libc6 (>= {GLIBC})"}
    for name, value in expected.items():
        found = subprocess.check_output(["dpkg-deb", "--field", file, name], text=True).strip()
        if found != value:
            yield f"{file.name} has {name}: {found}"


def libraries(program: bytes) -> set[str]:
    """Returns the shared libraries that a program needs, except the dynamic loader."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(program)
        file.flush()
        lines = subprocess.check_output(["readelf", "--dynamic", file.name], text=True).splitlines()
    names = {line.split("[", 1)[1].rstrip("]") for line in lines if "(NEEDED)" in line}
    return {name for name in names if not name.startswith("ld-linux")}


def platform(directory: Path, architecture: str, triple: str, python: str, debian: str) -> Iterator[str]:
    """Checks the packages for a platform. All must contain the same program."""
    packages = [
        (tarball, f"{PROGRAM}-{VERSION}-{triple}.tar.gz", triple, f"{PROGRAM}-{VERSION}-{triple}/{PROGRAM}"),
        (wheel, f"label_lake-{VERSION}-py3-none-{python}.whl", python, f"label_lake-{VERSION}.data/scripts/{PROGRAM}"),
        (deb, f"{PROGRAM}_{VERSION}_{debian}.deb", debian, f"usr/bin/{PROGRAM}"),
    ]
    # The program for x86_64 is also a file of the release by itself.
    programs = {(directory / PROGRAM).read_bytes()} if architecture == "x86_64" else set()
    for check, name, platform, program in packages:
        yield from check(directory / name, platform, program)
        programs.add(unpacked(directory / name)[program][1])
    if len(programs) != 1:
        yield f"the packages for {architecture} contain {len(programs)} different programs"
    major, minor = map(int, GLIBC.split("."))
    for content in programs:
        yield from released(f"{PROGRAM} for {architecture}", content, architecture, (major, minor))
        if others := libraries(content) - LIBC6:
            yield f"{PROGRAM} for {architecture} needs libraries that the Debian package does not depend on: {others}"


def construct(directory: Path) -> Iterator[str]:
    """Checks that the npm package contains the function's zips of this release, and can be published."""
    file = directory / f"label-lake-cdk-{VERSION}.tgz"
    files = {path.removeprefix("package/"): content for path, (_, content) in unpacked(file).items()}
    for name in ("label-lake-arm64.zip", "label-lake-x86_64.zip"):
        if files.get(f"programs/{name}") != (directory / name).read_bytes():
            yield f"{file.name} does not contain {name} of this release"
    if files.get("template.json") != (ROOT / "cdk/template.json").read_bytes():
        yield f"{file.name} does not contain cdk/template.json"
    if missing := {"README.md", *LICENSES} - files.keys():
        yield f"{file.name} lacks {sorted(missing)}"
    package = json.loads(files["package.json"])
    if package["version"] != VERSION or package.get("private") or package["main"] not in files:
        yield f"{file.name} has the version {package['version']}, is private, or lacks {package['main']}"
    print(f"{file.name}: {file.stat().st_size:,} bytes")


def findings(directory: Path) -> Iterator[str]:
    for names in PLATFORMS:
        yield from platform(directory, *names)
    yield from construct(directory)


if __name__ == "__main__":
    sys.exit(reported(findings(Path(sys.argv[1]))))
