"""Measures a process until it requests its first event."""

from statistics import median
from typing import Any

from measure import counter
from measure.account import Function, account
from simulator import Simulator

RUNS = 15


def run() -> dict[str, Any]:
    """Returns the results for both sets of trusted roots.

    Without TLS, the function loads the system's roots, as it does in Lambda; with TLS, only the root of the simulator.
    """
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
