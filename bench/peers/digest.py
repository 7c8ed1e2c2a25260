"""Prints how many rows the files of `label_detections` below a directory have, and a sum over them.

The sum is the same for the same multiset of rows, whatever files and order they are in.
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
