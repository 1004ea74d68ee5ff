"""Defaults of options that several rooms share; the others stand in ``…/request.py``."""

BAUD = 115_200
TIMEOUT = 20.0  # seconds without an answer
