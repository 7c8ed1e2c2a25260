"""Measures the size of the function's program, as a file and in the zip that is deployed."""

import zipfile
from io import BytesIO
from typing import Any

from measure import machine


def run() -> dict[str, Any]:
    zipped = BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.write(machine.FUNCTION, "bootstrap")
    return {"file": machine.FUNCTION.stat().st_size, "zipped": zipped.tell()}
