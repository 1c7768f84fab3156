"""Devices: memory and execution on each kind of processor."""
