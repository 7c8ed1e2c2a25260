"""How large the function is, as a file and zipped as it is deployed."""

import zipfile
from io import BytesIO
from typing import Any

from measure import machine


def run() -> dict[str, Any]:
    zipped = BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.write(machine.FUNCTION, "bootstrap")
    return {"file": machine.FUNCTION.stat().st_size, "zipped": zipped.tell()}
