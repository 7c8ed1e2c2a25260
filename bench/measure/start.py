"""What a process costs until it asks for its first event."""

from statistics import median
from typing import Any

from measure import counter
from measure.account import Account, Function

RUNS = 15


def run() -> dict[str, Any]:
    """Without TLS the function trusts the roots of the system, as it does in Lambda; with it only the simulator's."""
    figures: dict[str, Any] = {}
    for trusted, arguments in {"system": [], "one": ["--tls"]}.items():
        with Account(*arguments) as account:
            seconds = sorted(cpu(account) for _ in range(RUNS))
            figures[trusted] = {
                "cpu_ms": median(seconds) * 1e3,
                "least_cpu_ms": seconds[0] * 1e3,
                "instructions": counter.count(account, []),
            }
    return figures


def cpu(account: Account) -> float:
    with Function(account) as function:
        function.wait_until_idle()
        return function.cpu()
