"""Measures whether the smallest functions keep up with the latency of pages."""

from typing import Any

from measure import machine
from measure.account import Function, account, job
from measure.lambda_size import Size, unavailable

SIZES_MB = [128, 256, 512]
PAGES = 100
LATENCY_MS = 200


def run() -> dict[str, Any]:
    if reason := unavailable():
        return {"skipped": f"cannot limit memory and CPU: {reason}"}
    return {str(megabytes): of(megabytes) for megabytes in SIZES_MB}


def of(megabytes: int) -> dict[str, float]:
    """Measures a job in a function of some size."""
    settings = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(megabytes)}
    with (
        account("--tls", f"--page-latency={LATENCY_MS}", "--put-latency=40", job("job", PAGES)) as services,
        Size(megabytes) as size,
        Function(services, *size.command(machine.FUNCTION), settings=settings) as function,
    ):
        function.wait_until_idle()
        before = function.cpu()
        seconds = function.export("job")
        return {
            "overhead_ms": seconds * 1e3 - PAGES * LATENCY_MS,
            "cpu_ms": (function.cpu() - before) * 1e3,
            "peak": function.peak_memory(),
            "gap_ms": sorted(services.ask(idle="GetLabelDetection")["idle_ms"])[PAGES // 2],
        }
