"""The keys of a release's files in a bucket."""

import project

ARCHITECTURES = ("arm64", "x86_64")
FOLDER = f"label-lake/{project.VERSION}"
"""Folder of this version. A new version has other keys, so an update of the stack updates the function."""

TEMPLATE = f"{FOLDER}/template.json"


def zip_key(architecture: str) -> str:
    """Returns the key of the zip for an architecture, which may be a reference to the parameter."""
    return f"{FOLDER}/label-lake-{architecture}.zip"


def uploads() -> dict[str, str]:
    """Returns the key of each file of a release that a stack needs."""
    zips = {f"label-lake-{architecture}.zip": zip_key(architecture) for architecture in ARCHITECTURES}
    return zips | {"template-from-bucket.json": TEMPLATE}
