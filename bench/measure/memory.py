"""The most memory that the function has."""

from typing import Any

from measure.account import Account, Function, job

PAGES = [10, 1000]


def run() -> dict[str, Any]:
    return {str(pages): {"peak": peak(pages)} for pages in PAGES}


def peak(pages: int) -> int:
    with Account("--tls", job("job", pages)) as account, Function(account) as function:
        account.export("job")
        return function.peak_memory()
