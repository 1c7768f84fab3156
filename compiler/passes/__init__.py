"""Passes: pure functions from Function to Function."""
