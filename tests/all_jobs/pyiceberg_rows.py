"""Prints the rows of an Iceberg table as PyIceberg reads them, one line of JSON each.

Usage: pyiceberg_rows.py GLUE S3 TABLE COLUMN...

GLUE and S3 are the URLs of the services. Their keys are in the environment.
"""

import json
import os
import sys

from pyiceberg.catalog import load_catalog


def main() -> None:
    glue, s3, table, *columns = sys.argv[1:]
    key, secret = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
    access = {"access-key-id": key, "secret-access-key": secret, "region": os.environ["AWS_REGION"]}
    properties = {f"{service}.{name}": value for service in ("glue", "s3") for name, value in access.items()}
    catalog = load_catalog("glue", type="glue", **properties, **{"glue.endpoint": glue, "s3.endpoint": s3})
    for row in catalog.load_table(table).scan().to_arrow().to_pylist():
        print(json.dumps([row[name] for name in columns]))


if __name__ == "__main__":
    main()
