"""New jobs in Rekognition, each with an id of its own."""

from __future__ import annotations

from typing import Any

from simulator import Simulator

PAGES = 2
LABELS = 12


class Jobs:
    """The jobs of one simulator."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator, self.count = simulator, 0

    def new(self, pages: int = PAGES, status: str = "SUCCEEDED", name_order: str = "GLOBAL") -> str:
        self.count += 1
        job = f"{self.count:064x}"
        size = {"pages": pages, "labels": LABELS, "seed": self.count}
        answer = self.simulator.ask(add_job={"id": job, "status": status, "name_order": name_order} | size)
        assert "error" not in answer, answer
        return job

    def served(self, job: str) -> list[dict[str, Any]]:
        return self.simulator.ask(served={"job": job, "aggregation": "TIMESTAMPS"})["served"]
