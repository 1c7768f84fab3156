"""The message ``artifact``."""

import numpy as np
import pytest

import penstock as ps
from penstock.ir.errors import ArtifactError


def test_artifact(tmp_path):
    f = ps.compile(lambda x: x * 2)
    x = np.ones(3)
    f(x)
    variant = f.dispatcher.variant_for(f.dispatcher.binder.bind((x,), {}))
    # As the disk cache keeps it.
    path = tmp_path / "part"
    path.write_bytes(variant.artifact.to_bytes())
    with pytest.raises(ArtifactError) as caught:
        ps.load(path)
    assert str(caught.value) == (
        f"error: {path} holds a part of a program, not a function [artifact]\n"
        "  help: save the compiled function itself: f.save(path, *args)"
    )
