"""The message ``unset-field``."""

from dataclasses import dataclass, field

import numpy as np
import pytest

import penstock as ps
from penstock.ir.errors import StructureError


@dataclass
class Layer:
    w: np.ndarray
    scale: float = field(init=False)


def test_unset_field():
    f = ps.compile(lambda layer: layer.w * 2)
    with pytest.raises(StructureError) as caught:
        f(Layer(np.ones(3)))
    assert str(caught.value) == (
        "error: the field 'scale' of a Layer was never set [unset-field]\n"
        "  help: set it before the call"
    )
