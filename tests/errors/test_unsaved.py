"""The message ``unsaved``."""

import numpy as np
import pytest

import penstock as ps
from penstock.ir.errors import ArtifactError


def test_unsaved(tmp_path):
    box = {"model": [np.ones(3)]}

    def weighted(x):
        return x * box["model"][0]

    f = ps.compile(weighted)
    f(np.ones(3))
    dispatcher = f.dispatcher
    find = dispatcher.variant_for

    def variant_for(call):
        variant = find(call)
        box.clear()
        return variant

    # What another thread might do in the middle of it.
    dispatcher.variant_for = variant_for
    with pytest.raises(ArtifactError) as caught:
        f.save(tmp_path / "f", np.ones(3))
    assert str(caught.value) == (
        "error: test_unsaved.<locals>.weighted: what it captures has gone [unsaved]\n"
        "  help: call the function, then save it"
    )
