"""Reads a lake with DuckDB and with PyArrow, and compares names and values with the reply that it was made from."""

import json
import struct
import sys

import duckdb
import pyarrow.dataset


def float32(number):
    return struct.unpack("f", struct.pack("f", number))[0]


def served(reply):
    for detection in json.load(open(reply, encoding="utf-8"))["Labels"]:
        label = detection["Label"]
        (instance,) = label["Instances"]
        box = instance["BoundingBox"]
        yield (
            label["Name"],
            label["Name"],
            detection["Timestamp"],
            float32(label["Confidence"]),
            float32(instance["Confidence"]),
            float32(box["Left"]),
            float32(box["Top"]),
            tuple(parent["Name"] for parent in label["Parents"]),
            tuple(alias["Name"] for alias in label["Aliases"]),
        )


COLUMNS = "label label_name timestamp_ms confidence instance_confidence bbox_left bbox_top parents aliases".split()


def comparable(rows):
    return sorted(tuple(tuple(cell) if isinstance(cell, list) else cell for cell in row) for row in rows)


def with_duckdb(lake):
    files = f"{lake}/label_detections/**/*.parquet"
    types = "{'job_id': VARCHAR, 'label': VARCHAR}"
    query = f"SELECT {', '.join(COLUMNS)} FROM read_parquet('{files}', hive_partitioning=true, hive_types={types})"
    return duckdb.sql(query).fetchall()


def with_pyarrow(lake):
    keys = pyarrow.schema([("job_id", pyarrow.string()), ("label", pyarrow.string())])
    partitioning = pyarrow.dataset.partitioning(keys, flavor="hive")
    # Files whose names begin with . or _ are hidden to PyArrow unless told otherwise; label=_private is not one.
    dataset = pyarrow.dataset.dataset(f"{lake}/label_detections", partitioning=partitioning)
    return [tuple(row[column] for column in COLUMNS) for row in dataset.to_table().to_pylist()]


def main():
    lake, reply = sys.argv[1:]
    expected = comparable(served(reply))
    readers = {"DuckDB": with_duckdb, "PyArrow": with_pyarrow}
    failed = 0
    for reader, read in readers.items():
        found = comparable(read(lake))
        if found != expected:
            failed += 1
            for row in sorted(set(expected) ^ set(found)):
                print(f"{reader}: {'missing' if row in expected else 'not served'}: {row}")
        else:
            print(f"{reader}: {len(found)} rows, as served")
    print(f"{len(readers) - failed} passed, {failed} failed")
    sys.exit(failed)


if __name__ == "__main__":
    main()
