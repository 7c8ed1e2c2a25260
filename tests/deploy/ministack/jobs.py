"""Jobs in the simulated Rekognition."""

from typing import Any

from simulator import Simulator

PAGES = 2
LABELS = 12


class Jobs:
    """Adds jobs to a simulator."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator, self.count = simulator, 0

    def new(self, pages: int = PAGES, status: str = "SUCCEEDED", name_order: str = "GLOBAL") -> str:
        """Adds a job and returns its ID."""
        self.count += 1
        job = f"{self.count:064x}"
        size = {"pages": pages, "labels": LABELS, "seed": self.count}
        answer = self.simulator.ask(add_job={"id": job, "status": status, "name_order": name_order} | size)
        assert "error" not in answer, answer
        return job

    def served(self, job: str) -> list[dict[str, Any]]:
        """Returns the labels that Rekognition serves for a job."""
        return self.simulator.ask(served={"job": job, "aggregation": "TIMESTAMPS"})["served"]
