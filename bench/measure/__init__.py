"""Measures the function against the simulator."""
