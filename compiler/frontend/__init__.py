"""Capture: plain NumPy functions are run once on traced values and become graphs."""
