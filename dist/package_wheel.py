"""Packs a program of the command line into a Python wheel, for `pip install label-lake` and `uvx label-lake`.

Usage: package_wheel.py PROGRAM PLATFORM DIRECTORY

PLATFORM is the platform tag of the wheel, as in manylinux_2_28_x86_64. The same program always gives the same bytes.

maturin makes such wheels, too, but only of programs that it compiles itself.
"""

import sys
import zipfile
from pathlib import Path

from wheel.wheelfile import WheelFile

from project import DESCRIPTION, LICENSE, LICENSES, PROGRAM, SUMMARY, VERSION, zip_time

METADATA = f"""\
Metadata-Version: 2.4
Name: {PROGRAM}
Version: {VERSION}
Summary: {SUMMARY}
License-Expression: {LICENSE}
License-File: LICENSE-APACHE
License-File: LICENSE-MIT
Keywords: aws,rekognition,video,parquet,athena,duckdb
Classifier: Environment :: Console
Classifier: Topic :: Multimedia :: Video
Requires-Python: >=3.8
Description-Content-Type: text/markdown

{DESCRIPTION}"""


def main() -> None:
    program, platform, directory = sys.argv[1:]
    name = f"{PROGRAM.replace('-', '_')}-{VERSION}"
    tags = f"Wheel-Version: 1.0\nGenerator: label-lake\nRoot-Is-Purelib: false\nTag: py3-none-{platform}\n"
    with WheelFile(Path(directory) / f"{name}-py3-none-{platform}.whl", "w") as wheel:

        def add(path: str, content: bytes, mode: int = 0o644) -> None:
            entry = zipfile.ZipInfo(path, date_time=zip_time())
            entry.create_system = 3  # Unix, which makes installers use the permissions.
            entry.external_attr = (0o100000 | mode) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            wheel.writestr(entry, content)

        # The wheel's record, which comes last, is not written by `add`, but also has the date of the commit.
        add(f"{name}.data/scripts/{Path(program).name}", Path(program).read_bytes(), 0o755)
        add(f"{name}.dist-info/METADATA", METADATA.encode())
        add(f"{name}.dist-info/WHEEL", tags.encode())
        for license in LICENSES:
            add(f"{name}.dist-info/licenses/{license.name}", license.read_bytes())


if __name__ == "__main__":
    main()
