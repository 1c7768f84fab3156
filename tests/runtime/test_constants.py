"""Constants as keys and as JSON."""

import decimal
import enum
import json
import math

import numpy as np
import pytest

from penstock.ir.errors import ArtifactError
from penstock.runtime.constants import (
    Reference,
    constant_key,
    decode,
    encode,
    path_of,
    same_constant,
)


class Mode(enum.Enum):
    FAST = 1
    EXACT = 2


CONSTANTS = [
    None, True, False, 0, 1, -1, 2**70, 0.0, -0.0, 1.0, 0.1, math.inf, -math.inf,
    math.nan, "", "text", b"", b"\x00\xff", 1j, complex(-0.0, 0.0), ..., (), (1,),
    (1, (2.0, "x")), (True,), (1.0,), frozenset(), frozenset({1, 2}), slice(1, None),
    slice(None, 2, -1), range(3), range(0, 3, 2), np.float32(0.5), np.int64(1),
    np.bool_(True), np.dtype("float32"), np.dtype(">i4"), Mode.FAST, Mode.EXACT,
    math.sin, np, np.ndarray, Mode,
]  # fmt: skip


@pytest.mark.parametrize("constant", CONSTANTS, ids=repr)
def test_a_constant_survives_json(constant):
    back = decode(json.loads(json.dumps(encode(constant))))
    if isinstance(back, Reference):
        back = back.resolve()
    assert type(back) is type(constant)
    assert same_constant(back, constant)


@pytest.mark.parametrize("one", CONSTANTS, ids=repr)
def test_a_constant_is_the_same_as_itself_alone(one):
    same = [other for other in CONSTANTS if same_constant(one, other)]
    assert len(same) == 1
    assert same[0] is one


def test_keys_tell_apart_what_python_holds_equal():
    assert len({constant_key(value) for value in CONSTANTS}) == len(CONSTANTS)


def test_two_nans_are_the_same():
    assert same_constant(float("nan"), math.nan)


def test_values_that_say_when_they_are_equal():
    assert same_constant(decimal.Decimal("1.5"), decimal.Decimal("1.5"))
    assert not same_constant(decimal.Decimal("1.5"), decimal.Decimal("2.5"))


def test_an_equality_that_fails_is_no_equality():
    class Broken:
        def __eq__(self, other):
            raise RuntimeError

        def __hash__(self):
            return 1

    one = Broken()
    assert same_constant(one, one)
    assert not same_constant(one, Broken())


def test_what_cannot_be_hashed_is_compared_by_identity():
    class Listed(list):
        pass

    assert not same_constant(Listed([1]), Listed([1]))


def test_names_are_only_found_where_they_lead_back():
    assert path_of(math.sin) == Reference("math", "sin")
    assert path_of(lambda: 0) is None
    assert path_of(np.float32(1)) is None


def test_a_name_is_never_imported():
    with pytest.raises(LookupError):
        Reference("antigravity", "").resolve()


@pytest.mark.parametrize("value", [lambda x: x, object(), np.array([object()])[0]])
def test_what_has_no_name_cannot_be_written(value):
    with pytest.raises(ArtifactError) as caught:
        encode(value)
    assert caught.value.code == "unsaved-constant"


@pytest.mark.parametrize(
    "form",
    [[], {}, 1.5, {"float": "x"}, {"unknown": 1}, {"int": 1, "float": 2},
     {"dtype": "O"}, {"scalar": ["O", "00" * 8]}, {"bytes": "xyz"}, {"tuple": 3},
     {"range": [1, 2, 0]}],
    ids=repr,
)  # fmt: skip
def test_forms_that_cannot_be_read(form):
    with pytest.raises(ArtifactError):
        decode(form)
