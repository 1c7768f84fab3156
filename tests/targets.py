"""Which machines there is one of here."""

import pytest

from penstock.runtime.machine import host


def need_target(level: str) -> None:
    """Skip a test that runs code for a level of x86-64 that this machine has not."""
    # As their names lie in order, so do the levels.
    if host().architecture != "x86_64" or level > host().cpu:
        pytest.skip(f"this machine is no {level}")
