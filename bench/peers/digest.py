"""Prints the number of rows in the files of `label_detections` below a directory, and a digest of the rows.

The digest depends on the multiset of rows only, not on their order or files.

Usage: digest.py DIRECTORY
"""

import json
import sys
from hashlib import sha256
from pathlib import Path

import pyarrow.parquet as pq

from flatten import COLUMNS


def main(directory: Path) -> None:
    total, count = 0, 0
    for file in directory.rglob("label_detections/**/*.parquet"):
        for row in zip(*(column.to_pylist() for column in pq.ParquetFile(file).read(COLUMNS).columns), strict=True):
            total += int.from_bytes(sha256(repr(row).encode()).digest())
            count += 1
    print(json.dumps({"rows": count, "sum": f"{total % 2**64:016x}"}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
