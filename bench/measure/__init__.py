"""The measurements of bench/run: one module per section of the results."""
