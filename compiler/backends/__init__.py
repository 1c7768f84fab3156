"""Targets: each turns loop-level programs into native code."""
