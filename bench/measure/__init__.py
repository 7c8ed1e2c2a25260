"""The measurements of bench/run: one module per section of the results, and the modules that these share."""
