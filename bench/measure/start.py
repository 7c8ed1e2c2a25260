"""What a process costs until it asks for its first event."""

from statistics import median
from typing import Any

from measure import counter
from measure.account import Function, account
from simulator import Simulator

RUNS = 15


def run() -> dict[str, Any]:
    """Without TLS the function trusts the roots of the system, as it does in Lambda; with it only the simulator's."""
    figures: dict[str, Any] = {}
    for trusted, arguments in {"system": [], "one": ["--tls"]}.items():
        with account(*arguments) as services:
            seconds = sorted(cpu(services) for _ in range(RUNS))
            figures[trusted] = {
                "cpu_ms": median(seconds) * 1e3,
                "least_cpu_ms": seconds[0] * 1e3,
                "instructions": counter.count(services, []),
            }
    return figures


def cpu(services: Simulator) -> float:
    with Function(services) as function:
        function.wait_until_idle()
        return function.cpu()
