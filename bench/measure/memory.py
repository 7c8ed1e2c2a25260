"""Measures the peak memory of the function."""

from typing import Any

from measure.account import Function, account, job

PAGES = [10, 1000]


def run() -> dict[str, Any]:
    return {str(pages): {"peak": peak(pages)} for pages in PAGES}


def peak(pages: int) -> int:
    with account("--tls", job("job", pages)) as services, Function(services) as function:
        function.export("job")
        return function.peak_memory()
